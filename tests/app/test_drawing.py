"""Drawing boxes: several in one frame, in any order, none lost by a key; what the hint and the canvas say meanwhile."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, MatchingTracker, true_box
from PyQt5.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtWidgets import QApplication

from app.worker.messages import Messages
from tracker_core.errors import InputError
from tracker_core.results.run import BoxOrigin

ELSEWHERE = (20.0, 180.0, 50.0, 40.0)


def without_truth(spec):
    source = DrawnSource()
    source.sequence = None
    return source


@pytest.fixture
def driver(drive):
    driver = drive(without_truth)
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.editor.is_armed)
    return driver


def point(driver, x, y) -> QPoint:
    left, top = driver.canvas.transform.to_widget(x, y)
    return QPoint(round(left), round(top))


def move(driver, x, y) -> None:
    """Move the mouse with its left button held; QTest's own moves are those of the pointer, which arrive later."""
    where = QPointF(point(driver, x, y))
    event = QMouseEvent(QEvent.MouseMove, where, where, Qt.NoButton, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(driver.canvas, event)


def drag(driver, box) -> None:
    x, y, w, h = (float(value) for value in box)
    driver.qtbot.mousePress(driver.canvas, Qt.LeftButton, pos=point(driver, x, y))
    move(driver, x + w / 2, y + h / 2)
    move(driver, x + w, y + h)
    driver.qtbot.mouseRelease(driver.canvas, Qt.LeftButton, pos=point(driver, x + w, y + h))


def press(driver, key, modifiers=Qt.NoModifier) -> None:
    driver.qtbot.keyClick(driver.canvas, key, modifiers)


def wait_for_targets(driver, count) -> None:
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.targets) == count, timeout=5000)


def key_frames(driver) -> dict:
    return {target.number: target.key_frames for target in driver.player.summary.targets}


def key_box(driver, number, index=0):
    return driver.player.worker.session.targets[number].key_frames[index].box_xywh


def play_to_the_end(driver) -> None:
    driver.qtbot.waitUntil(lambda: driver.index == 59 and not driver.player.is_playing, timeout=10_000)


def test_return_keeps_a_box_and_the_frame_and_space_tracks_all_that_was_drawn(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 1)
    assert not driver.player.is_playing and driver.index == 0
    assert "Space" in driver.canvas.hint
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 2)
    assert driver.index == 0 and key_frames(driver) == {1: (0,), 2: (0,)}
    press(driver, Qt.Key_Space)
    play_to_the_end(driver)
    assert [sorted(driver.results(number)) for number in (1, 2)] == [list(range(60))] * 2


def test_adding_a_target_keeps_the_box_that_was_drawn_even_the_first(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    assert "target 2" in driver.canvas.hint and driver.canvas.edited_target == 2
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Space)
    play_to_the_end(driver)
    np.testing.assert_allclose(key_box(driver, 1), true_box(0), atol=1.5)
    np.testing.assert_allclose(key_box(driver, 2), ELSEWHERE, atol=1.5)


def test_an_offered_box_is_kept_as_the_true_one_when_another_is_added(drive):
    driver = drive()
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 2)
    keys = [driver.player.worker.session.targets[number].key_frames[0] for number in (1, 2)]
    assert [key.by for key in keys] == [BoxOrigin.GROUND_TRUTH, BoxOrigin.USER]


def test_targets_of_one_frame_are_drawn_and_redrawn_in_any_order(driver):
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, (200, 20, 40, 40))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 2)
    driver.qtbot.waitUntil(lambda: driver.window.drawing.active == 2)
    press(driver, Qt.Key_N)
    press(driver, Qt.Key_R)
    assert "around target 1" in driver.canvas.hint and driver.canvas.edited_target == 1
    drag(driver, true_box(0))
    press(driver, Qt.Key_N)  # a box that was drawn stays with the target it was drawn for
    press(driver, Qt.Key_R)
    assert "around target 2" in driver.canvas.hint
    drag(driver, (210, 30, 40, 40))
    press(driver, Qt.Key_Return)
    driver.qtbot.waitUntil(lambda: bool(np.allclose(key_box(driver, 2), (210, 30, 40, 40), atol=1.5)))
    np.testing.assert_allclose(key_box(driver, 1), true_box(0), atol=1.5)
    assert key_frames(driver) == {1: (0,), 2: (0,)} and driver.index == 0


def test_a_box_just_added_is_the_one_that_is_redrawn_at_once(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Return)
    press(driver, Qt.Key_R)  # before the worker has said that there is a second target
    drag(driver, (200, 20, 40, 40))
    press(driver, Qt.Key_Return)
    driver.qtbot.waitUntil(lambda: 2 in driver.player.worker.session.targets)
    driver.qtbot.waitUntil(lambda: bool(np.allclose(key_box(driver, 2), (200, 20, 40, 40), atol=1.5)))
    wait_for_targets(driver, 2)
    np.testing.assert_allclose(key_box(driver, 1), true_box(0), atol=1.5)


def test_redrawing_keeps_the_box_until_another_is_drawn_and_undo_brings_it_back(driver):
    drag(driver, ELSEWHERE)
    first = driver.canvas.box
    press(driver, Qt.Key_R)
    assert driver.canvas.box == first
    drag(driver, (40, 190, 60, 40))  # begins inside the first one, which it would have moved
    assert driver.canvas.box == pytest.approx((40, 190, 60, 40), abs=1.5)
    press(driver, Qt.Key_Z, Qt.ControlModifier)
    assert driver.canvas.box == first


def test_after_undo_of_the_only_box_the_hint_and_drawing_come_back(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 1)
    press(driver, Qt.Key_Z, Qt.ControlModifier)
    wait_for_targets(driver, 0)
    assert driver.canvas.editor.is_armed and "Drag a box" in driver.canvas.hint
    before = driver.canvas.transform
    drag(driver, true_box(0))
    assert driver.canvas.transform == before
    assert driver.canvas.box == pytest.approx(tuple(true_box(0)), abs=1.5)


def test_without_a_target_a_drag_always_draws(driver):
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Escape)
    assert driver.canvas.box is None and "Drag a box" in driver.canvas.hint
    drag(driver, true_box(0))
    assert driver.canvas.box == pytest.approx(tuple(true_box(0)), abs=1.5)


def test_a_drag_with_a_target_there_says_how_to_draw_and_moves_nothing_that_is_seen_whole(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_Space)
    play_to_the_end(driver)
    before = driver.canvas.transform
    driver.qtbot.mousePress(driver.canvas, Qt.LeftButton, pos=point(driver, 10, 10))
    move(driver, 60, 60)
    assert "redraw target 1" in driver.canvas.hint and driver.canvas.transform == before
    driver.qtbot.mouseRelease(driver.canvas, Qt.LeftButton, pos=point(driver, 60, 60))
    assert not driver.canvas.hint
    press(driver, Qt.Key_Plus)  # zoomed in there is something to move
    zoomed = driver.canvas.transform
    drag(driver, (100, 100, 50, 50))
    assert driver.canvas.transform != zoomed


def test_a_slip_of_the_mouse_keeps_the_wish_to_draw(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 1)
    press(driver, Qt.Key_R)
    drag(driver, (100, 100, 30, 1))
    assert driver.canvas.editor.is_armed and driver.canvas.box is None
    assert "redraw" in driver.canvas.hint


def test_playing_without_a_box_keeps_the_wish_to_draw(driver):
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index > 3, timeout=5000)
    press(driver, Qt.Key_Space)
    assert driver.canvas.editor.is_armed and "Drag a box" in driver.canvas.hint


def test_playing_at_the_end_starts_over_at_the_range_where_there_is_one(driver):
    player = driver.player
    player.set_speed(4.0)
    player.seek(59)
    driver.qtbot.waitUntil(lambda: driver.index == 59)
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index < 20, timeout=5000)
    play_to_the_end(driver)
    driver.window.playback.set_range(30, 50)
    player.seek(50)
    driver.qtbot.waitUntil(lambda: driver.index == 50)
    shown = []
    driver.canvas.painted.connect(lambda: shown.append(driver.index))
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: 30 in shown, timeout=5000)
    driver.qtbot.waitUntil(lambda: driver.index == 50 and not player.is_playing, timeout=5000)
    assert min(shown) == 30


def test_two_targets_are_drawn_on_one_frozen_image_of_a_live_source(drive):
    source = LiveDrawing()
    driver = drive(lambda spec: source)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    press(driver, Qt.Key_R)
    source.capture(1)  # wakes the worker out of its wait for an image
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    frozen = driver.index
    drag(driver, true_box(frozen))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 1)
    source.capture(6)
    driver.qtbot.wait(50)
    assert driver.index == frozen and not driver.player.is_playing
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 2)
    source.capture(6)
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index >= frozen + 12, timeout=5000)
    assert key_frames(driver) == {1: (frozen,), 2: (frozen,)}
    assert all(set(range(frozen, frozen + 13)) <= set(driver.results(number)) for number in (1, 2))


def test_escape_lets_a_held_live_image_go(drive):
    source = LiveDrawing()
    driver = drive(lambda spec: source)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    press(driver, Qt.Key_R)
    source.capture(1)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    drag(driver, true_box(driver.index))
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 1)
    press(driver, Qt.Key_Escape)
    driver.qtbot.waitUntil(lambda: driver.player.is_playing, timeout=5000)
    source.capture(1)
    source.unplug()


class RefusingTracker(MatchingTracker):
    """Starts on no box."""

    def init(self, image, box_xywh):
        raise InputError("There is nothing to follow in this box.")

    def fork(self):
        return RefusingTracker()


def end_with_escape(driver) -> None:
    press(driver, Qt.Key_Escape)
    driver.qtbot.waitUntil(lambda: bool(driver.failures))  # it goes on, where there is nothing any more


def draw_and_accept(driver) -> None:
    drag(driver, true_box(0))
    press(driver, Qt.Key_Return)
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets or driver.failures))


# what ends the drawing, the tracker, the frames that are shown from then on
@pytest.mark.parametrize(
    ("ends", "tracker", "shown"),
    [
        pytest.param(end_with_escape, MatchingTracker, [1], id="Escape"),
        pytest.param(draw_and_accept, MatchingTracker, [0], id="a box, whose frame the session goes back to"),
        pytest.param(draw_and_accept, RefusingTracker, [1], id="a box that is refused"),
    ],
)
def test_the_image_that_came_while_a_live_one_was_held_is_shown_after_it(drive, ends, tracker, shown, monkeypatch):
    source = LiveDrawing()
    driver = drive(lambda spec: source, lambda choice: tracker())
    driver.open("live")
    player = driver.player
    driver.qtbot.waitUntil(lambda: player.is_playing)
    is_free = threading.Event()
    player._asked.emit(is_free.wait)  # the image comes while the worker is at something else, before it is told to stop
    source.capture(1)
    driver.qtbot.waitUntil(lambda: player.worker.playback._reader._frame is not None)
    press(driver, Qt.Key_R)
    is_free.set()
    driver.qtbot.waitUntil(lambda: not player.is_playing)
    source.unplug()
    assert driver.index == 0 and player.worker.session.position == 1
    # the window has time to take what stands there before the worker says more
    post = Messages.post_replaced
    monkeypatch.setattr(Messages, "post_replaced", lambda *given: (post(*given), time.sleep(0.2)))
    player.worker.summary_changed.connect(lambda _: time.sleep(0.2), Qt.DirectConnection)
    painted = []
    driver.canvas.painted.connect(lambda: painted.append(driver.index))
    ends(driver)
    driver.qtbot.waitUntil(lambda: driver.index == player.worker.session.position == shown[0])
    driver.canvas.repaint()
    assert sorted(set(painted) - {0}) == sorted(set(shown) - {0})


def test_of_several_targets_the_active_one_is_marked(driver):
    drag(driver, true_box(0))
    press(driver, Qt.Key_R, Qt.ShiftModifier)
    drag(driver, ELSEWHERE)
    press(driver, Qt.Key_Return)
    wait_for_targets(driver, 2)
    driver.qtbot.waitUntil(lambda: driver.window.drawing.active == 2)
    driver.qtbot.waitUntil(lambda: len(driver.canvas.frame_view.targets) == 2)
    second = driver.canvas.grab().toImage()
    press(driver, Qt.Key_N)
    first = driver.canvas.grab().toImage()
    for box in (true_box(0), ELSEWHERE):  # at the lower right corner of either box
        corner = QRect(point(driver, box[0] + box[2], box[1] + box[3]) - QPoint(2, 2), QSize(12, 12))
        assert first.copy(corner) != second.copy(corner)
