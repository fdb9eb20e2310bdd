"""Stages side by side: order, exceptions, Ctrl-C, and nothing that waits for ever."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from tracker_core.pipeline import ReadAhead, Stage


def test_two_stages_keep_the_order_and_finish_what_was_put() -> None:
    done: list[int] = []
    with Stage("last", done.append) as last, Stage("first", lambda item: item * 10, last) as first:
        for item in range(50):
            first.put(item)
    assert done == [item * 10 for item in range(50)]
    assert (first.count, last.count) == (50, 50)


def test_stages_run_side_by_side() -> None:
    """The second stage waits for the first one's next item: one after the other they would never end."""
    next_one = threading.Event()

    def first_part(item: int) -> int:
        if item == 1:
            next_one.set()
        return item

    def second_part(item: int) -> None:
        assert next_one.wait(20)

    with Stage("second", second_part) as second, Stage("first", first_part, second) as first:
        for item in range(2):
            first.put(item)


def test_a_full_queue_makes_the_producer_wait() -> None:
    go, put = threading.Event(), threading.Semaphore(0)
    with Stage("slow", lambda item: go.wait(20), waiting=2) as stage:

        def produce() -> None:
            for item in range(5):
                stage.put(item)
                put.release()

        producer = threading.Thread(target=produce)
        producer.start()
        for _ in range(3):  # one is being done, two wait
            assert put.acquire(timeout=20)
        assert not put.acquire(timeout=0.2)
        go.set()
        producer.join(20)
    assert stage.count == 5


def fail_at(bad: int) -> object:
    def action(item: int) -> int:
        if item == bad:
            raise ValueError(f"item {item}")
        return item

    return action


@pytest.mark.parametrize("bad", [0, 7, 19])
def test_a_failure_reaches_the_producer(bad: int) -> None:
    done: list[int] = []
    with pytest.raises(ValueError, match=f"item {bad}"):  # noqa: SIM117 – the order of the three matters
        with Stage("last", done.append) as last, Stage("first", fail_at(bad), last) as first:  # type: ignore[arg-type]
            for item in range(20):
                first.put(item)
    assert done == list(range(bad)), "nothing after the one that failed"


def test_a_failure_of_the_last_stage_goes_through_the_first() -> None:
    with pytest.raises(ValueError, match="item 3"):  # noqa: SIM117
        with Stage("last", fail_at(3)) as last, Stage("first", int, last) as first:  # type: ignore[arg-type]
            for item in range(1000):
                first.put(item)


def test_an_interruption_keeps_what_was_put() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt), Stage("stage", done.append) as stage:
        for item in itertools.count():
            stage.put(item)
            if item == 30:
                raise KeyboardInterrupt
    assert done == list(range(31))


def numbers(read: list[int], bad: int | None = None) -> Iterator[int]:
    for number in itertools.count():
        if number == bad:
            raise OSError("unreadable")
        read.append(number)
        yield number


def test_reading_ahead_gives_the_same_items() -> None:
    with ReadAhead(iter(range(100))) as items:
        assert list(items) == list(range(100))
        assert next(items, None) is None


def test_an_exception_comes_in_its_place() -> None:
    read: list[int] = []
    got = []
    with ReadAhead(numbers(read, bad=5)) as items, pytest.raises(OSError, match="unreadable"):
        for item in items:
            got.append(item)
    assert got == [0, 1, 2, 3, 4]


def test_no_more_is_read_than_may_wait() -> None:
    read: list[int] = []
    with ReadAhead(numbers(read), waiting=3) as items:
        assert next(items) == 0
    stood = len(read)
    assert stood <= 6  # the one that was taken, three that wait, one in hand, one that `close` made room for
    assert not items._thread.is_alive(), "what it reads from can be closed"
    assert len(read) == stood
