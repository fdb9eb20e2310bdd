"""A camera that follows targets: a smooth path of crops, all shown at one size, never outside the image.

The path is smoothed over the whole run at once, which no live camera could do: forwards and backwards alike, so that
it neither lags nor overshoots (zero phase).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker_core.errors import InputError
from tracker_core.rendering.image_view import ImageView
from tracker_core.results.run import Run
from tracker_core.results.smoothing import smooth
from tracker_core.types import FloatArray

ASPECTS = ("source", "16:9", "1:1", "9:16")
DEFAULT_CONTEXT = 3.0  # height of the crop in heights of the target
DEFAULT_SMOOTHNESS_S = 0.5
_ZOOM_IS_SLOWER = 2.0  # the zoom is smoothed over as many times the time of the path: a pumping zoom disturbs most
_LEAST_SHARE = 1 / 8  # of the image's shorter side; a closer look would show blurred pixels only
_LEAST_PIXELS = 32.0
_HALVINGS = 8
_NARROWEST = 0.1  # width by height


@dataclass(frozen=True)
class CameraPath:
    """Where the camera looks: crops `rects_xywh` (N, 4), image pixels, of the frames `frame_indices`, shown at `size`.

    `size` is width and height, both even.
    """

    frame_indices: FloatArray
    rects_xywh: FloatArray
    size: tuple[int, int]

    def view(self, index: int, image_size: tuple[int, int]) -> ImageView:
        """Return the crop of frame `index` inside an image of `image_size`; between frames it moves evenly."""
        rect = [float(np.interp(index, self.frame_indices, column)) for column in self.rects_xywh.T]
        return ImageView(_fit(rect, image_size), self.size)


def parse_aspect(text: str, image_size: tuple[int, int]) -> float:
    """Return width by height of "source", "16:9", "1:1" or any other "W:H"; raises `InputError`."""
    if text.strip().lower() == "source":
        return image_size[0] / image_size[1]
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[:x/]\s*(\d+(?:\.\d+)?)\s*", text)
    if (
        match is None
        or float(match[1]) <= 0
        or float(match[2]) <= 0
        or not 0.1 <= float(match[1]) / float(match[2]) <= 10
    ):
        raise InputError(f"The aspect '{text}' is not one of {', '.join(ASPECTS)} or another W:H, for example 4:5.")
    return float(match[1]) / float(match[2])


def plan_camera(
    run: Run,
    numbers: Sequence[int],
    aspect: float,
    image_size: tuple[int, int],
    *,
    context: float = DEFAULT_CONTEXT,
    smoothness_s: float = DEFAULT_SMOOTHNESS_S,
    scale: float = 1.0,
) -> CameraPath:
    """Return the path of a camera that keeps the targets `numbers` of `run` in view.

    `aspect` is width by height, `context` the height of a crop in heights of what is followed, `smoothness_s` the
    standard deviation of the smoothing in seconds, `scale` a factor on the size of the result, which is otherwise that
    of the largest crop. While a target is lost the camera moves evenly to where it is found again. Raises `InputError`
    if none of the targets was ever seen.
    """
    frames, times_s, boxes = _followed(run, numbers)
    width, height = image_size
    most = min(height, width / aspect)
    least = min(most, max(_LEAST_PIXELS, _LEAST_SHARE * min(image_size)))
    needed = np.clip(np.maximum(boxes[:, 3], boxes[:, 2] / aspect), 1.0, most)
    wanted = np.log(np.clip(context * needed, least, most))
    heights = np.exp(smooth(times_s, wanted[:, None], _ZOOM_IS_SLOWER * smoothness_s)[:, 0])
    heights = np.clip(np.maximum(heights, needed), least, most)
    tall = max(2, 2 * round(float(heights.max()) * scale / 2))
    wide = max(2, 2 * round(tall * aspect / 2))
    heights = np.minimum(heights, width * tall / wide)  # the even sides changed the aspect a little
    sizes = np.stack([heights * wide / tall, heights], axis=1)
    centers = _follow(times_s, boxes, sizes, smoothness_s)
    corners = np.clip(centers - sizes / 2, 0.0, np.array(image_size) - sizes)
    return CameraPath(frames, np.concatenate([corners, sizes], axis=1), (wide, tall))


def _followed(run: Run, numbers: Sequence[int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return frames (N,), times (N,) and the boxes (N, 4) around the targets, without gaps from first to last seen."""
    low, high = np.full((len(run), 2), np.inf), np.full((len(run), 2), -np.inf)
    for target in run.targets:
        if target.number not in numbers:
            continue
        rows = np.flatnonzero(run.seen(target))
        if not len(rows):
            continue
        boxes = np.stack(
            [np.interp(np.arange(rows[0], rows[-1] + 1), rows, column) for column in target.boxes_xywh[rows].T], axis=1
        )
        span = slice(rows[0], rows[-1] + 1)
        low[span] = np.minimum(low[span], boxes[:, :2])
        high[span] = np.maximum(high[span], boxes[:, :2] + boxes[:, 2:])
    known = np.flatnonzero(np.isfinite(low).all(axis=1))
    if not len(known):
        raise InputError("The target to follow was never seen in this run; choose another one.")
    edges = np.concatenate([low, high], axis=1)[known]
    places = np.arange(known[0], known[-1] + 1)  # between two targets' times there may be none
    filled = np.stack([np.interp(places, known, column) for column in edges.T], axis=1)
    boxes = np.concatenate([filled[:, :2], filled[:, 2:] - filled[:, :2]], axis=1)
    return run.frame_indices[places].astype(np.float64), run.times_s[places], boxes


def _follow(times_s: FloatArray, boxes: FloatArray, sizes: FloatArray, sigma_s: float) -> FloatArray:
    """Return the centres (N, 2) of crops of `sizes`, as smooth as keeps every box in view, up to `sigma_s`."""
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    room = np.maximum((sizes - boxes[:, 2:]) / 2, sizes / 8)
    for halving in range(_HALVINGS):
        path = smooth(times_s, centers, sigma_s / 2**halving)
        if (np.abs(path - centers) <= room).all():
            return path
    return centers


def _fit(rect_xywh: Sequence[float], image_size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a rectangle moved into an image, and made smaller first where it is larger than that."""
    x, y, w, h = rect_xywh
    width, height = image_size
    shrink = min(1.0, width / w, height / h)
    w, h = w * shrink, h * shrink
    return min(max(0.0, x), width - w), min(max(0.0, y), height - h), w, h
