"""What is known of the truth, and the plot lines that measure results against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.session.frame_view import ResultRow
from app.session.live_run import LiveRun
from app.session.live_scores import center_error, iou_of, state_name
from app.session.targets import Target
from tracker_core.types import FloatArray, Sequence, TrackResult


@dataclass(frozen=True)
class GroundTruth:
    """The ground truth of what is open; `sequence` is None where there is none. It is of the first target alone."""

    sequence: Sequence | None = None

    def box(self, index: int) -> FloatArray | None:
        """Return the true box (x, y, w, h) of frame `index`, None where there is none."""
        if self.sequence is None or not 0 <= index < len(self.sequence.boxes_xywh):
            return None
        box = self.sequence.boxes_xywh[index]
        return box if np.isfinite(box).all() and box[2] > 0 and box[3] > 0 else None

    def polygon(self, index: int) -> FloatArray | None:
        """Return the true polygon (x1, y1, …, x4, y4) of frame `index`, None where there is none."""
        polygons = None if self.sequence is None else self.sequence.polygons
        return polygons[index] if polygons is not None and index < len(polygons) else None

    def row(self, run: LiveRun, target: Target, index: int, result: TrackResult) -> ResultRow:
        """Return the plot line of one result of a target."""
        truth = self.box(index) if target.number == next(iter(run.recorder.targets), None) else None
        iou, error = iou_of(result.box_xywh, truth), center_error(result.box_xywh, truth)
        state = state_name(result, index in target.key_frames)
        return ResultRow(index, target.number, float(result.score), iou, error, state, is_new=False)

    def rows(self, run: LiveRun) -> list[ResultRow]:
        """Return the plot lines of everything in a run, ordered by frame."""
        rows = [
            self.row(run, target, index, result)
            for target in run.targets.values()
            for index, result in target.results.items()
        ]
        return sorted(rows, key=lambda row: (row.index, row.number))
