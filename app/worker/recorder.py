"""Recording a live source while it is watched and tracked: starting, saying how far it is, and keeping what it gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, QTimer, pyqtSlot

from app.session.recording import RecordingJournal, keep_recording, start_recording
from app.session.session import Session
from app.worker.messages import Messages, reported
from tracker_core.errors import SiamscopeError
from tracker_core.rendering.parts import IN_USE_S, has_parts_in_use
from tracker_core.rendering.recording import (
    RecordedSource,
    RecordingLimits,
    recorded_run,
    recover_recordings,
)
from tracker_core.results.run import Run
from tracker_core.types import FrameSource

TELL_MS = 500


class LiveRecorder(QObject):
    """Lets live sources be recorded into a folder; belongs to the worker's thread.

    `announce` says that what can be done with the source has changed, `save` keeps results where they belong by then.
    """

    def __init__(
        self, session: Session, messages: Messages, announce: Callable[[], None], save: Callable[[], None]
    ) -> None:
        super().__init__(messages)
        self.messages = messages
        self._session, self._announce, self._save = session, announce, save
        self._folder: Path | None = None
        self._limits = RecordingLimits()
        self._records_all = False
        self._timer = QTimer(self)
        self._timer.setInterval(TELL_MS)
        self._timer.timeout.connect(self._tell)
        self._journal = RecordingJournal()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(round(IN_USE_S * 1000) + 1000)
        self._later.timeout.connect(self._recover)

    def stop_playing(self, stops_tracking: bool) -> None:
        """An error of the recording stops nothing else."""

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot recover a recording"))
    def set_up(self, folder: Path, limits: RecordingLimits, records_all: bool) -> None:
        """Record into `folder`, within limits; `records_all` from when a source is opened. A crash's rest is joined."""
        is_new, self._folder = folder != self._folder, folder
        self._limits, self._records_all = limits, records_all
        if is_new:
            self._recover()

    @pyqtSlot()  # else it would run in the thread in which it was connected
    @reported(QT_TRANSLATE_NOOP("worker", "Cannot recover a recording"))
    def _recover(self) -> None:
        """Complete what a crash cut off; what was written just now may be another window's, and is looked at later."""
        if self._folder is None:
            return
        for path in recover_recordings(self._folder):
            self.messages.notice.emit(_text("A recording that was cut off is complete now: '{}'.").format(path))
            self.messages.recorded.emit(str(path))
        if has_parts_in_use(self._folder):
            self._later.start()

    def save(self) -> None:
        """Keep what was found in a recording so far, beside it, so that both come back after a crash.

        Raises `OutputError` where that is impossible.
        """
        source, run = self._session.source, self._session.run
        if isinstance(source, RecordedSource) and source.status is not None:
            self._journal.save(source.status.path, run)

    def wrap(self, source: FrameSource) -> FrameSource:
        """Return a source that can be recorded, if it is live; its recording begins at once where the user wants it."""
        if not source.is_live:
            return source
        recorded = RecordedSource(source)
        if self._records_all and self._folder is not None:
            start_recording(recorded, self._folder, self._limits)
            self._timer.start()
        return recorded

    @reported(QT_TRANSLATE_NOOP("worker", "Cannot record"))
    def record(self, is_on: bool) -> None:
        """Begin to record the live source that is open, or complete the recording."""
        source = self._session.source
        if not isinstance(source, RecordedSource) or self._folder is None:
            return
        if is_on and source.status is None:
            start_recording(source, self._folder, self._limits)
            self._timer.start()
            self._tell()
        elif not is_on:
            self.complete()
        self._follow_up()

    @property
    def is_recording(self) -> bool:
        """Whether the frames of the source that is open are being kept."""
        return isinstance(self._session.source, RecordedSource) and self._session.source.status is not None

    def complete(self) -> None:
        """Complete the recording, if there is one, and keep what was found beside it; raises `OutputError`."""
        source = self._session.source
        if not isinstance(source, RecordedSource) or source.status is None:
            return
        self._timer.stop()
        for run in self._session.runs:
            run.touch()  # from now on it is saved with the others, which has not seen what was found meanwhile
        self.messages.recording_changed.emit(None)
        with self.messages.busy_with(_text("Completing the recording")):
            recording = source.finish()
        assert recording is not None
        opens = keep_recording(recording, self._session.build_run())
        self._journal.remove()
        if opens is not None:
            self.messages.notice.emit(_text("The recording is in '{}'.").format(recording.path))
            self.messages.recorded.emit(str(opens))

    def leave(self) -> None:
        """Complete the recording before the source is closed; an error is reported, and the parts are kept."""
        try:
            self.complete()
        except SiamscopeError as error:
            self.messages.fail(_text("Cannot record"), error)

    def as_recorded(self, run: Run) -> Run:
        """Return the run as one of its recording, which is completed, if the source was recorded; else as it is."""
        source = self._session.source
        if not isinstance(source, RecordedSource) or source.recording is None:
            return run
        self.complete()
        return recorded_run(run, source.recording)

    @pyqtSlot()  # else it would run in the thread in which it was connected
    def _tell(self) -> None:
        """Say how far the recording is; one that had to stop is completed."""
        source = self._session.source
        status = source.status if isinstance(source, RecordedSource) else None
        if status is not None and status.trouble:
            self.messages.notice.emit(status.trouble)
            try:
                self.complete()
            except SiamscopeError as error:
                self.messages.fail(_text("Cannot record"), error)
            self._follow_up()
        else:
            self.messages.recording_changed.emit(status)

    def _follow_up(self) -> None:
        self._save()
        self._announce()


def _text(text: str) -> str:
    return QCoreApplication.translate("worker", text)
