"""Pauses of the event loop: how long they were, whose work they were, and where the program was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import pytest
from PyQt5.QtCore import QTimer

from app.bench.measure import describe
from app.window.heartbeat import Heartbeat, Phase, place_of

BUSY_S = 0.09


def work() -> None:
    """Compute for a while: time of the processor, however slow the machine is."""
    began = time.thread_time()
    while time.thread_time() - began < BUSY_S:
        pass


def watch(qtbot, what) -> Phase:
    """Run something in the event loop, with a heartbeat before and after it."""
    heart, done = Heartbeat(), []
    heart.begin("test")
    QTimer.singleShot(20, lambda: done.append(what()))
    qtbot.waitUntil(lambda: bool(done))
    heart.end()
    return heart.phases[0]


def test_work_of_the_windows_thread_is_told_from_waiting(qtbot) -> None:
    worked, waited = watch(qtbot, work), watch(qtbot, lambda: time.sleep(BUSY_S))
    assert worked.longest_own_ms >= BUSY_S * 1e3
    assert worked.own_stalls >= 1
    # sleeping takes as long, and no time of the processor
    assert waited.stalls >= 1
    longest = max(waited.pauses, key=lambda pause: pause.wall_ms)
    assert longest.own_ms < longest.wall_ms / 2


def test_a_pause_says_what_ran_in_it(qtbot) -> None:
    phase = watch(qtbot, work)
    told = max(phase.pauses, key=lambda pause: pause.own_ms)
    assert any("tests/app/test_heartbeat.py" in place and "work" in place for place in told.where), told


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long a thread waited for a processor")
def test_waiting_for_a_processor_is_told_apart(qtbot) -> None:
    """On one processor, which another process uses, the work takes longer by what the thread has to wait for it.

    The other one shares alike, whatever the priority of the tests, and ends by itself, should they be killed.
    """
    processors = os.sched_getaffinity(0)
    one = min(processors)
    begin = f"import os, time; os.sched_setaffinity(0, {{{one}}}); os.sched_setscheduler(0, 0, os.sched_param(0))"
    code = f"{begin}; print(flush=True); end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
    rival = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert rival.stdout is not None and rival.stdout.readline()  # it has begun
        os.sched_setaffinity(0, {one})
        pause = max(watch(qtbot, work).pauses, key=lambda pause: pause.wall_ms)
    finally:
        os.sched_setaffinity(0, processors)
        rival.kill()
        rival.wait()
    assert pause.queued_ms > 5
    # computing, waiting for a processor, waiting for another thread: together they are the pause
    assert pause.own_ms + pause.queued_ms < pause.wall_ms + 15


def test_collecting_garbage_is_told_apart(qtbot) -> None:
    def collect() -> None:
        gc.collect()
        work()

    pause = max(watch(qtbot, collect).pauses, key=lambda pause: pause.own_ms)
    assert 0 < pause.collected_ms < pause.wall_ms


def test_nothing_is_left_behind(qtbot) -> None:
    threads, callbacks = threading.active_count(), len(gc.callbacks)
    watch(qtbot, lambda: None)
    assert (threading.active_count(), len(gc.callbacks)) == (threads, callbacks)


def test_a_place_is_the_programs_own_and_what_it_called() -> None:
    def looking() -> str:
        return place_of(sys._getframe())

    assert place_of(None) == ""
    assert "test_heartbeat.py" in looking()
    assert looking().endswith("looking")


def test_a_report_names_each_phase_its_rate_and_its_stalls(qtbot) -> None:
    times = {"wall_ms": 90.0, "own_ms": 80.0, "queued_ms": 8.0, "collected_ms": 30.0}
    pause = times | {"where": ("app/x.py:1 paint",), "beside": ()}
    phase = {"name": "tracking", "seconds": 11.0, "longest_ms": 90.0, "longest_own_ms": 80.0, "pauses": [pause]}
    shown = {"shown_per_second": 29.8, "shown_in_slowest_second": 29}
    text = describe(
        {"phases": [phase | shown, phase | {"name": "opening", "pauses": []}], "stalls": 1, "own_stalls": 1}
    )
    line = next(line for line in text.splitlines() if line.startswith("tracking"))
    assert line.split()[1:] == ["11.0", "29.8", "29", "90", "80", "1", "1"]
    told = "90 ms, of which 80 ms own work, 8 ms waiting for a processor, 30 ms of it collecting garbage: app/x.py:1"
    assert told in text
    assert text.endswith("Pauses over 50 ms: 1, of which 1 by the work of the window's own thread.")
