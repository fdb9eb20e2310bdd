"""What running a tracker over a sequence shares between the protocols: every frame once, only the update timed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tracker_core.errors import SourceError
from tracker_core.results.loop import step
from tracker_core.types import FloatArray, Frame, FrameSource, Tracker, TrackResult


def read_frames(source: FrameSource, count: int) -> Iterator[tuple[int, Frame]]:
    """Yield exactly `count` frames with their place; raises `SourceError` if the source ends before."""
    for index in range(count):
        frame = source.read()
        if frame is None:
            raise SourceError(f"'{source.name}' has {index} frames, but ground truth for {count}; unpack it again.")
        yield index, frame


def timed_step(tracker: Tracker, frame: Frame) -> tuple[TrackResult, float]:
    """Return what the tracker says of a frame and the seconds that it took."""
    began = time.perf_counter()
    result = step([tracker], frame).result
    return result, time.perf_counter() - began


def timed_update(tracker: Tracker, frame: Frame) -> tuple[FloatArray, float]:
    """Return the tracker's box x, y, w, h in a frame and the seconds that it took."""
    result, seconds = timed_step(tracker, frame)
    return np.asarray(result.box_xywh, np.float64), seconds


def format_box(box_xywh: ArrayLike) -> str:
    """Return a line of a result file: x,y,w,h with four decimals."""
    return ",".join(f"{value:.4f}" for value in np.asarray(box_xywh))
