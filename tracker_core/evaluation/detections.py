"""Tracking precision, recall and F-score over confidence thresholds: how long-term trackers are measured.

Lukežič et al., "Performance Evaluation Methodology for Long-Term Visual Object Tracking" (2019), as the VOT toolkit
computes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker_core.boxes import clip_xywh, iou_xywh
from tracker_core.types import FloatArray

RESOLUTION = 100  # thresholds, with those above and below every score


@dataclass(frozen=True)
class SequenceDetections:
    """What a tracker said on one sequence: `overlaps` (N,), 0 where the target is absent, and `scores` (N,).

    The score of the frame of the start is NaN: it is in no frame that counts, but its target is one of `visible`.
    """

    name: str
    overlaps: FloatArray
    scores: FloatArray
    visible: int
    fps: float | None = None

    def __len__(self) -> int:
        return len(self.overlaps)


@dataclass(frozen=True)
class DetectionCurves:
    """Precision, recall and F-score (T,) at `thresholds` (T,), highest threshold first, and where F is largest."""

    thresholds: FloatArray
    precision: FloatArray
    recall: FloatArray
    f_score: FloatArray
    best: int
    fps: float | None = None


def detect(
    name: str,
    boxes_xywh: FloatArray,
    scores: FloatArray,
    truth_xywh: FloatArray,
    image_size: tuple[int, int] | None = None,
    fps: float | None = None,
) -> SequenceDetections:
    """Compare boxes (N, 4) with the ground truth (N, 4), NaN where the target is absent.

    Boxes and ground truth are cut at the image border where its size (width, height) is known.
    """
    present = np.isfinite(truth_xywh).all(axis=1)
    found = np.isfinite(boxes_xywh).all(axis=1)
    overlaps = np.zeros(len(truth_xywh))
    both = present & found
    ours, theirs = boxes_xywh[both], truth_xywh[both]
    if image_size is not None:
        ours, theirs = clip_xywh(ours, *image_size), clip_xywh(theirs, *image_size)
    overlaps[both] = iou_xywh(ours, theirs)
    return SequenceDetections(name, overlaps, scores, int(present.sum()), fps)


def choose_thresholds(scores: FloatArray, resolution: int = RESOLUTION) -> FloatArray:
    """Return thresholds, descending from +∞ to −∞, that divide the known scores into about equal parts."""
    known = np.sort(scores[np.isfinite(scores)])[::-1]
    if len(known) > resolution - 2:
        step = len(known) // (resolution - 2)
        places = np.round(np.linspace(step, len(known) - step, resolution - 2)).astype(np.int64)
        known = known[np.minimum(places, len(known) - 1)]
    return np.concatenate(([math.inf], known, [-math.inf]))


def measure_at(part: SequenceDetections, thresholds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return precision and recall (T,) of one sequence.

    Precision is the mean overlap of the frames whose score reaches the threshold, 1 where there is none; recall is the
    sum of their overlaps over the number of frames that show the target.
    """
    precision, recall = np.ones(len(thresholds)), np.zeros(len(thresholds))
    for index, threshold in enumerate(thresholds):
        counted = part.overlaps[part.scores >= threshold]
        if len(counted):
            precision[index] = counted.mean()
            recall[index] = counted.sum() / max(1, part.visible)
    return precision, recall


def summarise_detections(parts: Sequence[SequenceDetections]) -> DetectionCurves:
    """Return the mean curves over sequences, each alike; thresholds are those of all scores together."""
    thresholds = choose_thresholds(np.concatenate([part.scores for part in parts]))
    curves = [measure_at(part, thresholds) for part in parts]
    precision = np.mean([one for one, _ in curves], axis=0)
    recall = np.mean([one for _, one in curves], axis=0)
    total = precision + recall
    f_score = np.where(total > 0, 2 * precision * recall / np.where(total > 0, total, 1), 0.0)
    speeds = [part.fps for part in parts if part.fps is not None]
    fps = float(np.mean(speeds)) if speeds else None
    return DetectionCurves(thresholds, precision, recall, f_score, int(f_score.argmax()), fps)
