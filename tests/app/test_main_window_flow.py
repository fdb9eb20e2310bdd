"""The main job, driven through the real main window by mouse and keys."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import DrawnSource, true_box
from PyQt5.QtCore import QPoint, Qt

from app.session.frame_view import Stale
from app.worker.messages import BoxRequest
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


def with_truth_that_leaves_the_target(spec):
    source = DrawnSource()
    source.sequence.boxes_xywh[30:, 0] += 100
    return source


def test_the_readout_follows_the_target_that_is_chosen_and_the_parameters_that_are_changed(drive):
    driver = drive(with_truth_that_leaves_the_target)
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 59, timeout=10_000)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    readout = driver.window.panels.readout
    score, state, success = readout.text("score"), readout.text("state"), readout.text("success")

    # another target in the last frame: a box that a person set, without ground truth
    request = BoxRequest(driver.player.source.serial, driver.canvas.frame_view.frame, true_box(20), None)
    driver.player.begin(request)
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.targets) == 2)
    driver.window.drawing.set_active(2)
    driver.qtbot.waitUntil(lambda: readout.text("state") == "key")
    assert not readout.text("iou")
    press(driver, Qt.Key_N)
    assert (readout.text("score"), readout.text("state"), readout.text("success")) == (score, state, success)

    # results of before count on, until something else is found in their place
    driver.player.seek(0)
    driver.qtbot.waitUntil(lambda: driver.index == 0)
    driver.player.set_tracking_config(replace(driver.player.tracking, window_influence=0.11))
    driver.qtbot.waitUntil(lambda: driver.player.summary.runs[0].stale is Stale.TRACKER)
    assert readout.text("success") == success
    driver.player.run_again()
    wanted = [(1, False, 60), (2, True, 60)]
    driver.qtbot.waitUntil(
        lambda: [(r.number, r.is_active, r.frame_count) for r in driver.player.summary.runs] == wanted, timeout=10_000
    )


def test_a_pause_does_not_count_as_time_that_playing_took(drive, monkeypatch):
    ticks = count(step=0.02)
    monkeypatch.setattr("app.window.wiring.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    driver = drive()
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.player.play(True)
    driver.qtbot.waitUntil(lambda: driver.index > 5, timeout=10_000)
    driver.player.play(False)
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    ticks = count(1000.0, 0.02)
    rates = []
    driver.canvas.painted.connect(lambda: rates.append(driver.window.panels.readout.text("fps")))
    driver.player.play(True)
    driver.qtbot.waitUntil(lambda: driver.index > 20, timeout=10_000)
    assert "50 fps" in rates and "0 fps" not in rates


def test_there_is_no_timeline_without_a_video(drive):
    driver = drive()
    assert not driver.window.panels.timeline.isVisible()
    driver.open()
    assert driver.window.panels.timeline.isVisible()


def test_a_held_key_hides_all_overlays_but_types_in_a_field(drive):
    driver = drive()
    driver.open()
    panels, canvas = driver.window.panels, driver.canvas
    for widget in (canvas, panels.sources.tree, panels.overlays, panels.timeline):
        driver.qtbot.keyPress(widget, "`")
        assert driver.window.overlays.is_hidden
        driver.qtbot.keyRelease(widget, "`")
        assert not driver.window.overlays.is_hidden
    driver.qtbot.keyPress(panels.sources.filter, "`")
    assert panels.sources.filter.text() == "`" and not driver.window.overlays.is_hidden
