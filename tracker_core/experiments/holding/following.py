"""Following clips and keeping everything that was said: boxes, scores, states."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker_core.config import TrackingConfig
from tracker_core.metrics import frame_overlaps, success_curve
from tracker_core.trackers.confidence import network_scores
from tracker_core.training.clips import Clip
from tracker_core.training.images import ImageCache
from tracker_core.types import FloatArray, Tracker, TrackingState


@dataclass(frozen=True)
class Followed:
    """What a tracker said in the frames (N,) of a clip after the first.

    `overlaps` is NaN where the target is absent, `scores` are those that it reported, NaN where it has none, `raw` its
    network's own before a fit; `is_lost` is whether it called the target lost.
    """

    name: str
    overlaps: FloatArray
    scores: FloatArray
    raw: FloatArray
    is_lost: NDArray[np.bool_]

    @property
    def success_auc(self) -> float:
        """Area under the success curve of the frames with a target."""
        return float(success_curve(self.overlaps).mean())

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Whether the box covered the target (IoU above 0.5); where it is absent no box does."""
        return np.asarray(np.nan_to_num(self.overlaps) > 0.5, np.bool_)


def follow_clips(
    tracker: Tracker, clips: Iterable[Clip], cache: ImageCache, on_frame: Callable[[], None] = lambda: None
) -> list[Followed]:
    """Track each clip from its first box to its end."""
    followed = []
    for clip in clips:
        tracker.init(cache.read(clip.frames[0]), clip.boxes_xywh[0])
        results = []
        for path in clip.frames[1:]:
            results.append(tracker.update(cache.read(path)))
            on_frame()
        overlaps = frame_overlaps([result.box_xywh for result in results], clip.boxes_xywh[1:])
        lost = np.array([result.state is TrackingState.LOST for result in results], np.bool_)
        scores = np.array([result.score for result in results], np.float64)
        tracking = getattr(tracker, "tracking", TrackingConfig())  # trackers of others report their scores as they are
        followed.append(Followed(clip.name, overlaps, scores, network_scores(scores, tracking), lost))
    return followed
