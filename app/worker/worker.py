"""The session in a thread of its own: requests in, messages and views out, one frame at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QObject, Qt, QThread, pyqtSignal, pyqtSlot

from app.session.journal import Journal
from app.session.session import Session
from app.session.trackers import TrackerFactory
from app.worker.driver import SessionDriver, SourceOpener
from app.worker.messages import Messages

NICENESS = 5  # what is tracked and decoded gets a third of a core for which the window competes, and waits its turn


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
    """The thread of one worker; it ends when the worker says `finished`.

    It lets the window's thread go first, and so do the threads that it starts: the network's and the decoder's. Where
    they take every core, the window would else wait for its turn between them.
    """

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("worker")
        worker.moveToThread(self)
        # directly: queued, it would wait for the window's thread, which waits for this one to end
        worker.finished.connect(self.quit, Qt.ConnectionType.DirectConnection)  # type: ignore[call-arg]  # stub's gap

    def run(self) -> None:
        """Serve what the worker is asked for, until it says `finished`."""
        if sys.platform == "linux":  # threads have a niceness of their own there, which those they start begin with
            thread = threading.get_native_id()
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
        else:
            self.setPriority(QThread.Priority.LowPriority)
        self.exec_()
