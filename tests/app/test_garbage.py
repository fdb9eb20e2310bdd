"""Garbage is collected in the window's thread between two events, never in the thread that happens to allocate."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from PyQt5.QtCore import QPoint

from app.window import garbage
from app.window.garbage import IDLE_S, OVERDUE, GarbageCollector


class Cycle:
    """Garbage that only a collection finds, and that notes in which thread this happens."""

    ended_in: list = []  # noqa: RUF012  of all of them

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        self.ended_in.append(threading.current_thread())


@pytest.fixture(autouse=True)
def counts():
    """Nothing is due at the beginning of a test."""
    Cycle.ended_in.clear()
    gc.collect()


def make_garbage() -> None:
    kept = []  # so many that Python's own collector would run at every age
    for _ in range(100_000):
        Cycle()
        kept.append([])


def test_what_a_worker_throws_away_ends_in_the_window_s_thread(qtbot):
    worker = threading.Thread(target=make_garbage)
    worker.start()
    worker.join()
    assert not Cycle.ended_in
    qtbot.waitUntil(lambda: len(Cycle.ended_in) == 100_000)
    assert set(Cycle.ended_in) == {threading.main_thread()}


def age_until_due(times: int = 1) -> None:
    for _ in range(gc.get_threshold()[2] * times + 1):
        gc.collect(1)


@pytest.mark.parametrize("keeps_busy", ["images", "mouse"])
def test_an_old_cycle_ends_as_well_but_waits_while_the_window_is_in_use(collector, monkeypatch, keeps_busy):
    now, mouse = [100.0], [0]
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(garbage.QCursor, "pos", lambda: QPoint(mouse[0], 0))
    mine = GarbageCollector()
    cycle = Cycle()
    gc.collect()  # now it is among the oldest
    gone = weakref.ref(cycle)
    del cycle
    age_until_due()
    for _ in range(30):  # three seconds
        now[0] += 0.1
        if keeps_busy == "images":
            mine.postpone()
        else:
            mouse[0] += 1
        mine.look()
    assert gone() is not None
    now[0] += IDLE_S + 0.1
    mine.look()
    assert gone() is None


def test_a_window_that_is_always_in_use_does_not_keep_garbage_for_ever():
    mine = GarbageCollector()
    cycle = Cycle()
    gc.collect()
    del cycle
    age_until_due(OVERDUE)
    mine.postpone()
    mine.look()
    assert len(Cycle.ended_in) == 1


def test_python_collects_again_afterwards(collector):
    collector.stop()
    try:
        assert gc.isenabled() and gc.get_freeze_count() == 0
    finally:
        collector.start()
    assert not gc.isenabled()
