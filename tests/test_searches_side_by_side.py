"""Searches of one frame go side by side where a network can be asked by several threads, else as one batch."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracker_core.trackers.searching import SearchRequest, update_together

WAIT_S = 30


class NotedRunner:
    """Answers with what it is asked; notes each batch in a list that several of them may share, and its thread."""

    def __init__(self, name: str, lanes: int, batches: list[str]) -> None:
        self.name, self.lanes, self.batches = name, lanes, batches
        self.threads: set[int] = set()
        self.meeting: Any = None

    def search_batch(self, requests: Any) -> list[Any]:
        self.batches.append(self.name + "".join(request.template for request in requests))
        self.threads.add(threading.get_ident())
        if self.meeting is not None:
            self.meeting.wait()
        if any(request.template == "bad" for request in requests):
            raise RuntimeError("the network failed")
        return [(self.name, request.template) for request in requests]


class AskingTracker:
    """Asks every runner for one target, and takes the answers as its result."""

    def __init__(self, target: str, *runners: NotedRunner) -> None:
        self.target, self.runners = target, runners

    def searching(self, image: Any, debug: bool) -> Any:
        found = yield [SearchRequest(runner, self.target, None, ()) for runner in self.runners]  # type: ignore[arg-type]
        return found.answers


def update(*trackers: AskingTracker) -> list[Any]:
    return update_together(trackers, np.zeros((4, 4, 3), np.uint8))


def test_where_one_thread_may_ask_each_network_has_one_batch() -> None:
    batches: list[str] = []
    first, second = NotedRunner("f", 1, batches), NotedRunner("s", 1, batches)
    found = update(AskingTracker("1", first, second), AskingTracker("2", first, second))
    assert batches == ["s12", "f12"]
    assert found == [[("f", "1"), ("s", "1")], [("f", "2"), ("s", "2")]]
    assert first.threads == second.threads == {threading.get_ident()}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_searches_go_side_by_side_and_everybody_has_their_own_answers(count: int) -> None:
    first, second = NotedRunner("f", 2, []), NotedRunner("s", 2, [])
    first.meeting = second.meeting = threading.Barrier(2, timeout=WAIT_S)  # breaks where one comes alone
    found = update(*(AskingTracker(str(number), first, second) for number in range(count)))
    assert found == [[("f", str(number)), ("s", str(number))] for number in range(count)]
    assert len(first.threads | second.threads) == 2


def test_second_networks_begin_because_they_take_longer() -> None:
    batches: list[str] = []
    first, second = NotedRunner("f", 2, batches), NotedRunner("s", 2, batches)
    second.meeting = threading.Barrier(2, timeout=WAIT_S)
    update(AskingTracker("1", first, second), AskingTracker("2", first, second))
    assert sorted(batches[:2]) == ["s1", "s2"] and sorted(batches[2:]) == ["f1", "f2"]


def test_a_network_that_takes_one_thread_alone_is_never_asked_beside_another() -> None:
    batches: list[str] = []
    first, second = NotedRunner("f", 4, batches), NotedRunner("s", 1, batches)
    update(AskingTracker("1", first, second), AskingTracker("2", first, second))
    assert batches == ["s12", "f1", "f2"]
    assert first.threads | second.threads == {threading.get_ident()}


def test_what_a_network_raises_beside_another_is_raised_when_all_have_ended() -> None:
    runner = NotedRunner("f", 2, [])
    runner.meeting = SimpleNamespace(wait=lambda: None)
    with pytest.raises(RuntimeError, match="the network failed"):
        update(*(AskingTracker(target, runner) for target in ("1", "bad", "3")))
    assert update(AskingTracker("4", runner)) == [[("f", "4")]], "and the next frame is searched as ever"
