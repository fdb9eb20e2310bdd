"""Showing what changes many times a second only as often as an eye can follow, and the last of it always."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer


class Pace(QObject):
    """Calls `refresh` when asked to, at once or, where that was less than `interval_ms` ago, at the end of that time.

    With an interval of 0 that is after timers, mouse and keyboard had their turn: Qt serves queued signals and paint
    events until none is left, and where a thread sends them more quickly than they are served there always is one.
    """

    def __init__(self, refresh: Callable[[], None], interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._refresh = refresh
        self._is_asked = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._end)

    def ask(self) -> None:
        """Refresh now or soon."""
        if self._timer.isActive():
            self._is_asked = True
        else:
            self._run()

    def _end(self) -> None:
        if self._is_asked:
            self._run()

    def _run(self) -> None:
        self._is_asked = False
        self._timer.start()
        self._refresh()
