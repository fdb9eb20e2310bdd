"""Noticing that a target is lost, once for each loss."""

from __future__ import annotations

from app.session.frame_view import FrameView
from tracker_core.types import TrackingState


class LossWatch:
    """Compares the states of the targets in one frame with those in the frame before it."""

    def __init__(self) -> None:
        self._states: dict[int, TrackingState] = {}

    def clear(self) -> None:
        """Start over with another source."""
        self._states.clear()

    def start_from(self, view: FrameView) -> None:
        """Take a frame as it is: what is lost there was lost before."""
        self._states = {target.number: target.result.state for target in view.targets if target.result is not None}

    def look_at(self, view: FrameView) -> list[int]:
        """Take the next frame and return the numbers of the targets that are lost since then."""
        before = dict(self._states)
        found = {target.number: target.result.state for target in view.targets if target.result is not None}
        self._states |= found
        lost = [number for number, state in found.items() if state is TrackingState.LOST]
        return [number for number in lost if before.get(number) is not TrackingState.LOST]
