"""What the user is told and asked while results cannot be saved."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, Qt
from PyQt5.QtWidgets import QMessageBox, QWidget

from app.worker.player import Player


class SavingControls(QObject):
    """Says once that saving fails, through `tell` (title, sentence, details), and asks before results are lost.

    `show` is given the reason for as long as it is true, "" afterwards.
    """

    def __init__(
        self, player: Player, tell: Callable[[str, str, str], None], show: Callable[[str], None], window: QWidget
    ) -> None:
        super().__init__(window)
        self._player, self._tell, self._window = player, tell, window
        self._is_told = False
        player.worker.saving_changed.connect(self._tell_once)
        player.worker.saving_changed.connect(show)
        player.worker.unsaved.connect(self._ask_to_leave)

    def may_close(self) -> bool:
        """Whether the window can close: everything is saved, or the user says that it may be lost."""
        if not self._player.unsaved:
            return True
        question = self._question(self._player.unsaved)
        question.exec_()
        return _may_be_lost(question)

    def _tell_once(self, trouble: str) -> None:
        """Say why saving fails, when that begins; what is true now stands in the status bar all the time."""
        if trouble and not self._is_told:
            sentence = self.tr("{} Nothing is lost while Siamscope stays open: saving is tried again all the time.")
            self._tell(self.tr("Results are not being saved"), sentence.format(trouble), trouble)
        self._is_told = bool(trouble)

    def _ask_to_leave(self, trouble: str) -> None:
        question = self._question(trouble)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.finished.connect(lambda: self._player.discard_unsaved() if _may_be_lost(question) else None)
        question.open()

    def _question(self, trouble: str) -> QMessageBox:
        """Return the question whether what is not saved may be lost."""
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Warning)
        question.setWindowTitle(self.tr("Results are not saved"))
        question.setText(self.tr("Not all results are saved. {}").format(trouble))
        question.setInformativeText(
            self.tr("Keep them, and everything stays open: free some space, or export them (Ctrl+E) to another place.")
        )
        question.addButton(self.tr("&Lose them"), QMessageBox.ButtonRole.DestructiveRole)
        keep = question.addButton(self.tr("&Keep them"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)
        question.setEscapeButton(keep)
        return question


def _may_be_lost(question: QMessageBox) -> bool:
    """Return how the question was answered."""
    answer = question.clickedButton()
    return answer is not None and question.buttonRole(answer) == QMessageBox.ButtonRole.DestructiveRole
