"""Export: the results are saved as they are, then another process draws and writes them."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QSettings, QStandardPaths, pyqtSignal
from PyQt5.QtWidgets import QDialog, QWidget

from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.drawing import DrawingControls
from app.controls.playback import PlaybackControls
from app.dialogs.asking import ask_text
from app.dialogs.export import ExportDialog
from app.dialogs.export_options import RENDERED, ExportOptions
from app.jobs.jobs import Job, Jobs
from app.panels.docks import Panels
from app.session.frame_view import Curve
from app.session.saved_runs import beside_files
from app.worker.player import Player
from tracker_core.errors import InputError
from tracker_core.results.motion import parse_length_scale

logger = logging.getLogger(__name__)


class ExportControls(QObject):
    """Asks what to export and starts it; tracking continues meanwhile."""

    notice = pyqtSignal(str)
    failed = pyqtSignal(str, str, str)  # title, sentence, details

    def __init__(
        self,
        player: Player,
        playback: PlaybackControls,
        drawing: DrawingControls,
        jobs: Jobs,
        kept: QSettings | None,
        curve_of: Callable[[int], Curve],
        panels: Panels,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._player, self._playback, self._jobs, self._kept, self._window = player, playback, jobs, kept, window
        self._curve_of, self._drawing, self._panels = curve_of, drawing, panels
        self._waiting: dict[str, ExportOptions] = {}
        player.worker.results_written.connect(self._on_results_written)

    def commands(self) -> list[Command]:
        """Return the export, and the scale of what it measures."""
        conditions = Conditions(self._player)
        return [
            Command("export", "file", "&Export…", self.ask, "Ctrl+E", "Save the tracked video, boxes or images",
                    conditions.has_targets, icon="export"),
            Command("length_scale", "tools", "&Length scale…", self.ask_length_scale, "",
                    "Say how long something in the image is, for speeds in metres per second", conditions.has_source),
        ]  # fmt: skip

    def ask(self) -> None:
        """Show the dialog, and export what the user asks for."""
        source, summary = self._player.source, self._player.summary
        firsts = [target.first for target in summary.targets if target.first is not None and target.last is not None]
        lasts = [target.last for target in summary.targets if target.last is not None]
        # the summary is of when tracking began; curves grow with every frame
        lasts += [int(self._curve_of(target.number).frames.max(initial=-1)) for target in summary.targets]
        if source is None or not firsts or not lasts:
            self.notice.emit(self.tr("Nothing has been tracked yet, so there is nothing to export."))
            return
        span = (min(firsts), max(lasts))
        dialog = ExportDialog(
            source.name, span, self._marked(span), self._folder(), source.has_ground_truth, self._kept, self._window,
            is_live=source.is_live, is_recorded=source.is_recorded,
            targets=[(t.number, t.name or self.tr("Target {}").format(t.number)) for t in summary.targets],
            active=self._drawing.active, overlays=self._panels.overlays.model,
            length_scale=summary.length_scale,
        )  # fmt: skip
        if dialog.exec_() == QDialog.DialogCode.Accepted:
            self.export(dialog.options())

    def ask_length_scale(self) -> None:
        """Let the user say how long a pixel is, in what is open."""
        title, known = self.tr("Length scale"), self._player.summary.length_scale
        question = self.tr("How long something in the image is, for example 120 px = 1.8 m (empty: pixels):")
        text = ask_text(self._window, title, question, known)
        while text is not None:
            try:
                self._player.set_length_scale(str(parse_length_scale(text)) if text.strip() else "")
                return
            except InputError as error:
                text = ask_text(self._window, title, f"{error}\n{question}", text)

    def export(self, options: ExportOptions) -> None:
        """Export in the background."""
        run_file = str(Path(tempfile.mkdtemp(prefix="siamscope-run-")) / "run.json")
        self._waiting[run_file] = options
        self._player.write_results(run_file, options.kind in RENDERED)

    def _on_results_written(self, run_file: str) -> None:
        options = self._waiting.pop(run_file, None)
        if options is None:
            return
        command = [*options.arguments(run_file, beside_files(run_file)), "--device", self._player.choice.device]
        job = Job(self.tr("Export to {}").format(Path(options.path).name), command)
        job.message.connect(self._on_message)
        job.finished.connect(lambda code, sentence: self._on_finished(job, run_file, code, sentence))
        self._jobs.start(job)

    def _on_message(self, message: dict[str, Any]) -> None:
        if message.get("event") == "result":
            self._panels.written.show_written(message.get("files", ()), message.get("warnings", ()))
            for remark in message.get("warnings", ()):
                logger.info("Export: %s", remark)

    def _on_finished(self, job: Job, run_file: str, code: int, sentence: str) -> None:
        shutil.rmtree(Path(run_file).parent, ignore_errors=True)
        if sentence:
            self.failed.emit(self.tr("Cannot export"), sentence, job.details)
        elif code:
            self.notice.emit(self.tr("The export was stopped; no unfinished file is left."))

    def _marked(self, span: tuple[int, int]) -> tuple[int, int] | None:
        first, last = self._playback.range
        if first is None and last is None:
            return None
        low = max(span[0], span[0] if first is None else first)
        high = min(span[1], span[1] if last is None else last)
        return (low, high) if low <= high else None

    def _folder(self) -> Path:
        """Return a folder that can be written to: that of the last export, of the user's videos, or their own."""
        kept = str(self._kept.value("export/folder", "")) if self._kept is not None else ""
        movies = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MoviesLocation)
        places = [Path(place) for place in (kept, movies) if place]
        return next((place for place in places if place.is_dir() and os.access(place, os.W_OK)), Path.home())
