"""Tracking the same boxes with several trackers, one after another, each as a run of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from PyQt5.QtCore import QObject, pyqtSignal

from app.session.trackers import TrackerChoice
from app.worker.player import Player
from tracker_core.config import TrackingConfig

Wanted = tuple[TrackerChoice, TrackingConfig]
AS_FAST_AS_POSSIBLE = 0.0


class _Before(NamedTuple):
    """What was chosen and shown before trackers took turns."""

    choice: TrackerChoice
    tracking: TrackingConfig | None
    speed: float
    run: int | None


class RerunQueue(QObject):
    """Starts the next tracker when the one before has come to the end, as fast as possible.

    Pausing only pauses. Tracking that is switched off, or another source, ends it: what was tracked stays.
    After several trackers, the one that was chosen before is chosen again; at their end the run that was shown is, too.
    """

    notice = pyqtSignal(str)

    def __init__(self, player: Player, parent: QObject) -> None:
        super().__init__(parent)
        self._player = player
        self._waiting: deque[Wanted] = deque()
        self._total, self._used = 0, player.choice
        self._before = _Before(player.choice, player.tracking, player.speed, None)
        player.worker.ended.connect(self._on_ended)
        player.worker.failed.connect(lambda _failure: self._on_ended())
        player.worker.opened.connect(lambda _source: self._end())
        player.worker.tracking_changed.connect(lambda is_on: None if is_on else self._end())

    @property
    def is_active(self) -> bool:
        """Whether a tracker is at work here, or waits."""
        return self._total > 0

    def start(self, wanted: Sequence[Wanted]) -> None:
        """Track with all of them, in this order."""
        self._end()
        self._waiting.extend(wanted)
        shown = next((run.number for run in self._player.summary.runs if run.is_active), None)
        self._total = len(wanted)
        self._before = _Before(self._player.choice, self._player.tracking, self._player.speed, shown)
        if len(wanted) > 1:
            self._player.set_speed(AS_FAST_AS_POSSIBLE)
        self._next()

    def _on_ended(self) -> None:
        if self.is_active and self._waiting:
            self._next()
        elif self.is_active:
            if self._total > 1:
                self.notice.emit(
                    self.tr("All {} trackers are done; the list of runs compares them.").format(self._total)
                )
                self._show_again()
            self._finish()

    def _next(self) -> None:
        choice, tracking = self._waiting.popleft()
        self._used = choice
        self._player.run_again_with(choice, tracking)
        if self._total > 1:
            place = self._total - len(self._waiting)
            text = self.tr("Tracker {} of {}: {}. Space pauses; T ends it.")
            self.notice.emit(text.format(place, self._total, choice.name or self._player.summary.tracker))

    def _end(self) -> None:
        """Drop what waits, and say so."""
        if self._waiting:
            self.notice.emit(self.tr("Re-running was stopped; trackers left out: {}.").format(len(self._waiting)))
        if self.is_active:
            self._finish()

    def _finish(self) -> None:
        self._waiting.clear()
        total, self._total = self._total, 0
        if total > 1:
            self._player.set_speed(self._before.speed)
            if self._player.choice is self._used:  # else the user has chosen another one meanwhile
                self._player.choose_tracker(self._before.choice, self._before.tracking)

    def _show_again(self) -> None:
        if self._before.run in {run.number for run in self._player.summary.runs}:  # it can be deleted meanwhile
            self._player.activate_run(self._before.run)
