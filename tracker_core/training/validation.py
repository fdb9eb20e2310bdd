"""Validation by tracking real sequences: what a user will see, which no loss tells."""

from __future__ import annotations

import copy
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tracker_core.config import TrackerConfig
from tracker_core.errors import SiamscopeError
from tracker_core.evaluation.curves import SequenceCurves, measure_sequence
from tracker_core.evaluation.protocols.one_pass import follow
from tracker_core.models.network import Network
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.training.clips import Clip, usable_rows
from tracker_core.training.images import ImageCache, UnreadableImageError
from tracker_core.training.interrupt import StopRequest
from tracker_core.types import Frame, Tracker

logger = logging.getLogger(__name__)
LOST_BELOW = 0.6  # a sequence with overlap in a smaller share of its frames counts as lost


def track_sequences(
    tracker: Tracker,
    sequences: Iterable[Clip],
    cache: ImageCache | None = None,
    on_frame: Callable[[int], None] = lambda _sequence: None,
) -> list[SequenceCurves]:
    """Track each sequence once from its first usable box and measure it.

    Frames without a box, and frames that cannot be read, do not count. `cache` keeps decoded frames for the next call.
    `on_frame` is called after every frame with the place of its sequence; what it raises ends the tracking.
    """
    cache = cache or ImageCache(0)
    measured = []
    for place, clip in enumerate(sequences):
        starts = np.where(usable_rows(clip.boxes_xywh)[:, None], clip.boxes_xywh, np.nan)
        boxes, _ = follow(tracker, _read_frames(clip, cache), starts, partial(on_frame, place))
        tracked = np.asarray(np.isfinite(boxes).all(axis=1), np.bool_)
        if tracked.any():
            truth = np.where(tracked[:, None], clip.boxes_xywh, np.nan)
            measured.append(measure_sequence(clip.name, boxes, truth))
    return measured


def _read_frames(clip: Clip, cache: ImageCache) -> Iterator[tuple[int, Frame]]:
    for index in range(int(clip.usable[0]), len(clip.frames)):
        try:
            yield index, Frame(index, 0.0, cache.read(clip.frames[index]))
        except UnreadableImageError as error:
            logger.warning("The validation image '%s' cannot be read; the frame does not count.", error)


def summarise(measured: Sequence[SequenceCurves]) -> dict[str, float]:
    """Return means, with and without the sequences on which the target was lost (overlap in under 60 % of frames)."""
    kept = [part for part in measured if part.overlapping >= LOST_BELOW]
    return {
        "success_auc": float(np.mean([part.success_auc for part in measured])) if measured else 0.0,
        "precision_20": float(np.mean([part.precision_20 for part in measured])) if measured else 0.0,
        "success_auc_kept": float(np.mean([part.success_auc for part in kept])) if kept else 0.0,
        "lost_sequences": float(len(measured) - len(kept)),
    }


@dataclass(frozen=True)
class ValidationProgress:
    """How far a validation is: at which step of training, finished and all sequences, finished and all frames."""

    step: int
    sequences: int
    sequence_count: int
    frames: int
    frame_count: int
    seconds: float

    @property
    def remaining_s(self) -> float:
        """Seconds that the frames to come take if they take as long as those before."""
        return self.seconds / max(1, self.frames) * (self.frame_count - self.frames)


class TrackingValidator:
    """Tracks the validation sequences with a network that is being trained.

    The figures are those of `summarise` and, as `sequence/<name>`, each sequence's AUC. `on_progress` is told every
    frame. Raises `Stopped` after the frame in which `stop` was requested.
    """

    def __init__(
        self, config: TrackerConfig, sequences: Sequence[Clip], device: str, stop: StopRequest | None = None
    ) -> None:
        self.config, self.sequences, self.device = config, list(sequences), device
        self.stop = stop or StopRequest()
        self.on_progress: Callable[[ValidationProgress], None] = lambda _progress: None

    def __call__(self, network: Network, step: int) -> dict[str, float]:
        tracker = tracker_from_network(self.config, copy.deepcopy(network).eval(), device=self.device, runtime="eager")
        try:
            scores = track_sequences(tracker, self.sequences, on_frame=self._follow_progress(step))
        except SiamscopeError as error:
            # a half-trained network may give boxes that nothing can be made of; the run is worth more than one figure
            logger.warning("Validation at step %d ended early: %s", step, error)
            return {}
        return summarise(scores) | {f"sequence/{score.name}": score.success_auc for score in scores}

    def _follow_progress(self, step: int) -> Callable[[int], None]:
        started, frames = time.monotonic(), itertools.count(1)
        count, total = len(self.sequences), sum(len(clip.frames) - int(clip.usable[0]) for clip in self.sequences)

        def note_frame(sequence: int) -> None:
            self.stop.check()
            seconds = time.monotonic() - started
            self.on_progress(ValidationProgress(step, sequence, count, next(frames), total, seconds))

        return note_frame
