"""Python's cyclic garbage is collected in the window's thread, between two events, and nowhere else."""

from __future__ import annotations

import gc
import time

from PyQt5.QtCore import QObject, QTimer
from PyQt5.QtGui import QCursor

LOOK_MS = 100
IDLE_S = 2.0  # for which nothing happened: the user reads, thinks, or is away
OVERDUE = 10  # by so many times the threshold the oldest generation does not wait any longer: minutes of playing


class GarbageCollector(QObject):
    """Collects while the event loop runs, in place of Python, which collects wherever the next object is made.

    That may be a reader's or the worker's thread, and the garbage a closed dialog: its widgets, items and connections
    would be taken apart there, while this thread paints them. It may also be in the middle of an event that is being
    wrapped, which is lost then. Neither can happen between two events of this thread.

    Generations are collected when Python would, but the oldest one, which takes longest (some 40 ms with a hundred
    thousand results), waits until the window is idle: the mouse rests, and nobody calls `postpone`. It waits for some
    minutes at most. What is there at the start, mostly modules, is left out of all collections.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._busy_until_s = 0.0
        self._mouse = QCursor.pos()
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

    def postpone(self) -> None:
        """Take note that something is going on, such as an image that was just shown."""
        self._busy_until_s = time.monotonic() + IDLE_S

    def look(self) -> None:
        """Collect the oldest generation that is due, with all younger ones, if any is."""
        mouse = QCursor.pos()
        if mouse != self._mouse:
            self._mouse = mouse
            self.postpone()
        patience = (1, 1, OVERDUE if time.monotonic() < self._busy_until_s else 1)
        now = zip(gc.get_count(), gc.get_threshold(), patience, strict=True)
        due = [age for age, (count, threshold, times) in enumerate(now) if count > threshold * times]
        if due:
            gc.collect(due[-1])
