"""Takes the images in docs/images: the real window, driven through its own actions. `make screenshots` runs it.

    python docs/screenshots/make_screenshots.py [--out DIR] [--only NAME]

Needs no screen. Settings, results and the journal go to a temporary folder: nothing of the user's is read or written.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
from PyQt5.QtCore import QEventLoop, Qt, QTimer
from PyQt5.QtGui import QFont
from PyQt5.QtWidgets import QApplication

import tracker_core  # noqa: F401  before PyQt5's first window: it makes OpenCV's own Qt harmless
from app.dialogs import export_options
from app.dialogs.export import ExportDialog
from app.dialogs.shortcuts import ShortcutSheet
from app.session.trackers import TrackerChoice
from app.settings import Settings
from app.window.application import build_session_tracker, bundled_clip, load_core, open_session_source
from app.window.main_window import MainWindow
from app.window.theme import apply_theme
from app.worker.player import Player
from tracker_core.presets import DEFAULT_TRACKER
from tracker_core.sources.opening import open_source

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600.0  # on a busy machine too
SECOND_BOX = (364, 328, 34, 34)  # of the green stone in the first frame
PARTS = {"Ladybird": (0, 100), "Ladybird-shade": (100, 220), "Ladybird-leaf": (180, 330)}  # frames of the clip

ATTRIBUTES = {"Ladybird": "SV, BC", "Ladybird-shade": "IV, SV, BC", "Ladybird-leaf": "OCC, IV, BC"}
COMPARED = ("siamscope-light", "siamfc-small")


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
        self.follow(self.window.playback.toggle_play)
        if show is not None:
            self.show_frame(show)

    def follow(self, start: Callable[[], object]) -> None:
        """Do what starts playing, as fast as it can, and wait for its end."""
        self.player.set_speed(0.0)
        start()
        self.wait(lambda: self.player.is_playing)
        self.wait(lambda: not self.player.is_playing)
        self.player.set_speed(1.0)

    def show_frame(self, index: int) -> None:
        """Show a frame."""
        self.player.seek(index)
        self.wait(lambda: self.index == index)

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


def take_runs(folder: Path, out: Path) -> None:
    """Three runs of one clip, compared: in the list, in the image and in the curves."""
    stage = Stage(folder, size=(1400, 940))
    stage.show_overlays("prediction", "ground_truth", "runs")
    docks = stage.window.docks
    docks.docks["runs"].show()
    docks.show_tab(stage.window.panels.plots)
    stage.open_and_track(str(bundled_clip()))
    for tracker in ("siamfc-small", "siamrpn-small"):
        stage.player.choose_tracker(TrackerChoice(tracker, None, "auto"))
        stage.wait(lambda tracker=tracker: stage.player.summary.tracker == tracker)
        stage.follow(stage.window.actions_["run_again"].trigger)
    stage.player.activate_run(1)
    stage.window.resizeDocks([docks.docks["sources"], docks.docks["runs"]], [160, 420], Qt.Orientation.Vertical)
    stage.window.resizeDocks([docks.docks["sources"], docks.docks["curves"]], [330, 240], Qt.Orientation.Horizontal)
    stage.show_frame(132)
    stage.pause(800)
    save(stage, out / "runs.png")
    stage.close()


def take_targets(folder: Path, out: Path) -> None:
    """Two targets with their names, and how each of them fares."""
    stage = Stage(folder)
    stage.show_overlays("prediction", "trail")
    stage.window.docks.docks["targets"].raise_()
    stage.window.open(str(bundled_clip()))
    stage.wait(lambda: stage.window.canvas.box is not None)
    stage.window.drawing.keep()
    stage.wait(lambda: len(stage.player.summary.targets) == 1)
    stage.window.actions_["add_target"].trigger()
    stage.window.canvas.propose_box(SECOND_BOX)
    stage.follow(stage.window.playback.toggle_play)
    for number, name in ((1, "ladybird"), (2, "green stone")):
        stage.player.describe_target(number, name, "")
    stage.show_frame(22)
    save(stage, out / "targets.png")
    stage.close()


def take_batch(folder: Path, out: Path) -> None:
    """A batch of three sequences, tracked from their ground truth."""
    data = make_sequences(folder / "data")
    stage = Stage(folder)
    stage.show_overlays("prediction", "ground_truth")
    stage.open_and_track(str(bundled_clip()), 60)
    panel = stage.window.panels.batch
    panel.set_folder(str(data))
    panel.truth.setChecked(True)
    stage.window.docks.show_tab(panel)
    for button in (None, panel.start):
        stage.wait(lambda: not stage.window.jobs.running)
        if button is not None:
            button.click()
        stage.pause(500)
    stage.wait(lambda: not stage.window.jobs.running)
    # a path of this machine says nothing to a reader
    panel.status.setText(panel.status.text().replace(panel.results.path, "videos-tracked"))
    panel.folder.setText("videos")
    panel.results.setText("videos-tracked")
    save(stage, out / "batch.png")
    stage.close()


def take_weights(folder: Path, out: Path) -> None:
    """The list of weights."""
    stage = Stage(folder, "dark")
    dialog = stage.window.weights.show()
    stage.wait(lambda: not stage.window.jobs.running)
    dialog.choose(DEFAULT_TRACKER)
    dialog.resize(1040, 420)
    # a path of this machine says nothing to a reader
    dialog.facts.setText(dialog.facts.text().replace(f"{ROOT}/", ""))
    stage.pause(300)
    save_widget(dialog, out / "weights.png")
    dialog.close()
    stage.close()


def take_exported(folder: Path, out: Path) -> None:
    """A frame that was exported as the window showed it, lit up and cropped around the target."""
    stage = Stage(folder)
    stage.show_overlays("prediction", "heat_map", "search_window", "trail")
    stage.open_and_track(str(bundled_clip()), 120)
    overlays = ("prediction", "labels", "trail", "heat_map", "search_window")
    shown = export_options.ShownOptions(explain=1, effect="spotlight", follow=(1,), aspect="16:9", context=5.0)
    frames = folder / "frames"
    stage.window.exports.export(
        export_options.ExportOptions(export_options.IMAGES, str(frames), 120, 120, overlays=overlays, shown=shown)
    )
    stage.wait(lambda: bool(stage.window.jobs.running))
    stage.wait(lambda: not stage.window.jobs.running)
    (image,) = frames.glob("*.png")
    shutil.copy(image, out / "exported.png")
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
    for place in range(panel.form.trackers.count()):
        item = panel.form.trackers.item(place)
        item.setCheckState(Qt.CheckState.Checked if item.text() in COMPARED else Qt.CheckState.Unchecked)
    panel.form.start.click()
    stage.wait(lambda: bool(stage.window.jobs.running))
    stage.wait(lambda: not stage.window.jobs.running)
    stage.window.resizeDocks([stage.window.docks.docks["curves"]], [300], 2)
    table = panel.sequences.table
    table.choose(("Ladybird-shade", DEFAULT_TRACKER))
    table.activated.emit(table.currentIndex())
    stage.wait(lambda: stage.index == 0)
    stage.show_frame(60)
    panel.tabs.setCurrentWidget(panel.attributes)
    stage.wait(lambda: bool(panel.curves.bars.bars))
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
        (root / name / "attrs.txt").write_text(ATTRIBUTES[name] + "\n")
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
    "runs": take_runs,
    "targets": take_targets,
    "batch": take_batch,
    "weights": take_weights,
    "exported": take_exported,
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
