"""What is known of the truth, and the plot lines that measure results against it."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np

from app.session.frame_view import KEY_STATE, PLACE_OF_STATE, Curve, ResultRow
from app.session.live_run import LiveRun
from app.session.live_scores import state_name
from tracker_core.boxes import iou_xywh
from tracker_core.metrics import frame_center_errors, frame_overlaps
from tracker_core.results.motion import measure_motion, speed_onto
from tracker_core.results.run import BoxOrigin, Run, TargetTrack
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
        """Return the true box (x, y, w, h) of frame `index`, None where there is none or it has no area."""
        box = self._measured_box(index)
        return box if np.isfinite(box).all() and (box[2:] > 0).all() else None

    def polygon(self, index: int) -> FloatArray | None:
        """Return the true polygon (x1, y1, …, x4, y4) of frame `index`, None where there is none."""
        polygons = None if self.sequence is None else self.sequence.polygons
        return polygons[index] if polygons is not None and index < len(polygons) else None

    def curves(self, live: LiveRun, run: Run) -> dict[int, Curve]:
        """Return the curves of all targets of a run, which is `run` when it is built."""
        return {track.number: self._curve(live, run, track) for track in run.targets}

    def _curve(self, live: LiveRun, run: Run, track: TargetTrack) -> Curve:
        """Return a target's curve: all of a long run at once, as it is measured again whenever a box is drawn again."""
        states = np.array([0 if state is None else PLACE_OF_STATE[state.value] for state in track.states], np.uint8)
        rows = np.flatnonzero(states)
        states[np.isin(run.frame_indices, [key.index for key in track.key_frames]) & (states > 0)] = KEY_STATE
        frames, boxes, truth = run.frame_indices[rows], track.boxes_xywh[rows], np.full((len(rows), 4), np.nan)
        starts, scored = self.scored_spans(live, live.targets[track.number])
        if self.sequence is not None and any(scored):
            spans = np.maximum(np.searchsorted(starts, frames, side="right") - 1, 0)
            is_scored = np.array(scored)[spans] & (frames < len(self.sequence.boxes_xywh))
            truth[is_scored] = self.sequence.boxes_xywh[frames[is_scored]]
        ious, errors = frame_overlaps(boxes, truth), frame_center_errors(boxes, truth)
        speeds = measure_motion(run, track).speeds[rows]
        return Curve(frames, track.scores[rows], ious, errors, speeds, states[rows], boxes)

    def row(self, run: LiveRun, target: Target, index: int, result: TrackResult) -> ResultRow:
        """Return the line of the plots for what was found in one frame; measured where `scored_spans` says."""
        starts, scored = self.scored_spans(run, target)
        is_scored = bool(starts) and scored[max(0, bisect.bisect_right(starts, index) - 1)]
        truth = self._measured_box(index) if is_scored else np.full(4, np.nan)
        return ResultRow(
            index, target.number, float(result.score),
            float(frame_overlaps(result.box_xywh[None], truth[None])[0]),
            float(frame_center_errors(result.box_xywh[None], truth[None])[0]),
            state_name(result, index in target.key_frames),
            is_new=False, box_xywh=result.box_xywh, speed=speed_at(run, target, index, result),
        )  # fmt: skip

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

    def _measured_box(self, index: int) -> FloatArray:
        """Return the box that results are measured against: one without area as well, which nothing overlaps.

        The benchmarks count such frames as missed, where a data set does not say that the target is absent.
        """
        if self.sequence is None or not 0 <= index < len(self.sequence.boxes_xywh):
            return np.full(4, np.nan)
        box: FloatArray = self.sequence.boxes_xywh[index]
        return box

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
    before = index - 1
    if run.source.is_live:  # not all that is captured is tracked
        before = next((earlier for earlier in reversed(target.results) if earlier < index), before)
    if Visibility.OUTSIDE in (target.record.marks.get(before), target.record.marks.get(index)):
        return math.nan
    seconds = run.recorder.frame_note(index)[0] - run.recorder.frame_note(before)[0]
    return speed_onto(target.results.get(before), result, seconds, is_key=index in target.key_frames)
