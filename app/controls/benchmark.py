"""Benchmarks in the background: one `eval` at a time, paused and resumed by stopping and starting it."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QObject, QSettings, pyqtSignal
from PyQt5.QtWidgets import QFileDialog

from app.jobs.jobs import Job, Jobs
from app.jobs.stopping import stop
from app.panels.benchmark import BenchmarkPanel
from app.panels.benchmark_form import BenchmarkOptions
from app.panels.fields import is_folder
from app.panels.widget_image import SUFFIXES, save_widget
from app.worker.player import Player
from tracker_core.errors import SiamscopeError
from tracker_core.evaluation.score_tables import FORMS, write_tables


class BenchmarkControls(QObject):
    """Between the benchmark panel, the jobs and the player. Finished sequences are never tracked twice."""

    notice = pyqtSignal(str)
    failed = pyqtSignal(str, str, str)  # title, sentence, details

    def __init__(
        self, panel: BenchmarkPanel, player: Player, jobs: Jobs, kept: QSettings | None, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._panel, self._jobs, self._kept = panel, jobs, kept
        self._job: Job | None = None
        self._is_pausing = False
        panel.form.run_requested.connect(self.run)
        panel.form.pause_requested.connect(self.pause)
        panel.form.stop_requested.connect(self.stop)
        panel.form.table_requested.connect(self.ask_table)
        panel.form.plot_requested.connect(self.ask_plot)
        panel.replay_requested.connect(player.replay)
        if kept is not None:
            panel.form.root.set_path(str(kept.value("benchmark/root", "")))
            panel.form.compare.setText(str(kept.value("benchmark/compare", "")))
            panel.form.results.set_path(str(kept.value("benchmark/results", "")) or panel.form.results.text())

    def run(self, options: BenchmarkOptions) -> None:
        """Start, or resume."""
        if self._job is not None:
            return
        title = self.tr("Cannot run the benchmark")
        if not is_folder(options.root):
            sentence = self.tr("'{}' is not a folder; choose the folder that holds the sequences.").format(options.root)
            self.failed.emit(title, sentence, "")
            return
        if not options.trackers and not options.only_score:
            self.failed.emit(title, self.tr("Tick at least one tracker."), "")
            return
        if self._kept is not None:
            self._kept.setValue("benchmark/root", options.root)
            self._kept.setValue("benchmark/results", options.results)
            self._kept.setValue("benchmark/compare", ";".join(options.compare))
        self._panel.begin(options)
        self._is_pausing = False
        job = Job(self.tr("Benchmark"), options.arguments())
        job.message.connect(self._panel.take)
        job.finished.connect(lambda code, sentence: self._on_finished(job, code, sentence))
        self._job = job
        self._jobs.start(job)

    def pause(self) -> None:
        """Stop for now; the sequence in progress starts over later."""
        if self._job is not None:
            self._is_pausing = True
            self._job.cancel()

    def stop(self) -> None:
        """Stop; what is finished stays in the folder of results."""
        self._is_pausing = False
        if self._job is not None:
            stop(self._job, self._panel)
        else:
            self._panel.set_state("idle", self.tr("Stopped."))

    def ask_table(self) -> None:
        """Ask where to save the tables, and save them."""
        names = self.tr("Tables ({})").format(" ".join(f"*{suffix}" for suffix in FORMS))
        proposed = str(Path(self._panel.form.results.path or Path.home()) / "scores.csv")
        path, _ = QFileDialog.getSaveFileName(self._panel, self.tr("Save table"), proposed, names)
        if path:
            self.save_table(path if Path(path).suffix else f"{path}.csv")

    def save_table(self, path: str) -> None:
        """Save the tables of what is shown in the form that the ending says."""
        scores = self._panel.scores
        try:
            write_tables(path, scores.protocol, scores.trackers)
        except SiamscopeError as error:
            self.failed.emit(self.tr("Cannot save the table"), str(error), "")
        else:
            self.notice.emit(self.tr("Table saved to {}").format(path))

    def ask_plot(self) -> None:
        """Ask where to save the plot that is shown, and save it."""
        names = self.tr("Plots ({})").format(" ".join(f"*{suffix}" for suffix in SUFFIXES))
        proposed = str(Path(self._panel.form.results.path or Path.home()) / "scores.png")
        path, _ = QFileDialog.getSaveFileName(self._panel, self.tr("Save plot"), proposed, names)
        if path:
            self.save_plot(path if Path(path).suffix else f"{path}.png")

    def save_plot(self, path: str) -> None:
        """Save the plot that is shown, with its legend, in the form that the ending says."""
        try:
            save_widget(self._panel.curves, path)
        except SiamscopeError as error:
            self.failed.emit(self.tr("Cannot save the plot"), str(error), "")
        else:
            self.notice.emit(self.tr("Plot saved to {}").format(path))

    def _on_finished(self, job: Job, code: int, sentence: str) -> None:
        self._job = None
        if self._is_pausing and job.is_cancelled:
            self._panel.set_state("paused", self.tr("Paused."))
        elif job.is_cancelled:
            self._panel.set_state("idle", self.tr("Stopped; finished sequences are kept."))
        else:
            self._panel.set_state("idle")
            if sentence and code != 1:
                self.failed.emit(self.tr("The benchmark failed"), sentence, job.details)
