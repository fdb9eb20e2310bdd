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
    """The panel over a folder of two videos, of which `a` has a first box beside it."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a", "b"):
        make_video(folder / f"{name}.mp4", 8)
    (folder / "a.txt").write_text("10,20,24,20")
    driver = drive(open_source)
    panel = driver.window.panels.batch
    driver.window.actions_["batch"].trigger()
    panel.folder.setText(str(folder))
    panel.folder.editingFinished.emit()
    wait(driver)
    return driver, panel


def wait(driver) -> None:
    driver.qtbot.waitUntil(lambda: driver.window.batch._job is None, timeout=60_000)


def texts(panel) -> dict[str, tuple[str, ...]]:
    return {row.texts[0]: row.texts[1:] for row in panel.table.numbers.rows}


@pytest.mark.timeout(180)
def test_first_boxes_are_drawn_and_everything_is_tracked(shown, tmp_path):
    driver, panel = shown
    assert texts(panel) == {"a.mp4": ("10, 20, 24, 20", "ready"), "b.mp4": ("–", "no first box ⚠")}
    assert panel.table.chosen == "b", "what needs a box is chosen"
    assert panel.results.text() == str(tmp_path / "videos-tracked")

    # without a box in the window nothing is taken over
    driver.qtbot.mouseClick(panel.take_box, Qt.LeftButton)
    assert "Open 'b.mp4' first" in panel.status.text()
    driver.qtbot.mouseClick(panel.open_video, Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: driver.index == 0, timeout=10_000)
    driver.qtbot.mouseClick(panel.take_box, Qt.LeftButton)
    assert "press R" in panel.status.text()
    driver.player.seek(2)
    driver.qtbot.waitUntil(lambda: driver.index == 2, timeout=5000)
    driver.canvas.editor.offer((12.0, 20.0, 24.0, 20.0))
    driver.qtbot.mouseClick(panel.take_box, Qt.LeftButton)
    assert texts(panel)["b.mp4"] == ("12, 20, 24, 20 (frame 2)", "ready") and not panel.missing
    with (tmp_path / "videos-tracked" / "boxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["x"], row["frame"]) for row in rows] == [("a.mp4", "10", "0"), ("b.mp4", "12", "2")]

    panel.video.setChecked(False)
    driver.qtbot.mouseClick(panel.start, Qt.LeftButton)
    assert not panel.folder.isEnabled() and panel.stop.isEnabled()
    wait(driver)
    assert [row[1] for row in texts(panel).values()] == ["tracked", "tracked"], panel.status.text()
    assert str(tmp_path / "videos-tracked") in panel.status.text()
    panel.table.choose("b")
    panel.table.activated.emit(panel.table.currentIndex())
    driver.qtbot.waitUntil(lambda: bool(driver.player.summary.targets), timeout=10_000)
    assert driver.player.source.name == "b.mp4"
    assert driver.player.summary.targets[0].key_frames == (2,)


def test_a_folder_of_nothing_is_a_sentence(shown, tmp_path):
    driver, panel = shown
    (tmp_path / "empty").mkdir()
    panel.folder.setText(str(tmp_path / "empty"))
    panel.folder.editingFinished.emit()
    wait(driver)
    assert "There are no videos" in panel.status.text() and panel.folder.isEnabled()
