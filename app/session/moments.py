"""Where a run failed, with or without ground truth: losses, low overlaps, jumps and dips of the score."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from app.session.frame_view import KEY_STATE, Curve
from tracker_core.types import FloatArray

LOW_OVERLAP = 0.5  # below it a frame counts as a miss, as for "overlap precision" in the benchmarks
FAR_JUMP = 1.0  # of the target's size (the root of its area) from one frame to the next
DEEP_DIP = 0.6  # of the median score around
AROUND = 15  # frames on either side whose median a score is compared with
RECOVERY = 5  # good frames in a row that end a failure: an overlap that flickers around the limit is one


class MomentKind(Enum):
    """What went wrong in a frame."""

    LOST = "lost"
    MISS = "miss"
    JUMP = "jump"
    DIP = "dip"


@dataclass(frozen=True)
class Moment:
    """A frame in which something went wrong, and how badly.

    `value` is the overlap of a miss, the way of a jump in target sizes, and otherwise the score (NaN where unknown).
    """

    index: int
    kind: MomentKind
    value: float


@dataclass(frozen=True)
class _Signs:
    """What was seen in each of N frames: severities (N,) by kind, 0 where there is nothing, and the values."""

    frames: NDArray[np.int64]
    severities: dict[MomentKind, FloatArray]
    values: dict[MomentKind, FloatArray]
    is_lost: NDArray[np.bool_]


def worst_moments(curve: Curve, count: int = 8, apart: int = 15) -> list[Moment]:
    """Return the frames of one target in which most went wrong, worst first, no two nearer than `apart` frames.

    With ground truth a low overlap counts for how low it is. Without, the start of a loss counts most, then jumps, then
    dips of the score below that of the frames around. A frame in which nothing went wrong is never among them.
    """
    signs = _look_at(curve)
    if not len(signs.frames):
        return []
    kinds = list(signs.severities)
    severities = np.stack([signs.severities[kind] for kind in kinds])
    chosen: list[Moment] = []
    worst = severities.max(axis=0)
    for place in np.argsort(-worst, kind="stable").tolist():
        if worst[place] <= 0 or len(chosen) == count:
            break
        index = int(signs.frames[place])
        if all(abs(index - other.index) >= apart for other in chosen):
            kind = kinds[int(severities[:, place].argmax())]
            chosen.append(Moment(index, kind, float(signs.values[kind][place])))
    return chosen


def failures(curve: Curve) -> list[int]:
    """Return the first frame of every failure of one target, in order.

    One begins with a loss, a miss or a jump, and ends after `RECOVERY` good frames.
    """
    signs = _look_at(curve)
    is_bad = signs.is_lost.copy()
    for kind in (MomentKind.MISS, MomentKind.JUMP):
        is_bad |= signs.severities[kind] > 0
    starts: list[int] = []
    good = RECOVERY
    for index, bad in zip(signs.frames.tolist(), is_bad.tolist(), strict=True):
        if bad and good >= RECOVERY:
            starts.append(index)
        good = 0 if bad else good + 1
    return starts


def _look_at(curve: Curve) -> _Signs:
    ious, scores, is_lost, is_key = curve.ious, curve.scores, curve.is_lost, curve.states == KEY_STATE
    jumps = np.where(is_key, 0.0, _jumps(curve))
    ratios = np.where(is_lost | is_key, 1.0, _score_ratios(scores))
    severities = {
        MomentKind.MISS: np.where(ious < LOW_OVERLAP, 2.0 - ious, 0.0),
        MomentKind.LOST: np.where(curve.losses, 1.5, 0.0),
        MomentKind.JUMP: np.where(jumps > FAR_JUMP, 1.0 + 0.5 * (1 - FAR_JUMP / np.maximum(jumps, FAR_JUMP)), 0.0),
        MomentKind.DIP: np.where(ratios < DEEP_DIP, 1.0 - ratios, 0.0),
    }
    values = {MomentKind.MISS: ious, MomentKind.LOST: scores, MomentKind.JUMP: jumps, MomentKind.DIP: scores}
    return _Signs(curve.frames, severities, values, is_lost)


def _jumps(curve: Curve) -> FloatArray:
    """Return the way (N,) of the centre since the frame before, in sizes of the target; 0 where it is not known."""
    boxes = curve.boxes_xywh
    centers, sizes = boxes[:, :2] + boxes[:, 2:] / 2, np.sqrt(np.maximum(boxes[:, 2] * boxes[:, 3], 1.0))
    ways = np.zeros(len(boxes))
    follows = np.diff(curve.frames) == 1
    ways[1:] = np.where(follows, np.linalg.norm(np.diff(centers, axis=0), axis=1) / sizes[:-1], 0.0)
    return np.nan_to_num(ways, nan=0.0)


def _score_ratios(scores: FloatArray) -> FloatArray:
    """Return each low score (N,) over the median of those around it; 1 for the others, and where that says nothing."""
    if len(scores) <= 2 * AROUND or not np.isfinite(scores).all():
        return np.ones(len(scores))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(scores, AROUND, mode="reflect"), 2 * AROUND + 1)
    ratios = np.ones(len(scores))
    low = np.flatnonzero(scores < DEEP_DIP * scores.max())  # no other is a dip, and medians of a long run take a while
    medians = np.median(around[low], axis=1)
    ratios[low] = np.where(medians > 0, scores[low] / np.where(medians > 0, medians, 1.0), 1.0)
    return ratios
