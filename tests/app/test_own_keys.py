"""Whom a key belongs to: the control that was reached by Tab, or the window's command of that key."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QCheckBox


@pytest.fixture
def driver(drive):
    driver = drive()
    driver.open()
    driver.window.activateWindow()
    driver.qtbot.waitUntil(lambda: QApplication.activeWindow() is driver.window)
    return driver


def reach_by_tab(driver, wanted) -> None:
    """Come to a widget as by keyboard: by Tab from one before it."""
    driver.qtbot.waitUntil(wanted.isVisible)
    before = wanted.previousInFocusChain()
    while not (before.isVisible() and before.isEnabled() and before.focusPolicy() & Qt.TabFocus):
        before = before.previousInFocusChain()
    before.setFocus()
    for _ in range(9):  # a list before it may keep the first for itself
        QTest.keyClick(QApplication.focusWidget(), Qt.Key_Tab)
        if QApplication.focusWidget() is wanted:
            return
    raise AssertionError(f"{wanted} is not reached")


def press(driver, key) -> None:
    QTest.keyClick(QApplication.focusWidget(), key)
    driver.qtbot.wait(50)


def heat_map_box(driver) -> QCheckBox:
    boxes = driver.window.panels.overlays.findChildren(QCheckBox)
    return next(box for box in boxes if box.text() == "Heat map")


def test_space_presses_what_was_reached_by_tab(driver):
    box = heat_map_box(driver)
    reach_by_tab(driver, box)
    press(driver, Qt.Key_Space)
    assert box.isChecked() and not driver.player.is_playing
    press(driver, Qt.Key_Space)
    assert not box.isChecked() and not driver.player.is_playing


def test_space_plays_after_a_click(driver):
    """Who shows an overlay with the mouse wants the next Space to play, not to hide it again."""
    box = heat_map_box(driver)
    for reach in (lambda: None, lambda: reach_by_tab(driver, box)):  # the mouse has the last word
        reach()
        driver.qtbot.mouseClick(box, Qt.LeftButton, pos=QPoint(8, box.height() // 2))
        is_checked = box.isChecked()
        press(driver, Qt.Key_Space)
        assert box.isChecked() == is_checked
        driver.qtbot.waitUntil(lambda: driver.player.is_playing)
        driver.window.playback.toggle_play()
        driver.qtbot.waitUntil(lambda: not driver.player.is_playing)


def test_space_ticks_a_line_of_a_list_that_was_reached_by_tab(driver):
    form = driver.window.panels.benchmark.form
    driver.window.docks.show_tab(driver.window.panels.benchmark)
    form.set_trackers(["siamscope-base", "siamscope-light"])
    reach_by_tab(driver, form.trackers)
    press(driver, Qt.Key_End)
    press(driver, Qt.Key_Space)
    assert form.options.trackers == ("siamscope-base", "siamscope-light") and driver.index == 0
    press(driver, Qt.Key_Home)
    press(driver, Qt.Key_Space)
    assert form.options.trackers == ("siamscope-light",) and not driver.player.is_playing
    # after a click into the list the same key plays
    driver.qtbot.mouseClick(form.trackers.viewport(), Qt.LeftButton, pos=QPoint(90, 8))
    press(driver, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.player.is_playing)
    assert form.options.trackers == ("siamscope-light",)


def test_other_keys_stay_with_the_window(driver):
    """Home goes to the first frame also from a button, which has no use for it; letters always are commands."""
    driver.player.seek(5)
    driver.qtbot.waitUntil(lambda: driver.index == 5)
    box = heat_map_box(driver)
    reach_by_tab(driver, box)
    press(driver, Qt.Key_Home)
    driver.qtbot.waitUntil(lambda: driver.index == 0)
    press(driver, Qt.Key_H)
    assert box.isChecked()


def test_the_focus_goes_from_start_to_stop_and_back(driver):
    """Where Start is pressed by keyboard, the focus stays with its panel though Start is disabled."""
    panel = driver.window.panels.training
    driver.window.docks.show_tab(panel)
    driver.qtbot.waitUntil(panel.start.isVisible)
    panel.start.setFocus()
    panel.set_running(True)
    assert panel.stop.hasFocus()
    panel.set_running(False)
    assert panel.start.hasFocus()
    form = driver.window.panels.benchmark.form
    driver.window.docks.show_tab(driver.window.panels.benchmark)
    driver.qtbot.waitUntil(form.start.isVisible)
    form.start.setFocus()
    form.set_state("running")
    assert form.pause.hasFocus()
    form.stop.setFocus()
    form.set_state("idle")
    assert form.start.hasFocus()
