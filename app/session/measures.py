"""What is known of the truth, and the plot lines that measure results against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.session.frame_view import ResultRow
from app.session.live_run import LiveRun
from app.session.live_scores import state_name
from app.session.targets import Target
from tracker_core.boxes import center_distance_xywh, iou_xywh
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

    def rows(self, run: LiveRun) -> list[ResultRow]:
        """Return the plot lines of everything in a run, ordered by frame."""
        rows = [row for target in run.targets.values() for row in self.rows_of(run, target, target.results)]
        return sorted(rows, key=lambda row: (row.index, row.number))

    def rows_of(self, run: LiveRun, target: Target, results: Mapping[int, TrackResult]) -> list[ResultRow]:
        """Return the plot lines of some results of a target, by their frames."""
        boxes, truth = np.full((len(results), 4), np.nan), np.full((len(results), 4), np.nan)
        has_truth = target.number == next(iter(run.recorder.targets), None)
        for place, (index, result) in enumerate(results.items()):
            true_box = self.box(index) if has_truth else None
            boxes[place] = result.box_xywh
            truth[place] = np.nan if true_box is None else true_box
        # all at once: a long run is measured again whenever a box is drawn again
        ious, errors = iou_xywh(boxes, truth).tolist(), center_distance_xywh(boxes, truth).tolist()
        return [
            ResultRow(
                index, target.number, float(result.score), iou, error, state_name(result, index in target.key_frames),
                is_new=False,
            )
            for (index, result), iou, error in zip(results.items(), ious, errors, strict=True)
        ]  # fmt: skip
