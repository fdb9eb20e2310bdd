"""Looking at a benchmark's result: its sequence with the boxes that a tracker wrote, as if it had been tracked here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tracker_core.errors import SiamscopeError
from tracker_core.evaluation.benchmarks import open_benchmark, open_frames
from tracker_core.evaluation.protocols.supervised import start_box_of
from tracker_core.evaluation.result_store import SETTINGS_FILE, describe_tracker
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin
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


def open_replay(request: ReplayRequest) -> tuple[FrameSource, RunRecorder]:
    """Return the sequence, ready to be read, and what the tracker found; raises the core's errors."""
    benchmark = open_benchmark(request.benchmark, request.root, sequences=[request.sequence])
    folder = Path(request.results) / request.benchmark / request.tracker
    path = benchmark.protocol.result_path(folder, request.sequence)
    boxes, starts = benchmark.protocol.read_boxes(path), benchmark.protocol.read_starts(path)
    source = open_frames(benchmark.infos[0])
    for index in starts:
        if not np.isfinite(boxes[index]).all():  # files of supervised runs do not repeat the box of a start
            boxes[index] = start_box_of(source.sequence, index)
    identity = identify_source(source, benchmark.infos[0].folder)
    recorder = RunRecorder(identity, read_producer(folder / SETTINGS_FILE), title=request.tracker)
    record_boxes(recorder, boxes, starts)
    return source, recorder


def record_boxes(recorder: RunRecorder, boxes_xywh: FloatArray, starts: Sequence[int]) -> None:
    """Record boxes (N, 4), NaN where there is none, of a target that was started on the true box in frames `starts`.

    Result files hold no scores: the score of every frame is NaN.
    """
    for index in np.flatnonzero(np.isfinite(boxes_xywh).all(axis=1)).tolist():
        if index in starts:
            recorder.set_key_frame(1, index, boxes_xywh[index], BoxOrigin.GROUND_TRUTH)
        recorder.put(index, 1, TrackResult(boxes_xywh[index], float("nan"), TrackingState.TRACKING))


def read_producer(settings_file: Path) -> Producer | None:
    """Return what made the results in a folder, None where that is not noted: another program wrote them.

    The weights are found among those that are here by their content; without them the producer names no weights.
    """
    try:
        settings = json.loads(settings_file.read_text(encoding="utf-8"))
        noted = Producer(str(settings["tracker"]), dict(settings["configuration"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    from tracker_core.trackers.builder import build_tracker  # they import PyTorch, which takes a while
    from tracker_core.trackers.producers import describe_producer

    try:
        tracker = build_tracker(noted.tracker, device="cpu")
    except SiamscopeError:
        return noted
    if describe_tracker(tracker).get("weights") != settings.get("weights"):
        return noted
    return replace(describe_producer(tracker), config=noted.config, device="", runtime="")
