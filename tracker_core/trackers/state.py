"""Whether the target is held: hysteresis on the score, so that one weak frame changes nothing."""

from __future__ import annotations

from tracker_core.types import TrackingState


class StateMachine:
    """Turns scores into tracking, uncertain and lost.

    From `high` on the target is tracked. Below `low` it is uncertain, and lost after `patience` such frames in a row.
    Between the two the state stays what it was, except that lost rises only at `high` again.
    """

    def __init__(self, high: float, low: float, patience: int) -> None:
        self.high, self.low, self.patience = high, low, patience
        self.state = TrackingState.TRACKING
        self.lost_frames = 0  # for how many frames the target has been lost
        self._weak_frames = 0

    def step(self, score: float) -> TrackingState:
        """Take the next score (0..1) and return the new state; NaN counts as 0."""
        if score >= self.high:
            self._weak_frames = 0
            self.state = TrackingState.TRACKING
        elif score >= self.low:
            self._weak_frames = 0
        else:
            self._weak_frames += 1
            if self._weak_frames >= self.patience:
                self.state = TrackingState.LOST
            elif self.state is TrackingState.TRACKING:
                self.state = TrackingState.UNCERTAIN
        self.lost_frames = self.lost_frames + 1 if self.state is TrackingState.LOST else 0
        return self.state
