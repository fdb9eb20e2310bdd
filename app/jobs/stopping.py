"""Stopping jobs without losing what they do: asked, waited for, and ended by force only if the user says so."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QCoreApplication, Qt
from PyQt5.QtWidgets import QMessageBox, QWidget

from app.jobs.jobs import Job, Jobs


def stop(job: Job, window: QWidget) -> None:
    """Ask a job to stop; if it was asked before, offer to end it by force."""
    if not job.is_cancelled:
        job.cancel()
        return
    dialog = _Waiting(lambda: [job], _tr("Still stopping"), _tr("Keep &waiting"), window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    job.progress.connect(dialog.refresh)
    job.finished.connect(dialog.reject)
    dialog.open()


def close_jobs(jobs: Jobs, window: QWidget) -> bool:
    """Before a window closes: ask whether its jobs may be stopped, and wait for them; return whether none is left."""
    if jobs.running and not _may_stop(jobs, window):
        return False
    dialog = _Waiting(lambda: jobs.running, _tr("Closing Siamscope"), _tr("&Don't close"), window)

    def cancel_all() -> None:
        for job in list(jobs.running):  # also one that another began when it ended
            job.cancel()
        dialog.refresh()
        if not jobs.running:
            dialog.reject()

    follow = jobs.changed.connect(cancel_all)
    cancel_all()
    if jobs.running:
        dialog.exec_()
    jobs.changed.disconnect(follow)
    dialog.deleteLater()
    return not jobs.running


def _may_stop(jobs: Jobs, window: QWidget) -> bool:
    titles = "\n".join(job.title for job in jobs.running)
    question = _tr("These jobs are still running:\n{}\n\nStop them and close?").format(titles)
    return bool(QMessageBox.question(window, _tr("Close Siamscope"), question) == QMessageBox.StandardButton.Yes)


class _Waiting(QMessageBox):
    """Says how far stopping jobs are, until whoever shows it finds them gone; "End by force" ends them.

    `jobs` tells which ones are waited for.
    """

    def __init__(self, jobs: Callable[[], list[Job]], title: str, back: str, window: QWidget) -> None:
        super().__init__(window)
        self._jobs = jobs
        self.setIcon(QMessageBox.Icon.Information)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setInformativeText(
            _tr("Ended by force, a job loses what it has not saved yet; a training run keeps its last checkpoint.")
        )
        self.setDefaultButton(self.addButton(back, QMessageBox.ButtonRole.RejectRole))
        force = self.addButton(_tr("&End by force"), QMessageBox.ButtonRole.DestructiveRole)
        assert force is not None
        force.clicked.disconnect()  # else it would close the dialog before the jobs have ended
        force.clicked.connect(self._force)
        self.refresh()

    def refresh(self) -> None:
        """Say again how far the jobs are."""
        self.setText("\n".join(job.caption for job in self._jobs() if job.is_running))

    def _force(self) -> None:
        for job in self._jobs():
            job.force()


def _tr(text: str) -> str:
    return QCoreApplication.translate("jobs", text)
