"""The trackers of a session: the chosen one follows targets, those that made earlier results explain them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.session.targets import Target
from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError
from tracker_core.results.provenance import Producer
from tracker_core.types import Frame, Image, ResultOrigin, Timings, TrackResult

EXPLAINERS = 4  # that are kept: each may hold a network of its own


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
class _Follower:
    """A tracker started on one key frame; `at` is the last frame it saw."""

    tracker: SessionTracker
    at: int


class Followers:
    """One tracker per target and key frame, all sharing the network of `base`.

    `key_image` returns the image (uint8 BGR) of a key frame whose tracker has to be started again.
    """

    def __init__(self, base: SessionTracker, key_image: Callable[[int], Image]) -> None:
        self.base, self._key_image = base, key_image
        self._followers: dict[tuple[int, int], _Follower] = {}

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Take other parameters from the next frame on; raises `ConfigError` for a value out of range."""
        self.base.set_tracking(tracking)
        for follower in self._followers.values():
            follower.tracker.set_tracking(tracking)

    def clear(self) -> None:
        """Forget all trackers; they start again from the key frames when they are needed."""
        self._followers.clear()

    def start(self, number: int, frame: Frame, box_xywh: Any) -> None:
        """Start target `number` on a box in `frame`."""
        self._followers[number, frame.index] = _Follower(self._start_tracker(frame.image, box_xywh), frame.index)

    def follow(self, target: Target, frame: Frame, previous: int, debug: bool) -> tuple[TrackResult, Timings]:
        """Return the result of `frame`, which follows frame `previous` either way, where `target` has one.

        Raises `InputError` where the result there goes back to no key frame.
        """
        key = target.ruling_key(previous)
        if key is None:
            raise InputError(f"Target {target.number} has no key frame to track from here; draw its box (R).")
        follower = self._standing_at(target, key, previous)
        result = follower.tracker.update(frame.image, debug=debug)
        follower.at = frame.index
        return result, follower.tracker.timings

    def explain(self, target: Target, frame: Frame) -> tuple[TrackResult, Timings] | None:
        """Compute a frame again for its debug output; None for a key frame, for which nothing was computed."""
        previous = target.previous(frame.index)
        if previous is None or frame.index in target.key_frames:
            return None
        if target.results[frame.index].origin is ResultOrigin.FILLED:
            raise InputError("This box was filled in from both sides of a gap; no tracker can explain it.")
        return self.follow(target, frame, previous, debug=True)

    def _start_tracker(self, image: Image, box_xywh: Any) -> SessionTracker:
        tracker: SessionTracker = self.base.fork()
        tracker.init(image, box_xywh)
        return tracker

    def _standing_at(self, target: Target, key: int, index: int) -> _Follower:
        """Return the tracker of key frame `key`, standing where the result of frame `index` left it."""
        follower = self._followers.get((target.number, key))
        if follower is None or (index == key and follower.at != key):
            box_xywh = target.key_frames[key].box_xywh
            follower = _Follower(self._start_tracker(self._key_image(key), box_xywh), key)
            self._followers[target.number, key] = follower
        if follower.at != index:
            follower.tracker.resume(target.results[index].box_xywh, target.scores_since_key(index))
            follower.at = index
        return follower


class Trackers:
    """The chosen tracker, and whatever made the results that are shown.

    The chosen one is built when it is first needed; it may change its parameters. Results of another producer are
    explained by a tracker that is built again from what the producer says.
    """

    def __init__(self, factory: TrackerFactory, key_image: Callable[[int], Image]) -> None:
        self._factory, self._key_image = factory, key_image
        self._chosen: Followers | None = None
        self._producer: Producer | None = None
        self._earlier: dict[str, TrackingConfig] = {}  # by producer, parameters that the chosen tracker had
        self._explainers: dict[str, Followers] = {}
        self._refusals: dict[str, str] = {}
        self._tuned: dict[tuple[str, str], Mapping[str, Any]] = {}  # by tracker and weights, what they came with
        self.choice = TrackerChoice()

    @property
    def is_built(self) -> bool:
        """Whether the chosen tracker was built already."""
        return self._chosen is not None

    @property
    def chosen(self) -> Followers:
        """The chosen tracker's followers; building it may raise the core's errors."""
        if self._chosen is None:
            self._take(self._factory(self.choice))
        assert self._chosen is not None
        return self._chosen

    @property
    def producer(self) -> Producer:
        """What the chosen tracker is, for the results that it finds from now on."""
        if self._producer is None:
            from tracker_core.trackers.producers import describe_producer  # it imports PyTorch, which takes a while

            self._producer = describe_producer(self.chosen.base)
        return self._producer

    def tuned_config(self, producer: Producer) -> Mapping[str, Any]:
        """Return the configuration that a producer's tracker came with, empty where it is not known."""
        key = (producer.tracker, producer.weights_sha256)
        if key not in self._tuned:
            from tracker_core.trackers.producers import tuned_config

            self._tuned[key] = tuned_config(producer)
        return self._tuned[key]

    def choose(self, choice: TrackerChoice) -> None:
        """Use another tracker, weights or device; on an error the present one stays."""
        self._take(self._factory(choice))
        self.choice = choice

    def set_tracking(self, tracking: TrackingConfig) -> None:
        """Use other parameters; raises `ConfigError` for a value out of range."""
        before = (self.producer.answers_as, self.chosen.base.tracking)
        self.chosen.set_tracking(tracking)
        self._earlier[before[0]] = before[1]
        self._producer = None

    def start(self, number: int, frame: Frame, box_xywh: Any) -> None:
        """Start target `number` on a box in `frame`; raises `InputError` where that is not possible."""
        self.chosen.start(number, frame, box_xywh)
        for explainer in self._explainers.values():
            explainer.clear()  # one may stand on the box that is replaced

    def clear(self) -> None:
        """Let all trackers start again from the key frames."""
        for followers in (self._chosen, *self._explainers.values()):
            if followers is not None:
                followers.clear()

    def explainer(self, producer: Producer | None) -> Followers:
        """Return what explains results of `producer`; raises `InputError`, one sentence, where nothing can."""
        if producer is None:
            raise InputError("These results do not say which tracker made them, so they cannot be explained.")
        key = producer.answers_as
        if self.is_built and key == self.producer.answers_as:
            return self.chosen
        if key in self._refusals:
            raise InputError(self._refusals[key])
        if key not in self._explainers:
            try:
                self._explainers[key] = Followers(self._rebuild(key, producer), self._key_image)
            except InputError as error:
                self._refusals[key] = str(error)
                raise
            for oldest in list(self._explainers)[:-EXPLAINERS]:
                del self._explainers[oldest]
        return self._explainers[key]

    def _rebuild(self, key: str, producer: Producer) -> SessionTracker:
        if key in self._earlier:
            tracker: SessionTracker = self.chosen.base.fork()
            tracker.set_tracking(self._earlier[key])
            return tracker
        from tracker_core.trackers.producers import rebuild_tracker

        return rebuild_tracker(producer, device=self.choice.device)

    def _take(self, tracker: SessionTracker) -> None:
        self._chosen, self._producer = Followers(tracker, self._key_image), None
        self._tuned[self.producer.tracker, self.producer.weights_sha256] = self.producer.config
        self._earlier.clear()
        self._explainers.clear()  # they may hold the memory of a device that was left
        self._refusals.clear()
