"""The times at which the frames of a video are shown, from time stamps that jump, repeat or are missing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tracker_core.types import FloatArray

# As FFmpeg's program does with transport streams: more than this back, or forward, is a new start of the clock.
LARGEST_STEP_BACK_S = 0.1
LARGEST_GAP_S = 10.0


class FrameClock:
    """Turns time stamps, in the order of the frames, into seconds since the first frame; they always increase.

    Where the stamps start again (recordings that were joined), the time runs on by one `period_s`. In formats
    without a continuous clock (`closes_gaps`: transport and program streams) so does a gap of more than 10 s.
    """

    def __init__(self, time_base: Fraction, period_s: float, *, closes_gaps: bool = False) -> None:
        self._tick_s = float(time_base)
        self._period_s = period_s
        self._closes_gaps = closes_gaps
        self._origin_s: float | None = None
        self._last_s = 0.0

    def advance(self, stamp: int | None, duration: int = 0) -> float:
        """Return the time of the next frame: `stamp` is its time stamp (None if it has none), `duration` in ticks."""
        expected_s = self._last_s + self._period_s
        self._period_s = duration * self._tick_s or self._period_s
        if self._origin_s is None:
            self._origin_s = 0.0 if stamp is None else stamp * self._tick_s
            return 0.0
        if stamp is None:
            self._last_s = expected_s
            return expected_s
        time_s = stamp * self._tick_s - self._origin_s
        is_gap = self._closes_gaps and time_s > expected_s + LARGEST_GAP_S
        if is_gap or time_s < self._last_s - LARGEST_STEP_BACK_S:
            self._origin_s += time_s - expected_s
            time_s = expected_s
        self._last_s = max(time_s, self._last_s + self._tick_s)
        return self._last_s

    def times_of(self, stamps: NDArray[np.int64]) -> FloatArray:
        """Return the times of frames that have the increasing `stamps`, from the first frame on."""
        times_s = (stamps - stamps[0]) * self._tick_s
        if self._closes_gaps:
            steps_s = np.diff(times_s)
            excess_s = np.where(steps_s > self._period_s + LARGEST_GAP_S, steps_s - self._period_s, 0.0)
            times_s[1:] -= np.cumsum(excess_s)
        return np.asarray(times_s, np.float64)
