"""A disk that cannot be written: it is said once, nothing is lost, and nothing is left unsaved without a question."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from fakes import DrawnSource, true_box
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QMessageBox

from app.session.journal import Journal
from app.worker import keeping
from app.worker.messages import BoxRequest


@pytest.fixture
def driver(drive, tmp_path, monkeypatch):
    """A window with a target in a clip, whose results are saved."""
    monkeypatch.setattr(keeping, "RETRY_MS", 20)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"stands for a video")
    driver = drive(lambda spec: DrawnSource(30, name=Path(spec).stem, paths=(str(clip),)))
    driver.notices, driver.told = [], []
    driver.player.worker.notice.connect(driver.notices.append)
    driver.player.worker.saving_changed.connect(driver.told.append)
    driver.open(str(clip))
    draw(driver, 0)
    return driver


def draw(driver, index: int) -> None:
    count = len(driver.player.summary.targets)
    request = BoxRequest(driver.player.source.serial, driver.canvas.frame_view.frame, tuple(true_box(index)))
    driver.player.begin(request)
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.targets) == count + 1)


def take_away(tmp_path: Path) -> None:
    """Put a file where the folder of results was: whatever is written there fails."""
    shutil.rmtree(tmp_path / "sessions")
    (tmp_path / "sessions").write_text("")


def dialogs(driver, text: str) -> list[QMessageBox]:
    shown = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox)]
    return [dialog for dialog in shown if dialog.isVisible() and text in dialog.text()]


def press(driver, dialog: QMessageBox, text: str) -> None:
    (button,) = (button for button in dialog.buttons() if button.text().replace("&", "") == text)
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def saved_targets(driver, tmp_path: Path) -> int:
    saved = Journal(tmp_path / "sessions").restore(driver.player.worker.session.runs.source)
    return 0 if saved is None else len(saved.runs[0].targets)


def test_it_is_said_once_and_saved_again_when_that_works(driver, tmp_path):
    take_away(tmp_path)
    draw(driver, 1)
    driver.qtbot.waitUntil(lambda: bool(dialogs(driver, "could not be written")))
    (dialog,) = dialogs(driver, "could not be written")
    assert "Nothing is lost while Siamscope stays open" in dialog.text()
    assert driver.window.status.unsaved.isVisible() and "sessions" in driver.window.status.unsaved.toolTip()
    press(driver, dialog, "OK")
    draw(driver, 2)
    draw(driver, 3)
    assert len(driver.told) == 1 and not dialogs(driver, "could not be written"), "once"
    (tmp_path / "sessions").unlink()
    driver.qtbot.waitUntil(lambda: driver.told[1:] == [""])  # by itself, without another change
    assert not driver.window.status.unsaved.isVisible()
    assert any("saved again" in notice for notice in driver.notices)
    assert saved_targets(driver, tmp_path) == 4


def test_a_folder_that_was_removed_is_made_again_with_everything(driver, tmp_path):
    driver.player.run_again()
    driver.qtbot.waitUntil(lambda: len(driver.player.summary.runs) == 2 and not driver.player.is_playing)
    shutil.rmtree(tmp_path / "sessions")  # its files are open, and writing into them would still succeed
    draw(driver, 1)
    assert driver.told == []
    saved = Journal(tmp_path / "sessions").restore(driver.player.worker.session.runs.source)
    assert [run.number for run in saved.runs] == [1, 2] and len(saved.runs[1].targets) == 2


# what would leave the source, and what shows that it did
LEAVING = {
    "another source": (lambda driver: driver.window.open("other"), lambda driver: driver.player.source.name == "other"),
    "closing it": (lambda driver: driver.player.close_source(), lambda driver: driver.player.source is None),
}


@pytest.mark.parametrize("way", LEAVING)
@pytest.mark.parametrize("answer", ["Keep them", "Lose them"])
def test_a_source_with_results_that_are_not_saved_is_left_only_if_the_user_says_so(driver, tmp_path, way, answer):
    leave, has_left = LEAVING[way]
    take_away(tmp_path)
    draw(driver, 1)
    driver.qtbot.waitUntil(lambda: bool(dialogs(driver, "Nothing is lost")))
    press(driver, dialogs(driver, "Nothing is lost")[0], "OK")
    leave(driver)
    driver.qtbot.waitUntil(lambda: bool(dialogs(driver, "could not be written")))
    press(driver, dialogs(driver, "could not be written")[0], answer)
    if answer == "Keep them":
        draw(driver, 2)
        (tmp_path / "sessions").unlink()
        driver.qtbot.waitUntil(lambda: driver.told[-1] == "")
        assert saved_targets(driver, tmp_path) == 3
    else:
        driver.qtbot.waitUntil(lambda: has_left(driver))
        assert driver.told[-1] == "" and not any("saved again" in notice for notice in driver.notices)


def test_closing_the_window_asks(driver, tmp_path, monkeypatch):
    take_away(tmp_path)
    draw(driver, 1)
    driver.qtbot.waitUntil(lambda: bool(driver.told))
    asked = []

    def answer(dialog: QMessageBox) -> int:
        asked.append(dialog.text())
        dialog.show()
        press(driver, dialog, answers.pop())
        return 0

    answers = ["Lose them", "Keep them"]
    monkeypatch.setattr(QMessageBox, "exec_", answer)
    assert not driver.window.close() and driver.window.isVisible()
    draw(driver, 2)
    assert driver.window.close() and len(asked) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_disk_that_fills_while_a_file_is_appended_to(driver, tmp_path):
    import resource

    (path,) = (tmp_path / "sessions").glob("*.run1.jsonl")
    driver.player.track_frames(2)
    driver.qtbot.waitUntil(lambda: driver.index == 2 and not driver.player.is_playing)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, before[1]))  # room for a part of a line
    try:
        driver.player.track_frames(5)
        driver.qtbot.waitUntil(lambda: driver.index == 7 and not driver.player.is_playing)
        assert len(driver.told) == 1 and "could not be written" in driver.told[0]
        assert [failure.sentence for failure in driver.failures] == [], "tracking goes on"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    driver.qtbot.waitUntil(lambda: driver.told[1:] == [""])
    saved = Journal(tmp_path / "sessions").restore(driver.player.worker.session.runs.source)
    assert sorted(saved.runs[0].targets[1].results) == list(range(8))
