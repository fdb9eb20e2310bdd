"""The timeline: clicking goes there, Shift drags a range, the strips show every dip, key frames and losses are seen."""

from __future__ import annotations

import math

import pytest
from PyQt5.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt5.QtGui import QMouseEvent, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication

from app.panels.timeline import Timeline

COUNT = 100


@pytest.fixture
def timeline(qtbot):
    """A timeline of 100 frames, 800 pixels wide, that keeps what it asks for in `asked` and `ranges`."""
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(800, 80)
    widget.set_length(COUNT)
    widget.show()
    qtbot.waitExposed(widget)
    widget.asked, widget.ranges = [], []
    widget.seek_requested.connect(widget.asked.append)
    widget.range_changed.connect(widget.ranges.append)
    return widget


def point_of(timeline, index: int) -> QPoint:
    """The middle of a frame's place on the track."""
    return QPoint(round(timeline._geometry.x(index + 0.5)), timeline.height() - 5)


def drag(timeline, modifier, start: int, *stops: int) -> None:
    """Press at a frame, move over others with the button held, release at the last."""
    places = [point_of(timeline, index) for index in (start, *stops)]
    QTest.mousePress(timeline, Qt.LeftButton, modifier, places[0])
    for place in places[1:]:
        event = QMouseEvent(QEvent.MouseMove, QPointF(place), Qt.NoButton, Qt.LeftButton, modifier)
        QApplication.sendEvent(timeline, event)
    QTest.mouseRelease(timeline, Qt.LeftButton, modifier, places[-1])


@pytest.mark.parametrize("index", [0, 1, 50, 98, 99])
def test_a_click_goes_to_the_frame_under_it(qtbot, timeline, index):
    qtbot.mouseClick(timeline, Qt.LeftButton, Qt.NoModifier, point_of(timeline, index))
    assert timeline.asked == [index]


# beside the track: the nearest frame
@pytest.mark.parametrize(("x", "index"), [(0, 0), (40, 0), (799, COUNT - 1)])
def test_a_click_beside_the_track(qtbot, timeline, x, index):
    qtbot.mouseClick(timeline, Qt.LeftButton, Qt.NoModifier, QPoint(x, 10))
    assert timeline.asked == [index]


def test_dragging_seeks_along(timeline):
    drag(timeline, Qt.NoModifier, 10, 20, 30)
    assert timeline.asked == [10, 20, 30]


def test_shift_and_drag_makes_a_range_in_either_direction(qtbot, timeline):
    drag(timeline, Qt.ShiftModifier, 20, 40, 60)
    drag(timeline, Qt.ShiftModifier, 60, 20)
    assert timeline.ranges == [(20, 60), (20, 60)] and timeline.asked == []
    qtbot.mouseClick(timeline, Qt.LeftButton, Qt.ShiftModifier, point_of(timeline, 40))
    assert timeline.ranges[-1] is None


def turn_wheel(timeline, turn: int) -> None:
    where = QPointF(200, 20)
    event = QWheelEvent(where, where, QPoint(), QPoint(0, turn), Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False)
    QApplication.sendEvent(timeline, event)


def test_a_wheel_goes_by_frames_only_where_the_timeline_has_the_focus(qtbot, timeline):
    timeline.clearFocus()
    timeline.set_position(50)
    turn_wheel(timeline, -120)
    assert not timeline.asked and not timeline.hasFocus()
    timeline.activateWindow()
    timeline.setFocus(Qt.TabFocusReason)
    qtbot.waitUntil(timeline.hasFocus)
    timeline.set_position(0)
    for turn in (120, -120):
        turn_wheel(timeline, turn)
    assert timeline.asked == [0, 1]


# from frame 95 of 100: a frame, or a tenth of all, and never past an end
@pytest.mark.parametrize(
    ("key", "frame"), [(Qt.Key_Left, 94), (Qt.Key_Right, 96), (Qt.Key_PageUp, 99), (Qt.Key_PageDown, 85)]
)
def test_keys_go_by_frames(qtbot, timeline, key, frame):
    timeline.set_position(95)
    qtbot.keyClick(timeline, key)
    assert timeline.asked == [frame]


def heights(timeline, top: int, bottom: int) -> list[int]:
    """For every column, how many of the pixels of a strip are coloured."""
    image = timeline.grab().toImage()
    base = timeline.palette().base().color().rgb()
    return [
        sum(image.pixel(x, y) != base for y in range(top, bottom))
        for x in range(timeline._geometry.left + 2, timeline.width() - 14)
    ]


def test_a_dip_of_one_frame_is_seen_in_a_long_video(qtbot, timeline):
    """Ten frames fall on one column: its lowest value is drawn, not its mean."""
    timeline.set_length(8000)
    for index in range(8000):
        timeline.append_result(index, 0.05 if index == 4321 else 0.95, math.nan, "tracking")
    drawn = heights(timeline, 5, 20)
    lowest = min(range(len(drawn)), key=drawn.__getitem__)
    assert drawn[lowest] < max(drawn) - 5
    assert timeline.frame_at(timeline._geometry.left + 2 + lowest) == pytest.approx(4321, abs=12)


def test_overlap_has_a_strip_of_its_own_once_there_is_ground_truth(timeline):
    before = timeline.sizeHint().height()
    timeline.append_result(0, 0.9, math.nan, "tracking")
    assert timeline.sizeHint().height() == before
    timeline.append_result(1, 0.9, 0.7, "tracking")
    assert timeline.sizeHint().height() > before
    timeline.clear()
    assert timeline.sizeHint().height() == before


def test_what_is_known_of_a_frame(timeline):
    timeline.append_result(3, 0.5, 0.25, "lost")
    timeline.append_result(4, math.nan, 0.75, "tracking")
    assert timeline.describe(3) == "frame 3 · score 0.50 · IoU 0.25 · lost"
    assert timeline.describe(4) == "frame 4 · score – · IoU 0.75 · tracking"
    assert timeline.describe(50) == "frame 50"


def test_a_source_without_a_length_grows(timeline):
    timeline.clear()
    timeline.set_length(None)
    for index in range(30):
        timeline.append_result(index, 0.9, math.nan, "tracking")
    assert timeline.frame_count == 30
