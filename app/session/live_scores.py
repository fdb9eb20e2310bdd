"""How good the tracking was so far, frame by frame and as the benchmarks sum it up."""

from __future__ import annotations

import math

import numpy as np

from app.session.frame_view import Curve
from tracker_core.metrics import PRECISION_PIXELS, success_of
from tracker_core.types import TrackingState, TrackResult


class RunningScores:
    """Success (AUC) and precision at 20 pixels over the frames seen so far, as `tracker_core.metrics` defines them.

    They begin with the frames of `curve`. A frame that comes again replaces its earlier value; frames without ground
    truth (NaN) do not count.
    """

    def __init__(self, curve: Curve | None = None) -> None:
        self._frames: dict[int, tuple[float, float]] = {}
        self._success = 0.0
        self._precise = 0.0
        if curve is not None:
            is_known = np.isfinite(curve.ious)
            passed = success_of(curve.ious[is_known])
            precise = (curve.center_errors[is_known] <= PRECISION_PIXELS).astype(np.float64)
            values = zip(passed.tolist(), precise.tolist(), strict=True)
            self._frames = dict(zip(curve.frames[is_known].tolist(), values, strict=True))
            self._success, self._precise = float(passed.sum()), float(precise.sum())

    def add(self, index: int, iou: float, center_distance: float) -> None:
        """Take the overlap and the centre error of one frame."""
        before = self._frames.pop(index, None)
        if before is not None:
            self._success -= before[0]
            self._precise -= before[1]
        if math.isfinite(iou):
            passed = float(success_of(iou))
            precise = float(center_distance <= PRECISION_PIXELS)
            self._frames[index] = (passed, precise)
            self._success += passed
            self._precise += precise

    @property
    def success(self) -> float:
        """Area under the success curve, NaN before the first frame."""
        return self._success / len(self._frames) if self._frames else math.nan

    @property
    def precision(self) -> float:
        """Share of frames whose centre is at most 20 pixels off, NaN before the first frame."""
        return self._precise / len(self._frames) if self._frames else math.nan


def state_name(result: TrackResult, is_key: bool) -> str:
    """Return the state for strips and lists: "key" where a person set the box, else the tracking state's value."""
    state = result.state
    return "key" if is_key else (state.value if isinstance(state, TrackingState) else str(state))
