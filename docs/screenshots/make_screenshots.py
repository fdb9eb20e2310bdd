"""Takes the images in docs/images: the real window, driven through its own actions. `make screenshots` runs it.

    python docs/screenshots/make_screenshots.py [--out DIR] [--only NAME]

Needs no screen. Settings, results and the journal go to a temporary folder: nothing of the user's is read or written.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
from PyQt5.QtCore import QEventLoop, QTimer
from PyQt5.QtGui import QFont
from PyQt5.QtWidgets import QApplication

import tracker_core  # noqa: F401  before PyQt5's first window: it makes OpenCV's own Qt harmless
from app.dialogs.export import ExportDialog
from app.dialogs.shortcuts import ShortcutSheet
from app.settings import Settings
from app.window.application import build_session_tracker, bundled_clip, load_core, open_session_source
from app.window.main_window import MainWindow
from app.window.theme import apply_theme
from app.worker.player import Player
from tracker_core.sources.opening import open_source

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120.0
PARTS = {"Ladybird": (0, 100), "Ladybird-shade": (100, 220), "Ladybird-leaf": (180, 330)}  # frames of the clip


class Stage:
    """One window over a folder of its own, and the waits that images of it need."""

    def __init__(self, folder: Path, theme: str = "light", size: tuple[int, int] = (1400, 900)) -> None:
        apply_theme(application(), theme)
        self.player = Player(build_session_tracker, open_session_source, folder / "sessions")
        self.window = MainWindow(self.player, bundled_clip(), None, Settings(theme=theme))
        self.window.resize(*size)
        self.window.show()
        self.window.docks.docks["sources"].setVisible(size[0] >= 1200)
        self.player.prepare_tracker()
        self.wait(lambda: self.player.tracking is not None)

    def open_and_track(self, spec: str, show: int | None = None) -> None:
        """Open a source, track it from its offered box to its end, and show frame `show`."""
        self.window.open(spec)
        self.wait(lambda: self.window.canvas.box is not None)
        self.player.set_speed(0.0)
        self.window.playback.toggle_play()
        self.wait(lambda: self.player.is_playing)
        self.wait(lambda: not self.player.is_playing)
        self.player.set_speed(1.0)
        if show is not None:
            self.player.seek(show)
            self.wait(lambda: self.index == show)

    @property
    def index(self) -> int | None:
        """The frame that is shown."""
        view = self.window.canvas.frame_view
        return None if view is None else view.frame.index

    def show_overlays(self, *names: str) -> None:
        """Show these overlays and no others."""
        for name in self.window.overlays:
            self.window.overlays.show(name, name in names)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Let the window work until something holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("The window did not get there in time.")
            self.pause(10)

    def pause(self, milliseconds: int) -> None:
        """Let the window work for a while."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec_()

    def close(self) -> None:
        """Close the window and wait for its worker."""
        for job in self.window.jobs.running:
            job.force()
        self.wait(lambda: not self.window.jobs.running)
        self.window.close()


@functools.cache
def application() -> QApplication:
    """Return the one application object, kept for good."""
    found = QApplication(["siamscope"])
    found.setFont(QFont("DejaVu Sans", 9))  # without a screen Qt takes a larger one than desktops do
    return found


def take_window(folder: Path, out: Path) -> None:
    """The window at work: what the network sees, beside the ground truth."""
    stage = Stage(folder)
    stage.show_overlays("prediction", "ground_truth", "anchor", "proposals", "heat_map", "search_window", "trail")
    stage.open_and_track(str(bundled_clip()), 75)
    save(stage, out / "window.png")
    stage.close()


def take_dark(folder: Path, out: Path) -> None:
    """The same in dark, with crops and curves, where the target was lost and found again."""
    stage = Stage(folder, "dark")
    stage.show_overlays("prediction", "ground_truth", "search_window", "heat_map")
    stage.window.docks.docks["thumbnails"].raise_()
    stage.window.docks.show_tab(stage.window.panels.plots)
    stage.open_and_track(str(bundled_clip()), 262)
    stage.pause(800)
    save(stage, out / "window-dark.png")
    stage.close()


def take_small(folder: Path, out: Path) -> None:
    """The smallest window that everything is meant to be used in."""
    stage = Stage(folder, size=(1024, 640))
    stage.show_overlays("prediction", "ground_truth")
    stage.window.docks.docks["tracker"].raise_()
    stage.open_and_track(str(bundled_clip()), 140)
    save(stage, out / "window-small.png")
    stage.close()


def take_benchmark(folder: Path, out: Path) -> None:
    """The benchmark panel after a run over three parts of the clip, one of them replayed."""
    data = make_sequences(folder / "data")
    stage = Stage(folder)
    stage.show_overlays("prediction", "ground_truth")
    panel = stage.window.panels.benchmark
    panel.form.root.setText(str(data))
    panel.form.results.setText(str(folder / "results"))
    stage.window.docks.show_tab(panel)
    stage.pause(300)
    panel.form.start.click()
    stage.wait(lambda: bool(stage.window.jobs.running))
    stage.wait(lambda: not stage.window.jobs.running)
    stage.window.resizeDocks([stage.window.docks.docks["curves"]], [300], 2)
    table = panel.sequences.table
    table.choose(table.numbers.rows[2].key)
    table.activated.emit(table.currentIndex())
    stage.wait(lambda: stage.index == 0)
    stage.player.seek(60)
    stage.wait(lambda: stage.index == 60)
    # a path of this machine says nothing to a reader
    panel.form.root.setText("data/OTB")
    panel.form.results.setText("results")
    stage.pause(300)
    save(stage, out / "benchmark.png")
    stage.close()


def take_dialogs(folder: Path, out: Path) -> None:
    """The export dialog and the sheet of keys."""
    stage = Stage(folder)
    stage.open_and_track(str(bundled_clip()), 20)
    shown: list[ExportDialog] = []

    def grab_dialog() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, ExportDialog):
            shown.append(dialog)
            dialog.path.field.setText("ladybird-tracked.mp4")
            save_widget(dialog, out / "export.png")
            dialog.reject()

    QTimer.singleShot(600, grab_dialog)
    stage.window.actions_["export"].trigger()
    if not shown:
        raise RuntimeError("The export dialog did not come.")
    sheet = ShortcutSheet(stage.window.actions_.commands, {}, stage.window)
    sheet.show()
    stage.pause(200)
    save_widget(sheet, out / "keys.png")
    sheet.close()
    stage.close()


def make_sequences(root: Path) -> Path:
    """Write parts of the bundled clip as sequences in OTB's layout."""
    source = open_source(str(bundled_clip()))
    truth = source.sequence.boxes_xywh
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame.image)
    source.close()
    for name, (first, end) in PARTS.items():
        images = root / name / "img"
        images.mkdir(parents=True)
        for number, image in enumerate(frames[first:end], start=1):
            cv2.imwrite(str(images / f"{number:04d}.jpg"), image)
        rows = [",".join(f"{v:.1f}" for v in (x + 1, y + 1, w, h)) for x, y, w, h in truth[first:end]]
        (root / name / "groundtruth_rect.txt").write_text("\n".join(rows) + "\n")
    return root


def save(stage: Stage, path: Path) -> None:
    """Save an image of a window once everything is painted."""
    stage.pause(400)
    save_widget(stage.window, path)


def save_widget(widget, path: Path) -> None:
    """Save an image of a widget."""
    if not widget.grab().save(str(path)):
        raise RuntimeError(f"'{path}' could not be written.")
    logger.info("%s", path)


IMAGES = {
    "window": take_window,
    "dark": take_dark,
    "small": take_small,
    "benchmark": take_benchmark,
    "dialogs": take_dialogs,
}


def main() -> int:
    """Take all images, or one."""
    parser = argparse.ArgumentParser(description="Take the images of the documentation.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="folder of the images")
    parser.add_argument("--only", choices=IMAGES, help="take only this one")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("app").setLevel(logging.WARNING)
    options.out.mkdir(parents=True, exist_ok=True)
    application()
    load_core()
    for name, take in IMAGES.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="siamscope_images_") as folder:
                take(Path(folder), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
