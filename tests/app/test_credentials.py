"""The password of an address is shown nowhere: recent sources, title, tooltips, dialogs, log panel, log file."""

from __future__ import annotations

import logging

import pytest
from fakes import DrawnSource
from PyQt5.QtCore import QSettings
from PyQt5.QtWidgets import QAbstractButton, QLabel, QLineEdit, QPlainTextEdit, QWidget

from app.window.errors import start_log_file
from app.window.recent import RecentSources
from tracker_core.errors import SourceError

ADDRESS = "rtsp://anna:hunter2@camera.local/live?token=hunter2"


@pytest.fixture
def log_file(tmp_path):
    """A log file, whose handler is gone after the test."""
    root = logging.getLogger()
    before = list(root.handlers)
    path = start_log_file(tmp_path / "log")
    yield path
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()


def texts_of(window: QWidget) -> str:
    """Everything that can be read in a window."""
    parts = [window.windowTitle()]
    for child in window.findChildren(QWidget):
        parts += [child.toolTip(), child.accessibleName(), child.windowTitle()]
        if isinstance(child, (QLabel, QLineEdit, QAbstractButton)):
            parts.append(child.text())
        elif isinstance(child, QPlainTextEdit):
            parts.append(child.toPlainText())
    for action in window.actions_.menus["file"].findChildren(type(window.actions_["quit"])):
        parts.append(action.text())
    tree = window.panels.sources.tree
    for i in range(tree.topLevelItemCount()):
        group = tree.topLevelItem(i)
        parts += [f"{group.child(j).text(0)} {group.child(j).toolTip(0)}" for j in range(group.childCount())]
    return "\n".join(str(part) for part in parts)


def test_an_address_is_shown_without_its_password(drive, log_file):
    def sources(spec):
        return DrawnSource(name=spec)

    driver = drive(sources)
    driver.open(ADDRESS)
    driver.qtbot.waitUntil(lambda: bool(driver.window.recent.specs), timeout=5000)
    logging.getLogger("siamscope").warning("opened %s", ADDRESS)
    driver.qtbot.waitUntil(lambda: "opened" in driver.window.panels.log.text.toPlainText())
    shown = texts_of(driver.window)
    assert "camera.local" in driver.window.windowTitle() and "camera.local" in driver.window.recent.specs[0]
    assert "camera.local" in driver.window.panels.log.text.toPlainText()
    assert "hunter2" not in shown and "anna" not in shown
    assert "camera.local" in log_file.read_text() and "hunter2" not in log_file.read_text()


def test_a_failure_is_shown_without_the_password(drive, log_file):
    def sources(spec):
        raise SourceError(f"'{spec}' does not answer.")

    driver = drive(sources)
    driver.window.open(ADDRESS)
    driver.qtbot.waitUntil(lambda: driver.window.failures._dialog is not None, timeout=10_000)
    dialog = driver.window.failures._dialog
    assert "camera.local" in dialog.text() and "hunter2" not in dialog.text() + dialog.detailedText()
    assert "hunter2" not in log_file.read_text()
    dialog.close()


def test_a_list_of_an_earlier_version_loses_its_passwords(tmp_path):
    kept = QSettings(str(tmp_path / "window.ini"), QSettings.IniFormat)
    kept.setValue("recent/sources", [ADDRESS, "a.mp4"])
    recent = RecentSources(kept)
    assert recent.specs[1] == "a.mp4" and "hunter2" not in recent.specs[0]
    kept.sync()
    assert "hunter2" not in (tmp_path / "window.ini").read_text()
