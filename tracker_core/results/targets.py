"""What is known of one followed object in a run, and what was replaced in it; no Qt, no tracker."""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tracker_core.results.recorder import TargetRecord
from tracker_core.results.run import KeyFrame
from tracker_core.types import FloatArray, ResultOrigin, TrackResult


@dataclass(frozen=True)
class Target:
    """One object: its record in the run, and what a new box replaced in it.

    Tracking starts again on the box of each key frame; the result there is that box, with score 1.
    """

    record: TargetRecord
    replaced: TargetRecord

    @property
    def number(self) -> int:
        """The target's number, from 1, never used again in a run."""
        return self.record.number

    @property
    def results(self) -> dict[int, TrackResult]:
        """By frame, what was found."""
        return self.record.results

    @property
    def ghost(self) -> dict[int, TrackResult]:
        """By frame, what was found before a new box replaced it."""
        return self.replaced.results

    @property
    def key_frames(self) -> dict[int, KeyFrame]:
        """By frame, the boxes that tracking starts on."""
        return self.record.key_frames

    @property
    def start_index(self) -> int | None:
        """The first key frame, None while there is none."""
        return min(self.key_frames, default=None)

    def key_at_or_before(self, index: int) -> int | None:
        """Return the key frame that rules frame `index`, None before the first."""
        keys = sorted(self.key_frames)
        place = bisect.bisect_right(keys, index)
        return keys[place - 1] if place else None

    def ruling_key(self, index: int) -> int | None:
        """Return the key frame that the result of frame `index` was tracked from, None if there is none.

        Of results that were tracked backwards it is the one that rules the frame where that began.
        """
        came_from: int | None = index
        while came_from is not None and self._is_backwards(came_from):
            came_from = self.result_after(came_from)
        return None if came_from is None else self.key_at_or_before(came_from)

    def result_after(self, index: int) -> int | None:
        """Return the next frame after `index` that has a result, None if there is none."""
        if index + 1 in self.results:
            return index + 1
        return min((i for i in self.results if i > index), default=None)

    def last_before(self, index: int) -> int | None:
        """Return the last frame before `index` that has a result, None if there is none."""
        return max((i for i in self.results if i < index), default=None)

    def key_after(self, index: int) -> int | None:
        """Return the next key frame after `index`, None if there is none."""
        return min((key for key in self.key_frames if key > index), default=None)

    def frontier(self, index: int, skipped: Collection[int] = ()) -> int | None:
        """Return the last frame reached without a gap from `index` on (or from the last result before it).

        Frames in `skipped` could not be read and are not a gap. None before the start.
        """
        last = index if index in self.results else self.last_before(index)
        following = last
        while following is not None and (following in self.results or following in skipped):
            if following in self.results:
                last = following
            following += 1
        return last

    def scores_since_key(self, index: int) -> list[float]:
        """Return the scores since the ruling key frame up to that of `index`, for a tracker that resumes."""
        key = self.ruling_key(index)
        if key is None:
            return []
        way = range(key + 1, index + 1) if key <= index else range(key - 1, index - 1, -1)
        scores = [self.results[i].score for i in way if i in self.results]
        return [score for score in scores if math.isfinite(score)]  # results read from a file have none

    def previous(self, index: int) -> int | None:
        """Return the frame whose result that of `index` followed from, None if there is none."""
        return self.result_after(index) if self._is_backwards(index) else self.result_before(index)

    def result_before(self, index: int) -> int | None:
        """Return the last frame before `index` that has a result under the same key frame, None if there is none."""
        key = self.key_at_or_before(index - 1)
        if key is None:
            return None
        return next((i for i in range(index - 1, key - 1, -1) if i in self.results), None)

    def _is_backwards(self, index: int) -> bool:
        return index in self.results and self.results[index].origin is ResultOrigin.BACKWARDS

    def trail(self, index: int, length: int) -> FloatArray:
        """Return the centres (N, 2), x and y, of the results in the `length` frames up to `index`, oldest first."""
        boxes = [self.results[i].box_xywh for i in range(index - length + 1, index + 1) if i in self.results]
        return np.array([(x + w / 2, y + h / 2) for x, y, w, h in boxes], np.float64).reshape(-1, 2)
