"""Updating several targets at once: each says what it searches, the network answers all of them in one batch."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tracker_core.candidates import Asking, Chosen
from tracker_core.crops import Cutout
from tracker_core.trackers.scale_search import best_scale
from tracker_core.types import Image, TrackResult

if TYPE_CHECKING:  # it loads torch
    from tracker_core.runtime.base import Answer, Runner


@dataclass(frozen=True)
class SearchRequest:
    """What one search of one target needs: who runs it, and the rest as in `runtime.base.SearchRequest`."""

    runner: Runner
    template: Any
    cutout: Cutout
    guide_cxcywh: Sequence[float]
    asking: Asking | None = None


@dataclass(frozen=True)
class Answers:
    """The runtime's answers to the requests of one target, and that target's share of the time that they took."""

    answers: list[Answer]
    network_ms: float


Searching = Generator[list[SearchRequest], Answers, TrackResult]


class SearchingTracker(Protocol):
    """A tracker whose update can be interrupted where the network is asked."""

    def searching(self, image: Image, debug: bool) -> Searching:
        """Yield the searches of one frame, take their answers, return the result."""
        ...


def update_together(trackers: Sequence[SearchingTracker], image: Image, *, debug: bool = False) -> list[TrackResult]:
    """Update trackers that share their networks with the next image; raises what their `update` raises."""
    updates = [tracker.searching(image, debug) for tracker in trackers]
    requests = [next(update) for update in updates]
    began = time.perf_counter()
    found = _search([request for asked in requests for request in asked])
    share_ms = (time.perf_counter() - began) * 1e3 / len(trackers)
    results = []
    for update, asked in zip(updates, requests, strict=True):
        answers, found = found[: len(asked)], found[len(asked) :]
        try:
            update.send(Answers(answers, share_ms))
        except StopIteration as finished:  # how a generator returns its result
            results.append(finished.value)
    return results


def _search(requests: Sequence[SearchRequest]) -> list[Answer]:
    """Return the answers to the requests in their order: one batch for each network."""
    answers: dict[int, Answer] = {}
    for runner in {id(request.runner): request.runner for request in requests}.values():
        places = [place for place, request in enumerate(requests) if request.runner is runner]
        answers.update(zip(places, runner.search_batch([requests[place] for place in places]), strict=True))
    return [answers[place] for place in range(len(requests))]


def choose_answer(answers: Sequence[Answer], asking: Asking, search_size: int) -> tuple[int, Chosen]:
    """Return which of a target's searches counts, and what was chosen in it.

    It is chosen here where the runtime answered with the network's outputs.
    """
    layout, number = asking.layout, 0
    if len(answers) > 1:
        peaks = [answer.peak if isinstance(answer, Chosen) else layout.peak(answer) for answer in answers]
        number = best_scale(peaks, asking.tracking.penalty_k)
    answer = answers[number]
    if isinstance(answer, Chosen):
        return number, answer
    candidates = asking.lay_out(answer[0].shape, search_size)
    choice = layout.choose(answer, candidates, asking.expected_wh, asking.tracking)
    return number, Chosen(choice, candidates, math.nan)
