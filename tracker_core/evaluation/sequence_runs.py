"""One tracker on one sequence: one pass from the first box, or supervised with a restart after every failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracker_core.boxes import polygon_to_equal_area_xywh
from tracker_core.errors import InputError, SourceError
from tracker_core.evaluation.ground_truth import RegionTruth
from tracker_core.evaluation.regions import overlap_on_pixels, xywh_to_polygon
from tracker_core.evaluation.supervised import FAILED, REGION, RESTART_AFTER, SKIPPED, STARTED
from tracker_core.results.loop import start, step
from tracker_core.sources.opening import SequenceSource
from tracker_core.types import FloatArray, Frame, FrameSource, Sequence, Tracker

OnFrame = Callable[[], None]


@dataclass(frozen=True)
class OnePassRun:
    """Boxes x, y, w, h (N, 4), 0-based, NaN before the first ground truth; seconds (N,) of each update, else 0."""

    boxes_xywh: FloatArray
    seconds: FloatArray


@dataclass(frozen=True)
class SupervisedRun:
    """What each frame is in the supervised protocol (`codes` (N,)), boxes (N, 4), NaN beside REGION; and seconds."""

    codes: NDArray[np.int64]
    boxes_xywh: FloatArray
    seconds: FloatArray


def run_one_pass(tracker: Tracker, source: SequenceSource, on_frame: OnFrame = lambda: None) -> OnePassRun:
    """Track a sequence once, from its first frame with ground truth to its end.

    Only the tracker's update is timed, not reading. Raises `InputError` where there is no box to start on, and
    `SourceError` for a image that cannot be read.
    """
    sequence = source.sequence
    labelled = np.flatnonzero(np.isfinite(sequence.boxes_xywh).all(axis=1))
    if len(labelled) == 0:
        raise InputError(f"The ground truth of '{sequence.name}' has no box in any frame, so nothing can be tracked.")
    first = int(labelled[0])
    boxes, seconds = np.full((len(sequence.boxes_xywh), 4), np.nan), np.zeros(len(sequence.boxes_xywh))
    for index, frame in _frames(source, len(boxes)):
        if index == first:
            start([tracker], frame, [sequence.boxes_xywh[first]])
            boxes[first] = sequence.boxes_xywh[first]
        elif index > first:
            boxes[index], seconds[index] = _update(tracker, frame)
        on_frame()
    return OnePassRun(boxes, seconds)


def run_supervised(
    tracker: Tracker, source: SequenceSource, truth: RegionTruth, on_frame: OnFrame = lambda: None
) -> SupervisedRun:
    """Track a sequence under supervision: no overlap with the ground truth is a failure, five frames later it starts.

    Where a start falls on a frame without ground truth it waits for the next one with it; such frames cannot fail.
    Raises as `run_one_pass` does.
    """
    known: NDArray[np.bool_] = np.all(np.isfinite(truth.polygons), axis=(1, 2))
    if not known.any():
        raise InputError(f"The ground truth of '{truth.name}' has no region in any frame, so nothing can be tracked.")
    codes = np.full(len(truth), SKIPPED, np.int64)
    boxes, seconds = np.full((len(truth), 4), np.nan), np.zeros(len(truth))
    convention = center_convention(tracker)
    next_start: int | None = 0  # None while the target is being tracked
    for index, frame in _frames(source, len(truth)):
        if next_start is None:
            box, seconds[index] = _update(tracker, frame)
            overlap = overlap_on_pixels(xywh_to_polygon(box)[None], truth.polygons[index][None], truth.image_size)[0]
            # a box with NaN overlaps nothing; without ground truth there is nothing to fail against
            if known[index] and not overlap > 0:
                codes[index], next_start = FAILED, index + RESTART_AFTER
            else:
                codes[index], boxes[index] = REGION, box
        elif index >= next_start and known[index]:
            start([tracker], frame, [start_box_of(source.sequence, index, convention)])
            codes[index], next_start = STARTED, None
        on_frame()
    return SupervisedRun(codes, boxes, seconds)


def start_box_of(sequence: Sequence, index: int, convention: str = "exact") -> FloatArray:
    """Return the axis-aligned box x, y, w, h on which a tracker is started in a frame; `convention` is its own."""
    polygon = None if sequence.polygons is None else sequence.polygons[index]
    if polygon is None or not np.isfinite(polygon).all():
        return np.asarray(sequence.boxes_xywh[index], np.float64)
    return start_box_of_polygon(polygon, convention)


def start_box_of_polygon(polygon: ArrayLike, convention: str) -> FloatArray:
    """Return the upright box x, y, w, h of the centre and area of a polygon (8,), as the published trackers take it.

    "pysot" trackers take a box for one of pixels, whose centre is at x + (w − 1) / 2: for them the corner is shifted
    by half a pixel, so that they start on the polygon's centre.
    """
    box = polygon_to_equal_area_xywh(polygon)
    if convention == "pysot":
        box[:2] += 0.5
    return box


def center_convention(tracker: Tracker) -> str:
    """Return how a tracker takes the centre of a box, see `published_center`; "exact" where it does not say."""
    tracking = getattr(getattr(tracker, "config", None), "tracking", None)
    return str(getattr(tracking, "convention", "exact"))


def format_one_pass(run: OnePassRun, origin: int) -> list[str]:
    """Return the lines of a result file: x,y,w,h with four decimals, `origin` the first pixel's coordinate."""
    return [_format(box) for box in run.boxes_xywh + np.array([origin, origin, 0, 0])]


def format_supervised(run: SupervisedRun) -> list[str]:
    """Return the lines of a supervised result file: 1 a start, 2 a failure, 0 skipped, else x,y,w,h."""
    pairs = zip(run.codes, run.boxes_xywh, strict=True)
    return [_format(box) if code == REGION else str(int(code)) for code, box in pairs]


def _format(box_xywh: ArrayLike) -> str:
    return ",".join(f"{value:.4f}" for value in np.asarray(box_xywh))


def _update(tracker: Tracker, frame: Frame) -> tuple[FloatArray, float]:
    began = time.perf_counter()
    result = step([tracker], frame).result
    return np.asarray(result.box_xywh, np.float64), time.perf_counter() - began


def _frames(source: FrameSource, count: int) -> Iterator[tuple[int, Frame]]:
    """Yield exactly `count` frames with their place; raises `SourceError` if the source ends before."""
    for index in range(count):
        frame = source.read()
        if frame is None:
            raise SourceError(f"'{source.name}' has {index} frames, but ground truth for {count}; unpack it again.")
        yield index, frame
