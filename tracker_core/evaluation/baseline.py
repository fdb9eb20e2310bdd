"""The tracker that every other one has to beat: the box stays where it was."""

from __future__ import annotations

import numpy as np

from tracker_core.errors import TrackerStateError
from tracker_core.types import FloatArray, Image, TrackResult


class StayingBox:
    """Answers every frame with the box that it was started on, without looking at the image."""

    name = "staying-box"

    def __init__(self) -> None:
        self._box_xywh: FloatArray | None = None

    def init(self, image: Image, box_xywh: FloatArray) -> None:
        """Keep `box_xywh` (x, y, w, h, image pixels)."""
        box = np.array(box_xywh, np.float64)
        box.flags.writeable = False
        self._box_xywh = box

    def update(self, image: Image, *, debug: bool = False) -> TrackResult:
        """Return the first box with a score of 1; raises `TrackerStateError` before `init`."""
        if self._box_xywh is None:
            raise TrackerStateError("The tracker was updated before it was started; call init(image, box) first.")
        return TrackResult(self._box_xywh, 1.0)
