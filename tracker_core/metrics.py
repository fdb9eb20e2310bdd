"""Success and precision of one-pass evaluation (Wu, Lim, Yang: Online Object Tracking, 2013 and 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import center_distance_xywh, iou_xywh

SUCCESS_THRESHOLDS = np.linspace(0.0, 1.0, 21)
PRECISION_PIXELS = 20.0


def success_auc(boxes_xywh: ArrayLike, truth_xywh: ArrayLike, thresholds: ArrayLike = SUCCESS_THRESHOLDS) -> float:
    """Return the mean share of frames whose overlap is strictly greater than each threshold, 0..1.

    Boxes and truth are (N, 4); rows whose truth is NaN do not count, a NaN box overlaps nothing. NaN without any truth.
    """
    boxes, truth = np.asarray(boxes_xywh, np.float64), np.asarray(truth_xywh, np.float64)
    labelled = np.isfinite(truth).all(axis=1)
    if not labelled.any():
        return float("nan")
    iou = np.nan_to_num(iou_xywh(boxes[labelled], truth[labelled]))
    return float((iou[:, None] > np.asarray(thresholds)[None, :]).mean())


def precision_at(boxes_xywh: ArrayLike, truth_xywh: ArrayLike, pixels: float = PRECISION_PIXELS) -> float:
    """Return the share of frames whose centre error is at most `pixels`; NaN rows as in `success_auc`."""
    boxes, truth = np.asarray(boxes_xywh, np.float64), np.asarray(truth_xywh, np.float64)
    labelled = np.isfinite(truth).all(axis=1)
    if not labelled.any():
        return float("nan")
    distance: NDArray[np.float64] = np.nan_to_num(center_distance_xywh(boxes[labelled], truth[labelled]), nan=np.inf)
    return float((distance <= pixels).mean())
