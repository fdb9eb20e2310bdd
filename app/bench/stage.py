"""A window that is played with: what it is asked for, the waits between, and the images that it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PyQt5.QtCore import QEventLoop, QTimer
from PyQt5.QtWidgets import QApplication

from app.window.heartbeat import Heartbeat
from app.window.main_window import MainWindow
from app.worker.player import Player


class Stage:
    """A window with its player, a heartbeat, and the times at which it painted images.

    Each `wait` raises `TimeoutError` after `timeout_s`.
    """

    def __init__(self, window: MainWindow, player: Player, timeout_s: float) -> None:
        self.window, self.player, self.timeout_s = window, player, timeout_s
        self.heart = Heartbeat()
        self.shown: dict[str, dict[str, float]] = {}  # by phase, images per second
        self.paint_ms: list[float] = []
        self.overlay_ms: list[float] = []
        self._painted_at: list[float] = []
        window.canvas.painted.connect(self._note_paint)

    def begin(self, name: str) -> None:
        """Count pauses under `name` from now on."""
        self.heart.begin(name)

    def wait(self, condition: Callable[[], object]) -> None:
        """Serve events until something is so."""
        deadline = time.perf_counter() + self.timeout_s
        while not condition():
            if time.perf_counter() > deadline:
                raise TimeoutError("The window did not get there in time.")
            self.pause(5)

    def pause(self, milliseconds: int) -> None:
        """Serve events for a while."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec_()

    def play_to_end(self, start: Callable[[], object]) -> float:
        """Call what starts playing, wait for its end, keep what was shown meanwhile, and return the seconds it took."""
        self._painted_at.clear()
        start()
        began = time.perf_counter()
        self.wait(lambda: self.player.is_playing)
        self.wait(lambda: not self.player.is_playing)
        seconds = time.perf_counter() - began
        per_second = _per_second(self._painted_at, began)
        self.shown[self.heart.phases[-1].name] = {
            "shown_per_second": round(len(self._painted_at) / seconds, 1),
            "shown_in_slowest_second": min(per_second, default=0),
        }
        return seconds

    def open(self, spec: str) -> None:
        """Open a source, and wait until its first frame is shown."""
        before = None if self.player.source is None else self.player.source.serial
        self.window.open(spec)
        self.wait(lambda: self.player.source is not None and self.player.source.serial != before)
        self.wait(lambda: self.window.canvas.frame_view is not None)

    def answer(self, ask: Callable[[], object]) -> None:
        """Call what opens a dialog, and leave the dialog again after a while."""
        QTimer.singleShot(250, self._leave_dialog)
        ask()
        self.pause(50)

    def show_overlays(self, names: tuple[str, ...]) -> None:
        """Show these overlays and no others."""
        for name in self.window.overlays:
            self.window.overlays.show(name, name in names)

    @property
    def last(self) -> int:
        """The last frame of what is open."""
        source = self.player.source
        return 0 if source is None else (source.frame_count or 1) - 1

    def _leave_dialog(self) -> None:
        dialog: Any = QApplication.activeModalWidget() or QApplication.activeWindow()
        if dialog is not None and dialog is not self.window:
            dialog.close()

    def _note_paint(self) -> None:
        self._painted_at.append(time.perf_counter())
        self.paint_ms.append(self.window.canvas.paint_ms)
        self.overlay_ms.append(self.window.canvas.overlay_ms)


def _per_second(times_s: list[float], began_s: float) -> list[int]:
    """Return how many of `times_s` fall into each whole second since `began_s`; the last, partial one is left out."""
    if not times_s:
        return []
    seconds = np.floor(np.array(times_s) - began_s).astype(int)
    counts: list[int] = np.bincount(seconds[seconds >= 0])[:-1].tolist()
    return counts
