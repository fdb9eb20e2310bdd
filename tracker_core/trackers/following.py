"""Following the targets of a run from any frame that has a result, either way: one tracker per key frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracker_core.config import TrackingConfig
from tracker_core.errors import InputError
from tracker_core.results.loop import step
from tracker_core.results.targets import Target
from tracker_core.types import FloatArray, Frame, Image, ResultOrigin, Timings, TrackResult


class SessionTracker(Protocol):
    """What a session needs of a tracker: to start, follow, copy itself for another target, and resume."""

    name: str
    timings: Timings

    @property
    def device(self) -> str:
        """Where the network runs."""
        ...

    @property
    def runners(self) -> Sequence[Any]:
        """What runs its networks, one for each."""
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


@dataclass
class Follower:
    """A tracker started on one key frame of target `number`; `at` is the last frame it saw, None where that is open."""

    number: int
    tracker: SessionTracker
    at: int | None


@dataclass(frozen=True)
class Found:
    """What several targets' trackers found in one frame: results by target number, and the time of all together.

    `remark` is one sentence where something could not be computed, else empty.
    """

    results: Mapping[int, TrackResult] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    remark: str = ""


def update_followers(followers: Sequence[Follower], frame: Frame, debug: bool) -> Found:
    """Update the trackers of several targets, made by one `Followers`, in one batch where the network takes one."""
    if not followers:
        return Found()
    for follower in followers:
        follower.at = None  # where an update fails, it is not known which of them saw the frame
    outcome = step([follower.tracker for follower in followers], frame, debug=debug)
    for follower in followers:
        follower.at = frame.index
    results = {follower.number: result for follower, result in zip(followers, outcome.results, strict=True)}
    return Found(results, outcome.timings)


class Followers:
    """One tracker per target and key frame, all sharing the network of `base`.

    `key_image` returns the image (uint8 BGR) of a key frame whose tracker has to be started again.
    """

    def __init__(self, base: SessionTracker, key_image: Callable[[int], Image]) -> None:
        self.base, self._key_image = base, key_image
        self._followers: dict[tuple[int, int], Follower] = {}

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
        tracker = self._start_tracker(frame.image, box_xywh)
        self._followers[number, frame.index] = Follower(number, tracker, frame.index)

    def follow(self, ways: Sequence[tuple[Target, int]], frame: Frame, debug: bool) -> Found:
        """Find targets in `frame`, each of which has a result in the frame given with it, on either side of this one.

        Raises `InputError` where such a result goes back to no key frame.
        """
        return update_followers([self.stand(*way) for way in ways], frame, debug)

    def stand(self, target: Target, index: int) -> Follower:
        """Return the tracker of a target, standing where the result of frame `index` left it.

        Raises `InputError` where the result there goes back to no key frame.
        """
        key = target.ruling_key(index)
        if key is None:
            raise InputError(f"Target {target.number} has no key frame to track from here; draw its box (R).")
        return self._standing_at(target, key, index)

    def stand_before(self, target: Target, index: int) -> Follower | None:
        """Return the tracker of a target, ready to compute frame `index` again; None for a key frame.

        Raises `InputError`, one sentence, where no tracker computed it or where its key frame is gone.
        """
        previous = target.previous(index)
        if previous is None or index in target.key_frames:
            return None
        if target.results[index].origin is ResultOrigin.FILLED:
            raise InputError("This box was filled in from both sides of a gap; no tracker can explain it.")
        return self.stand(target, previous)

    def stand_beside(self, target: Target, frame: Frame, box_xywh: FloatArray) -> Any:
        """Return a tracker of its own that stands on a good box (x, y, w, h) in `frame`, to fill a gap from there.

        It knows the target from the key frame that rules this one: the good box itself is no template, because beside
        a loss it often shows what covers the target.
        """
        key = target.ruling_key(frame.index)
        if key is None or key == frame.index:
            return self._start_tracker(frame.image, box_xywh)
        tracker = self._start_tracker(self._key_image(key), target.key_frames[key].box_xywh)
        tracker.resume(box_xywh, [])
        return tracker

    def _start_tracker(self, image: Image, box_xywh: Any) -> SessionTracker:
        tracker: SessionTracker = self.base.fork()
        tracker.init(image, box_xywh)
        return tracker

    def _standing_at(self, target: Target, key: int, index: int) -> Follower:
        follower = self._followers.get((target.number, key))
        if follower is None or (index == key and follower.at != key):
            box_xywh = target.key_frames[key].box_xywh
            follower = Follower(target.number, self._start_tracker(self._key_image(key), box_xywh), key)
            self._followers[target.number, key] = follower
        if follower.at != index:
            follower.tracker.resume(target.results[index].box_xywh, target.scores_since_key(index))
            follower.at = index
        return follower


def add_timings(one: Timings, other: Timings) -> Timings:
    """Return the sums, stage by stage."""
    return Timings(
        crop_ms=one.crop_ms + other.crop_ms,
        network_ms=one.network_ms + other.network_ms,
        select_ms=one.select_ms + other.select_ms,
    )
