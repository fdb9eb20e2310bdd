"""Training in the background: one run at a time; stopping saves it, and starting again resumes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PyQt5.QtCore import QObject, QSettings, pyqtSignal

from app.controls.training_data import DataLookup
from app.jobs.jobs import Job, Jobs
from app.jobs.stopping import stop
from app.panels.fields import is_folder
from app.panels.training import TrainingOptions, TrainingPanel
from app.session.trackers import TrackerChoice
from app.worker.player import Player
from tracker_core.presets import DEFAULT_TRACKER


class TrainingControls(QObject):
    """Between the training panel, the jobs and the player."""

    failed = pyqtSignal(str, str, str)  # title, sentence, details

    def __init__(
        self, panel: TrainingPanel, player: Player, jobs: Jobs, kept: QSettings | None, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._panel, self._player, self._jobs, self._kept = panel, player, jobs, kept
        self._job: Job | None = None
        self._earlier: TrackerChoice | None = None
        self._data = DataLookup(self)
        self._data.found.connect(panel.show_data)
        panel.data_named.connect(self._data.look)
        panel.back_requested.connect(self._go_back)
        player.worker.tracker_ready.connect(self._follow_choice)
        panel.run_requested.connect(self.run)
        panel.stop_requested.connect(self.stop)
        panel.weights_chosen.connect(self._use)
        if kept is not None:
            panel.data.set_path(str(kept.value("training/data", "")))
            panel.out.set_path(str(kept.value("training/out", "")) or panel.out.text())

    def run(self, options: TrainingOptions) -> None:
        """Start a training run, or resume the one in the output folder."""
        if self._job is not None:
            return
        title = self.tr("Cannot train")
        if not is_folder(options.data):
            sentence = self.tr("'{}' is not a folder; choose the folder that holds the training data.")
            self.failed.emit(title, sentence.format(options.data), "")
            return
        if not options.out:
            self.failed.emit(
                title, self.tr("Choose a folder for the training run; checkpoints and curves are written there."), ""
            )
            return
        if self._kept is not None:
            self._kept.setValue("training/data", options.data)
            self._kept.setValue("training/out", options.out)
        self._panel.begin(options.is_resumable)
        job = Job(self.tr("Training"), options.arguments())
        job.message.connect(self._panel.take)
        job.finished.connect(lambda code, sentence: self._on_finished(job, code, sentence))
        self._job = job
        self._jobs.start(job)

    def stop(self) -> None:
        """Stop after the step in progress, which is saved; asked again, offer to end it by force."""
        if self._job is not None:
            stop(self._job, self._panel)
            self._panel.show_stopping()

    def _on_finished(self, job: Job, code: int, sentence: str) -> None:
        self._job = None
        if job.is_cancelled or code == 0:
            self._panel.end(is_stopped=job.is_cancelled)
        else:
            self._panel.set_running(False, self.tr("The training run ended with an error."))
            self.failed.emit(self.tr("Training failed"), sentence, job.details)

    def _use(self, path: str) -> None:
        self._earlier = self._player.choice
        self._player.choose_tracker(replace(self._player.choice, name=None, weights=path))
        self._panel.show_way_back(self._earlier.name or Path(self._earlier.weights or "").stem or DEFAULT_TRACKER)

    def _go_back(self) -> None:
        if self._earlier is not None:
            self._player.choose_tracker(replace(self._earlier, device=self._player.choice.device))
            self._forget_earlier()

    def _follow_choice(self) -> None:
        """Offer the weights again once the user chose another tracker elsewhere."""
        choice = self._player.choice
        if self._earlier is not None and (choice.name is not None or choice.weights == self._earlier.weights):
            self._forget_earlier()

    def _forget_earlier(self) -> None:
        self._earlier = None
        self._panel.show_way_back("")
