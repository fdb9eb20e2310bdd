"""What other threads have to say, served in the window's thread a little at a time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from PyQt5.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

TURN_S = 0.008  # after so long mouse, keyboard and images have their turn

Said = TypeVar("Said")


class Mail(QObject):
    """Calls receivers in the thread that made it, in the order in which other threads posted.

    Qt delivers queued signals all at once, and serves nothing else meanwhile: a benchmark that is resumed tells two
    thousand lines in a moment.
    """

    _arrived = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._serve)
        self._arrived.connect(self._serve)

    def post(self, call: Callable[[], None]) -> None:
        """Have something called; from any thread. Raises `RuntimeError` where nobody is there any more."""
        with self._lock:
            self._waiting.append(call)
            is_first = len(self._waiting) == 1
        if is_first:
            self._arrived.emit()

    @pyqtSlot()
    def _serve(self) -> None:
        until_s = time.perf_counter() + TURN_S
        while (call := self._take()) is not None:
            if self._waiting:
                self._timer.start(0)  # also where this one raises, or waits in a dialog
            call()
            if time.perf_counter() > until_s:
                return

    def _take(self) -> Callable[[], None] | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None


class Letterbox(Generic[Said]):
    """Where another thread says something to one receiver, as it would emit a signal."""

    def __init__(self, mail: Mail, receive: Callable[[Said], None]) -> None:
        self._mail, self._receive = mail, receive

    def emit(self, said: Said) -> None:
        """Hand something to the receiver, in the order in which all letterboxes of the mail got theirs."""
        self._mail.post(lambda: self._receive(said))
