"""What a day's work asks of the window: every panel open while two targets are tracked, dialogs, exports, jobs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PyQt5.QtCore import Qt

from app.bench.stage import Stage
from app.dialogs.export_options import VIDEO, ExportOptions
from app.session.trackers import TrackerChoice
from app.worker.messages import BoxRequest

SECOND_BOX = (364.0, 328.0, 34.0, 36.0)  # a green pebble of the bundled clip
DIALOGS = ("export", "rerun_with", "preferences", "shortcuts", "about", "weights")
LOOK_MS = 150  # between two things that the user does
TAB_MS = 1500


def load(stage: Stage) -> None:
    """Load the tracker."""
    stage.begin("loading the tracker")
    stage.player.prepare_tracker()
    stage.wait(lambda: stage.player.tracking is not None)


def track_one(stage: Stage, spec: str) -> None:
    """Open a source and track one target, in real time and as fast as possible; then seek."""
    stage.begin("opening")
    stage.open(spec)
    stage.wait(lambda: stage.window.canvas.box is not None)
    stage.begin("tracking")
    stage.play_to_end(stage.window.playback.toggle_play)
    stage.begin("tracking as fast as possible")
    stage.player.set_speed(0.0)
    stage.play_to_end(stage.player.run_again)
    stage.player.set_speed(1.0)
    stage.begin("seeking")
    for index in np.linspace(0, stage.last, 25).astype(int).tolist():
        stage.player.seek(index)
        stage.pause(20)


def open_panels(stage: Stage) -> None:
    """Open every panel, none behind another, every tab and every overlay, one after the other."""
    stage.begin("opening the panels")
    window = stage.window
    for name in window.docks.docks:
        dock = window.docks.docks[name]
        dock.show()
        if name in ("tracker", "targets", "thumbnails"):  # out of the tabs
            left = name == "targets"
            area = Qt.DockWidgetArea.LeftDockWidgetArea if left else Qt.DockWidgetArea.RightDockWidgetArea
            window.addDockWidget(area, dock)
        dock.raise_()
        stage.pause(LOOK_MS)
    for number in range(window.docks.tabs.count()):
        window.docks.tabs.setCurrentIndex(number)
        stage.pause(2 * LOOK_MS)
    for name in window.overlays:
        window.overlays.show(name, True)
        stage.pause(LOOK_MS // 3)


def add_target(stage: Stage) -> None:
    """Add a second target in the first frame."""
    stage.begin("adding a target")
    stage.player.seek(0)
    stage.wait(lambda: (view := stage.window.canvas.frame_view) is not None and view.frame.index == 0)
    view, source = stage.window.canvas.frame_view, stage.player.source
    assert view is not None and source is not None
    stage.player.begin(BoxRequest(source.serial, view.frame, SECOND_BOX))
    stage.wait(lambda: len(stage.player.summary.targets) == 2)


def track_two(stage: Stage) -> None:
    """Track two targets with everything open, then once more while the tabs are changed."""
    tabs = stage.window.docks.tabs
    stage.begin("two targets, everything open")
    tabs.setCurrentIndex(0)
    stage.play_to_end(stage.player.run_again)
    stage.begin("two targets, changing tabs")
    stage.player.run_again()
    stage.play_to_end(lambda: _change_tabs(stage))


def _change_tabs(stage: Stage) -> None:
    tabs = stage.window.docks.tabs
    for number in (1, 2, 3, 4, 0):
        stage.pause(TAB_MS)
        tabs.setCurrentIndex(number)


def open_dialogs(stage: Stage) -> None:
    """Open every dialog and leave it again."""
    for name in DIALOGS:
        stage.begin(f"dialog: {name}")
        stage.answer(stage.window.actions_[name].trigger)
    stage.wait(lambda: not stage.window.jobs.running)


def change_tracker(stage: Stage, names: tuple[str, ...]) -> None:
    """Switch to other trackers and back."""
    for name in (*names, ""):
        stage.begin(f"switching to {name or 'the default tracker'}")
        stage.player.tracking = None  # comes again with the tracker
        stage.player.choose_tracker(TrackerChoice(name or None))
        stage.wait(lambda: stage.player.tracking is not None)
        stage.pause(LOOK_MS)


def export(stage: Stage) -> None:
    """Export the tracked video in another process while the window replays it."""
    with tempfile.TemporaryDirectory(prefix="siamscope_bench_") as folder:
        path = Path(folder) / "bench.mp4"
        stage.begin("exporting")
        stage.player.seek(0)
        stage.window.exports.export(ExportOptions(VIDEO, str(path), 0, stage.last))
        stage.play_to_end(stage.window.playback.toggle_play)
        stage.wait(lambda: not stage.window.jobs.running)
        if not path.is_file():
            raise RuntimeError("The window's export wrote no video.")


def batch(stage: Stage, folder: str) -> None:
    """List a folder's videos, begin to track them, and stop."""
    panel, controls, jobs = stage.window.panels.batch, stage.window.batch, stage.window.jobs
    with tempfile.TemporaryDirectory(prefix="siamscope_bench_") as results:
        stage.begin("starting a batch")
        panel.set_folder(folder)
        panel.results.set_path(results)
        panel.truth.setChecked(True)
        controls.list_videos(panel.options)
        stage.wait(lambda: not jobs.running)
        controls.start(panel.options)
        stage.pause(TAB_MS)
        controls.stop()
        stage.wait(lambda: not jobs.running)
