"""The running job in the status bar: how far it is, and a button that stops it."""

from __future__ import annotations

from PyQt5.QtCore import QCoreApplication, Qt
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QMainWindow, QProgressBar, QToolButton, QWidget

from app.jobs.jobs import Job, Jobs
from app.jobs.stopping import stop

MOST_WIDTH = 360  # of the text: what the job is about and how far it is stand at its two ends


class JobBar(QWidget):
    """Shows the job that was started last; hidden while there is none."""

    def __init__(self, window: QMainWindow, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._job: Job | None = None
        self._text = QLabel()
        self._bar = QProgressBar()
        self._bar.setFixedWidth(120)
        self._bar.setMaximumHeight(14)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(window.tr("Progress of the running job"))
        self._stop = QToolButton()
        self._stop.setAccessibleName(_tr("Stop the running job"))
        self._stop.setToolTip(_tr("Stop the running job"))
        self._stop.clicked.connect(self._cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._text, self._bar, self._stop):
            layout.addWidget(widget)
        bar = window.statusBar()
        assert bar is not None
        bar.insertPermanentWidget(0, self)
        self.hide()
        jobs.changed.connect(self._follow)

    def _follow(self) -> None:
        job = self._jobs.running[-1] if self._jobs.running else None
        if job is not self._job:
            self._job = job
            if job is not None:
                job.progress.connect(self._show)
                self._bar.setRange(0, 0)
        self.setVisible(job is not None)
        if job is not None:
            self._show_text(job)

    def _show(self, share: float) -> None:
        if self.sender() not in (self._job, None):
            return
        self._bar.setRange(0, 0 if share < 0 else 1000)
        if share >= 0:
            self._bar.setValue(round(share * 1000))

    def _show_text(self, job: Job) -> None:
        text = job.caption
        self._text.setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, MOST_WIDTH))
        self._text.setToolTip(text)
        self._stop.setText(_tr("Force…") if job.is_cancelled else _tr("Stop"))
        self._stop.setToolTip(
            _tr("It finishes what it is doing and saves; click to end it without")
            if job.is_cancelled
            else _tr("Stop the running job")
        )

    def _cancel(self) -> None:
        if self._job is not None:
            stop(self._job, self)


def _tr(text: str) -> str:
    return QCoreApplication.translate("jobs", text)
