"""Playing in real time: frames are shown as far apart as they were taken, whatever rate the file claims."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker

from app.worker.clock import PlaybackClock
from app.worker.live_reader import LiveReader
from app.worker.player import Player
from tracker_core.errors import SourceEnded
from tracker_core.types import Frame


class Viewer:
    """A viewer whose time passes by waiting, and by `delay_s` of work for each frame."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.now_s, self.delay_s = 100.0, delay_s
        self.clock = PlaybackClock(lambda: self.now_s)

    def watch(self, times_s, nominal_s: float = 1 / 30) -> list[float]:
        """Return when each frame is shown, in seconds since the first one."""
        self.clock.start(times_s[0])
        shown = [self.now_s]
        for time_s in times_s[1:]:
            self.now_s += self.delay_s
            self.now_s += self.clock.seconds_until(time_s, nominal_s)
            self.clock.advance()
            shown.append(self.now_s)
        return [at - shown[0] for at in shown]


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        ([0.0, 0.04, 0.08, 0.12], [0.0, 0.04, 0.08, 0.12]),  # 25 frames per second
        ([0.0, 0.1, 0.5, 0.6, 2.6], [0.0, 0.1, 0.5, 0.6, 2.6]),  # a variable frame rate
        ([0.0, 60.0, 120.0], [0.0, 60.0, 120.0]),  # a time-lapse
        ([5.0, 5.1, 5.2], [0.0, 0.1, 0.2]),  # a file that starts late
        ([0.0, 0.04, 0.04, 0.08], [0.0, 0.04, 0.04 + 1 / 30, 0.08 + 1 / 30]),  # one time stamp given twice
        ([0.0, 0.04, float("nan"), 0.08], None),  # a damaged one: no wait longer than the nominal distance
        ([1.0, 1.04, 0.0, 0.04], [0.0, 0.04, 0.04 + 1 / 30, 0.08 + 1 / 30]),  # the jump of a loop
    ],
)
def test_frames_are_as_far_apart_as_their_times(times_s, expected):
    shown = Viewer().watch(times_s)
    if expected is None:
        assert shown[-1] <= 0.04 + 2 / 30 + 1e-9
    else:
        assert shown == pytest.approx(expected)


def test_speed_scales_the_distances_and_as_fast_as_possible_waits_for_nothing():
    viewer = Viewer()
    viewer.clock.speed = 4.0
    assert viewer.watch([0.0, 0.4, 2.0]) == pytest.approx([0.0, 0.1, 0.5])
    viewer.clock.speed = 0.0
    assert viewer.watch([0.0, 0.4, 2.0]) == [0.0, 0.0, 0.0]


def test_work_is_part_of_the_wait_and_does_not_add_to_it():
    assert Viewer(delay_s=0.03).watch([0.0, 0.04, 0.08, 0.12]) == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_what_is_late_is_not_hurried_after():
    viewer = Viewer(delay_s=0.5)  # each frame takes half a second, a frame is due every 0.04 s
    viewer.watch([index * 0.04 for index in range(10)])
    viewer.delay_s = 0.0
    began = viewer.now_s
    viewer.now_s += viewer.clock.seconds_until(0.40, 1 / 25)
    assert viewer.now_s - began == pytest.approx(0.04)  # back at real time at once, no burst


class UnevenSource(DrawnSource):
    """Three frames at 0, 0.05 and 0.6 s, whatever the rate of 30 frames per second says."""

    times_s = (10.0, 10.05, 10.6)

    def read(self):
        frame = super().read()
        return None if frame is None else replace(frame, time_s=self.times_s[frame.index])


def test_backwards_frames_are_as_far_apart_as_forwards():
    clock = PlaybackClock(lambda: 5.0)
    clock.start(2.0)
    assert clock.seconds_until(1.75, 1 / 30, is_backwards=True) == pytest.approx(0.25)
    assert clock.seconds_until(2.0, 1 / 30, is_backwards=True) == pytest.approx(1 / 30), "times that do not decrease"


def test_the_window_plays_by_the_times_of_the_frames(qtbot, monkeypatch):
    waits = []
    original = PlaybackClock.seconds_until
    monkeypatch.setattr(
        PlaybackClock,
        "seconds_until",
        lambda clock, time_s, *how: waits.append((time_s, original(clock, time_s, *how))) or waits[-1][1],
    )
    player = Player(lambda choice: MatchingTracker(), lambda spec: UnevenSource(3))
    views = []
    player.worker.mail_arrived.connect(lambda: views.append(player.take().view))
    player.open("uneven")
    qtbot.waitUntil(lambda: player.source is not None)
    player.play(True)
    qtbot.waitUntil(lambda: player.is_playing)
    qtbot.waitUntil(lambda: not player.is_playing, timeout=5000)
    assert player.shut_down()
    assert [view.frame.index for view in views if view is not None][-1] == 2
    assert dict(waits)[10.6] > 0.3, "the third frame waits for its time"


def test_a_pause_shows_the_frame_that_waits_and_the_next_step_the_one_after(qtbot):
    player = Player(lambda choice: MatchingTracker(), lambda spec: DrawnSource(20, fps=0.1))  # one frame in 10 s
    views = []
    player.worker.mail_arrived.connect(lambda: views.append(player.take().view))
    player.open("slow")
    qtbot.waitUntil(lambda: player.source is not None)
    player.play(True)
    qtbot.waitUntil(lambda: player.worker.session.position == 1)
    player.play(False)
    qtbot.waitUntil(lambda: bool(views) and views[-1] is not None and views[-1].frame.index == 1)
    player.step(1)
    qtbot.waitUntil(lambda: views[-1] is not None and views[-1].frame.index == 2)
    assert player.shut_down()


class TestLiveReader:
    def test_it_reads_only_when_asked_and_hands_over_what_came(self):
        source, arrived = LiveDrawing(), threading.Event()
        reader = LiveReader(source, lambda _reader: arrived.set())
        assert not arrived.wait(0.05)
        reader.want()
        reader.want()  # one wish at a time
        assert arrived.wait(5)
        frame = reader.take()
        assert isinstance(frame, Frame) and frame.index == 0
        reader.stop()
        source.close()

    def test_an_end_is_raised_where_the_image_is_taken(self):
        source, arrived = LiveDrawing(), threading.Event()
        reader = LiveReader(source, lambda _reader: arrived.set())
        source.read()
        source.unplug()
        reader.want()
        assert arrived.wait(5)
        with pytest.raises(SourceEnded):
            reader.take()
        reader.stop()
        source.close()

    def test_a_reader_that_was_stopped_says_nothing(self):
        source, arrived = LiveDrawing(), threading.Event()
        reader = LiveReader(source, lambda _reader: arrived.set())
        source.read()
        reader.want()
        reader.stop()
        source.close()
        assert not arrived.wait(0.2)
