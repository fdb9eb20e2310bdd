"""The trackers of a session: one per target and key frame, all sharing one network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from app.session.targets import Target
from tracker_core.config import TrackingConfig
from tracker_core.types import Frame, Image, Timings, TrackResult


class SessionTracker(Protocol):
    """What a session needs of a tracker: to start, follow, copy itself for another target, and resume."""

    name: str
    timings: Timings

    @property
    def device(self) -> str:
        """Where the network runs."""
        ...

    @property
    def tracking(self) -> TrackingConfig:
        """The parameters of the tracking loop."""
        ...

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on."""
        ...

    def fork(self) -> Any:
        """Return an uninitialised tracker that shares this one's network."""
        ...

    def init(self, image: Image, box_xywh: Any) -> None:
        """Start on a box (x, y, w, h) of a uint8 BGR image."""
        ...

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Find the target in the next image."""
        ...

    def resume(self, box_xywh: Any, scores: list[float]) -> None:
        """Stand where an earlier run stood after `scores`."""
        ...


@dataclass(frozen=True)
class TrackerChoice:
    """Which tracker to build; None and "auto" leave the choice to the core."""

    name: str | None = None
    weights: str | None = None
    device: str = "auto"


TrackerFactory = Callable[[TrackerChoice], SessionTracker]


@dataclass
class _Run:
    """A tracker started on one key frame; `at` is the last frame it saw."""

    tracker: SessionTracker
    at: int


class TrackingRuns:
    """Computes results of targets; knows nothing of the source but how to get the image of a key frame.

    `key_image` returns the image (uint8 BGR) of a key frame whose tracker has to be started again.
    """

    def __init__(self, factory: TrackerFactory, key_image: Callable[[int], Image]) -> None:
        self._factory = factory
        self._key_image = key_image
        self._base: SessionTracker | None = None
        self._config: TrackingConfig | None = None
        self._runs: dict[tuple[int, int], _Run] = {}
        self.choice = TrackerChoice()

    @property
    def is_built(self) -> bool:
        """Whether the tracker was built already."""
        return self._base is not None

    def base(self) -> SessionTracker:
        """Return the chosen tracker, building it the first time; raises the core's errors."""
        if self._base is None:
            self._base = self._factory(self.choice)
            if self._config is not None:
                self._base.set_tracking(self._config)
        return self._base

    def choose(self, choice: TrackerChoice) -> None:
        """Use another tracker, weights or device; on an error the present one stays."""
        self._base = self._factory(choice)
        self.choice, self._config = choice, None
        self._runs.clear()

    def set_config(self, tracking: TrackingConfig) -> None:
        """Use other parameters in every run; raises `ConfigError` for a value out of range."""
        self.base().set_tracking(tracking)
        for run in self._runs.values():
            run.tracker.set_tracking(tracking)
        self._config = tracking

    def clear(self) -> None:
        """Forget all runs; trackers start again from the key frames when they are needed."""
        self._runs.clear()

    def start(self, number: int, frame: Frame, box_xywh: Any) -> None:
        """Start target `number` on a box in `frame`."""
        tracker = self._start_tracker(frame.image, box_xywh)
        self._runs[number, frame.index] = _Run(tracker, frame.index)

    def follow(self, target: Target, frame: Frame, previous: int, debug: bool) -> tuple[TrackResult, Timings]:
        """Return the result of `frame`, which follows frame `previous`, where `target` has one."""
        key = target.key_at_or_before(previous)
        assert key is not None, "a result has a key frame before it"
        run = self._standing_at(target, key, previous)
        result = run.tracker.update(frame.image, debug=debug)
        run.at = frame.index
        return result, run.tracker.timings

    def explain(self, target: Target, frame: Frame) -> tuple[TrackResult, Timings] | None:
        """Compute a frame again for its debug output; None for a key frame, for which nothing was computed."""
        previous = target.result_before(frame.index)
        if previous is None or target.key_at_or_before(frame.index) == frame.index:
            return None
        return self.follow(target, frame, previous, debug=True)

    def _start_tracker(self, image: Image, box_xywh: Any) -> SessionTracker:
        tracker: SessionTracker = self.base().fork()
        if self._config is not None:
            tracker.set_tracking(self._config)
        tracker.init(image, box_xywh)
        return tracker

    def _standing_at(self, target: Target, key: int, index: int) -> _Run:
        """Return the run of key frame `key`, standing where the result of frame `index` left it."""
        run = self._runs.get((target.number, key))
        if run is None or (index == key and run.at != key):
            run = _Run(self._start_tracker(self._key_image(key), target.key_boxes[key]), key)
            self._runs[target.number, key] = run
        if run.at != index:
            run.tracker.resume(target.results[index].box_xywh, target.scores_since_key(index))
            run.at = index
        return run
