"""The trackers of a session: the chosen one follows targets, those that made earlier results explain them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker_core.config import TrackingConfig
from tracker_core.cores import usable_cores
from tracker_core.errors import InputError
from tracker_core.results.provenance import Producer
from tracker_core.results.targets import Target
from tracker_core.trackers.following import (
    Follower,
    Followers,
    Found,
    SessionTracker,
    add_timings,
    update_followers,
)
from tracker_core.types import Frame, Image, Timings, TrackResult

EXPLAINERS = 4  # that are kept: each may hold a network of its own
SAME_BOX_PIXELS = 0.5
OTHER_BOX = (
    "Computed again, the tracker gives another box in this frame than the stored one; the explanation is of that box."
)
OTHER_PRECISION = "These results were computed in {}; the explanation is computed in {}, which this device has."


@dataclass(frozen=True)
class TrackerChoice:
    """Which tracker to build; None and "auto" leave the choice to the core."""

    name: str | None = None
    weights: str | None = None
    device: str = "auto"


def tracking_threads() -> int:
    """Return how many threads a network may compute with beside a window: one core is left to the window's own.

    Where they shared every core, a network's threads would wait for each other within a frame. Searches that go side by
    side wait only at its end, and do use that core.
    """
    return max(1, usable_cores() - 1)


TrackerFactory = Callable[[TrackerChoice], SessionTracker]


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

    def choose(self, choice: TrackerChoice, tracking: TrackingConfig | None = None) -> None:
        """Use another tracker, weights or device, its own parameters or these; on an error the present one stays."""
        if tracking is None or choice != self.choice:
            self._take(self._factory(choice))
            self.choice = choice
        if tracking is not None:
            self.set_tracking(tracking)

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

    def explain(self, made: Sequence[tuple[Target, Producer | None]], frame: Frame) -> Found:
        """Compute results of a frame again with what the trackers saw, each by what made it, those of one together.

        The remark says why where one of them cannot be explained, or where another box comes out.
        """
        groups: dict[int, list[Follower]] = {}
        results: dict[int, TrackResult] = {}
        timings, remark = Timings(), ""
        in_other = ""
        for target, producer in made:
            try:
                followers = self.explainer(producer)
                follower = followers.stand_before(target, frame.index)
            except InputError as error:
                remark = str(error)
                continue
            if follower is not None:
                in_other = in_other or _precision_note(producer, followers.base)
                groups.setdefault(id(followers), []).append(follower)
        for group in groups.values():
            found = update_followers(group, frame, debug=True)
            results.update(found.results)
            timings = add_timings(timings, found.timings)
        stored = {target.number: target.results[frame.index].box_xywh for target, _ in made}
        if any(np.abs(result.box_xywh - stored[number]).max() > SAME_BOX_PIXELS for number, result in results.items()):
            remark = OTHER_BOX
        return Found(results, timings, " ".join(filter(None, (in_other, remark))))

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

        return rebuild_tracker(producer, device=self.choice.device, threads=tracking_threads())

    def _take(self, tracker: SessionTracker) -> None:
        self._chosen, self._producer = Followers(tracker, self._key_image), None
        self._tuned[self.producer.tracker, self.producer.weights_sha256] = self.producer.config
        self._earlier.clear()
        self._explainers.clear()  # they may hold the memory of a device that was left
        self._refusals.clear()


def _precision_note(made_by: Producer | None, explainer: SessionTracker) -> str:
    """Return a sentence where results are explained in another precision than they were computed in, else ""."""
    used = Producer("", runtime=str(getattr(explainer, "runtime", ""))).precision
    return "" if made_by is None or made_by.precision == used else OTHER_PRECISION.format(made_by.precision, used)
