"""Updating several targets at once: each says what it searches, and all searches are answered together.

A network answers its searches in one batch. On a processor's cores that gains nothing; there they are answered side by
side, one on each core: the threads of one search have to wait for each other, those of several do not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tracker_core.candidates import Asking, Chosen
from tracker_core.crops import Cutout
from tracker_core.trackers.scale_search import best_scale
from tracker_core.types import Image, TrackResult

if TYPE_CHECKING:  # it loads torch
    from tracker_core.runtime.base import Answer, Runner

_HELPERS = ThreadPoolExecutor(thread_name_prefix="search")  # none of its threads is there before it is needed


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
    """Return the answers to the requests in their order; raises what a network raises."""
    answers: dict[int, Answer] = {}
    parts = _parts(requests)
    lanes = min(len(parts), *(request.runner.lanes for request in requests))
    left = iter(parts)

    def answer_some() -> None:
        for places in left:
            runner = requests[places[0]].runner
            answers.update(zip(places, runner.search_batch([requests[place] for place in places]), strict=True))

    helpers = [_HELPERS.submit(answer_some) for _ in range(lanes - 1)]
    try:
        answer_some()
    finally:
        wait(helpers)
    for helper in helpers:
        helper.result()
    return [answers[place] for place in range(len(requests))]


def _parts(requests: Sequence[SearchRequest]) -> list[list[int]]:
    """Return the places of the requests that are answered by one call each.

    The second networks, which compute more, come first: what is short fills the gaps at the end.
    """
    parts: list[list[int]] = []
    for runner in reversed({id(request.runner): request.runner for request in requests}.values()):
        places = [place for place, request in enumerate(requests) if request.runner is runner]
        parts += [[place] for place in places] if runner.lanes > 1 else [places]
    return parts


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
