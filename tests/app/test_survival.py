"""What must not cost anybody their work: images that vanish, a full GPU, damaged settings, dialogs that pile up."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from fakes import DrawnSource, MatchingTracker, draw_frame, drawn, true_box
from PyQt5.QtCore import QPoint, Qt
from PyQt5.QtWidgets import QApplication, QMessageBox

from app.worker.messages import BoxRequest
from tracker_core.sources.opening import open_source

ROOT = Path(__file__).resolve().parents[2]


def dialog_of(driver) -> QMessageBox:
    """The dialog that is open, once it is."""
    driver.qtbot.waitUntil(lambda: driver.window.failures._dialog is not None, timeout=10_000)
    return driver.window.failures._dialog


def button_of(dialog: QMessageBox, text: str):
    (button,) = (button for button in dialog.buttons() if button.text().replace("&", "") == text)
    return button


def test_images_deleted_while_they_are_open(drive, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(30):
        cv2.imwrite(str(folder / f"{index:04d}.png"), draw_frame(index))
    rows = [",".join(f"{v:g}" for v in (x + 1, y + 1, w, h)) for x, y, w, h in map(true_box, range(30))]
    (folder / "groundtruth_rect.txt").write_text("\n".join(rows) + "\n")
    driver = drive(open_source)
    driver.open(str(folder))
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.window.player.set_range(0, 9)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: driver.index == 9 and not driver.player.is_playing, timeout=20_000)
    for image in folder.glob("*.png"):
        image.unlink()
    driver.window.player.set_range(None, None)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    driver.qtbot.waitUntil(lambda: bool(driver.failures) or not driver.player.is_playing, timeout=20_000)
    driver.qtbot.wait(50)
    assert sorted(driver.results()) == list(range(10)), "what was tracked is kept"
    # and another source opens as if nothing had been
    driver.sources = lambda spec: DrawnSource(5, name="next")
    driver.window.open("next")
    driver.qtbot.waitUntil(lambda: driver.player.source is not None and driver.player.source.name == "next")


class FullGpu(MatchingTracker):
    """Follows for three frames, then its device has no memory left."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def fork(self):
        return FullGpu()

    def update(self, image, *, debug=False):
        self.count += 1
        if self.count > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return super().update(image, debug=debug)


def test_a_full_gpu_keeps_the_results_and_goes_on_with_the_cpu(drive):
    devices = []

    def factory(choice):
        devices.append(choice.device)
        return MatchingTracker() if choice.device == "cpu" else FullGpu()

    driver = drive(lambda spec: DrawnSource(12, fps=200.0), factory)
    driver.open()
    driver.qtbot.waitUntil(lambda: driver.canvas.box is not None)
    driver.qtbot.keyClick(driver.canvas, Qt.Key_Space)
    dialog = dialog_of(driver)
    assert "out of memory" in dialog.text() and set(driver.results()) == {0, 1, 2, 3}
    driver.qtbot.mouseClick(button_of(dialog, "Continue on the CPU"), Qt.LeftButton)
    driver.qtbot.waitUntil(lambda: driver.player.is_tracking, timeout=5000)
    assert driver.player.choice.device == "cpu"
    driver.window.player.play(True)
    driver.qtbot.waitUntil(lambda: driver.index == 11 and not driver.player.is_playing, timeout=10_000)
    assert devices[-1] == "cpu" and sorted(driver.results()) == list(range(12))


def test_details_are_copied_and_the_dialog_stays(drive):
    driver = drive()
    driver.window.failures.show("A title", "One sentence.", "Traceback: here")
    dialog = dialog_of(driver)
    driver.qtbot.mouseClick(button_of(dialog, "Copy details"), Qt.LeftButton)
    assert QApplication.clipboard().text() == "One sentence.\n\nTraceback: here"
    assert dialog.isVisible()
    # a second failure does not pile up a second dialog
    notices = []
    driver.window.failures.notice.connect(notices.append)
    driver.window.failures.show("Another", "Another sentence.", "")
    assert notices == ["Another sentence."]
    dialog.close()


class FailsForTheSecond(MatchingTracker):
    """Follows the first target, and raises at the third frame of any other."""

    forks = 0

    def fork(self):
        self.forks += 1
        return MatchingTracker(self.tracking, fails_every=0 if self.forks == 1 else 3)


def test_a_frame_that_fails_for_one_target_costs_no_result_and_is_not_stepped_over(drive):
    driver = drive(lambda spec: DrawnSource(60, fps=500.0), lambda choice: FailsForTheSecond())
    driver.open()
    for number in (1, 2):
        source = driver.player.source
        driver.player.begin(BoxRequest(source.serial, drawn(0), tuple(true_box(0)), number, track=number == 2))
    driver.qtbot.waitUntil(lambda: bool(driver.failures) and not driver.player.is_playing)
    driver.qtbot.waitUntil(lambda: driver.index == 2)
    assert set(driver.results(1)) >= {0, 1, 2} and sorted(driver.results(2)) == [0, 1, 2]
    driver.qtbot.waitUntil(lambda: driver.window.curve_of(1).frames.tolist() == sorted(driver.results(1)))
    assert driver.player.worker.session.position == 2, "what is shown is where the next command acts"
    driver.player.step(1)
    driver.qtbot.waitUntil(lambda: driver.index == 3)


STARTER = """
import sys
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication
from app.window import application

def stop():
    window = next(w for w in QApplication.topLevelWidgets() if w.objectName() == "main_window")
    print("notice:", window.preferences.settings.warning)
    window.close()

QTimer.singleShot(0, lambda: QTimer.singleShot(1500, stop))
sys.exit(application.run_window([]))
"""


@pytest.mark.timeout(120)
def test_the_program_starts_with_damaged_files(tmp_path):
    """In a process of its own, as the user starts it; both files hold rubbish."""
    places = {"settings.yaml": tmp_path / "config" / "siamscope", "window.ini": tmp_path / "state" / "siamscope"}
    for name, folder in places.items():
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"\xff\x00[[[: \n\tgeometry=@ByteArray(rubbish)\nstate=@Variant(")
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1",
        "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", STARTER], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if sys.platform.startswith("linux"):
        assert "cannot be read" in done.stdout
        assert (places["settings.yaml"] / "settings.yaml.damaged").is_file()


class Unreachable:
    """A cycle whose end makes an object of Qt."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        QPoint(1, 2)


def test_garbage_that_makes_qt_objects_meets_no_event(drive):
    # an event that is wrapped for a filter in Python while such garbage is collected is lost: its wrapper goes to the
    # other object, and a TypeError without a frame follows (PyQt 5.15)
    driver = drive()
    threshold = gc.get_threshold()
    gc.enable()
    gc.set_threshold(7, 1, 1)
    try:
        with driver.qtbot.captureExceptions() as exceptions:
            for value in range(2000):
                garbage = [Unreachable() for _ in range(1 + value % 5)]
                del garbage
                others = [[] for _ in range(value % 7)]  # so that the collector starts at another place each time
                driver.window.setProperty("value", value)
                del others
    finally:
        gc.disable()
        gc.set_threshold(*threshold)
    assert not exceptions
