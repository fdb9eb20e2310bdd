"""From a network's score to the probability that the box covers the target (Platt 1999)."""

from __future__ import annotations

import numpy as np

from tracker_core.config import TrackingConfig
from tracker_core.types import FloatArray

LARGEST_LOGIT = 14.0  # float32 scores nearer to 0 and 1 differ by rounding only


def logits(scores: FloatArray) -> FloatArray:
    """Return the logits of scores (0..1), within ±14; NaN counts as 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.log(scores) - np.log1p(-scores)
    return np.asarray(np.minimum(np.fmax(raw, -LARGEST_LOGIT), LARGEST_LOGIT), np.float64)  # fmax leaves NaN out


def confidence(score: float, tracking: TrackingConfig) -> float:
    """Return σ(slope · logit(score) + offset) of a network's score; slope 1 and offset 0 leave it as it is."""
    slope, offset = tracking.confidence_slope, tracking.confidence_offset
    if (slope, offset) == (1.0, 0.0):
        return score
    return float(1 / (1 + np.exp(-(slope * logits(np.float64(score)) + offset))))


def network_scores(reported: FloatArray, tracking: TrackingConfig) -> FloatArray:
    """Return the network's own scores of what was reported with `confidence`: its inverse, within logits of ±14."""
    slope, offset = tracking.confidence_slope, tracking.confidence_offset
    if (slope, offset) == (1.0, 0.0) or slope == 0:
        return reported
    with np.errstate(divide="ignore"):
        raw = (np.log(reported) - np.log1p(-reported) - offset) / slope
    return np.asarray(1 / (1 + np.exp(-np.clip(raw, -LARGEST_LOGIT, LARGEST_LOGIT))), np.float64)
