"""Gaps between good boxes of a target: finding them, tracking them from both sides, and blending the two.

A good box is that of a key frame, or one that was found and not lost. A frame that a person marked as outside is an
absence: nothing is ever filled in there, and no gap reaches across it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracker_core.boxes import cxcywh_to_xywh, iou_xywh, xywh_to_cxcywh
from tracker_core.errors import InputError, SourceError
from tracker_core.results.recorder import TargetRecord
from tracker_core.results.visibility import Visibility
from tracker_core.sources.backwards import read_backwards
from tracker_core.types import FloatArray, Frame, FrameSource, ResultOrigin, Tracker, TrackingState, TrackResult

AGREEING_IOU = 0.5  # boxes that overlap less are of different things, and their mean would be on neither


@dataclass(frozen=True)
class Gap:
    """Frames `first` to `last` of target `number`, both included, with the good boxes right beside them.

    `before_xywh` and `after_xywh` are float64 (4,), in image pixels, of frames `first - 1` and `last + 1`; None where
    an absence or the end of the source is there instead. One of them is always known.
    """

    number: int
    first: int
    last: int
    before_xywh: FloatArray | None
    after_xywh: FloatArray | None

    def __len__(self) -> int:
        return self.last - self.first + 1

    def share(self, index: int) -> float:
        """Return how far frame `index` lies on the way from the box before to the box after, 0..1."""
        return (index - self.first + 1) / (len(self) + 1)


def is_good(record: TargetRecord, index: int) -> bool:
    """Tell whether a frame has a box of the target that others can be filled in from."""
    result = record.results.get(index)
    is_there = record.marks.get(index) is not Visibility.OUTSIDE
    return is_there and (index in record.key_frames or (result is not None and result.state is not TrackingState.LOST))


def find_gap_around(record: TargetRecord, index: int) -> list[Gap]:
    """Return the gaps to fill at frame `index`: where the target is lost or was not tracked, else between key frames.

    Raises `InputError`, one sentence, where there is nothing to fill from or nothing to fill.
    """
    _refuse_absence(record, index)
    if not is_good(record, index):
        before = max(
            (i for i in {*record.results, *record.key_frames} if i < index and is_good(record, i)), default=None
        )
        after = min(
            (i for i in {*record.results, *record.key_frames} if i > index and is_good(record, i)), default=None
        )
        where = f"target {record.number} has no good box"
        if before is None:
            raise InputError(f"Before frame {index} {where}; draw one there (R), or track backwards from a later one.")
        if after is None:
            raise InputError(f"After frame {index} {where}; draw one where the target is seen again (R).")
        return find_gaps(record, before + 1, after - 1)
    before = max((key for key in record.key_frames if key < index), default=None)
    after = min((key for key in record.key_frames if key > index), default=None)
    if index in record.key_frames or before is None or after is None:
        raise InputError(
            f"In frame {index} target {record.number} has a good box and no key frame on both sides; go to where it is "
            "lost, or choose a range on the timeline."
        )
    return find_gaps(record, before, after)


def find_gaps(record: TargetRecord, first: int, last: int) -> list[Gap]:
    """Return the gaps between frames `first` and `last`, both included, in order; key frames and absences divide them.

    Where the range ends in good boxes these stay, and what lies between them is the gap; else it reaches to the next
    good boxes on either side. Raises `InputError` where there is none on one of the sides.
    """
    kept = {*record.key_frames, *(index for index, mark in record.marks.items() if mark is Visibility.OUTSIDE)}
    start = _nearest(record, first, -1)
    end = _nearest(record, last, +1)
    gaps = []
    open_at: int | None = None
    for index in range(start, end + 1):
        is_kept = index in kept or index in (start, end)
        if open_at is None and not is_kept:
            open_at = index
        elif open_at is not None and is_kept:
            gaps.append(_gap(record, open_at, index - 1))
            open_at = None
    gaps = [gap for gap in gaps if gap.before_xywh is not None or gap.after_xywh is not None]
    if not gaps:
        raise InputError(f"Between frames {first} and {last} target {record.number} has nothing to fill.")
    return gaps


def find_gaps_of(records: Sequence[TargetRecord], index: int, bounds: tuple[int, int] | None = None) -> list[Gap]:
    """Return the gaps of several targets at frame `index`, or between two frames (`bounds`, both included).

    A target without one is passed over; raises the last one's `InputError` where none has any.
    """
    gaps: list[Gap] = []
    refusal = InputError("There is no target; draw one first (R).")
    for record in records:
        try:
            gaps += find_gap_around(record, index) if bounds is None else find_gaps(record, *bounds)
        except InputError as error:
            refusal = error
    if not gaps:
        raise refusal
    return gaps


def find_every_gap(record: TargetRecord) -> list[Gap]:
    """Return all stretches between two good boxes of a target in which it is lost or was not tracked, in order.

    Absences divide them. Empty where there are none: before the first good box and after the last one is no gap.
    """
    good = sorted(index for index in {*record.results, *record.key_frames} if is_good(record, index))
    outside = {index for index, mark in record.marks.items() if mark is Visibility.OUTSIDE}
    gaps: list[Gap] = []
    for before, after in itertools.pairwise(good):
        if any(index not in outside for index in range(before + 1, after)):
            gaps += find_gaps(record, before + 1, after - 1)
    return gaps


def interpolate(gap: Gap) -> dict[int, TrackResult]:
    """Return boxes on the straight way between those beside the gap, by frame; they have no score.

    Corner and size change evenly from frame to frame, as CVAT and MOT's annotations have it. Empty where one of the
    two boxes is missing.
    """
    if gap.before_xywh is None or gap.after_xywh is None:
        return {}
    found = {}
    for index in range(gap.first, gap.last + 1):
        share = gap.share(index)
        box_xywh = (1 - share) * gap.before_xywh + share * gap.after_xywh
        found[index] = TrackResult(box_xywh, math.nan, origin=ResultOrigin.FILLED)
    return found


def blend(gap: Gap, index: int, forwards: TrackResult | None, backwards: TrackResult | None) -> TrackResult:
    """Return one result for frame `index` of what was found from the two sides; one of them may be missing.

    With `u` the share of the way from the box before to the box after, a side weighs its score times its nearness:
    `v = s_forwards (1 - u)` and `w = s_backwards u`, and 0 where it is lost. Boxes with an IoU of 0.5 or more become
    their mean, weighted by `v` and `w`: of the centres, and of the sizes' logarithms. Of boxes that overlap less the
    heavier one is taken. The score is `(v s_forwards + w s_backwards) / (v + w)`, the state that of the heavier side.
    Where both are lost the nearer side's lost result stays.
    """
    sides = [(side, near) for side, near in ((forwards, 1 - gap.share(index)), (backwards, gap.share(index))) if side]
    weights = [0.0 if side.state is TrackingState.LOST else side.score * near for side, near in sides]
    if sum(weights) == 0:
        nearest = max(sides, key=lambda side: side[1])[0]
        return TrackResult(nearest.box_xywh, nearest.score, nearest.state, origin=ResultOrigin.FILLED)
    heavier = sides[int(np.argmax(weights))][0]
    score = float(np.average([side.score for side, _ in sides], weights=weights))
    boxes_xywh = np.array([side.box_xywh for side, _ in sides])
    box_xywh = heavier.box_xywh
    if len(sides) == 2 and float(iou_xywh(boxes_xywh[0], boxes_xywh[1])) >= AGREEING_IOU:
        box_xywh = _mean_box(boxes_xywh, weights)
    return TrackResult(box_xywh, score, heavier.state, origin=ResultOrigin.FILLED)


def bridge(gap: Gap, found: Mapping[int, TrackResult]) -> dict[int, TrackResult]:
    """Return `found` with boxes on a straight way where the target is lost between good boxes: it is covered there.

    They are uncertain, which counts as occluded, and keep their low scores. A loss at an absence stays one.
    """
    good = {i: result.box_xywh for i, result in found.items() if result.state is not TrackingState.LOST}
    good |= {gap.first - 1: gap.before_xywh} if gap.before_xywh is not None else {}
    good |= {gap.last + 1: gap.after_xywh} if gap.after_xywh is not None else {}
    bridged = dict(found)
    for index, result in found.items():
        before = max((i for i in good if i < index), default=None)
        after = min((i for i in good if i > index), default=None)
        if index not in good and before is not None and after is not None:
            share = (index - before) / (after - before)
            box_xywh = (1 - share) * good[before] + share * good[after]
            bridged[index] = replace(result, box_xywh=box_xywh, state=TrackingState.UNCERTAIN)
    return bridged


class GapTracking:
    """Tracks a gap from both sides; step it with a `for` loop, then take its `results`.

    `start` returns a tracker that stands on a box (x, y, w, h, image pixels) in a frame: one is asked for on each of
    the boxes beside the gap. A side where there is no box is left out.
    """

    def __init__(self, gap: Gap, source: FrameSource, start: Callable[[Frame, FloatArray], Tracker]) -> None:
        self.gap = gap
        self._source, self._start = source, start
        self.times_s: dict[int, float] = {}  # of the frames that were read, when they are shown
        self._forwards: dict[int, TrackResult] = {}
        self._backwards: dict[int, TrackResult] = {}

    @property
    def steps(self) -> int:
        """How many frames the loop goes through."""
        return len(self.gap) * ((self.gap.before_xywh is not None) + (self.gap.after_xywh is not None))

    @property
    def results(self) -> dict[int, TrackResult]:
        """By frame, the blend of what was found so far; where neither side sees the target, see `bridge`."""
        frames = sorted({*self._forwards, *self._backwards})
        return bridge(self.gap, {i: blend(self.gap, i, self._forwards.get(i), self._backwards.get(i)) for i in frames})

    def __iter__(self) -> Iterator[int]:
        """Track one frame after the other and yield how many are done; raises the errors of source and tracker."""
        done = 0
        for found in (self._track_forwards(), self._track_backwards()):
            for _ in found:
                done += 1
                yield done

    def _track_forwards(self) -> Iterator[None]:
        gap = self.gap
        if gap.before_xywh is None:
            return
        tracker = self._start(_read_at(self._source, gap.first - 1), gap.before_xywh)
        for index in range(gap.first, gap.last + 1):
            frame = _read_at(self._source, index)  # anew each time: others may read the source in between
            if frame.index == index:  # else it is damaged
                self._forwards[index] = tracker.update(frame.image)
                self.times_s[index] = frame.time_s
            yield

    def _track_backwards(self) -> Iterator[None]:
        gap = self.gap
        if gap.after_xywh is None:
            return
        self._source.seek(gap.last + 1)
        frames = read_backwards(self._source)
        tracker = self._start(next(frames), gap.after_xywh)
        for frame in frames:
            if frame.index < gap.first:
                return
            self._backwards[frame.index] = tracker.update(frame.image)
            self.times_s[frame.index] = frame.time_s
            yield


def _refuse_absence(record: TargetRecord, index: int) -> None:
    if record.marks.get(index) is Visibility.OUTSIDE:
        raise InputError(
            f"In frame {index} target {record.number} is marked as outside, so nothing is filled in; "
            "mark it as visible first."
        )


def _nearest(record: TargetRecord, index: int, step: int) -> int:
    """Return the first good box from `index` on, in steps of -1 or 1, or the absence that comes before it."""
    known = sorted({*record.results, *record.key_frames, *record.marks}, reverse=step < 0)
    for other in known:
        if (other - index) * step >= 0 and (is_good(record, other) or record.marks.get(other) is Visibility.OUTSIDE):
            return other
    side = "after" if step > 0 else "before"
    raise InputError(f"Target {record.number} has no good box at or {side} frame {index}; draw one there (R).")


def _gap(record: TargetRecord, first: int, last: int) -> Gap:
    return Gap(record.number, first, last, _good_box(record, first - 1), _good_box(record, last + 1))


def _good_box(record: TargetRecord, index: int) -> FloatArray | None:
    if not is_good(record, index):
        return None
    key = record.key_frames.get(index)
    return record.results[index].box_xywh if key is None else key.box_xywh


def _mean_box(boxes_xywh: FloatArray, weights: list[float]) -> FloatArray:
    boxes: Any = xywh_to_cxcywh(boxes_xywh)
    boxes[:, 2:] = np.log(np.maximum(boxes[:, 2:], 1e-6))
    mean = np.average(boxes, axis=0, weights=weights)
    mean[2:] = np.exp(mean[2:])
    box_xywh: FloatArray = np.asarray(cxcywh_to_xywh(mean))
    return box_xywh


def _read_at(source: FrameSource, index: int) -> Frame:
    source.seek(index)
    frame = source.read()
    if frame is None:
        raise SourceError(f"Frame {index} of '{source.name}' can no longer be read; open it again.")
    return frame
