"""What is known of one followed object: its key frames and the result of every frame; no Qt, no tracker."""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from tracker_core.types import FloatArray, TrackingState, TrackResult


@dataclass
class Target:
    """One object: `number` from 1, never used again in a session.

    Attributes:
        key_boxes: by frame, the boxes (x, y, w, h, image pixels) that a person set; tracking starts anew on each.
        results: by frame, what was found; a key frame's result is its own box with score 1.
        ghost: by frame, what the run before found where it was replaced.
    """

    number: int
    key_boxes: dict[int, FloatArray] = field(default_factory=dict)
    results: dict[int, TrackResult] = field(default_factory=dict)
    ghost: dict[int, TrackResult] = field(default_factory=dict)

    def copy(self) -> Target:
        """Return a target with dictionaries of its own; the results inside are immutable and shared."""
        return Target(self.number, dict(self.key_boxes), dict(self.results), dict(self.ghost))

    @property
    def start_index(self) -> int | None:
        """The first key frame, None while there is none."""
        return min(self.key_boxes, default=None)

    def key_at_or_before(self, index: int) -> int | None:
        """Return the key frame that rules frame `index`, None before the first."""
        keys = sorted(self.key_boxes)
        place = bisect.bisect_right(keys, index)
        return keys[place - 1] if place else None

    def key_after(self, index: int) -> int | None:
        """Return the next key frame after `index`, None if there is none."""
        return min((key for key in self.key_boxes if key > index), default=None)

    def set_key(self, index: int, box_xywh: FloatArray) -> None:
        """Start anew on `box_xywh` at frame `index`.

        All results before it stay. Those from it to the next key frame become the ghost: they came from a run that
        this box corrects.
        """
        following = self.key_after(index)
        self._retire(index, following)
        box = np.array(box_xywh, np.float64)
        box.flags.writeable = False
        self.key_boxes[index] = box
        self.results[index] = TrackResult(box, 1.0, TrackingState.TRACKING)

    def retire_after(self, index: int) -> None:
        """Make every computed result after `index` the ghost; key frames stay."""
        self._retire(index + 1, None)
        for key, box in self.key_boxes.items():
            if key > index:
                self.results[key] = TrackResult(box, 1.0, TrackingState.TRACKING)

    def frontier(self, index: int, skipped: Collection[int] = ()) -> int | None:
        """Return the last frame reached without a gap from `index` on (or from the last result before it).

        Frames in `skipped` could not be read and are no gap. None before the start.
        """
        last = index if index in self.results else max((i for i in self.results if i < index), default=None)
        following = last
        while following is not None and (following in self.results or following in skipped):
            if following in self.results:
                last = following
            following += 1
        return last

    def scores_since_key(self, index: int) -> list[float]:
        """Return the scores from the frame after the ruling key frame to `index`, for a tracker that resumes."""
        key = self.key_at_or_before(index)
        if key is None:
            return []
        scores = [self.results[i].score for i in range(key + 1, index + 1) if i in self.results]
        return [score for score in scores if math.isfinite(score)]  # results read from a file have none

    def result_before(self, index: int) -> int | None:
        """Return the last frame before `index` that has a result under the same key frame, None if there is none."""
        key = self.key_at_or_before(index - 1)
        if key is None:
            return None
        return next((i for i in range(index - 1, key - 1, -1) if i in self.results), None)

    def trail(self, index: int, length: int) -> FloatArray:
        """Return the centres (N, 2), x and y, of the results in the `length` frames up to `index`, oldest first."""
        boxes = [self.results[i].box_xywh for i in range(index - length + 1, index + 1) if i in self.results]
        return np.array([(x + w / 2, y + h / 2) for x, y, w, h in boxes], np.float64).reshape(-1, 2)

    def _retire(self, first: int, end: int | None) -> None:
        for index in [i for i in self.results if i >= first and (end is None or i < end)]:
            self.ghost[index] = self.results.pop(index)
