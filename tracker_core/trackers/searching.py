"""Updating several targets at once: each says what it searches, the network answers all of them in one batch."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tracker_core.types import Image, TrackResult

if TYPE_CHECKING:  # it loads torch
    from tracker_core.runtime.base import Outputs, Runner


@dataclass(frozen=True)
class SearchRequest:
    """What one search of one target needs: the arguments of `Runner.search`."""

    template: Any
    crop: Image
    guide_cxcywh: Sequence[float]


@dataclass(frozen=True)
class Answers:
    """The network's outputs for the requests of one target, and that target's share of the time that they took."""

    outputs: list[Outputs]
    network_ms: float


Searching = Generator[list[SearchRequest], Answers, TrackResult]


class SearchingTracker(Protocol):
    """A tracker whose update can be interrupted where the network is asked."""

    @property
    def runner(self) -> Runner: ...

    def searching(self, image: Image, debug: bool) -> Searching:
        """Yield the searches of one frame, take their answers, return the result."""
        ...


def update_together(trackers: Sequence[SearchingTracker], image: Image, *, debug: bool = False) -> list[TrackResult]:
    """Update trackers that share a runner with the next image; raises what their `update` raises."""
    updates = [tracker.searching(image, debug) for tracker in trackers]
    requests = [next(update) for update in updates]
    began = time.perf_counter()
    outputs = trackers[0].runner.search_batch([request for asked in requests for request in asked])
    share_ms = (time.perf_counter() - began) * 1e3 / len(trackers)
    results = []
    for update, asked in zip(updates, requests, strict=True):
        answers, outputs = outputs[: len(asked)], outputs[len(asked) :]
        try:
            update.send(Answers(answers, share_ms))
        except StopIteration as finished:  # how a generator returns its result
            results.append(finished.value)
    return results
