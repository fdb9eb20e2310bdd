"""Batches in the background: `siamscope batch` lists and tracks the videos, first boxes are drawn in the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtCore import QObject, QSettings

from app.canvas.canvas import Canvas
from app.controls.sources import SourceControls
from app.jobs.jobs import CANCELLED, Job, Jobs
from app.panels.batch import BatchOptions, BatchPanel
from app.panels.docks import Docks
from app.panels.tracker import PARAMETERS
from app.worker.player import Player
from tracker_core.batch.box_table import FirstBox, write_first_boxes
from tracker_core.boxes import iou_xywh
from tracker_core.errors import SiamscopeError

SAME_TARGET = 0.5  # overlap of two boxes that are of one target
BOXES = "boxes.csv"  # in the folder of results: what was drawn is kept there


class BatchControls(QObject):
    """Between the batch panel, the jobs, the canvas and the sources."""

    def __init__(
        self, panel: BatchPanel, player: Player, canvas: Canvas, sources: SourceControls, docks: Docks, jobs: Jobs,
        kept: QSettings | None, parent: QObject,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._panel, self._player, self._canvas, self._jobs, self._kept = panel, player, canvas, jobs, kept
        self._docks = docks
        self._job: Job | None = None
        self._has_drawn = False
        panel.list_requested.connect(self.list_videos)
        panel.start_requested.connect(self.start)
        panel.stop_requested.connect(self.stop)
        panel.open_requested.connect(sources.open)
        panel.box_requested.connect(self.take_boxes)
        sources.several.batch_requested.connect(self.propose)
        if kept is not None:
            panel.set_folder(str(kept.value("batch/folder", "")))

    def propose(self, folder: str) -> None:
        """Show the batch panel with the videos of a folder."""
        self._docks.show_tab(self._panel)
        self._panel.show_folder(folder)

    def list_videos(self, options: BatchOptions) -> None:
        """Find the videos and their first boxes."""
        drawn = Path(options.results) / BOXES
        if not options.boxes and drawn.is_file():
            self._panel.boxes.set_path(drawn)  # drawn in an earlier batch
            options = self._panel.options
        self._has_drawn = False
        self._start(self.tr("Looking for videos …"), options.arguments(only_list=True), self._tell_listed)

    def start(self, options: BatchOptions) -> None:
        """Track all videos that have a first box, with the tracker and the parameters of the window."""
        if self._kept is not None:
            self._kept.setValue("batch/folder", options.folder)
        if self._has_drawn and not self._keep_boxes():
            return
        choice, tracking = self._player.choice, self._player.tracking
        command = [*self._panel.options.arguments(), "--device", choice.device]
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
        source, view = self._player.source, self._canvas.frame_view
        name = "" if source is None else self._panel.name_of(source.spec)
        if view is None or not name:
            self._say(self.tr("Open '{}' first, and draw a box around its target.").format(chosen))
            return
        drawn = self._canvas.box
        boxes = [] if drawn is None else [np.array(drawn, np.float64)]
        shown = [target.result.box_xywh for target in view.targets if target.result is not None]
        # a target whose box is being drawn again counts once
        boxes += [box for box in shown if drawn is None or iou_xywh(box, boxes[0]) < SAME_TARGET]
        if not boxes:
            self._say(self.tr("The image shows no box; press R and draw one."))
            return
        self._panel.set_boxes(name, [FirstBox(name, box, view.frame.index) for box in boxes])
        self._has_drawn = True
        if self._keep_boxes():
            missing = self._panel.missing
            left = self.tr("Without a first box: {}").format(", ".join(missing)) if missing else ""
            self._say(self.tr("First boxes of {}: {}, in frame {}. {}").format(
                name, len(boxes), view.frame.index, left
            ))  # fmt: skip

    def _keep_boxes(self) -> bool:
        """Write the boxes into the folder of results, and use that file from now on."""
        path = Path(self._panel.options.results) / BOXES
        try:
            write_first_boxes(path, self._panel.first_boxes())
        except SiamscopeError as error:
            self._say(str(error))
            return False
        self._panel.boxes.set_path(path)
        return True

    def _start(self, text: str, command: list[str], done: Any) -> None:
        if self._job is not None:
            return
        self._panel.set_running(True, text)
        job = self._job = Job(self.tr("Batch"), command)
        job.message.connect(self._take)
        job.finished.connect(lambda code, sentence: self._on_finished(code, sentence, done))
        self._jobs.start(job)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("event") == "plan":
            self._panel.set_videos(message["videos"])
        elif message.get("event") == "video":
            self._panel.take(message)
            self._say(self.tr("{} of {} videos").format(message["done"], message["total"]))

    def _on_finished(self, code: int, sentence: str, done: Any) -> None:
        self._job = None
        if code in (0, 1):  # 1: some of the videos failed, which is in the table
            text = done()
        else:
            text = self.tr("Stopped; finished videos are kept, Start does the rest.") if code == CANCELLED else sentence
        self._panel.set_running(False, text)

    def _tell_listed(self) -> str:
        missing = self._panel.missing
        if not missing:
            return self.tr("Every video has its first box.")
        return self.tr("Videos without a first box: {}. Open each, draw a box (R), and take it over.").format(
            len(missing)
        )

    def _tell_tracked(self) -> str:
        failed = self._panel.failed_count
        results = self._panel.options.results
        if failed:
            return self.tr("{} failed; choose one to see why. Results and a table are in {}").format(failed, results)
        return self.tr("Done. Results and a table are in {}").format(results)

    def _say(self, text: str) -> None:
        self._panel.status.setText(text.strip())
