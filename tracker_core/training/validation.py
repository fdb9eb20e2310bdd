"""Validation by tracking real sequences: what a user will see, which no loss tells."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tracker_core.config import TrackerConfig
from tracker_core.errors import SiamscopeError
from tracker_core.metrics import frame_overlaps, precision_at, success_auc
from tracker_core.models.network import Network
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.training.clips import Clip
from tracker_core.training.images import ImageCache, UnreadableImageError
from tracker_core.types import FloatArray, Tracker

logger = logging.getLogger(__name__)
LOST_BELOW = 0.6  # a sequence with overlap in a smaller share of its frames counts as lost


@dataclass(frozen=True)
class SequenceScore:
    """Success AUC over 21 thresholds, precision at 20 px and the share of frames with any overlap, of one sequence."""

    name: str
    success_auc: float
    precision_20: float
    overlapping: float


def track_sequences(
    tracker: Tracker, sequences: Iterable[Clip], cache: ImageCache | None = None
) -> list[SequenceScore]:
    """Track each sequence once from its first usable box and score it.

    Frames without a box, and frames that cannot be read, do not count. `cache` keeps decoded frames for the next call.
    """
    cache = cache or ImageCache(0)
    scores = []
    for clip in sequences:
        boxes: list[FloatArray] = []
        truth: list[FloatArray] = []
        for index in range(int(clip.usable[0]), len(clip.frames)):
            try:
                image = cache.read(clip.frames[index])
            except UnreadableImageError as error:
                logger.warning("The validation image '%s' cannot be read; the frame does not count.", error)
                continue
            if not boxes:
                if index not in clip.usable:
                    continue
                tracker.init(image, clip.boxes_xywh[index])
                boxes.append(clip.boxes_xywh[index])
            else:
                boxes.append(tracker.update(image).box_xywh)
            truth.append(clip.boxes_xywh[index])
        if boxes:
            scores.append(_score(clip.name, np.array(boxes), np.array(truth)))
    return scores


def _score(name: str, boxes_xywh: FloatArray, truth_xywh: FloatArray) -> SequenceScore:
    overlaps = frame_overlaps(boxes_xywh, truth_xywh)
    overlapping = float((overlaps[np.isfinite(overlaps)] > 0).mean())
    return SequenceScore(name, success_auc(boxes_xywh, truth_xywh), precision_at(boxes_xywh, truth_xywh), overlapping)


def summarise(scores: Sequence[SequenceScore]) -> dict[str, float]:
    """Return means, with and without the sequences on which the target was lost (overlap in under 60 % of frames)."""
    kept = [score for score in scores if score.overlapping >= LOST_BELOW]
    return {
        "success_auc": float(np.mean([score.success_auc for score in scores])) if scores else 0.0,
        "precision_20": float(np.mean([score.precision_20 for score in scores])) if scores else 0.0,
        "success_auc_kept": float(np.mean([score.success_auc for score in kept])) if kept else 0.0,
        "lost_sequences": float(len(scores) - len(kept)),
    }


class TrackingValidator:
    """Tracks the validation sequences with a network that is being trained.

    The figures are those of `summarise` and, as `sequence/<name>`, each sequence's AUC.
    """

    def __init__(self, config: TrackerConfig, sequences: Sequence[Clip], device: str) -> None:
        self.config, self.sequences, self.device = config, list(sequences), device

    def __call__(self, network: Network, step: int) -> dict[str, float]:
        tracker = tracker_from_network(self.config, copy.deepcopy(network).eval(), device=self.device, runtime="eager")
        try:
            scores = track_sequences(tracker, self.sequences)
        except SiamscopeError as error:
            # a half-trained network may give boxes that nothing can be made of; the run is worth more than one figure
            logger.warning("Validation at step %d ended early: %s", step, error)
            return {}
        return summarise(scores) | {f"sequence/{score.name}": score.success_auc for score in scores}
