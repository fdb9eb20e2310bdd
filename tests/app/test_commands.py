"""A command is one row: what it says of itself is what menu, keys and sheet show, and when it can be used is asked."""

from __future__ import annotations

import pytest
from fakes import LiveDrawing
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QContextMenuEvent
from PyQt5.QtWidgets import QApplication, QMenu

from app.commands import MENUS, TOOLBAR, Command, find_conflicts
from app.controls.gaps import TIMELINE_MENU
from app.window.theme import MenuStyle


def enabled(window) -> set[str]:
    return {name for name in window.actions_ if window.actions_[name].isEnabled()}


NEED_SOURCE = {"close_source", "screenshot", "copy_image", "play", "draw", "add_target", "track",
               "track_some"}  # fmt: skip
NEED_TARGET = {"export", "remove_target", "clear_targets"}
NEED_LENGTH = {"step_forward", "step_back", "skip_forward", "skip_back", "go_start", "go_end", "go_to", "mark_start",
               "mark_end", "clear_range", "loop", "slower", "faster", "normal_speed"}  # fmt: skip


def test_commands_can_be_used_when_there_is_something_to_use_them_on(drive):
    driver = drive()
    window = driver.window
    assert not enabled(window) & (NEED_SOURCE | NEED_TARGET | NEED_LENGTH | {"use_truth", "run_again", "next_target"})
    driver.open()
    assert enabled(window) >= NEED_SOURCE | NEED_LENGTH | {"use_truth"}
    assert not enabled(window) & (NEED_TARGET | {"run_again", "next_target"})
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: enabled(window) >= NEED_TARGET | {"run_again"}, timeout=5000)
    assert "next_target" not in enabled(window)


def test_of_a_live_source_nothing_asks_for_another_time(drive):
    driver = drive(lambda spec: LiveDrawing())
    driver.open()
    assert enabled(driver.window) >= NEED_SOURCE and not enabled(driver.window) & NEED_LENGTH


def test_what_is_on_is_shown_however_it_came_about(drive):
    driver = drive()
    driver.open()
    actions, playback = driver.window.actions_, driver.window.playback
    for name, read in (("loop", lambda: playback.is_looping), ("pause_on_lost", lambda: playback.pauses_on_lost)):
        before = read()
        actions[name].trigger()
        assert read() is not before and actions[name].isChecked() is read()
    # pressing "Track" without a box asks for one: nothing is tracked yet, and the button says so
    driver.canvas.offer_box(None)
    actions["track"].trigger()
    assert not actions["track"].isChecked() and driver.canvas.editor.is_armed


def test_the_menu_of_the_timeline_has_groups(drive):
    window = drive().window
    timeline = window.panels.timeline
    center = timeline.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Mouse, center, timeline.mapToGlobal(center))
    QApplication.sendEvent(timeline, event)
    menu = QApplication.activePopupWidget()
    names = [action.objectName() if not action.isSeparator() else "" for action in menu.actions()]
    assert names == list(TIMELINE_MENU) and names.count("") == 3
    assert type(menu.style()) is MenuStyle, "it looks like those of the menu bar"
    menu.close()
    of_runs = window.panels.runs.findChild(QMenu)
    assert of_runs.actions() and type(of_runs.style()) is MenuStyle


def test_menus_toolbar_and_actions_are_made_of_the_rows(drive):
    window = drive().window
    commands = {command.id: command for command in window.actions_.commands}
    assert {name for name in TOOLBAR if name} <= set(commands)
    for menu, _ in MENUS:
        ids = [
            action.objectName() for action in window.actions_.menus[menu].actions() if action.objectName() in commands
        ]
        assert ids == [name for name, command in commands.items() if command.menu == menu]
    for name, command in commands.items():
        assert window.actions_[name].isCheckable() == (command.is_on is not None)


# the row's keys, what the user chose, and what works then; the first key is the user's, "" takes all away
@pytest.mark.parametrize(
    ("keys", "shortcuts", "expected"),
    [
        (". Right", {}, [".", "Right"]),
        (". Right", {"x": "F7"}, ["F7", "Right"]),
        (". Right", {"x": ""}, []),
        ("", {}, []),
        ("", {"x": "F7"}, ["F7"]),
        ("A", {"other": "F7"}, ["A"]),
    ],
)
def test_the_first_key_can_be_changed(keys, shortcuts, expected):
    assert Command("x", "file", "X", lambda: None, keys).keys_with(shortcuts) == expected


def test_further_keys_count_as_conflicts_too():
    rows = [Command("a", "file", "A", lambda: None, ". Right"), Command("b", "file", "B", lambda: None, "B")]
    assert find_conflicts(rows, {}) == {}
    assert find_conflicts(rows, {"b": "Right"}) == {"Right": ["a", "b"]}
