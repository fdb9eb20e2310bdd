"""A target's curve while it grows: a frame is added in no time, and ten thousand frames are a few arrays."""

from __future__ import annotations

import numpy as np

from app.session.frame_view import PLACE_OF_STATE, Curve, ResultRow

FEW_FRAMES = 8192
_SCORE, _IOU, _ERROR, _SPEED, _BOX = 0, 1, 2, 3, 4  # the columns


class GrowingCurve:
    """Takes frames in any order; one that comes again is replaced. It begins with the frames of `curve`."""

    def __init__(self, curve: Curve | None = None) -> None:
        self._numbers = np.empty((FEW_FRAMES, _BOX + 4))
        self._states = np.zeros(FEW_FRAMES, np.uint8)
        if curve is not None:
            self._make_room(int(curve.frames.max(initial=0)))
            columns = (curve.scores, curve.ious, curve.center_errors, curve.speeds)
            self._numbers[curve.frames] = np.concatenate([np.stack(columns, axis=1), curve.boxes_xywh], axis=1)
            self._states[curve.frames] = curve.states

    def put(self, row: ResultRow) -> None:
        """Set what is known of one frame."""
        self._make_room(row.index)
        self._states[row.index] = PLACE_OF_STATE[row.state]
        box_xywh = (np.nan,) * 4 if row.box_xywh is None else row.box_xywh
        self._numbers[row.index] = (row.score, row.iou, row.center_error, row.speed, *box_xywh)

    def curve(self) -> Curve:
        """Return what is known now."""
        frames = np.flatnonzero(self._states)
        numbers = self._numbers[frames]
        scores, ious, errors, speeds = (numbers[:, place] for place in (_SCORE, _IOU, _ERROR, _SPEED))
        return Curve(frames, scores, ious, errors, speeds, self._states[frames], numbers[:, _BOX:])

    def _make_room(self, index: int) -> None:
        while index >= len(self._states):
            self._numbers = np.concatenate((self._numbers, np.empty_like(self._numbers)))
            self._states = np.concatenate((self._states, np.zeros_like(self._states)))
