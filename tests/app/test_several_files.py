"""Several files that are dropped or chosen at once: nothing is left out without a word."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PyQt5.QtCore import Qt, QUrl
from PyQt5.QtWidgets import QApplication, QFileDialog, QMessageBox
from test_fields import drop


@pytest.fixture
def driver(drive):
    driver = drive()
    driver.asked_for = []
    driver.player.open = driver.asked_for.append
    return driver


def drop_all(driver, paths) -> None:
    assert drop(driver.window, *(QUrl.fromLocalFile(str(path)) for path in paths))


def question() -> QMessageBox | None:
    shown = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox))
    return next((dialog for dialog in shown if dialog.isVisible()), None)


def answer(driver, text: str) -> None:
    dialog = question()
    (button,) = (button for button in dialog.buttons() if button.text().replace("&", "") == text)
    driver.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    driver.qtbot.waitUntil(lambda: question() is None)


def make_files(folder, *names: str) -> list:
    folder.mkdir()
    for name in names:
        if name.endswith(".png"):
            cv2.imwrite(str(folder / name), np.zeros((8, 8, 3), np.uint8))
        else:
            (folder / name).write_bytes(b"stands for a video")
    return [folder / name for name in names]


def test_all_images_of_a_folder_are_its_sequence(driver, tmp_path):
    drop_all(driver, make_files(tmp_path / "images", "1.png", "2.png", "3.png"))
    assert driver.asked_for == [str(tmp_path / "images")] and question() is None


def test_some_images_of_a_folder_are_said_to_be_some(driver, tmp_path):
    drop_all(driver, make_files(tmp_path / "images", "1.png", "2.png", "3.png")[:2])
    assert "2 of the 3 images in 'images'" in question().text() and driver.asked_for == []
    answer(driver, "Open the folder")
    assert driver.asked_for == [str(tmp_path / "images")]


# what is answered, and what is opened then
@pytest.mark.parametrize(("text", "opened"), [("Open 'a.mp4'", True), ("Cancel", False)])
def test_of_several_videos_one_is_opened_if_the_user_says_so(driver, tmp_path, text, opened):
    videos = make_files(tmp_path / "clips", "a.mp4", "b.mp4", "c.mp4")
    drop_all(driver, videos)
    assert "3 files" in question().text() and "c.mp4" in question().informativeText()
    answer(driver, text)
    assert driver.asked_for == ([str(videos[0])] if opened else [])


def test_several_videos_become_a_batch(driver, tmp_path):
    listed = []
    driver.window.panels.batch.list_requested.disconnect()
    driver.window.panels.batch.list_requested.connect(listed.append)
    drop_all(driver, make_files(tmp_path / "clips", "a.mp4", "b.mp4"))
    answer(driver, "Track as a batch")
    assert driver.window.panels.batch.isVisible() and driver.asked_for == []
    assert listed[-1].folder == str(tmp_path / "clips")


def test_videos_of_different_folders_are_no_batch(driver, tmp_path):
    drop_all(driver, [*make_files(tmp_path / "one", "a.mp4"), *make_files(tmp_path / "two", "b.mp4")])
    assert not any("batch" in button.text() for button in question().buttons())
    answer(driver, "Open 'a.mp4'")


def test_the_file_dialog_takes_several_too(driver, tmp_path, monkeypatch):
    videos = [str(path) for path in make_files(tmp_path / "clips", "a.mp4", "b.mp4")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_arguments: (videos, ""))
    driver.window.sources.ask_file()
    assert "2 files" in question().text()
    answer(driver, "Cancel")
