"""The list of weights in the window: the facts of `weights list`, importing, checking, measuring, deleting, using."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtWidgets import QFileDialog, QMessageBox

from app.jobs.jobs import Job
from tracker_core.checkpoints.weights import find_weights, user_weights_folder
from tracker_core.cli.main import main
from tracker_core.presets import DEFAULT_TRACKER
from tracker_core.trackers import speeds


@pytest.fixture
def shown(drive, monkeypatch, home):
    """The dialog over weights folders of the test's own home, and a wait for the job in progress."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setattr(speeds, "_cache", lambda: home / "speeds.json")
    monkeypatch.setattr(speeds, "UPDATES", 5)
    monkeypatch.setattr(Job, "start", run_here)
    driver = drive()
    dialog = driver.window.weights.show()
    wait(driver)
    return driver, dialog


def run_here(job: Job) -> None:
    """Run a job's command in this process: that jobs are processes is tested where they are."""
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        code = main(job.arguments)
    for line in printed.getvalue().splitlines():
        job._tell(json.loads(line))
    sentence = told.getvalue().replace("\n", " ").removeprefix("Error: ") if code else ""
    QTimer.singleShot(0, lambda: job.finished.emit(code, sentence))


def wait(driver) -> None:
    driver.qtbot.waitUntil(lambda: driver.window.weights._job is None, timeout=10_000)


def names(dialog) -> list[str]:
    return [row.key for row in dialog.table.numbers.rows]


def give(monkeypatch, path: Path, name: str) -> None:
    """Answer the questions of an import."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args, **_more: (str(path), ""))
    monkeypatch.setattr("app.dialogs.weights.ask_choice", lambda *_args, **_more: name)


def test_weights_are_imported_measured_used_and_deleted(shown, monkeypatch, tmp_path):
    driver, dialog = shown
    assert DEFAULT_TRACKER in names(dialog) and "as the catalogue says" in dialog.status.text()
    dialog.choose(DEFAULT_TRACKER)
    assert "SHA-256" in dialog.facts.text() and not dialog.remove.isEnabled(), "shipped weights stay"

    # what is no checkpoint ends in one sentence, and everything can be used again
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"no weights")
    give(monkeypatch, bad, "")
    driver.qtbot.mouseClick(dialog.import_, Qt.LeftButton)
    wait(driver)
    assert "bad.pth" in dialog.status.text() and dialog.import_.isEnabled()

    give(monkeypatch, find_weights(DEFAULT_TRACKER), "mine")
    driver.qtbot.mouseClick(dialog.import_, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: "mine" in names(dialog), timeout=10_000)
    wait(driver)
    assert dialog.table.chosen == "mine" and "Imported as mine" in dialog.status.text()
    trackers = driver.window.panels.tracker.tracker
    assert trackers.findData("mine") >= 0, "it can be chosen everywhere"
    ticks = driver.window.panels.benchmark.form.trackers
    assert "mine" in [ticks.item(place).text() for place in range(ticks.count())]

    driver.qtbot.mouseClick(dialog.measure, Qt.LeftButton)
    wait(driver)
    (row,) = (row for row in dialog.table.numbers.rows if row.key == "mine")
    assert row.numbers[0] > 0 and "updates/s" in dialog.facts.text()

    dialog.table.activated.emit(dialog.table.currentIndex())
    assert driver.player.choice.name == "mine"

    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.No)
    driver.qtbot.mouseClick(dialog.remove, Qt.LeftButton)
    assert "mine" in names(dialog)
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.Yes)
    driver.qtbot.mouseClick(dialog.remove, Qt.LeftButton)
    assert "mine" not in names(dialog) and not (user_weights_folder() / "mine.safetensors").exists()
    assert trackers.findData("mine") < 0


def test_a_changed_file_is_marked(shown, monkeypatch):
    driver, dialog = shown
    folder = user_weights_folder()
    folder.mkdir(parents=True)
    (folder / "changed.safetensors").write_bytes(find_weights(DEFAULT_TRACKER).read_bytes())
    (folder / "catalogue.json").write_text(json.dumps({"changed.safetensors": {"sha256": "0" * 64}}))
    driver.qtbot.mouseClick(dialog.check, Qt.LeftButton)
    wait(driver)
    assert "1 of" in dialog.status.text() and "changed" in dialog.status.text()
    dialog.choose("changed")
    assert "SHA-256 differs" in dialog.facts.text()
    assert not dialog.use.isEnabled() and not dialog.measure.isEnabled() and dialog.remove.isEnabled()


def test_stopping_the_job_is_told(shown, monkeypatch):
    driver, dialog = shown
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job))
    driver.qtbot.mouseClick(dialog.check, Qt.LeftButton)
    assert not dialog.check.isEnabled()
    started[0].finished.emit(130, "")
    assert dialog.status.text() == "Stopped." and dialog.check.isEnabled()
