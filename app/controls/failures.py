"""Showing what went wrong, without stopping anything."""

from __future__ import annotations

from dataclasses import replace

from PyQt5.QtCore import QObject, Qt, pyqtSignal
from PyQt5.QtWidgets import QApplication, QMessageBox, QWidget

from app.worker.messages import Failure
from app.worker.player import Player
from tracker_core.sources.addresses import hide_credentials_in


class FailureDialogs(QObject):
    """One dialog at a time; what fails while it is open goes to `notice` and the log."""

    notice = pyqtSignal(str)

    def __init__(self, player: Player, window: QWidget) -> None:
        super().__init__(window)
        self._player, self._window = player, window
        self._dialog: QMessageBox | None = None

    def show_failure(self, failure: Failure) -> None:
        """Show what the worker met; where the GPU is full, offer the CPU."""
        if failure.is_out_of_memory and self._player.choice.device != "cpu" and self._dialog is None:
            self._offer_cpu(failure)
        else:
            self.show(failure.title, failure.sentence, failure.details)

    def show(self, title: str, sentence: str, details: str) -> None:
        """Show one sentence, with details to copy."""
        sentence, details = hide_credentials_in(sentence), hide_credentials_in(details)
        if self._dialog is not None:
            self.notice.emit(sentence)
            return
        self._open(
            QMessageBox(QMessageBox.Icon.Warning, title, sentence, QMessageBox.StandardButton.Ok, self._window), details
        )

    def _offer_cpu(self, failure: Failure) -> None:
        question = QMessageBox(
            QMessageBox.Icon.Question,
            failure.title,
            failure.sentence,
            QMessageBox.StandardButton.NoButton,
            self._window,
        )
        question.setInformativeText(self.tr("Continue on the CPU? It is slower, but the results are the same."))
        accept = question.addButton(self.tr("Continue on the CPU"), QMessageBox.ButtonRole.AcceptRole)
        question.addButton(self.tr("Stop"), QMessageBox.ButtonRole.RejectRole)
        question.buttonClicked.connect(lambda button: self._continue_on_cpu() if button is accept else None)
        self._open(question, failure.details)

    def _continue_on_cpu(self) -> None:
        self._player.choose_tracker(replace(self._player.choice, device="cpu"))
        self._player.track(True)

    def _open(self, dialog: QMessageBox, details: str) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        text = "\n\n".join(filter(None, (dialog.text(), details)))
        copy = dialog.addButton(self.tr("Copy details"), QMessageBox.ButtonRole.ActionRole)
        if copy is not None:
            copy.clicked.disconnect()  # else it would close the dialog
            copy.clicked.connect(lambda: _copy(text))
        dialog.setDetailedText(details)
        dialog.finished.connect(self._forget)
        self._dialog = dialog
        dialog.open()

    def _forget(self) -> None:
        self._dialog = None


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
