"""The monkey knows every action and every widget of the window and of its dialogs, or says why it leaves one alone."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
from monkey import ELSEWHERE, FORBIDDEN, LEFT_ALONE, is_interactive, usable_actions, use_of
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAction,
    QApplication,
    QDialog,
    QFileDialog,
    QPushButton,
    QTabWidget,
    QWidget,
)

import app.dialogs


def unknown(place: QWidget) -> list[str]:
    """The widgets of a window that take the mouse or keys and that the monkey neither uses nor names."""
    return sorted(
        f"{type(widget).__name__} '{widget.objectName() or widget.accessibleName()}'"
        for widget in place.findChildren(QWidget)
        if is_interactive(widget)
        and use_of(widget) is None
        and type(widget) not in ELSEWHERE
        and not (isinstance(widget, QAbstractButton) and widget.text().replace("&", "") in LEFT_ALONE)
    )


@pytest.fixture
def window(drive):
    driver = drive()
    driver.open()
    for dock in driver.window.docks.docks.values():
        dock.show()
    for tabs in driver.window.findChildren(QTabWidget):
        for place in range(tabs.count()):
            tabs.setCurrentIndex(place)  # what is built when it is first seen is there now
            QApplication.processEvents()
    return driver.window


def test_every_widget_of_the_window_is_known(window):
    assert "\n".join(unknown(window)) == ""


def test_every_action_is_known(window):
    left_alone = [window.actions_[name] for name in window.actions_ if name in FORBIDDEN]
    known = [*usable_actions(window).values(), *left_alone]
    own = [action for action in window.findChildren(QAction) if action.text() not in ("", *FORBIDDEN)]
    assert " ".join(action.text() for action in own if action.menu() is None and action not in known) == ""


def test_every_widget_of_the_dialogs_is_known(window, qtbot):
    """Dialogs come up by their commands; one that comes up by no command would be one that the monkey never meets."""
    seen: set[type] = set()
    found: list[str] = []

    def look_and_close() -> None:
        for dialog in (one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()):
            seen.add(type(dialog))
            if not isinstance(dialog, QFileDialog):  # Qt's own
                found.extend(unknown(dialog))
            dialog.close()

    timer = QTimer()
    timer.timeout.connect(look_and_close)
    timer.start(20)
    window.drawing.use_ground_truth()  # so that there is a run to be exported and tracked again
    qtbot.waitUntil(lambda: bool(window.player.summary.targets))
    for command in window.actions_.commands:
        if command.text.endswith("…") or (command.menu == "help" and command.id not in FORBIDDEN):
            window.actions_[command.id].setEnabled(True)
            window.actions_[command.id].trigger()
    look_and_close()
    timer.stop()
    for job in window.jobs.running:  # else closing the window asks whether they may be stopped
        job.force()
    qtbot.waitUntil(lambda: not window.jobs.running)
    modules = [
        importlib.import_module(f"app.dialogs.{found.name}") for found in pkgutil.iter_modules(app.dialogs.__path__)
    ]
    own = {kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass)
           if issubclass(kind, QDialog) and kind.__module__ == module.__name__}  # fmt: skip
    assert own - seen == set()
    assert "\n".join(found) == ""


class Dial(QWidget):
    """A widget that nobody told the monkey of."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.StrongFocus)


def test_a_widget_that_nobody_told_of_is_found(qtbot):
    place = QWidget()
    qtbot.addWidget(place)
    Dial(place)
    QPushButton("Go", place)
    assert unknown(place) == ["Dial ''"]
