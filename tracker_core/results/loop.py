"""The headless loop: a source and first boxes in, one `FrameResult` per frame out. The window steps the same way."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tracker_core.errors import InputError, SourceError
from tracker_core.pipeline import ReadAhead
from tracker_core.sources.backwards import read_backwards
from tracker_core.types import (
    Frame,
    FrameResult,
    FrameSource,
    ResultOrigin,
    Timings,
    Tracker,
    TrackingState,
    TrackResult,
    iterate_frames,
)


def start(trackers: Sequence[Tracker], frame: Frame, boxes_xywh: Sequence[Any]) -> FrameResult:
    """Start one tracker per box on `frame`; the result holds the given boxes with score 1.

    Raises `InputError` for a box that no tracker can start on, naming which of several it is.
    """
    results = []
    for number, (tracker, box_xywh) in enumerate(zip(trackers, boxes_xywh, strict=True), 1):
        try:
            tracker.init(frame.image, box_xywh)
        except InputError as error:
            which = f" (box {number} of {len(boxes_xywh)})" if len(boxes_xywh) > 1 else ""
            raise InputError(f"{error}{which}") from error
        results.append(TrackResult(_copy(box_xywh), 1.0, TrackingState.TRACKING))
    return FrameResult(frame, tuple(results))


def step(trackers: Sequence[Tracker], frame: Frame, *, debug: bool = False, decode_ms: float = 0.0) -> FrameResult:
    """Update every tracker with `frame`; the timings are sums over the targets."""
    # trackers that share a network are updated in one batch
    kinds = {(type(tracker), id(getattr(tracker, "runner", None))) for tracker in trackers}
    update_all = getattr(trackers[0], "update_all", None) if len(kinds) == 1 else None
    if update_all is not None:
        results = update_all(trackers, frame.image, debug=debug)
    else:
        results = [tracker.update(frame.image, debug=debug) for tracker in trackers]
    crop = network = select = 0.0
    for tracker in trackers:
        timings = getattr(tracker, "timings", Timings())
        crop += timings.crop_ms
        network += timings.network_ms
        select += timings.select_ms
    return FrameResult(frame, tuple(results), Timings(decode_ms, crop, network, select))


def track(
    trackers: Sequence[Any],
    source: FrameSource,
    boxes_xywh: Sequence[Any],
    *,
    stop_after: int | None = None,
    known: Mapping[int, Sequence[TrackResult]] | None = None,
    is_backwards: bool = False,
    read_ahead: int = 0,
) -> Iterator[FrameResult]:
    """Track from where `source` stands to its end (or back to its start), or for `stop_after` frames.

    One `Tracker` per box, each `x, y, w, h` in the first frame read. Yields the first frame too, with the given
    boxes. `known` holds the results, by frame, of an earlier run from the same start: they are yielded as they are,
    and tracking continues after the last of them (the trackers then need `resume`). With `read_ahead` so many frames
    are read in a thread while earlier ones are tracked, none beyond the last; close the iterator before the source
    then, and leave it at 0 for live sources, whose frames would be old. Raises `SourceError` if there is
    no frame at all, or no way back.
    """
    is_empty = True
    frames = itertools.islice(_timed(read_backwards(source) if is_backwards else iterate_frames(source)), stop_after)
    with ReadAhead(frames, read_ahead) if read_ahead else contextlib.nullcontext(frames) as read:
        for outcome in _track(trackers, read, boxes_xywh, known or {}, is_backwards):
            is_empty = False
            yield outcome
    if is_empty:
        raise SourceError(f"'{source.name}' holds no frame to track in.")


def _track(
    trackers: Sequence[Any],
    frames: Iterable[tuple[Frame, float]],
    boxes_xywh: Sequence[Any],
    known: Mapping[int, Sequence[TrackResult]],
    is_backwards: bool,
) -> Iterator[FrameResult]:
    way = ResultOrigin.BACKWARDS if is_backwards else ResultOrigin.TRACKED
    followed: list[Sequence[TrackResult]] = []  # known results that the trackers have not seen
    for produced, (frame, decode_ms) in enumerate(frames):
        if produced == 0:
            yield start(trackers, frame, boxes_xywh)
        elif frame.index in known:
            followed.append(known[frame.index])
            yield FrameResult(frame, tuple(known[frame.index]))
        else:
            for number, tracker in enumerate(trackers if followed else ()):
                scores = [results[number].score for results in followed]
                tracker.resume(followed[-1][number].box_xywh, scores)
            followed.clear()
            outcome = step(trackers, frame, decode_ms=decode_ms)
            yield replace(outcome, results=tuple(replace(result, origin=way) for result in outcome.results))


def _timed(frames: Iterator[Frame]) -> Iterator[tuple[Frame, float]]:
    """Yield each frame with the milliseconds that reading it took."""
    began = time.perf_counter()
    for frame in frames:
        yield frame, (time.perf_counter() - began) * 1e3
        began = time.perf_counter()


def _copy(box_xywh: Any) -> Any:
    box = np.array(box_xywh, np.float64)
    box.flags.writeable = False
    return box
