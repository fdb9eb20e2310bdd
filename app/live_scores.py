"""How good the tracking was so far, frame by frame and as the benchmarks sum it up."""

from __future__ import annotations

import math

import numpy as np

from tracker_core.metrics import PRECISION_PIXELS, SUCCESS_THRESHOLDS
from tracker_core.types import FloatArray, TrackingState, TrackResult


def iou_of(box_xywh: FloatArray | None, truth_xywh: FloatArray | None) -> float:
    """Return the intersection over union of two boxes (x, y, w, h), NaN where one is missing."""
    if box_xywh is None or truth_xywh is None:
        return math.nan
    x, y, w, h = (float(value) for value in box_xywh)
    tx, ty, tw, th = (float(value) for value in truth_xywh)
    overlap_w = min(x + w, tx + tw) - max(x, tx)
    overlap_h = min(y + h, ty + th) - max(y, ty)
    if overlap_w <= 0 or overlap_h <= 0:
        return 0.0
    overlap = overlap_w * overlap_h
    return overlap / (w * h + tw * th - overlap)


def center_error(box_xywh: FloatArray | None, truth_xywh: FloatArray | None) -> float:
    """Return the distance of two boxes' centres in pixels, NaN where one is missing."""
    if box_xywh is None or truth_xywh is None:
        return math.nan
    x, y, w, h = (float(value) for value in box_xywh)
    tx, ty, tw, th = (float(value) for value in truth_xywh)
    return math.hypot(x + w / 2 - tx - tw / 2, y + h / 2 - ty - th / 2)


def success_auc(ious: FloatArray) -> float:
    """Return the success AUC of overlaps (N,), as `tracker_core.metrics` defines it; NaN if none is finite."""
    finite = np.asarray(ious, np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return math.nan
    return float((finite[:, None] > SUCCESS_THRESHOLDS).mean())


def precision_at_20(center_errors: FloatArray) -> float:
    """Return the share of centre errors (N,) of at most 20 pixels; NaN if none is finite."""
    finite = np.asarray(center_errors, np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return math.nan
    return float((finite <= PRECISION_PIXELS).mean())


def state_name(result: TrackResult, is_key: bool) -> str:
    """Return the state for strips and lists: "key" where a person set the box, else the tracking state's value."""
    state = result.state
    return "key" if is_key else (state.value if isinstance(state, TrackingState) else str(state))
