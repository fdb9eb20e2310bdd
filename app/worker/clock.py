"""When the next frame of a recording is due: frames are shown as far apart as they were taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

AS_FAST_AS_POSSIBLE = 0.0
LATE_S = 0.1  # time lost beyond this is not caught up


class PlaybackClock:
    """Tells how long to wait for a frame, from the presentation times of the frames themselves.

    The nominal rate of a source is wrong for a variable frame rate and for a time-lapse; it is used only where the
    times do not increase. `now` is the viewer's time in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._speed = 1.0
        self._shown_at_s = self._shown_time_s = 0.0  # of the frame on screen: when it was due, its presentation time
        self._next_at_s = self._next_time_s = 0.0

    @property
    def speed(self) -> float:
        """How many seconds of the recording pass per second; 0 is as fast as possible."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed, self._shown_at_s = speed, self._now()

    def start(self, time_s: float) -> None:
        """Count from here: the frame with presentation time `time_s` is on screen now."""
        self._shown_at_s, self._shown_time_s = self._now(), time_s

    def seconds_until(self, time_s: float, nominal_s: float, is_backwards: bool = False) -> float:
        """Return how long to wait before the frame with presentation time `time_s` is shown, 0 if it is late.

        It is the one after the frame on screen, or before it. `nominal_s` is used as their distance where the times do
        not increase: at the jump of a loop, and in files with damaged time stamps.
        """
        now = self._now()
        gap_s = self._shown_time_s - time_s if is_backwards else time_s - self._shown_time_s
        if not (math.isfinite(gap_s) and gap_s > 0):
            gap_s = nominal_s
        due_s = now if self._speed == AS_FAST_AS_POSSIBLE else self._shown_at_s + gap_s / self._speed
        self._next_at_s, self._next_time_s = (now if now - due_s > LATE_S else due_s), time_s
        return max(0.0, due_s - now)

    def advance(self) -> None:
        """Take note that the frame that was asked about last is on screen now."""
        self._shown_at_s, self._shown_time_s = self._next_at_s, self._next_time_s
