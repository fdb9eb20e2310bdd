"""Success and precision (Wu, Lim, Yang: Online Object Tracking, 2013 and 2015): frame by frame, as curves, as numbers.

Training, the window, `track` and the benchmarks all measure with these functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracker_core.boxes import center_distance_xywh, iou_xywh
from tracker_core.types import FloatArray

SUCCESS_THRESHOLDS = np.linspace(0.0, 1.0, 21)
PRECISION_THRESHOLDS = np.arange(51.0)  # pixels
PRECISION_PIXELS = 20.0
BOOTSTRAP_DRAWS = 4000
BOOTSTRAP_PERCENTILES = (2.5, 97.5)


def frame_overlaps(boxes_xywh: ArrayLike, truth_xywh: ArrayLike) -> FloatArray:
    """Return the overlap (N,) of boxes with ground truth, both (N, 4).

    NaN where there is no ground truth (a row with NaN or infinity); 0 for a box that is not finite or has no area.
    """
    boxes, truth = np.asarray(boxes_xywh, np.float64), np.asarray(truth_xywh, np.float64)
    with np.errstate(invalid="ignore"):
        found = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
        overlaps = np.where(found, iou_xywh(boxes, truth), 0.0)
    return np.where(np.isfinite(truth).all(axis=1), overlaps, np.nan)


def frame_center_errors(boxes_xywh: ArrayLike, truth_xywh: ArrayLike) -> FloatArray:
    """Return the distance (N,) of the centres in pixels, both (N, 4); NaN without ground truth, else inf for no box."""
    boxes, truth = np.asarray(boxes_xywh, np.float64), np.asarray(truth_xywh, np.float64)
    with np.errstate(invalid="ignore"):
        errors = np.where(np.isfinite(boxes).all(axis=1), center_distance_xywh(boxes, truth), np.inf)
    return np.where(np.isfinite(truth).all(axis=1), errors, np.nan)


def success_curve(overlaps: ArrayLike, thresholds: ArrayLike = SUCCESS_THRESHOLDS) -> FloatArray:
    """Return the share (T,) of frames whose overlap is strictly greater than each threshold; NaN frames don't count.

    NaN throughout where no frame counts.
    """
    values = np.asarray(overlaps, np.float64)
    return _share(values[np.isfinite(values)][:, None] > np.asarray(thresholds))


def success_of(overlaps: ArrayLike) -> FloatArray:
    """Return what frames (N,) add to the area under the success curve: the share of thresholds below their overlaps."""
    return np.asarray(np.searchsorted(SUCCESS_THRESHOLDS, overlaps, side="left") / len(SUCCESS_THRESHOLDS), np.float64)


def precision_curve(errors: ArrayLike, thresholds: ArrayLike = PRECISION_THRESHOLDS) -> FloatArray:
    """Return the share (T,) of frames whose error is at most each threshold; NaN frames as in `success_curve`."""
    values = np.asarray(errors, np.float64)
    return _share(values[~np.isnan(values)][:, None] <= np.asarray(thresholds))


def success_auc(boxes_xywh: ArrayLike, truth_xywh: ArrayLike, thresholds: ArrayLike = SUCCESS_THRESHOLDS) -> float:
    """Return the area under the success curve of boxes (N, 4): its mean over the thresholds. NaN without any truth."""
    return float(success_curve(frame_overlaps(boxes_xywh, truth_xywh), thresholds).mean())


def precision_at(boxes_xywh: ArrayLike, truth_xywh: ArrayLike, pixels: float = PRECISION_PIXELS) -> float:
    """Return the share of frames of boxes (N, 4) whose centre error is at most `pixels`. NaN without any truth."""
    return float(precision_curve(frame_center_errors(boxes_xywh, truth_xywh), [pixels])[0])


@dataclass(frozen=True)
class Gain:
    """How far one tracker lies over another: the mean difference per sequence, and how sure that is.

    Attributes:
        mean: mean difference. standard_error: its standard error, infinite for a single sequence.
        sequences_won: how many sequences it is better on.
        low, high: between which the mean lies in 95 of 100 draws of the sequences (paired bootstrap, Efron 1979).
    """

    mean: float
    standard_error: float
    sequences_won: int
    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def over(cls, reached: ArrayLike, baseline: ArrayLike) -> Gain:
        """Compare numbers (N,) on the same sequences; of a single one nothing is sure."""
        differences = np.asarray(reached, np.float64) - np.asarray(baseline, np.float64)
        count, mean, won = len(differences), float(differences.mean()), int((differences > 0).sum())
        if count < 2:
            return cls(mean, math.inf, won)
        error = float(differences.std(ddof=1)) / count**0.5
        drawn = np.random.default_rng(0).integers(0, count, (BOOTSTRAP_DRAWS, count))
        low, high = np.percentile(differences[drawn].mean(axis=1), BOOTSTRAP_PERCENTILES)
        return cls(mean, error, won, float(low), float(high))

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves zero out: more than the choice of sequences explains."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        verdict = "" if self.is_clear else ": a draw"
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]{verdict}"


def _share(passed: np.ndarray) -> FloatArray:
    return np.asarray(passed.mean(axis=0) if len(passed) else np.full(passed.shape[1], np.nan), np.float64)
