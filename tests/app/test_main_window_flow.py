"""The main job, driven through the real main window by mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import DrawnSource, true_box
from PyQt5.QtCore import QPoint, Qt

from tracker_core.boxes import iou_xywh


def widget_point(canvas, x: float, y: float) -> QPoint:
    left, top = canvas.transform.to_widget(x, y)
    return QPoint(round(left), round(top))


def drag_box(driver, box) -> None:
    """Draw a box with the mouse, from its top left to its bottom right corner."""
    x, y, w, h = (float(v) for v in box)
    canvas = driver.canvas
    start, middle, end = (widget_point(canvas, x + f * w, y + f * h) for f in (0.0, 0.5, 1.0))
    driver.qtbot.mousePress(canvas, Qt.LeftButton, pos=start)
    driver.qtbot.mouseMove(canvas, middle)
    driver.qtbot.mouseMove(canvas, end)
    driver.qtbot.mouseRelease(canvas, Qt.LeftButton, pos=end)


def press(driver, key, modifiers=Qt.NoModifier) -> None:
    driver.qtbot.keyClick(driver.canvas, key, modifiers)


def overlap(one, other) -> float:
    return float(iou_xywh(one, other))


def test_space_alone_tracks_the_offered_box(drive):
    driver = drive()
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    np.testing.assert_allclose(driver.canvas.box, true_box(0))
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 59, timeout=10_000)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    results = driver.results()
    assert sorted(results) == list(range(60))
    assert np.mean([overlap(results[i].box_xywh, true_box(i)) for i in range(60)]) > 0.9


def without_truth(spec):
    source = DrawnSource()
    source.sequence = None
    return source


def test_draw_by_mouse_track_step_back_and_redraw(drive):
    driver = drive(without_truth)
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.editor.is_armed)
    drag_box(driver, true_box(0))
    assert driver.canvas.box == pytest.approx(tuple(true_box(0)), abs=1.5)
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 59, timeout=10_000)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    before = {i: r for i, r in driver.results().items() if i < 30}
    driver.player.seek(31)
    driver.qtbot.waitUntil(lambda: driver.index == 31)
    press(driver, Qt.Key_Comma)
    driver.qtbot.waitUntil(lambda: driver.index == 30)
    press(driver, Qt.Key_R)
    drag_box(driver, true_box(30) + np.array([2, 2, -4, -4]))
    press(driver, Qt.Key_T)
    driver.qtbot.waitUntil(lambda: driver.index == 59 and not driver.player.is_playing, timeout=10_000)
    after = driver.results()
    assert sorted(after) == list(range(60))
    assert all(after[i] is before[i] for i in before)
    assert driver.player.summary.targets[0].key_frames == (0, 30)
    assert after[31].box_xywh[2] == pytest.approx(36, abs=3)
    assert not driver.failures
