"""The worker behind the player: order of what it tells, stopping at once, live sources, errors, autosave."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker, curve_of, draw_frame, drawn, true_box

from app.session.frame_view import FrameView, ResultRow
from app.worker.mailbox import Delivery, Mailbox
from app.worker.messages import BoxRequest, is_out_of_memory
from app.worker.player import Player
from tracker_core.cli.main import main
from tracker_core.errors import SourceError
from tracker_core.results.run_file import load_run


def row(index):
    return ResultRow(index, 1, 0.5, float("nan"), float("nan"), "tracking")


class TestMailbox:
    def test_images_are_replaced_and_results_kept(self):
        mailbox = Mailbox()
        assert mailbox.post_view(FrameView(drawn(0)), [row(0)])
        assert not mailbox.post_view(FrameView(drawn(1)), [row(1)])
        delivery = mailbox.take()
        assert delivery.view.frame.index == 1 and [r.index for r in delivery.rows] == [0, 1] and delivery.dropped == 1
        assert mailbox.take() == Delivery()
        assert mailbox.post_view(FrameView(drawn(2)), [])  # told again after it was taken

    def test_an_image_that_may_not_be_shown_yet_waits_for_a_newer_one(self):
        mailbox = Mailbox()
        mailbox.post_view(FrameView(drawn(0)), [row(0)])
        delivery = mailbox.take(leaves_view=True)
        assert delivery.view is None and [r.index for r in delivery.rows] == [0]
        assert mailbox.post_view(FrameView(drawn(1)), [row(1)]), "that nothing was shown is no reason to keep silent"
        delivery = mailbox.take()
        assert delivery.view.frame.index == 1 and [r.index for r in delivery.rows] == [1]
        mailbox.post_source(None)
        mailbox.post_view(FrameView(drawn(2)), [])
        assert mailbox.take(leaves_view=True).view.frame.index == 2, "another source is held by nobody"

    def test_another_source_throws_away_what_waits(self):
        mailbox = Mailbox()
        mailbox.post_view(FrameView(drawn(0)), [row(0)])
        assert not mailbox.post_source(None)
        delivery = mailbox.take()
        assert delivery.source_changed and delivery.view is None and delivery.rows == []

    def test_rows_that_wait_are_replaced_but_those_after_are_kept(self):
        mailbox = Mailbox()
        mailbox.post_view(FrameView(drawn(0)), [row(0)])
        mailbox.post_replaced({1: curve_of(frames=[7])})
        mailbox.post_view(FrameView(drawn(1)), [row(1)])
        delivery = mailbox.take()
        assert delivery.replaced[1].frames.tolist() == [7] and [r.index for r in delivery.rows] == [1]


@pytest.fixture
def players(qtbot, tmp_path):
    """Make players without a window; all their threads have ended after the test."""
    made = []

    def make(open_source, factory=lambda choice: MatchingTracker(), journal=None):
        player = Player(factory, open_source, journal)
        player.failures, player.notices, player.views = [], [], []
        player.worker.failed.connect(player.failures.append)
        player.worker.notice.connect(player.notices.append)
        player.worker.mail_arrived.connect(lambda: _read_mail(player))
        made.append(player)
        return player

    yield make
    for player in made:
        assert player.shut_down()
        assert not player.thread_.isRunning()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread's priority cannot be asked for")
def test_the_worker_and_the_threads_it_starts_let_the_window_go_first(players, qtbot):
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    window, told = niceness(), []

    def open_source(spec):
        told.append(niceness())
        started = threading.Thread(target=lambda: told.append(niceness()))  # as decoders and networks do
        started.start()
        started.join()
        return DrawnSource()

    players(open_source).open("clip")
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [window + 5, window + 5] and niceness() == window


def _read_mail(player):
    delivery = player.take()
    if delivery.view is not None:
        player.views.append(delivery.view)


def begin(qtbot, player, index=0, number=None, track=True):
    frame = drawn(index)
    player.begin(BoxRequest(player.source.serial, frame, tuple(true_box(index)), number, track))


def open_and_wait(qtbot, player, spec="drawn"):
    with qtbot.waitSignal(player.worker.opened, timeout=5000):
        player.open(spec)
    qtbot.waitUntil(lambda: player.source is not None)


def test_results_are_complete_although_images_are_dropped(qtbot, players):
    rows = []
    player = players(lambda spec: DrawnSource(200, fps=2000.0))
    player.worker.mail_arrived.disconnect()
    slow = []

    def read_slowly():
        delivery = player.take()
        for curve in (delivery.replaced or {}).values():  # all that was found by then
            rows.extend(curve.frames.tolist())
        rows.extend(r.index for r in delivery.rows)
        slow.append(delivery.dropped)
        time.sleep(0.03)

    player.worker.mail_arrived.connect(read_slowly)
    open_and_wait(qtbot, player)
    begin(qtbot, player)
    qtbot.waitUntil(lambda: bool(rows) and rows[-1] == 199, timeout=15_000)
    assert sum(slow) > 0, "the receiver was meant to be too slow"
    assert sorted(set(rows)) == list(range(200))


def test_stop_is_served_between_two_frames(qtbot, players):
    def slow(choice):
        tracker = MatchingTracker()
        tracker.delay_s = 0.05
        return tracker

    player = players(lambda spec: DrawnSource(500), slow)
    open_and_wait(qtbot, player)
    begin(qtbot, player)
    qtbot.waitUntil(lambda: len(player.views) > 3, timeout=5000)
    player.play(False)
    qtbot.waitUntil(lambda: not player.is_playing, timeout=2000)
    seen = len(player.views)
    qtbot.wait(200)
    assert len(player.views) == seen


def test_tracking_some_frames_stops_after_them(qtbot, players):
    player = players(lambda spec: DrawnSource(100, fps=500.0))
    open_and_wait(qtbot, player)
    begin(qtbot, player, track=False)
    player.track_frames(7)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 7, timeout=5000)
    qtbot.waitUntil(lambda: not player.is_playing)
    qtbot.wait(50)
    assert player.views[-1].frame.index == 7


def test_a_step_while_tracking_is_counted_at_once(qtbot, players):
    player = players(lambda spec: DrawnSource(fps=500.0))
    open_and_wait(qtbot, player)
    begin(qtbot, player, track=False)
    player.track_frames(2)
    qtbot.waitUntil(lambda: bool(player.summary.targets) and player.summary.targets[0].count == 3)
    player.step(1)
    qtbot.waitUntil(lambda: player.summary.targets[0].count == 4)


def test_of_many_seeks_the_last_is_served_and_most_are_skipped(qtbot, players):
    source = DrawnSource(100, delay_s=0.02)
    player = players(lambda spec: source)
    open_and_wait(qtbot, player)
    is_free = threading.Event()
    player._asked.emit(is_free.wait)  # the worker is at something else meanwhile
    for index in range(60):
        player.seek(index)
    is_free.set()
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 59, timeout=5000)
    assert len(player.views) <= 2


def test_loop_plays_the_range_again(qtbot, players):
    player = players(lambda spec: DrawnSource(60, fps=500.0))
    open_and_wait(qtbot, player)
    player.set_loop(True)
    player.set_range(10, 14)
    player.seek(10)
    player.play(True)
    qtbot.waitUntil(lambda: len(player.views) > 15, timeout=5000)
    player.play(False)
    assert {view.frame.index for view in player.views[3:]} <= set(range(10, 15))


def test_an_error_of_the_source_stops_and_keeps_results(qtbot, players):
    player = players(lambda spec: DrawnSource(60, fails_at=20, fps=500.0))
    open_and_wait(qtbot, player)
    begin(qtbot, player)
    qtbot.waitUntil(lambda: bool(player.failures), timeout=5000)
    qtbot.waitUntil(lambda: not player.is_playing and not player.is_tracking)
    assert "cannot be read at frame 20" in player.failures[0].sentence
    assert player.summary.targets[0].count == 20
    player.seek(5)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 5)
    assert player.views[-1].targets[0].result is not None


def test_a_source_that_cannot_be_opened_leaves_the_present_one(qtbot, players):
    def open_source(spec):
        if spec == "nowhere":
            raise SourceError("There is no file 'nowhere'.")
        return DrawnSource()

    player = players(open_source)
    open_and_wait(qtbot, player)
    player.open("nowhere")
    qtbot.waitUntil(lambda: bool(player.failures))
    player.seek(9)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 9)


def test_a_bug_in_the_tracker_is_reported_with_its_traceback(qtbot, players):
    player = players(lambda spec: DrawnSource(fps=500.0), lambda choice: MatchingTracker(fails_every=2))
    open_and_wait(qtbot, player)
    begin(qtbot, player)
    qtbot.waitUntil(lambda: bool(player.failures), timeout=5000)
    assert "RuntimeError" in player.failures[0].details and "Traceback" in player.failures[0].details


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (type("OutOfMemoryError", (RuntimeError,), {})("x"), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_a_gpu_without_memory_is_recognised(error, expected):
    assert is_out_of_memory(error) is expected
    outer = SourceError("outer")
    outer.__cause__ = error
    assert is_out_of_memory(outer) is expected


def test_a_box_for_a_source_that_was_replaced_is_ignored(qtbot, players):
    player = players(lambda spec: DrawnSource())
    open_and_wait(qtbot, player)
    stale = BoxRequest(player.source.serial, drawn(0), tuple(true_box(0)), None, True)
    open_and_wait(qtbot, player, "other")
    player.begin(stale)
    player.step(1)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 1)
    assert player.views[-1].targets == ()


def test_drawing_on_a_live_source_catches_up_from_the_frozen_frame(qtbot, players):
    source = LiveDrawing()
    player = players(lambda spec: source)
    open_and_wait(qtbot, player, "live")
    qtbot.waitUntil(lambda: player.is_playing and bool(player.views))
    player.freeze(True)
    source.capture(1)  # wakes the worker out of its wait for an image
    qtbot.waitUntil(lambda: not player.is_playing)
    frozen = player.views[0].frame
    source.capture(12)
    player.begin(BoxRequest(player.source.serial, frozen, tuple(true_box(frozen.index)), None, True))
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index >= 13, timeout=5000)
    for _ in range(3):
        source.capture(1)
        qtbot.wait(20)
    source.unplug()
    qtbot.waitUntil(lambda: bool(player.failures), timeout=5000)
    assert "is gone" in player.failures[0].sentence and "kept" in player.failures[0].sentence
    assert player.summary.targets[0].count >= 13
    assert player.views[-1].targets[0].result.score > 0.9


def test_a_live_source_that_waits_for_a_image_does_not_delay_the_end(qtbot, players):
    player = players(lambda spec: LiveDrawing())
    open_and_wait(qtbot, player, "live")
    qtbot.waitUntil(lambda: player.is_playing)
    qtbot.waitUntil(lambda: player.worker.playback._reader._is_reading)  # for a second image, which never comes
    assert player.shut_down()


def test_results_survive_and_come_back_with_the_file(qtbot, players, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    player = players(lambda spec: DrawnSource(30, fps=500.0, paths=[spec]), journal=tmp_path / "state")
    open_and_wait(qtbot, player, str(clip))
    begin(qtbot, player)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 29, timeout=5000)
    qtbot.waitUntil(lambda: not player.is_playing)
    again = players(lambda spec: DrawnSource(30, fps=500.0, paths=[spec]), journal=tmp_path / "state")
    open_and_wait(qtbot, again, str(clip))
    qtbot.waitUntil(lambda: bool(again.summary.targets))
    assert found(again) == 30 and again.summary.targets[0].key_frames == (0,)
    assert any("Restored" in notice for notice in again.notices)
    again.seek(12)
    qtbot.waitUntil(lambda: bool(again.views) and again.views[-1].frame.index == 12)
    np.testing.assert_array_equal(
        again.views[-1].targets[0].result.box_xywh, player.worker.session.targets[1].results[12].box_xywh
    )


def test_a_box_that_waits_to_be_tracked_survives_a_crash(qtbot, players, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    player = players(lambda spec: DrawnSource(30, paths=[spec]), journal=tmp_path / "state")
    open_and_wait(qtbot, player, str(clip))
    begin(qtbot, player, track=False)
    qtbot.waitUntil(lambda: bool(list((tmp_path / "state").glob("*.run1.jsonl"))))
    again = players(lambda spec: DrawnSource(30, paths=[spec]), journal=tmp_path / "state")  # the first one "crashed"
    open_and_wait(qtbot, again, str(clip))
    qtbot.waitUntil(lambda: bool(again.summary.targets))
    assert again.summary.targets[0].key_frames == (0,)


def test_what_was_found_in_a_live_source_is_kept_when_it_is_left(qtbot, players, tmp_path):
    source = LiveDrawing()
    player = players(lambda spec: source if spec == "camera:0" else LiveDrawing(), journal=tmp_path / "state")
    open_and_wait(qtbot, player, "camera:0")
    qtbot.waitUntil(lambda: player.is_playing and bool(player.views))
    first = player.views[0].frame
    player.begin(BoxRequest(player.source.serial, first, tuple(true_box(first.index)), None, True))
    qtbot.waitUntil(lambda: bool(player.summary.targets))
    while player.views[-1].frame.index < 5:
        source.capture(1)
        qtbot.wait(10)
    player.open("camera:1")
    qtbot.waitUntil(lambda: any("is kept" in notice for notice in player.notices))
    (path,) = (tmp_path / "state").glob("*.run1.jsonl")
    run = load_run(path)
    assert run.source.is_live and len(run) >= 2 and int(run.frame_indices[-1]) >= 5
    assert any(str(path) in notice for notice in player.notices)
    assert main(["export", "--run", str(path), "--format", "csv", "--out", str(tmp_path / "boxes.csv")]) == 0
    assert len((tmp_path / "boxes.csv").read_text().splitlines()) > len(run)
    # the same camera shows something else the next time
    player.open("camera:0")
    with qtbot.waitSignal(player.worker.opened):
        player.open("camera:1")
    assert player.summary.targets == () and load_run(path).created == run.created


def found(player) -> int:
    return sum(target.count for target in player.summary.targets)


@pytest.mark.parametrize(
    ("damage", "count", "sentence"),
    [
        ("cut", 29, "Restored"),  # the line that was being written is left out
        ("garbage", 0, "cannot be read"),
        ("other content", 0, "other content"),
    ],
)
def test_of_saved_results_only_those_that_fit_are_used(qtbot, players, tmp_path, damage, count, sentence):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    player = players(lambda spec: DrawnSource(30, fps=500.0, paths=[spec]), journal=tmp_path / "state")
    open_and_wait(qtbot, player, str(clip))
    begin(qtbot, player)
    qtbot.waitUntil(lambda: bool(player.views) and player.views[-1].frame.index == 29, timeout=5000)
    qtbot.waitUntil(lambda: not player.is_playing)
    (saved,) = (tmp_path / "state").glob("*.run1.jsonl")
    if damage == "cut":
        saved.write_text(saved.read_text()[:-40])
    elif damage == "garbage":
        saved.write_text("\0\0\0")
    else:
        clip.write_bytes(b"another video of another length")
    again = players(lambda spec: DrawnSource(30, paths=[spec]), journal=tmp_path / "state")
    open_and_wait(qtbot, again, str(clip))
    qtbot.waitUntil(lambda: bool(again.notices))
    qtbot.waitUntil(lambda: found(again) == count)
    assert not again.failures
    assert sentence in again.notices[0]


def test_the_drawn_source_is_the_same_every_time():
    np.testing.assert_array_equal(draw_frame(5), draw_frame(5))
