"""How often each target was lost, counted as results come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.session.frame_view import Curve, ResultRow
from tracker_core.types import TrackingState


class LossCounts:
    """By target, the frames in which it was lost, and the stretches that they make; a result may come again."""

    def __init__(self) -> None:
        self._frames: dict[int, set[int]] = {}
        self._stretches: dict[int, int] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()
        self._stretches.clear()

    def replace(self, curves: Mapping[int, Curve]) -> None:
        """Count these results, by target, in place of all others."""
        self._frames = {number: set(curve.frames[curve.is_lost].tolist()) for number, curve in curves.items()}
        self._stretches = {
            number: sum(frame - 1 not in frames for frame in frames) for number, frames in self._frames.items()
        }

    def add(self, rows: Iterable[ResultRow]) -> None:
        """Take results, in any order."""
        for row in rows:
            frames, is_lost = self._frames.setdefault(row.number, set()), row.state == TrackingState.LOST.value
            if is_lost == (row.index in frames):
                continue
            # a frame between two lost ones joins two stretches, one beside a lost one makes it longer
            change = 1 - (row.index - 1 in frames) - (row.index + 1 in frames)
            self._stretches[row.number] = self._stretches.get(row.number, 0) + (change if is_lost else -change)
            (frames.add if is_lost else frames.discard)(row.index)

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return by target how often it was lost, and in how many frames."""
        return {number: (self._stretches.get(number, 0), len(frames)) for number, frames in self._frames.items()}
