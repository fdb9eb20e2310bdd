"""What a run gives: for every frame and target a box, a score and a state; the one form that is saved and exported."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.types import FloatArray, FrameResult, TrackingState, TrackResult


@dataclass(frozen=True)
class TrackedTarget:
    """The boxes of one target over the N frames of a run.

    Attributes:
        boxes_xywh: float64 (N, 4), image pixels, 0-based; a NaN row where the target was not tracked.
        scores: float64 (N,), NaN where there is no box.
        states: N entries, None where there is no box.
        label: a name for people, "" if the target has none.
    """

    boxes_xywh: FloatArray
    scores: FloatArray
    states: tuple[TrackingState | None, ...]
    label: str = ""

    def __post_init__(self) -> None:
        count = len(self.boxes_xywh)
        if self.boxes_xywh.shape != (count, 4) or self.scores.shape != (count,) or len(self.states) != count:
            raise ValueError(
                f"a target needs N boxes, scores and states, not {self.boxes_xywh.shape}, {self.scores.shape}, "
                f"{len(self.states)}"
            )

    @property
    def has_box(self) -> NDArray[np.bool_]:
        """True (N,) where there is a box."""
        return np.asarray(np.isfinite(self.boxes_xywh).all(axis=1), np.bool_)


@dataclass(frozen=True)
class TrackedBoxes:
    """The results of one run over one source, for all its targets.

    Attributes:
        source: name of what was tracked.
        frame_indices: int64 (N,), increasing, 0-based frame of the source.
        times_s: float64 (N,), presentation times.
        targets: one entry per target, in the order they were added.
        size: width and height of the image, None if unknown.
        fps: nominal images per second.
        tracker: name of the tracker.
        frame_names: image file names where the source has them, else empty.
        update_times_s: float64 (N,), seconds the tracker took per frame (all targets), NaN if not measured.
        key_frames: per target, the frame indices at which it was started or drawn again.
        metadata: anything else worth keeping (parameters, versions); must go through JSON.
    """

    source: str
    frame_indices: NDArray[np.int64]
    times_s: FloatArray
    targets: tuple[TrackedTarget, ...]
    size: tuple[int, int] | None = None
    fps: float = 30.0
    tracker: str = ""
    frame_names: tuple[str, ...] = ()
    update_times_s: FloatArray | None = None
    key_frames: tuple[tuple[int, ...], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.frame_indices)
        lengths = {len(self.times_s), *(len(target.boxes_xywh) for target in self.targets)}
        if self.frame_names:
            lengths.add(len(self.frame_names))
        if self.update_times_s is not None:
            lengths.add(len(self.update_times_s))
        if lengths - {count}:
            raise ValueError(f"{count} frames do not go with columns of {sorted(lengths)} entries")
        if count > 1 and np.any(np.diff(self.frame_indices) <= 0):
            raise ValueError("frame indices must increase")

    def __len__(self) -> int:
        return len(self.frame_indices)

    def select(self, first: int, last: int) -> TrackedBoxes:
        """Return the frames `first` to `last` (source indices, both included)."""
        rows = (self.frame_indices >= first) & (self.frame_indices <= last)
        chosen = np.flatnonzero(rows)
        return replace(
            self,
            frame_indices=self.frame_indices[rows],
            times_s=self.times_s[rows],
            targets=tuple(
                TrackedTarget(t.boxes_xywh[rows], t.scores[rows], tuple(t.states[i] for i in chosen), t.label)
                for t in self.targets
            ),
            frame_names=tuple(self.frame_names[i] for i in chosen) if self.frame_names else (),
            update_times_s=None if self.update_times_s is None else self.update_times_s[rows],
            key_frames=tuple(tuple(key for key in keys if first <= key <= last) for keys in self.key_frames),
        )


class TrackRecorder:
    """Collects results frame by frame; a later result for the same frame and target replaces the earlier one.

    Frames may come in any order and targets may be added at any time, so that the window can go back, draw a box
    again and track on from there. Memory is a few numbers per frame: debug data is not kept.
    """

    def __init__(self, source: str = "", *, size: tuple[int, int] | None = None, fps: float = 30.0) -> None:
        self.source = source
        self.size = size
        self.fps = fps
        self.labels: list[str] = []
        self._times_s: dict[int, float] = {}
        self._update_s: dict[int, float] = {}
        self._results: dict[int, dict[int, TrackResult]] = {}
        self._key_frames: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._times_s)

    def add(self, outcome: FrameResult) -> None:
        """Store one frame's results, one per target in order."""
        index = outcome.frame.index
        for target, result in enumerate(outcome.results):
            self.put(index, outcome.frame.time_s, target, result)
        self._update_s[index] = outcome.timings.update_ms / 1000

    def put(self, index: int, time_s: float, target: int, result: TrackResult) -> None:
        """Store the result of one target in frame `index`."""
        self._times_s[index] = time_s
        self._results.setdefault(index, {})[target] = replace(result, debug=None)

    def mark_key_frame(self, target: int, index: int) -> None:
        """Note that the target was started, or drawn again, in frame `index`."""
        self._key_frames.setdefault(target, set()).add(index)

    def forget_after(self, index: int, target: int) -> None:
        """Drop one target's results and key frames after frame `index`, because it was drawn again there."""
        for later in [i for i in self._results if i > index]:
            self._results[later].pop(target, None)
            if not self._results[later]:
                del self._results[later], self._times_s[later]
                self._update_s.pop(later, None)
        self._key_frames[target] = {key for key in self._key_frames.get(target, ()) if key <= index}

    def result_at(self, index: int, target: int = 0) -> TrackResult | None:
        """Return what is stored for a frame and target, or None."""
        return self._results.get(index, {}).get(target)

    def build(
        self, *, tracker: str = "", frame_names: SequenceOf[str] = (), metadata: Mapping[str, Any] | None = None
    ) -> TrackedBoxes:
        """Return everything stored so far; `frame_names` are those of the whole source, picked by frame index."""
        order = sorted(self._times_s)
        count = max((target + 1 for results in self._results.values() for target in results), default=0)
        targets = []
        for target in range(count):
            boxes, scores = np.full((len(order), 4), np.nan), np.full(len(order), np.nan)
            states: list[TrackingState | None] = [None] * len(order)
            for row, index in enumerate(order):
                result = self._results[index].get(target)
                if result is not None:
                    boxes[row], scores[row], states[row] = result.box_xywh, result.score, result.state
            label = self.labels[target] if target < len(self.labels) else ""
            targets.append(TrackedTarget(boxes, scores, tuple(states), label))
        return TrackedBoxes(
            source=self.source,
            frame_indices=np.array(order, np.int64),
            times_s=np.array([self._times_s[index] for index in order], np.float64),
            targets=tuple(targets),
            size=self.size,
            fps=self.fps,
            tracker=tracker,
            frame_names=tuple(frame_names[index] for index in order) if frame_names else (),
            update_times_s=np.array([self._update_s.get(index, np.nan) for index in order], np.float64),
            key_frames=tuple(tuple(sorted(self._key_frames.get(target, ()))) for target in range(count)),
            metadata=dict(metadata or {}),
        )
