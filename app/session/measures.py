"""What is known of the truth, and the plot lines that measure results against it."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.session.frame_view import ResultRow
from app.session.live_run import LiveRun
from app.session.live_scores import state_name
from tracker_core.boxes import center_distance_xywh, iou_xywh
from tracker_core.results.motion import speed_onto
from tracker_core.results.run import BoxOrigin
from tracker_core.results.targets import Target
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray, Sequence, TrackResult

START_OVERLAP = 0.5  # with the ground truth, of a box that is on the object
SAME_TRUTH = 0.99  # overlap of two versions of a true box that differ by no more than rounding


@dataclass(frozen=True)
class GroundTruth:
    """The ground truth of what is open; `sequence` is None where there is none. It is of one object."""

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
        """Return the plot lines of some results of a target, by their frames; measured where `scored_spans` says."""
        boxes, truth = np.full((len(results), 4), np.nan), np.full((len(results), 4), np.nan)
        starts, scored = self.scored_spans(run, target)
        for place, (index, result) in enumerate(results.items()):
            is_scored = bool(starts) and scored[max(0, bisect.bisect_right(starts, index) - 1)]
            true_box = self.box(index) if is_scored else None
            boxes[place] = result.box_xywh
            truth[place] = np.nan if true_box is None else true_box
        # all at once: a long run is measured again whenever a box is drawn again
        ious, errors = iou_xywh(boxes, truth).tolist(), center_distance_xywh(boxes, truth).tolist()
        return [
            ResultRow(
                index, target.number, float(result.score), iou, error, state_name(result, index in target.key_frames),
                is_new=False, box_xywh=result.box_xywh, speed=speed_at(run, target, index, result),
            )
            for (index, result), iou, error in zip(results.items(), ious, errors, strict=True)
        ]  # fmt: skip

    def scored_spans(self, run: LiveRun, target: Target) -> tuple[list[int], list[bool]]:
        """Return the frames in which a target was started, in order, and whether what follows is measured.

        It is where the box there overlaps the ground truth by at least `START_OVERLAP`: else something else is
        followed. Where the truth of such a frame is not known, it counts like the one before. A run that is scored
        anyway is measured as a whole, its first target alone.
        """
        starts = sorted(target.key_frames) or sorted(target.results)[:1]  # result files have no key frames
        if self.sequence is None:
            return starts, [False] * len(starts)
        if run.is_scored_anyway:
            return starts, [target.number == next(iter(run.recorder.targets), None)] * len(starts)
        overlaps = self._start_overlaps(target, starts)
        scored: list[bool] = []
        for overlap in overlaps:
            scored.append(bool(scored and scored[-1]) if np.isnan(overlap) else overlap >= START_OVERLAP)
        return starts, scored

    def has_changed_since(self, run: LiveRun) -> bool:
        """Tell whether a run was started on a ground truth that is no longer the same."""
        return any(
            key.by is BoxOrigin.GROUND_TRUTH
            and (true_box := self.box(key.index)) is not None
            and float(iou_xywh(key.box_xywh, true_box)) < SAME_TRUTH
            for target in run.targets.values()
            for key in target.key_frames.values()
        )

    def _start_overlaps(self, target: Target, starts: list[int]) -> list[float]:
        boxes, truth = np.full((len(starts), 4), np.nan), np.full((len(starts), 4), np.nan)
        for place, index in enumerate(starts):
            key, true_box = target.key_frames.get(index), self.box(index)
            boxes[place] = target.results[index].box_xywh if key is None else key.box_xywh
            truth[place] = np.nan if true_box is None else true_box
        overlaps: list[float] = iou_xywh(boxes, truth).tolist()
        return overlaps


def speed_at(run: LiveRun, target: Target, index: int, result: TrackResult) -> float:
    """Return the speed of a target in frame `index`, pixels per second since the frame before; NaN if not known."""
    if Visibility.OUTSIDE in (target.record.marks.get(index - 1), target.record.marks.get(index)):
        return math.nan
    seconds = run.recorder.frame_note(index)[0] - run.recorder.frame_note(index - 1)[0]
    return speed_onto(target.results.get(index - 1), result, seconds, is_key=index in target.key_frames)
