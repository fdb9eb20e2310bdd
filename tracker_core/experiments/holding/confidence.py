"""Does a score say how likely it is that the box covers the target, and does the state follow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker_core.experiments.holding.following import Followed
from tracker_core.trackers.confidence import logits
from tracker_core.types import FloatArray

LOST_BELOW = 0.1  # IoU under which the target is lost, where it stays so for a while
LOST_FOR = 10  # frames
SOON, ONE_SECOND = 10, 30  # frames
BINS = 10
FOLDS = 5


@dataclass(frozen=True)
class Alarms:
    """How the state followed the truth.

    Attributes:
        losses: times the box left the target for ten frames or more. declared: of these, called lost within ten frames.
        returns: times an absent target came back. found: of these, covered again within 30 frames.
        false_lost: frames that were called lost while the box covered the target, of `frames`.
    """

    losses: int
    declared: int
    returns: int
    found: int
    false_lost: int
    frames: int


def fit_logistic(scores: FloatArray, hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of p = 1 / (1 + exp(−(slope · logit(score) + offset))) (Platt 1999), by Newton's method.

    The labels are Platt's, drawn in by one pseudo-count, so that perfect separation has an answer.
    """
    x = np.stack((logits(scores), np.ones_like(scores)), 1)
    good, bad = int(hits.sum()), int((~hits).sum())
    wanted = np.where(hits, (good + 1) / (good + 2), 1 / (bad + 2))
    weights = np.array([0.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, x.T @ (wanted - p))
        weights += step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])


def fit_by_clips(followed: Sequence[Followed]) -> FloatArray:
    """Return the probabilities of all frames, clip after clip, that fits on other clips give: five-fold, clip by clip.

    A fit looks better than it is on the frames that it was made on, and frames of one clip are too much alike.
    """
    fitted: list[FloatArray] = [np.empty(0)] * len(followed)
    for fold in range(min(FOLDS, len(followed))):
        others = [one for place, one in enumerate(followed) if place % FOLDS != fold] or list(followed)
        slope, offset = fit_logistic(*join_scores(others))
        for place in range(fold, len(followed), FOLDS):
            fitted[place] = 1 / (1 + np.exp(-(slope * logits(followed[place].raw) + offset)))
    return np.concatenate(fitted)


def join_scores(followed: Sequence[Followed]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the networks' own scores of all frames, clip after clip, and whether the box covered the target."""
    return np.concatenate([one.raw for one in followed]), np.concatenate([one.hits for one in followed])


def reliability(scores: FloatArray, hits: NDArray[np.bool_]) -> tuple[list[tuple[float, float, int]], float]:
    """Return mean score, share of hits and count of each tenth of the scores, and the expected calibration error.

    Guo et al. 2017, equation 3.
    """
    places = np.minimum((scores * BINS).astype(int), BINS - 1)
    rows = []
    for place in range(BINS):
        chosen = places == place
        if chosen.any():
            rows.append((float(scores[chosen].mean()), float(hits[chosen].mean()), int(chosen.sum())))
    error = sum(count * abs(score - share) for score, share, count in rows) / max(len(scores), 1)
    return rows, float(error)


def count_alarms(followed: Sequence[Followed]) -> Alarms:
    """Return how the states of many clips followed the truth."""
    counts = np.array([_count(one) for one in followed]).reshape(-1, 6).sum(axis=0)
    return Alarms(*(int(value) for value in counts))


def _count(one: Followed) -> tuple[int, int, int, int, int, int]:
    away = np.nan_to_num(one.overlaps) < LOST_BELOW
    losses = [(first, last) for first, last in _runs(away) if last - first >= LOST_FOR]
    declared = [one.is_lost[first : first + SOON].any() for first, _ in losses]
    returns = [last for _, last in _runs(np.isnan(one.overlaps)) if last < len(one.overlaps)]
    found = [one.hits[first : first + ONE_SECOND].any() for first in returns]
    false = int((one.is_lost & one.hits).sum())
    return len(losses), sum(map(int, declared)), len(returns), sum(map(int, found)), false, len(one.overlaps)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and one past the last index of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(int), [0]))))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
