"""A job that was asked to stop is waited for, however long it takes; only the user ends it by force."""

from __future__ import annotations

import os
import signal
import stat
import sys

import pytest
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QApplication, QMessageBox

from app.jobs.jobs import CANCELLED, Job

STUBBORN = """#!{python}
import json, pathlib, sys, threading, time
asked = []
threading.Thread(target=lambda: asked.append(sys.stdin.read()), daemon=True).start()
print(json.dumps({{"event": "progress", "title": "Training", "done": 3, "total": 9}}), flush=True)
while not (asked and pathlib.Path({release!r}).exists()):
    time.sleep(0.01)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the command is a script")


@pytest.fixture
def stubborn(drive, tmp_path, monkeypatch):
    """A window with a job that stops only once the file `release` is there, and that file."""
    release, script = tmp_path / "release", tmp_path / "command"
    script.write_text(STUBBORN.format(python=sys.executable, release=str(release)))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    driver = drive()
    monkeypatch.setattr(sys, "executable", str(script))
    job = Job("Training", ["train"])
    job.codes = []
    job.finished.connect(lambda code, sentence: job.codes.append((code, sentence)))
    with driver.qtbot.waitSignal(job.progress, timeout=20_000):
        driver.window.jobs.start(job)
    yield driver, job, release
    job.force()
    driver.qtbot.waitUntil(lambda: not driver.window.jobs.running, timeout=10_000)


def waiting_dialog() -> QMessageBox | None:
    shown = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox)]
    return next((widget for widget in shown if widget.isVisible()), None)


def press(dialog: QMessageBox, text: str) -> None:
    next(button for button in dialog.buttons() if button.text().replace("&", "") == text).click()


def test_stop_waits_and_says_so(stubborn):
    driver, job, release = stubborn
    bar = driver.window.job_bar
    assert bar._text.text() == "Training: 3 of 9" and bar._stop.text() == "Stop"
    driver.qtbot.mouseClick(bar._stop, Qt.LeftButton)
    assert bar._text.text() == "Stopping: Training: 3 of 9 …" and bar._stop.text() == "Force…"
    assert job.is_running and waiting_dialog() is None
    # stopped while the offer to force it stands: the offer goes
    driver.qtbot.mouseClick(bar._stop, Qt.LeftButton)
    assert "Stopping: Training: 3 of 9" in waiting_dialog().text()
    release.touch()
    driver.qtbot.waitUntil(lambda: waiting_dialog() is None and bool(job.codes), timeout=10_000)
    assert job.codes == [(CANCELLED, "")] and not bar.isVisible()


def test_a_second_stop_offers_force(stubborn):
    driver, job, _ = stubborn
    stop = driver.window.job_bar._stop
    stop.click()
    stop.click()
    press(waiting_dialog(), "Keep waiting")
    driver.qtbot.waitUntil(lambda: waiting_dialog() is None, timeout=5000)
    assert job.is_running
    stop.click()
    press(waiting_dialog(), "End by force")
    driver.qtbot.waitUntil(lambda: bool(job.codes), timeout=10_000)
    assert job.codes == [(CANCELLED, "")]
    driver.qtbot.waitUntil(lambda: waiting_dialog() is None, timeout=5000)


# what happens while the window waits for its job; whether it closes
@pytest.mark.parametrize(
    ("happens", "closes"),
    [
        (lambda release: release.touch(), True),
        (lambda release: press(waiting_dialog(), "End by force"), True),
        (lambda release: press(waiting_dialog(), "Don't close"), False),
    ],
    ids=["the job stops", "it is forced", "the user goes back"],
)
def test_closing_waits_for_the_job(stubborn, monkeypatch, happens, closes):
    driver, job, release = stubborn
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.Yes)
    seen = []

    def act() -> None:
        if waiting_dialog() is None:
            QTimer.singleShot(20, act)
            return
        seen.append(waiting_dialog().text())
        happens(release)

    QTimer.singleShot(20, act)
    assert driver.window.close() is closes and driver.window.isVisible() is not closes
    assert seen == ["Stopping: Training: 3 of 9 …"] and job.is_running is not closes


def test_a_job_that_another_one_begins_as_it_ends_is_stopped_too(stubborn, monkeypatch):
    driver, job, release = stubborn
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.Yes)
    second = Job("Checking", ["weights", "list"])
    # as the check of weights that were imported: it is there before the first one is forgotten
    job.finished.disconnect()
    job.finished.connect(lambda *_: driver.window.jobs.start(second))
    job.finished.connect(lambda *_: driver.window.jobs._forget(job))
    QTimer.singleShot(50, lambda: release.touch())
    assert driver.window.close() and second.is_cancelled and not second.is_running


LEAVING = """#!{python}
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print('{{"event": "child", "pid": %d}}' % child.pid, flush=True)
"""


def test_a_job_is_over_with_its_process_even_if_another_holds_its_pipes(qtbot, tmp_path, monkeypatch):
    script = tmp_path / "command"
    script.write_text(LEAVING.format(python=sys.executable))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(script))
    job, told = Job("Training", ["train"]), []
    job.message.connect(told.append)
    with qtbot.waitSignal(job.finished) as ended:
        job.start()
    os.kill(told[0]["pid"], signal.SIGKILL)
    assert ended.args == [0, ""]
