"""Boxes: one function per conversion, IoU, clipping, and the half-pixel conventions of published trackers.

Formats: `xywh` top-left corner and size, `cxcywh` centre and size, `xyxy` two corners, `polygon` eight
numbers x1, y1, …, x4, y4. All are floats in pixels, 0-based; the last axis holds the numbers and any
leading axes are kept. Conversions take NumPy arrays and torch tensors alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.errors import InputError

ArrayOrTensor = TypeVar("ArrayOrTensor", NDArray[Any], Any)

MINIMUM_SIDE = 2.0  # pixels; below this neither a crop nor an overlap means anything


def _stack(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], (np.ndarray, np.generic, float, int)):
        return np.stack([np.asarray(part) for part in parts], axis=-1)
    import torch

    return torch.stack(list(parts), dim=-1)


def xywh_to_xyxy(boxes_xywh: ArrayOrTensor) -> ArrayOrTensor:
    """Return corners (…, 4) of top-left/size boxes (…, 4)."""
    x, y, w, h = (boxes_xywh[..., i] for i in range(4))
    result: ArrayOrTensor = _stack((x, y, x + w, y + h))
    return result


def xyxy_to_xywh(boxes_xyxy: ArrayOrTensor) -> ArrayOrTensor:
    """Return top-left/size boxes (…, 4) of corners (…, 4)."""
    x1, y1, x2, y2 = (boxes_xyxy[..., i] for i in range(4))
    result: ArrayOrTensor = _stack((x1, y1, x2 - x1, y2 - y1))
    return result


def xywh_to_cxcywh(boxes_xywh: ArrayOrTensor) -> ArrayOrTensor:
    """Return centre/size boxes (…, 4) of top-left/size boxes (…, 4)."""
    x, y, w, h = (boxes_xywh[..., i] for i in range(4))
    result: ArrayOrTensor = _stack((x + w / 2, y + h / 2, w, h))
    return result


def cxcywh_to_xywh(boxes_cxcywh: ArrayOrTensor) -> ArrayOrTensor:
    """Return top-left/size boxes (…, 4) of centre/size boxes (…, 4)."""
    cx, cy, w, h = (boxes_cxcywh[..., i] for i in range(4))
    result: ArrayOrTensor = _stack((cx - w / 2, cy - h / 2, w, h))
    return result


def polygon_to_xywh(polygons: ArrayLike) -> NDArray[np.float64]:
    """Return the axis-aligned bounding boxes (…, 4) of polygons (…, 2·n), x and y alternating."""
    points = np.asarray(polygons, np.float64)
    xs, ys = points[..., 0::2], points[..., 1::2]
    left, top = xs.min(axis=-1), ys.min(axis=-1)
    return np.stack((left, top, xs.max(axis=-1) - left, ys.max(axis=-1) - top), axis=-1)


def polygon_to_equal_area_xywh(polygons: ArrayLike) -> NDArray[np.float64]:
    """Return the axis-aligned boxes (…, 4) with the polygons' (…, 8) centre, aspect and area.

    This is how VOT's rotated ground truth starts an axis-aligned tracker (PySOT's `get_axis_aligned_bbox`):
    the bounding box is shrunk by the square root of polygon area over box area, plus one pixel.
    """
    points = np.asarray(polygons, np.float64)
    xs, ys = points[..., 0::2], points[..., 1::2]
    cx, cy = xs.mean(axis=-1), ys.mean(axis=-1)
    width, height = xs.max(axis=-1) - xs.min(axis=-1), ys.max(axis=-1) - ys.min(axis=-1)
    side_a = np.hypot(xs[..., 0] - xs[..., 1], ys[..., 0] - ys[..., 1])
    side_b = np.hypot(xs[..., 1] - xs[..., 2], ys[..., 1] - ys[..., 2])
    area = width * height
    scale = np.sqrt(side_a * side_b / np.where(area > 0, area, 1.0))
    w, h = scale * width + 1, scale * height + 1
    return np.stack((cx - w / 2, cy - h / 2, w, h), axis=-1)


def iou_xywh(boxes_a_xywh: ArrayLike, boxes_b_xywh: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of boxes, row by row with broadcasting: (…, 4), (…, 4) → (…).

    Boxes without area have IoU 0 with everything; NaN in either box gives NaN. Never above 1, although x + w − x may
    exceed w by rounding: the toolkits of PySOT and GOT-10k cut it off there too.
    """
    a, b = np.asarray(boxes_a_xywh, np.float64), np.asarray(boxes_b_xywh, np.float64)
    inner_w = np.minimum(a[..., 0] + a[..., 2], b[..., 0] + b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    inner_h = np.minimum(a[..., 1] + a[..., 3], b[..., 1] + b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    intersection = np.maximum(inner_w, 0) * np.maximum(inner_h, 0)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.where(union > 0, intersection / union, np.where(np.isnan(union), np.nan, 0.0))
    return np.asarray(np.minimum(result, 1.0), np.float64)


def center_distance_xywh(boxes_a_xywh: ArrayLike, boxes_b_xywh: ArrayLike) -> NDArray[np.float64]:
    """Return the distance between box centres in pixels, row by row: (…, 4), (…, 4) → (…)."""
    a, b = np.asarray(boxes_a_xywh, np.float64), np.asarray(boxes_b_xywh, np.float64)
    dx = a[..., 0] + a[..., 2] / 2 - b[..., 0] - b[..., 2] / 2
    dy = a[..., 1] + a[..., 3] / 2 - b[..., 1] - b[..., 3] / 2
    return np.asarray(np.hypot(dx, dy), np.float64)


def clip_xywh(boxes_xywh: ArrayLike, width: float, height: float) -> NDArray[np.float64]:
    """Return the part of each box (…, 4) that lies inside an image of `width` × `height` pixels."""
    corners = xywh_to_xyxy(np.asarray(boxes_xywh, np.float64))
    corners[..., 0::2] = np.clip(corners[..., 0::2], 0, width)
    corners[..., 1::2] = np.clip(corners[..., 1::2], 0, height)
    clipped: NDArray[np.float64] = xyxy_to_xywh(corners)
    return clipped


def published_center(box_xywh: ArrayLike, convention: str) -> NDArray[np.float64]:
    """Return the centre (2,) where a published tracker starts on `box_xywh` (4,).

    "pysot" counts pixels as points and starts at x + (w − 1) / 2; "dasiamrpn" and "exact" take the box as an
    area and start at x + w / 2. All of them report centre − size / 2 at the end, so the first two lines of a
    trajectory of "pysot" differ by half a pixel; that is how the published numbers were made.
    """
    x, y, w, h = (float(value) for value in np.asarray(box_xywh, np.float64))
    if convention == "pysot":
        return np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    if convention in ("dasiamrpn", "exact"):
        return np.array([x + w / 2, y + h / 2])
    raise ValueError(f"unknown centre convention {convention!r}")


def check_start_box(box_xywh: ArrayLike, width: int, height: int) -> NDArray[np.float64]:
    """Return `box_xywh` as float64 (4,) if a tracker can start on it in an image of `width` × `height` pixels.

    A box that leaves the image by a part is allowed. Raises `InputError` for a wrong count of numbers, NaN or
    infinity, sides under two pixels, and a box that lies outside the image.
    """
    numbers = np.asarray(box_xywh, np.float64).reshape(-1)
    text = ",".join(f"{value:g}" for value in numbers)
    if numbers.size != 4:
        raise InputError(f"The box '{text}' has {numbers.size} numbers; give four: x,y,w,h in pixels.")
    x, y, w, h = (float(value) for value in numbers)
    if not all(math.isfinite(value) for value in (x, y, w, h)):
        raise InputError(f"The box '{text}' has a value that is not a finite number; give x,y,w,h in pixels.")
    if w < MINIMUM_SIDE or h < MINIMUM_SIDE:
        raise InputError(f"The box '{text}' is {w:g}×{h:g} pixels; width and height must be at least 2.")
    _, _, inside_w, inside_h = clip_xywh(numbers, width, height)
    if inside_w <= 0 or inside_h <= 0:
        raise InputError(f"The box '{text}' lies outside the {width}×{height} image; draw it on the image.")
    return numbers


def parse_box(text: str) -> NDArray[np.float64]:
    """Return the box (4,) written as `x,y,w,h`; raises `InputError` that names what is wrong with the text."""
    parts = text.replace(";", ",").split(",")
    try:
        numbers = np.array([float(part) for part in parts], np.float64)
    except ValueError:
        raise InputError(
            f"The box '{text}' is not four numbers; write --box x,y,w,h, for example 10,20,64,48."
        ) from None
    if numbers.size != 4:
        raise InputError(f"The box '{text}' has {numbers.size} numbers; write --box x,y,w,h, for example 10,20,64,48.")
    return numbers
