"""Seeded random actions leave no exception, no hung thread and no leaked QThread, and lose nothing that was made.

`SIAMSCOPE_MONKEY=1000` plays every case at that length; the suite's own lengths are shorter. `SIAMSCOPE_MONKEY_SEED=7`
plays other actions.
"""

from __future__ import annotations

import logging
import os
import threading

import pytest
from fakes import DrawnSource, LiveFeed, MatchingTracker, draw_frame
from ledger import Ledger
from monkey import Monkey
from PyQt5.QtGui import QDesktopServices

from app.session import history
from app.worker.messages import BoxRequest
from tracker_core.rendering.writers import VideoWriter
from tracker_core.sources.live import LiveSource
from tracker_core.sources.opening import open_source

SEED = int(os.environ.get("SIAMSCOPE_MONKEY_SEED", "20261123"))
LENGTH = int(os.environ.get("SIAMSCOPE_MONKEY", "0"))


def plain(spec):
    if spec == "live":
        return LiveSource("live", LiveFeed(period_s=0.004), stall_timeout_s=2.0)
    if spec in ("drawn", "other"):
        return DrawnSource(60 if spec == "drawn" else 25, name=spec, fps=200.0)
    return open_source(spec)  # the clip, which other processes can read as well; or what is not there


def failing(spec):
    if spec == "live":
        return LiveSource("live", LiveFeed(period_s=0.004, ends_after=40), stall_timeout_s=2.0)
    return DrawnSource(60, name=spec, fails_at=17 if spec == "drawn" else 3, missing={5, 6}, fps=200.0)


def slow_tracker(choice):
    tracker = MatchingTracker()
    tracker.delay_s = 0.05
    return tracker


def raising_tracker(choice):
    return MatchingTracker(fails_every=7)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("sources", "tracker", "length"),
    [
        pytest.param(plain, None, 500, id="plain"),
        pytest.param(failing, None, 300, id="source that throws"),
        pytest.param(plain, slow_tracker, 150, id="slow worker"),
        pytest.param(plain, raising_tracker, 200, id="tracker that throws"),
    ],
)
def test_random_actions_leave_nothing_broken(drive, sources, tracker, length, caplog, monkeypatch, tmp_path):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: True)
    monkeypatch.setattr(history, "MOST_CHANGES", 10**6)  # what is forgotten for its age is none of the ledger's
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 30) as writer:
        for index in range(20):
            writer.write(draw_frame(index))
    threads_before = set(threading.enumerate())
    driver = drive(sources, tracker)
    driver.player.prepare_tracker()
    driver.open("drawn")
    ledger = Ledger(driver.window, driver.player, tmp_path / "sessions")

    def look() -> None:
        ledger.look()
        if monkey.random.random() < 0.1:
            ledger.compare_window()
        assert not ledger.faults

    monkey = Monkey(driver.window, driver.player, SEED, ("drawn", "other", "live", "nowhere", str(clip)), look)
    try:
        monkey.play(LENGTH or length)
        ledger.compare_window()
        assert not ledger.faults
    except BaseException:
        logging.getLogger("monkey").error("%s", "\n".join([*monkey.done[-40:], *ledger.faults]))
        raise
    # the worker still answers: a last source opens and a step arrives
    driver.sources = lambda spec: DrawnSource(10, name="last")
    driver.window.actions_["cancel"].trigger()
    with driver.qtbot.waitSignal(driver.player.worker.opened, timeout=15_000):
        driver.window.open("last")
    driver.qtbot.waitUntil(lambda: driver.index == 0, timeout=15_000)
    unexpected = [f for f in driver.failures if "Unexpected error" in f.sentence]
    if tracker is not raising_tracker:
        assert not unexpected, unexpected[0].details + "\n".join(monkey.done[-30:])
    for job in driver.window.jobs.running:  # else closing asks whether an export may be stopped
        if not job.title.startswith("Export"):
            job.force()
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=120_000)
    driver.window.close()
    assert not driver.player.thread_.isRunning()
    assert ledger.looks >= (LENGTH or length) and not ledger.faults
    driver.qtbot.waitUntil(lambda: not _left_over(threads_before), timeout=10_000)


def test_the_ledger_knows_what_was_tracked_on_in_a_source_that_came_back(drive, tmp_path):
    """Tracked to the end, everything is saved before the source is left: it was worked on all the same."""
    driver = drive(plain)
    player, ledger = driver.player, Ledger(driver.window, driver.player, tmp_path / "sessions")

    def open_another(spec: str) -> None:
        with driver.qtbot.waitSignal(player.worker.opened):
            driver.window.open(spec)
        ledger.compare_window()  # everything that was asked is served by now

    open_another("other")
    view = driver.canvas.frame_view
    player.begin(BoxRequest(player.source.serial, view.frame, tuple(view.ground_truth_xywh)))
    open_another("drawn")
    open_another("other")
    player.track(True)
    driver.qtbot.waitUntil(lambda: driver.index == 24 and not player.is_playing)
    open_another("drawn")
    open_another("other")
    assert not ledger.faults and sorted(driver.results()) == list(range(25))


def _left_over(before) -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t not in before and t.is_alive() and not t.name.startswith("Dummy")]
