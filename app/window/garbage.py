"""Python's cyclic garbage is collected in the window's thread, between two events, and nowhere else."""

from __future__ import annotations

import gc
from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer

LOOK_MS = 250
OVERDUE = 10  # by so many times the threshold the oldest generation does not wait any longer: minutes of playing


class GarbageCollector(QObject):
    """Collects while the event loop runs, in place of Python, which collects wherever the next object is made.

    That may be a reader's or the worker's thread, and the garbage a closed dialog: its widgets, items and connections
    would be taken apart there, while this thread paints them. It may also be in the middle of an event that is being
    wrapped, which is lost then. Neither can happen between two events of this thread.

    Generations are collected when Python would, but the oldest one, which takes longest, waits for some minutes while
    `is_busy`. What is there at the start, mostly modules, is left out of all collections.
    """

    def __init__(self, is_busy: Callable[[], bool] = lambda: False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_busy = is_busy
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Take over from Python."""
        gc.disable()
        gc.collect()
        gc.freeze()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to Python again."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def look(self) -> None:
        """Collect the oldest generation that is due, with all younger ones, if any is."""
        patience = (1, 1, OVERDUE if self._is_busy() else 1)
        now = zip(gc.get_count(), gc.get_threshold(), patience, strict=True)
        due = [age for age, (count, threshold, times) in enumerate(now) if count > threshold * times]
        if due:
            gc.collect(due[-1])
