"""A box from clicks on an object: several segmentations around the clicks, of which the most plausible is taken.

The object's size is unknown, so GrabCut (Rother, Kolmogorov, Blake: "GrabCut": Interactive Foreground Extraction using
Iterated Graph Cuts, SIGGRAPH 2004) is started at several scales, each from a disk around the clicks. What is chosen is
the segment whose overlap with the object is expected to be the largest, by a linear model of how far its colours are
from those around it, how well it fills and stays in its window, whether other scales find it too (as the regions of
Matas et al., Robust Wide Baseline Stereo from Maximally Stable Extremal Regions, BMVC 2002, are those that stay the
same), and how large objects are. Its weights were fitted by ridge regression to drawn boxes of photographs and clips.
`resources/evaluation/click_to_box.py` measures how good the boxes are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import clip_xywh, iou_xywh
from tracker_core.errors import InputError
from tracker_core.types import FloatArray, Image

_SIDE = 80  # pixels of the square in which an object is looked for, whatever its size in the image
_CONTEXT = 2.2  # side of that square in diameters of the disk that GrabCut starts from
_SMALLEST, _LARGEST, _RATIO = 0.045, 0.95, 1.45  # disks, in shorter sides of the image
_LEAST_PIXELS = 14.0
_SURE, _POSSIBLE, _FAR = 0.18, 1.0, 1.55  # radii in those of the disk: object, perhaps object, ground
_ITERATIONS = 2
_LEAST_AREA = 12  # pixels of the square
_TAIL = 0.01  # share of a segment's pixels that may stick out of its box at each side
_PULL = 0.5  # how far a box moves towards a single click: people click near the middle
_USUAL_SIZE = 0.34  # geometric mean of the sides by that of the image, where nothing stands out

# constant, offset, growth, its square, scale, its square, contrast, cover, agreement
_WEIGHTS = (0.407, -0.547, -0.031, -0.050, 0.257, 0.042, 0.171, 0.164, 0.230)


@dataclass(frozen=True)
class Click:
    """A point (image pixels) on the object, or on what does not belong to it."""

    x: float
    y: float
    is_object: bool = True


@dataclass(frozen=True)
class BoxProposal:
    """A box (x, y, w, h, image pixels) and the overlap that it is expected to have with the object, 0 to 1."""

    box_xywh: FloatArray
    expected_overlap: float


@dataclass(frozen=True)
class _Window:
    """A square around the clicks at one scale: its centre, the disk's diameter, pixels of the image per its own."""

    center: tuple[float, float]
    diameter: float

    @property
    def pixel(self) -> float:
        return self.diameter * _CONTEXT / _SIDE

    def to_window(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.center[0]) / self.pixel + _SIDE / 2, (y - self.center[1]) / self.pixel + _SIDE / 2

    def cut(self, image: Image) -> Image:
        """Return the square (80, 80, 3), with the nearest pixels outside the image."""
        reach = self.pixel * _SIDE / 2
        x0, y0 = (math.floor(value - reach) for value in self.center)
        x1, y1 = (math.ceil(value + reach) for value in self.center)
        height, width = image.shape[:2]
        inside = image[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]
        sides = (max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width))
        square = cv2.copyMakeBorder(inside, *sides, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class _Segment:
    """What GrabCut found in a window: its box in the image, and what the choice depends on."""

    window: _Window
    box_xywh: FloatArray
    contrast: float
    cover: float


def propose_box(image: Image, clicks: Sequence[Click], before_xywh: ArrayLike | None = None) -> BoxProposal:
    """Return a box around the object that was clicked on in `image` (uint8 BGR).

    `before_xywh` is what was proposed before the last click: a click on the object beside that box only extends it, one
    in it that is not on the object only cuts it back. The box holds every click on the object and, as far as that
    allows, no other. Raises `InputError` where no click is on the object, or one is outside the image.
    """
    height, width = image.shape[:2]
    for click in clicks:
        if not (0 <= click.x < width and 0 <= click.y < height):
            raise InputError(f"The click at {click.x:.0f}, {click.y:.0f} is outside the image ({width} × {height}).")
    objects = [click for click in clicks if click.is_object]
    if not objects:
        raise InputError("Click on the object first; a click beside it can only make a box smaller.")
    center = (float(np.mean([click.x for click in objects])), float(np.mean([click.y for click in objects])))
    box, overlap = _most_plausible(image, clicks, center, objects)
    if before_xywh is not None:
        box = _refined(np.asarray(before_xywh, np.float64), box, clicks[-1])
    return BoxProposal(_obeying(box, clicks), overlap)


def _most_plausible(
    image: Image, clicks: Sequence[Click], center: tuple[float, float], objects: Sequence[Click]
) -> tuple[FloatArray, float]:
    """Return the box of the segment that is expected to overlap most with the object, and that overlap."""
    segments = [segment for window in _windows(center, objects, image) if (segment := _segment(image, window, clicks))]
    if not segments:
        return _usual_box(center, clicks, image), 0.0
    expected = _features(segments, center, image) @ np.array(_WEIGHTS)
    best = int(np.argmax(expected - _broken_clicks(segments, clicks)))
    box = segments[best].box_xywh
    if len(clicks) == 1:
        box = _pulled(box, center, image)
    return box, float(np.clip(expected[best], 0.0, 1.0))


def _windows(center: tuple[float, float], objects: Sequence[Click], image: Image) -> list[_Window]:
    """Return the scales to look at: all that hold the clicks on the object."""
    side = min(image.shape[:2])
    low, high = max(_LEAST_PIXELS, _SMALLEST * side), _LARGEST * side
    reach = max(math.hypot(click.x - center[0], click.y - center[1]) for click in objects)
    low = max(low, 2.2 * reach)
    count = max(1, math.ceil(math.log(max(1.0, high / low)) / math.log(_RATIO)) + 1)
    return [_Window(center, float(diameter)) for diameter in np.geomspace(low, max(low, high), count)]


def _radii(window: _Window) -> FloatArray:
    """Return the distance (80, 80) of each pixel from the middle, in radii of the disk."""
    offsets = np.arange(_SIDE) + 0.5 - _SIDE / 2
    radii: FloatArray = np.hypot(offsets[:, None], offsets[None, :]) * window.pixel / (window.diameter / 2)
    return radii


def _segment(image: Image, window: _Window, clicks: Sequence[Click]) -> _Segment | None:
    square, radii = window.cut(image), _radii(window)
    mask = _grab_cut(square, radii, window, clicks)
    if mask is None or mask.sum() < _LEAST_AREA:
        return None
    left, right = _extent(mask.sum(axis=0))
    top, bottom = _extent(mask.sum(axis=1))
    x = window.center[0] + (left - _SIDE / 2) * window.pixel
    y = window.center[1] + (top - _SIDE / 2) * window.pixel
    box = np.array([x, y, (right - left) * window.pixel, (bottom - top) * window.pixel])
    inside = clip_xywh(box, image.shape[1], image.shape[0])
    if min(inside[2:]) <= 0:
        return None
    return _Segment(window, inside, _contrast(square, mask), float(mask[radii < _POSSIBLE].mean()))


def _grab_cut(square: Image, radii: FloatArray, window: _Window, clicks: Sequence[Click]) -> NDArray[np.uint8] | None:
    """Return the segment (80, 80), 0 or 1, that holds the clicks on the object; None where there is none."""
    labels = np.full(radii.shape, cv2.GC_BGD, np.uint8)
    labels[radii < _FAR] = cv2.GC_PR_BGD
    labels[radii < _POSSIBLE] = cv2.GC_PR_FGD
    spot = max(2, round(_SURE * _SIDE / _CONTEXT / 2))
    seeds = np.zeros_like(labels)
    for click in clicks:
        place = tuple(int(value) for value in window.to_window(click.x, click.y))
        radius = spot if click.is_object else max(2, spot // 2)
        cv2.circle(labels, place, radius, cv2.GC_FGD if click.is_object else cv2.GC_BGD, cv2.FILLED)
        if click.is_object:
            cv2.circle(seeds, place, radius, 1, cv2.FILLED)
    cv2.setRNGSeed(0)  # of this thread: the same clicks give the same box
    try:
        cv2.grabCut(
            square, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), _ITERATIONS, cv2.GC_INIT_WITH_MASK
        )
    except cv2.error:
        return None  # no ground, or no object, is left to learn colours from
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    parts = cv2.connectedComponents(found)[1]
    chosen = np.unique(parts[(seeds > 0) & (parts > 0)])
    return np.isin(parts, chosen).astype(np.uint8) if len(chosen) else None


def _extent(profile: NDArray[np.uint64]) -> tuple[int, int]:
    """Return where a segment begins and ends (exclusive) along an axis, less what is thin at its ends."""
    total = np.cumsum(profile.astype(np.float64))
    first, last = np.searchsorted(total, [_TAIL * total[-1], (1 - _TAIL) * total[-1]])
    return int(first), int(last) + 1


def _contrast(square: Image, mask: NDArray[np.uint8]) -> float:
    """Return how different the colours are from those around, 0 to 1: Bhattacharyya's distance of histograms."""
    ring = np.asarray(cv2.dilate(mask, np.ones((9, 9), np.uint8)), np.uint8) - mask
    lab = cv2.cvtColor(square, cv2.COLOR_BGR2LAB)
    one, other = (cv2.calcHist([lab], [0, 1, 2], part, [8, 8, 8], [0, 256] * 3) + 1e-3 for part in (mask, ring))
    return 1.0 - float(np.sqrt(one / one.sum() * (other / other.sum())).sum())


def _features(segments: Sequence[_Segment], center: tuple[float, float], image: Image) -> FloatArray:
    """Return what the expected overlap of each segment depends on, (N, 9), in the order of `_WEIGHTS`."""
    size = math.sqrt(image.shape[0] * image.shape[1])
    boxes = np.array([segment.box_xywh for segment in segments])
    overlaps = iou_xywh(boxes[:, None], boxes[None])
    np.fill_diagonal(overlaps, 0.0)
    rows = []
    for segment, others in zip(segments, overlaps, strict=True):
        x, y, w, h = (float(value) for value in segment.box_xywh)
        offset = math.hypot((x + w / 2 - center[0]) / w, (y + h / 2 - center[1]) / h)
        growth, scale = math.log(math.sqrt(w * h) / segment.window.diameter), math.log(segment.window.diameter / size)
        agreement = float(np.sort(others)[-2:].mean())
        rows.append([1.0, offset, growth, growth**2, scale, scale**2, segment.contrast, segment.cover, agreement])
    return np.array(rows, np.float64)


def _broken_clicks(segments: Sequence[_Segment], clicks: Sequence[Click]) -> FloatArray:
    """Return for each segment how many clicks its box is on the wrong side of."""
    return np.array([sum(_holds(segment.box_xywh, c) != c.is_object for c in clicks) for segment in segments], float)


def _holds(box_xywh: FloatArray, click: Click) -> bool:
    x, y, w, h = box_xywh
    return bool(x <= click.x <= x + w and y <= click.y <= y + h)


def _pulled(box_xywh: FloatArray, center: tuple[float, float], image: Image) -> FloatArray:
    """Return a box of the same size with its centre nearer to the click, cut to the image."""
    x, y, w, h = box_xywh
    middle = np.array([x + w / 2, y + h / 2]) * (1 - _PULL) + np.array(center) * _PULL
    return clip_xywh(np.array([middle[0] - w / 2, middle[1] - h / 2, w, h]), image.shape[1], image.shape[0])


def _refined(before_xywh: FloatArray, box_xywh: FloatArray, click: Click) -> FloatArray:
    """Return the box after a click where it does not contradict the click, else both together, or what both share."""
    if _holds(before_xywh, click) == click.is_object:
        return box_xywh
    outer, inner = (np.maximum, np.minimum) if click.is_object else (np.minimum, np.maximum)
    low = inner(before_xywh[:2], box_xywh[:2])
    high = outer(before_xywh[:2] + before_xywh[2:], box_xywh[:2] + box_xywh[2:])
    return np.concatenate((low, high - low))


def _usual_box(center: tuple[float, float], clicks: Sequence[Click], image: Image) -> FloatArray:
    """Return a square of the usual size around the clicks."""
    height, width = image.shape[:2]
    side = _USUAL_SIZE * math.sqrt(height * width)
    box = np.array([center[0] - side / 2, center[1] - side / 2, side, side])
    return _obeying(clip_xywh(box, width, height), clicks)


def _obeying(box_xywh: FloatArray, clicks: Sequence[Click]) -> FloatArray:
    """Return the box grown to hold every click on the object, then cut back behind the others where it can be."""
    x, y, w, h = (float(value) for value in box_xywh)
    sides = [x, y, x + w, y + h]
    objects = [click for click in clicks if click.is_object]
    low = [min(click.x for click in objects), min(click.y for click in objects)]
    high = [max(click.x for click in objects), max(click.y for click in objects)]
    sides = [
        min(sides[0], low[0] - 1),
        min(sides[1], low[1] - 1),
        max(sides[2], high[0] + 1),
        max(sides[3], high[1] + 1),
    ]
    for click in clicks:
        if click.is_object or not (sides[0] <= click.x <= sides[2] and sides[1] <= click.y <= sides[3]):
            continue
        point, cuts = (click.x, click.y), []
        for axis, extent in ((0, sides[2] - sides[0]), (1, sides[3] - sides[1])):
            if point[axis] < low[axis] - 1:
                cuts.append(((point[axis] - sides[axis]) / extent, axis, point[axis] + 1))
            elif point[axis] > high[axis] + 1:
                cuts.append(((sides[axis + 2] - point[axis]) / extent, axis + 2, point[axis] - 1))
        if cuts:
            _, side, place = min(cuts)  # the one that takes least away
            sides[side] = place
    return np.array([sides[0], sides[1], sides[2] - sides[0], sides[3] - sides[1]])
