"""Keeping what is found: saved as it comes, said where that fails, and tried again until it works."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PyQt5.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, QTimer, pyqtSlot

from app.session.journal import Journal
from app.session.session import Session
from app.worker.messages import Messages, reported
from app.worker.recorder import LiveRecorder
from tracker_core.errors import OutputError
from tracker_core.sources.addresses import hide_credentials

logger = logging.getLogger(__name__)

RETRY_MS = 5000


class ResultKeeper(QObject):
    """Saves the session's results, beside its recording or in the journal; belongs to the worker's thread.

    Where saving fails, `saving_changed` says why. Everything stays in the session then, and saving is tried again every
    few seconds; a source with results that are not saved is left only if the user says so.
    """

    def __init__(self, session: Session, messages: Messages, journal: Journal) -> None:
        super().__init__(messages)
        self.messages = messages
        self.recorder: LiveRecorder | None = None
        self._session, self._journal = session, journal
        self._timer = QTimer(self)
        self._timer.setInterval(RETRY_MS)
        self._timer.timeout.connect(self._try_again)
        self._trouble = ""
        self._is_discarding = False
        self._then: Callable[[], None] | None = None

    def stop_playing(self, stops_tracking: bool) -> None:
        """What is found is not less worth for an error of saving."""

    def save(self) -> None:
        """Save what changed; where that failed just now, it waits until it is tried again."""
        if not self._trouble:
            self.save_now()

    def save_now(self) -> bool:
        """Save what changed; whether nothing is left that is not saved."""
        trouble = self._try()
        if trouble != self._trouble:
            was_failing, self._trouble = bool(self._trouble), trouble
            self.messages.saving_changed.emit(trouble)
            if trouble:
                logger.warning("Results could not be saved: %s", trouble)
                self._timer.start()
            else:
                self._timer.stop()
                if was_failing and self._journal.is_on:
                    self.messages.notice.emit(_text("Results are saved again; nothing is missing."))
        return not trouble

    def may_leave(self, then: Callable[[], None]) -> bool:
        """Whether the source can be closed without a loss; else the user is asked, and `then` is for `discard`."""
        if self._is_discarding or self._session.source is None or self.save_now():
            return True
        self._then = then
        self.messages.unsaved.emit(self._trouble)
        return False

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot close"))
    def discard(self) -> None:
        """Do what `may_leave` held back; what could not be saved is lost."""
        then, self._then = self._then, None
        if then is not None:
            self._is_discarding = True
            try:
                then()
            finally:
                self._is_discarding = False

    def leave(self) -> None:
        """Save for the last time before the source is closed, and write nothing more into its files."""
        self.save_now()
        self._tell_live()
        self._journal.close()
        if self._trouble:
            self._trouble = ""
            self._timer.stop()
            self.messages.saving_changed.emit("")

    def _try(self) -> str:
        """Save, and return why that was impossible, "" where it was possible."""
        if self._session.source is None:
            return ""
        try:
            if self.recorder is not None and self.recorder.is_recording:  # beside the video, with which it comes back
                self.recorder.save()
            else:
                self._journal.save(self._session.runs)
        except OutputError as error:
            return str(error)
        return ""

    @pyqtSlot()  # else it would run in the thread in which it was connected
    @reported(QT_TRANSLATE_NOOP("worker", "Cannot save"))
    def _try_again(self) -> None:
        self.save_now()

    def _tell_live(self) -> None:
        """Say where the results of a live source are that is left without a recording: no other place has them."""
        source, path = self._session.source, self._journal.file_of(self._session.runs)
        is_recording = self.recorder is not None and self.recorder.is_recording
        if source is not None and source.is_live and path is not None and not is_recording:
            text = _text(
                "What was found in '{}' is kept: 'siamscope export --run {}' writes it in any format of boxes."
            )
            self.messages.notice.emit(text.format(hide_credentials(source.name), path))
            logger.info("What was found in '%s' is in '%s'.", hide_credentials(source.name), path)


def _text(text: str) -> str:
    return QCoreApplication.translate("worker", text)
