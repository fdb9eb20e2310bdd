"""The session in a thread of its own: requests in, messages and views out, one frame at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject, Qt, QThread, pyqtSignal, pyqtSlot

from app.session.journal import Journal
from app.session.session import Session
from app.session.trackers import TrackerFactory
from app.worker.driver import SessionDriver, SourceOpener
from app.worker.messages import Messages


class Worker(Messages):
    """Owns the session; lives in a `WorkerThread`, where `serve` runs what the window asks for."""

    finished = pyqtSignal()

    def __init__(
        self, tracker_factory: TrackerFactory, open_source: SourceOpener, journal_folder: Path | None = None
    ) -> None:
        super().__init__()
        self.session = Session(tracker_factory)
        self.driver = SessionDriver(self.session, self, open_source, Journal(journal_folder))
        self.playback = self.driver.playback

    @pyqtSlot(object)
    def serve(self, request: Callable[[], None]) -> None:
        """Run one request; they report what goes wrong themselves."""
        request()

    @pyqtSlot()
    def close(self) -> None:
        """Save, release the source and end the thread's work."""
        self.driver.close()
        self.finished.emit()


class WorkerThread(QThread):
    """The thread of one worker; it ends when the worker says `finished`."""

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("worker")
        worker.moveToThread(self)
        # directly: queued, it would wait for the window's thread, which waits for this one to end
        worker.finished.connect(self.quit, Qt.ConnectionType.DirectConnection)  # type: ignore[call-arg]  # stub's gap
