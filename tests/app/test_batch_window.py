"""A batch from the window: videos are listed, first boxes drawn, all tracked in the background, results opened."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cli_sources import make_video

from tracker_core.sources.opening import open_source


@pytest.fixture
def shown(drive, tmp_path):
    """The dialog over a folder of two videos, of which `a` has a first box beside it."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b"):
        make_video(folder / f"{name}.mp4", 8)
    (folder / "a.txt").write_text("10,20,24,20")
    driver = drive(open_source)
    dialog = driver.window.batch.show()
    dialog.folder.setText(str(folder))
    dialog.folder.editingFinished.emit()
    wait(driver)
    return driver, dialog


def wait(driver) -> None:
    driver.qtbot.waitUntil(lambda: driver.window.batch._job is None, timeout=60_000)


def texts(dialog) -> dict[str, tuple[str, ...]]:
    return {row.texts[0]: row.texts[1:] for row in dialog.table.numbers.rows}


@pytest.mark.timeout(180)
def test_first_boxes_are_drawn_and_everything_is_tracked(shown, tmp_path):
    driver, dialog = shown
    assert texts(dialog) == {"a.mp4": ("10, 20, 24, 20", "ready"), "b.mp4": ("–", "no first box ⚠")}
    assert dialog.table.chosen == "b", "what needs a box is chosen"
    assert dialog.results.text() == str(tmp_path / "videos-tracked")

    # without a box in the window nothing is taken over
    driver.qtbot.mouseClick(dialog.take_box, Qt.LeftButton)
    assert "Open 'b.mp4' first" in dialog.status.text()
    driver.qtbot.mouseClick(dialog.open_video, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: driver.index == 0, timeout=10_000)
    driver.qtbot.mouseClick(dialog.take_box, Qt.LeftButton)
    assert "press R" in dialog.status.text()
    driver.player.seek(2)
    driver.qtbot.waitUntil(lambda: driver.index == 2, timeout=5000)
    driver.canvas.editor.offer((12.0, 20.0, 24.0, 20.0))
    driver.qtbot.mouseClick(dialog.take_box, Qt.LeftButton)
    assert texts(dialog)["b.mp4"] == ("12, 20, 24, 20 (frame 2)", "ready") and not dialog.missing
    with (tmp_path / "videos-tracked" / "boxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["x"], row["frame"]) for row in rows] == [("a.mp4", "10", "0"), ("b.mp4", "12", "2")]

    dialog.video.setChecked(False)
    driver.qtbot.mouseClick(dialog.start, Qt.LeftButton)
    assert not dialog.folder.isEnabled() and dialog.stop.isEnabled()
    wait(driver)
    assert [row[1] for row in texts(dialog).values()] == ["tracked", "tracked"], dialog.status.text()
    assert str(tmp_path / "videos-tracked") in dialog.status.text()
    dialog.table.choose("b")
    dialog.table.activated.emit(dialog.table.currentIndex())
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets), timeout=10_000)
    assert driver.player.source.name == "b.mp4"
    assert driver.player.summary.targets[0].key_frames == (2,)


def test_a_folder_of_nothing_is_a_sentence(shown, tmp_path):
    driver, dialog = shown
    (tmp_path / "empty").mkdir()
    dialog.folder.setText(str(tmp_path / "empty"))
    dialog.folder.editingFinished.emit()
    wait(driver)
    assert "There are no videos" in dialog.status.text() and dialog.folder.isEnabled()
