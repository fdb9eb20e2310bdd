"""Looking at a benchmark's result: its sequence with the boxes that a tracker wrote, as if it had been tracked here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.session.targets import Target
from tracker_core.evaluation.benchmarks import open_benchmark, open_frames
from tracker_core.types import FloatArray, FrameSource, TrackingState, TrackResult


@dataclass(frozen=True)
class ReplayRequest:
    """One row of a benchmark's table; `results` is the folder of the run, as `eval --out` has it."""

    benchmark: str
    root: str
    results: str
    tracker: str
    sequence: str
    go_to: int | None = None  # frame to show first


def open_replay(request: ReplayRequest) -> tuple[FrameSource, Target]:
    """Return the sequence, ready to be read, and what the tracker found; raises the core's errors."""
    benchmark = open_benchmark(request.benchmark, request.root, sequences=[request.sequence])
    folder = Path(request.results) / request.benchmark / request.tracker
    boxes = benchmark.protocol.read_boxes(benchmark.protocol.result_path(folder, request.sequence))
    return open_frames(benchmark.infos[0]), as_target(boxes)


def as_target(boxes_xywh: FloatArray) -> Target:
    """Return boxes (N, 4), NaN where there is none, as a target that was started on the first of them.

    Result files hold no scores: the score of every frame is NaN.
    """
    target = Target(1)
    for index in np.flatnonzero(np.isfinite(boxes_xywh).all(axis=1)).tolist():
        box = boxes_xywh[index]
        if not target.key_boxes:
            target.key_boxes[index] = box
        target.results[index] = TrackResult(box, float("nan"), TrackingState.TRACKING)
    return target
