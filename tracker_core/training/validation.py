"""Validation by tracking real sequences: what a user will see, which no loss tells."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from tracker_core.boxes import center_distance_xywh, iou_xywh
from tracker_core.training.clips import Clip
from tracker_core.types import Tracker

logger = logging.getLogger(__name__)
THRESHOLDS = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class SequenceScore:
    """Success AUC over 21 thresholds, precision at 20 px and the share of frames with any overlap, of one sequence."""

    name: str
    success_auc: float
    precision_20: float
    overlapping: float


def track_sequences(tracker: Tracker, sequences: Iterable[Clip]) -> list[SequenceScore]:
    """Track each sequence once from its first box and score it; frames without a box do not count."""
    scores = []
    for clip in sequences:
        boxes = []
        for index, path in enumerate(clip.frames):
            image = cv2.imread(path, cv2.IMREAD_COLOR)
            if image is None:
                logger.warning("The picture '%s' cannot be read; the sequence ends there.", path)
                break
            if index == 0:
                tracker.init(np.asarray(image, np.uint8), clip.boxes_xywh[0])
                boxes.append(clip.boxes_xywh[0])
            else:
                boxes.append(tracker.update(np.asarray(image, np.uint8)).box_xywh)
        if not boxes:
            continue
        truth = clip.boxes_xywh[: len(boxes)]
        labelled = np.isfinite(truth).all(axis=1)
        iou = iou_xywh(np.array(boxes), truth)[labelled]
        distance = center_distance_xywh(np.array(boxes), truth)[labelled]
        scores.append(
            SequenceScore(
                clip.name,
                float((iou[:, None] > THRESHOLDS).mean()),
                float((distance <= 20).mean()),
                float((iou > 0).mean()),
            )
        )
    return scores


def summarise(scores: list[SequenceScore]) -> dict[str, float]:
    """Return means, with and without the sequences on which the target was lost (overlap in under 60 % of frames)."""
    kept = [score for score in scores if score.overlapping >= 0.6]
    return {
        "success_auc": float(np.mean([score.success_auc for score in scores])) if scores else 0.0,
        "precision_20": float(np.mean([score.precision_20 for score in scores])) if scores else 0.0,
        "success_auc_kept": float(np.mean([score.success_auc for score in kept])) if kept else 0.0,
        "lost_sequences": float(len(scores) - len(kept)),
    }
