"""Batches in the background: `siamscope batch` lists and tracks the videos, first boxes are drawn in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtCore import QObject, QSettings, pyqtSignal
from PyQt5.QtWidgets import QWidget

from app.canvas.canvas import Canvas
from app.commands import Command
from app.controls.sources import SourceControls
from app.dialogs.batch import BatchDialog, BatchOptions
from app.jobs.jobs import CANCELLED, Job, Jobs
from app.panels.tracker import PARAMETERS
from app.worker.player import Player
from tracker_core.batch.box_table import FirstBox, write_first_boxes
from tracker_core.boxes import iou_xywh
from tracker_core.errors import SiamscopeError

SAME_TARGET = 0.5  # overlap of two boxes that are of one target
BOXES = "boxes.csv"  # in the folder of results: what was drawn is kept there


class BatchControls(QObject):
    """Between the batch dialog, the jobs, the canvas and the sources."""

    failed = pyqtSignal(str, str, str)  # title, sentence, details

    def __init__(
        self, player: Player, canvas: Canvas, sources: SourceControls, jobs: Jobs, kept: QSettings | None,
        window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._player, self._canvas, self._sources, self._jobs = player, canvas, sources, jobs
        self._kept, self._window = kept, window
        self._dialog: BatchDialog | None = None
        self._job: Job | None = None
        self._has_drawn = False

    def commands(self) -> list[Command]:
        """Return the batch."""
        return [
            Command("batch", "tools", "B&atch…", self.show, "", "Track a folder of videos, each from its first box")
        ]

    def show(self) -> BatchDialog:
        """Show the dialog, with the folder of the last time."""
        if self._dialog is None:
            dialog = self._dialog = BatchDialog(self._window)
            dialog.list_requested.connect(self.list_videos)
            dialog.start_requested.connect(self.start)
            dialog.stop_requested.connect(self.stop)
            dialog.open_requested.connect(self._sources.open)
            dialog.box_requested.connect(self.take_boxes)
            folder = "" if self._kept is None else str(self._kept.value("batch/folder", ""))
            if folder:
                dialog.folder.set_path(folder)
                dialog.folder.editingFinished.emit()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()
        return self._dialog

    def list_videos(self, options: BatchOptions) -> None:
        """Find the videos and their first boxes."""
        drawn = Path(options.results) / BOXES
        if not options.boxes and drawn.is_file() and self._dialog is not None:
            self._dialog.boxes.set_path(drawn)  # drawn in an earlier batch
            options = self._dialog.options
        self._has_drawn = False
        self._start(self.tr("Looking for videos …"), options.arguments(only_list=True), self._tell_listed)

    def start(self, options: BatchOptions) -> None:
        """Track all videos that have a first box, with the tracker and the parameters of the window."""
        if self._dialog is None:
            return
        if self._kept is not None:
            self._kept.setValue("batch/folder", options.folder)
        if self._has_drawn and not self._keep_boxes():
            return
        choice, tracking = self._player.choice, self._player.tracking
        command = [*self._dialog.options.arguments(), "--device", choice.device]
        if choice.weights or choice.name:
            command += ["--weights", choice.weights] if choice.weights else ["--tracker", str(choice.name)]
        if tracking is not None:
            command += [f"tracking.{one.name}={getattr(tracking, one.name)}" for one in PARAMETERS]
        self._start(self.tr("Tracking …"), command, self._tell_tracked)

    def stop(self) -> None:
        """Stop; finished videos are kept."""
        if self._job is not None:
            self._job.cancel()

    def take_boxes(self, chosen: str) -> None:
        """Make the boxes that the window shows the first boxes of the video that is open, which should be `chosen`."""
        dialog, source, view = self._dialog, self._player.source, self._canvas.frame_view
        name = "" if dialog is None or source is None else dialog.name_of(source.spec)
        if dialog is None or view is None or not name:
            self._say(self.tr("Open '{}' first, and draw a box around its target.").format(chosen))
            return
        drawn = self._canvas.box
        boxes = [] if drawn is None else [np.array(drawn, np.float64)]
        shown = [target.result.box_xywh for target in view.targets if target.result is not None]
        # a target whose box is being drawn again counts once
        boxes += [box for box in shown if drawn is None or iou_xywh(box, boxes[0]) < SAME_TARGET]
        if not boxes:
            self._say(self.tr("The window shows no box in this frame; press R and draw one."))
            return
        dialog.set_boxes(name, [FirstBox(name, box, view.frame.index) for box in boxes])
        self._has_drawn = True
        if self._keep_boxes():
            missing = dialog.missing
            left = self.tr("Without a first box: {}").format(", ".join(missing)) if missing else ""
            self._say(self.tr("First boxes of {}: {}, in frame {}. {}").format(
                name, len(boxes), view.frame.index, left
            ))  # fmt: skip

    def _keep_boxes(self) -> bool:
        """Write the boxes into the folder of results, and use that file from now on."""
        assert self._dialog is not None
        path = Path(self._dialog.options.results) / BOXES
        try:
            write_first_boxes(path, self._dialog.first_boxes())
        except SiamscopeError as error:
            self._say(str(error))
            return False
        self._dialog.boxes.set_path(path)
        return True

    def _start(self, text: str, command: list[str], done: Any) -> None:
        if self._job is not None or self._dialog is None:
            return
        self._dialog.set_running(True, text)
        job = self._job = Job(self.tr("Batch"), command)
        job.message.connect(self._take)
        job.finished.connect(lambda code, sentence: self._on_finished(code, sentence, done))
        self._jobs.start(job)

    def _take(self, message: dict[str, Any]) -> None:
        if self._dialog is None:
            return
        if message.get("event") == "plan":
            self._dialog.set_videos(message["videos"])
        elif message.get("event") == "video":
            self._dialog.take(message)
            self._say(self.tr("{} of {} videos").format(message["done"], message["total"]))

    def _on_finished(self, code: int, sentence: str, done: Any) -> None:
        self._job = None
        if self._dialog is None:
            return
        if code in (0, 1):  # 1: some of the videos failed, which is in the table
            text = done()
        else:
            text = self.tr("Stopped; finished videos are kept, Start does the rest.") if code == CANCELLED else sentence
        self._dialog.set_running(False, text)

    def _tell_listed(self) -> str:
        assert self._dialog is not None
        missing = self._dialog.missing
        if not missing:
            return self.tr("Every video has its first box.")
        return self.tr("Videos without a first box: {}. Open each, draw a box (R), and take it over.").format(
            len(missing)
        )

    def _tell_tracked(self) -> str:
        assert self._dialog is not None
        failed = self._dialog.failed_count
        results = self._dialog.options.results
        if failed:
            return self.tr("{} failed (their tooltips say why). Results and a table are in {}").format(failed, results)
        return self.tr("Done. Results and a table are in {}").format(results)

    def _say(self, text: str) -> None:
        if self._dialog is not None:
            self._dialog.status.setText(text.strip())
