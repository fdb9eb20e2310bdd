"""Click to box, through the real window: a click proposes, others refine, the mouse and Escape have the last word."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import DrawnSource, LiveDrawing, true_box
from PyQt5.QtCore import QPoint, Qt

from tracker_core.boxes import iou_xywh


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


def click(driver, x, y, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
    left, top = driver.canvas.transform.to_widget(x, y)
    driver.qtbot.mouseClick(driver.canvas, button, modifiers, QPoint(round(left), round(top)))


def click_and_wait(driver, x, y, **how):
    before = driver.canvas.box
    click(driver, x, y, **how)
    driver.qtbot.waitUntil(lambda: driver.canvas.box not in (None, before), timeout=5000)
    return np.array(driver.canvas.box)


def middle(index: int) -> tuple[float, float]:
    x, y, w, h = true_box(index)
    return x + w / 2, y + h / 2


def press(driver, key, modifiers=Qt.NoModifier) -> None:
    driver.qtbot.keyClick(driver.canvas, key, modifiers)


def holds(box, x, y) -> bool:
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]


def test_one_click_proposes_a_box_that_space_tracks(driver):
    box = click_and_wait(driver, *middle(0))
    assert float(iou_xywh(box, true_box(0))) > 0.5
    assert len(driver.canvas.click_marks) == 1 and "Space tracks" in driver.canvas.hint
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 59 and not driver.player.is_playing, timeout=10_000)
    assert float(iou_xywh(driver.results()[59].box_xywh, true_box(59))) > 0.4
    assert not driver.canvas.click_marks


def test_more_clicks_extend_the_box_and_cut_it_back_and_undo_takes_them_back(driver):
    x, y, w, h = true_box(0)
    first = click_and_wait(driver, *middle(0))
    far = (x + w + 30, y + h / 2)
    assert not holds(first, *far)
    wider = click_and_wait(driver, *far)
    assert holds(wider, *far) and holds(wider, *middle(0))
    press(driver, Qt.Key_Z, Qt.ControlModifier)
    assert np.array_equal(driver.canvas.box, first) and len(driver.canvas.click_marks) == 1
    cut = click_and_wait(driver, x + w - 8, y + h / 2, button=Qt.RightButton)
    assert holds(cut, *middle(0)) and not holds(cut, x + w - 8, y + h / 2)
    assert [mark[2] for mark in driver.canvas.click_marks] == [True, False]


def test_alt_and_a_click_is_beside_the_object_too(driver):
    x, y, w, h = true_box(0)
    click_and_wait(driver, *middle(0))
    cut = click_and_wait(driver, x + w - 8, y + h / 2, modifiers=Qt.AltModifier)
    assert not holds(cut, x + w - 8, y + h / 2)


def test_a_first_click_beside_the_object_only_says_what_to_do(driver):
    notices = []
    driver.window.clicking.notice.connect(notices.append)
    click(driver, *middle(0), button=Qt.RightButton)
    assert driver.canvas.box is None and "object first" in notices[-1]


def test_the_key_asks_for_a_click_also_where_a_box_was_drawn_and_escape_leaves(driver):
    driver.canvas.offer_box((10.0, 10.0, 30.0, 30.0))
    press(driver, Qt.Key_C)
    assert driver.canvas.takes_clicks and "click on it" in driver.canvas.hint
    click_and_wait(driver, *middle(0))
    press(driver, Qt.Key_Escape)
    assert driver.canvas.box is None and not driver.canvas.click_marks


def test_an_answer_that_comes_after_escape_is_not_shown(driver):
    click(driver, *middle(0))
    press(driver, Qt.Key_Escape)
    driver.qtbot.wait(300)
    assert driver.canvas.box is None


def test_a_proposed_box_is_adjusted_by_hand_and_clicks_change_it_no_more(driver):
    box = click_and_wait(driver, *middle(0))
    press(driver, Qt.Key_Right)
    assert driver.canvas.box[0] == pytest.approx(box[0] + 1)
    adjusted = driver.canvas.box
    click(driver, *middle(0))
    driver.qtbot.wait(200)
    assert driver.canvas.box == adjusted and not driver.canvas.click_marks


def test_a_click_works_on_the_frozen_image_of_a_live_source(drive):
    source = LiveDrawing()
    driver = drive(lambda spec: source)
    driver.open("live")
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    press(driver, Qt.Key_C)
    source.capture(1)  # wakes the worker out of its wait for an image
    driver.qtbot.waitUntil(lambda: not driver.player.is_playing)
    frozen = driver.index
    source.capture(8)
    box = click_and_wait(driver, *middle(frozen))
    assert driver.index == frozen and float(iou_xywh(box, true_box(frozen))) > 0.5
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index > frozen + 5, timeout=5000)
    assert driver.player.summary.targets[0].key_frames == (frozen,)
    source.unplug()
