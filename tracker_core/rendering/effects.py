"""Hiding targets, or drawing the eye to them: blurred, pixelated, or in a spotlight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import polygon_to_xywh, xywh_to_xyxy
from tracker_core.errors import InputError, nearest_name
from tracker_core.results.run import Run
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray, Image

HIDING = ("blur", "pixelate")
EFFECTS = (*HIDING, "spotlight")
WEAKEST, STRONGEST = 1, 10
_PER_BOX = 50  # at strength s a blur's radius or a pixelated block is s/50 of the box's longer side
_LEAST_PIXELS = 2.0
_COARSE = 4.0  # a blur wider than this is made of a smaller image, which looks the same and is far quicker


@dataclass(frozen=True)
class Effect:
    """What happens to the targets' regions.

    Attributes:
        kind: one of `EFFECTS`.
        strength: 1 to 10; at 10 about five blocks, or blurred details, are left along a box.
        targets: numbers of the targets, () for every one.
        margin: share of a box's sides by which the region reaches beyond each of them.
    """

    kind: str
    strength: int = 5
    targets: tuple[int, ...] = ()
    margin: float = 0.15

    @property
    def hides(self) -> bool:
        """Whether it is there to keep the targets from being recognised."""
        return self.kind in HIDING

    def __post_init__(self) -> None:
        if self.kind not in EFFECTS:
            raise InputError(
                f"There is no effect '{self.kind}'.{nearest_name(self.kind, EFFECTS)} Known: {', '.join(EFFECTS)}."
            )
        if not WEAKEST <= self.strength <= STRONGEST:
            raise InputError(f"The strength of an effect goes from {WEAKEST} to {STRONGEST}, not {self.strength}.")


def apply_effect(image: Image, boxes_xywh: Sequence[FloatArray], effect: Effect) -> Image:
    """Return a copy of `image` (uint8 BGR) with `effect` at the boxes (x, y, w, h, image pixels); NaN boxes have none.

    A spotlight leaves the boxes as they are and takes light and colour from all else; without a box it leaves the
    image as it is.
    """
    changed: Image = image.copy()
    found = [(box, region) for box in boxes_xywh if (region := _region(box, image, effect.margin)) is not None]
    if not effect.hides:
        return _spotlight(image, [region for _, region in found], effect.strength) if found else changed
    hide = _blur if effect.kind == "blur" else _pixelate
    for box, (left, top, right, bottom) in found:
        # of the whole box: a target of which only a part is in the image is hidden as well as any
        reach = max(_LEAST_PIXELS, effect.strength * float(max(box[2:])) / _PER_BOX)
        changed[top:bottom, left:right] = hide(np.array(changed[top:bottom, left:right]), reach)
    return changed


def _region(box_xywh: FloatArray, image: Image, margin: float) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the pixels that a box with its margin touches, None outside the image."""
    if not np.isfinite(box_xywh).all():
        return None
    x, y, w, h = (float(value) for value in box_xywh)
    rows, columns = image.shape[:2]
    left, right = np.clip([np.floor(x - margin * w), np.ceil(x + w + margin * w)], 0, columns).astype(int)
    top, bottom = np.clip([np.floor(y - margin * h), np.ceil(y + h + margin * h)], 0, rows).astype(int)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _blur(part: Image, sigma: float) -> Image:
    shrink = max(1.0, sigma / _COARSE)
    rows, columns = part.shape[:2]
    small = (max(1, round(columns / shrink)), max(1, round(rows / shrink)))
    coarse = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(coarse, (0, 0), sigma / shrink, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def _pixelate(part: Image, block: float) -> Image:
    rows, columns = part.shape[:2]
    blocks = (max(1, int(columns / block)), max(1, int(rows / block)))
    coarse = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)


def _spotlight(image: Image, regions: Sequence[tuple[int, int, int, int]], strength: int) -> Image:
    rows, columns = image.shape[:2]
    lit = np.zeros((rows, columns), np.float32)
    for left, top, right, bottom in regions:
        lit[top:bottom, left:right] = 1.0
    soft = max(1.0, min(rows, columns) / 100)
    # the soft edge lies outside, so that the whole box keeps its light
    lit = np.maximum(lit, cv2.GaussianBlur(lit, (0, 0), soft))
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    share = strength / STRONGEST
    dark = cv2.addWeighted(image, (1 - share) * (1 - 0.9 * share), grey, share * (1 - 0.9 * share), 0)
    return np.asarray(cv2.blendLinear(image, dark, lit, np.float32(1.0) - lit), np.uint8)


class HeldBoxes:
    """Where the targets of a run are taken to be, in any frame, so that an effect never slips off.

    While a target is tracked this is its box. While it is lost, it is both where it was last seen and where it is
    searched for: it may be either. In a frame without a result it is where it was last seen. What hides a target also
    reaches to where it is seen next, over all that lies between, and begins before its first box where that is: nobody
    saw which way it went. Where somebody marked the target as outside of the image it is nowhere.
    """

    def __init__(self, run: Run, effect: Effect) -> None:
        self._frames = run.frame_indices
        numbers = effect.targets
        self._targets = [target for target in run.targets if not numbers or target.number in numbers]
        seen = [run.seen(target) for target in self._targets]
        self._last = [_last_seen(rows) for rows in seen]
        self._next = [_next_seen(rows) if effect.hides else np.full(len(rows) + 1, -1) for rows in seen]

    def at(self, index: int) -> list[FloatArray]:
        """Return the boxes (x, y, w, h) of frame `index`."""
        row = int(np.searchsorted(self._frames, index, side="right")) - 1
        is_row = row >= 0 and self._frames[row] == index
        boxes: list[FloatArray] = []
        for target, last, following in zip(self._targets, self._last, self._next, strict=True):
            if target.marks.get(index) is Visibility.OUTSIDE:
                continue
            is_seen = is_row and last[row] == row
            places = [last[row] if row >= 0 else -1, -1 if is_seen else following[row + 1]]
            known = [target.boxes_xywh[place] for place in places if place >= 0]
            if known:
                boxes.append(polygon_to_xywh(xywh_to_xyxy(np.stack(known)).reshape(-1)))  # around both
            if is_row and target.has_box[row] and not is_seen:
                boxes.append(target.boxes_xywh[row])
        return boxes

    def notes(self, frames: Sequence[int]) -> list[str]:
        """Return what the user should know about `frames`: where boxes are held, and where there is none to hold."""
        shown = np.array(frames, np.int64)
        rows = np.searchsorted(self._frames, shown, side="right") - 1
        notes = []
        for target, last, following in zip(self._targets, self._last, self._next, strict=True):
            title = target.name or f"Target {target.number}"
            is_in = np.array([target.marks.get(index) is not Visibility.OUTSIDE for index in frames], bool)
            before = np.where(rows >= 0, last[rows], -1)
            after = following[rows + 1]
            held = is_in & (before >= 0) & ((before != rows) | (self._frames[rows] != shown))
            bare = is_in & (before < 0)
            for which, state, place in (
                (held & (after < 0), "is lost or has no box", "stays where it was seen last"),
                (held & (after >= 0), "is lost or has no box", "covers all between the boxes before and after"),
                (bare & (after >= 0), "has no box yet", "is where it is first seen"),
                (bare & (after < 0), "has no box yet", "is missing there"),
            ):
                if which.any():
                    notes.append(f"{title} {state} in {which.sum()} of {len(frames)} frames; the effect {place}.")
        return notes


def _last_seen(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each row the last row up to it in which the target was seen, -1 before the first."""
    return np.maximum.accumulate(np.where(seen, np.arange(len(seen)), -1))


def _next_seen(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (N + 1,) for each row the first one from it on in which the target was seen, -1 after the last."""
    backwards = _last_seen(np.append(seen, False)[::-1])
    return np.where(backwards < 0, -1, len(seen) - backwards)[::-1]
