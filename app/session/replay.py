"""Looking at a benchmark's result: its sequence with the boxes that a tracker wrote, as if it had been tracked here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracker_core.evaluation.benchmarks import open_benchmark
from tracker_core.evaluation.result_runs import read_result_run
from tracker_core.results.recorder import RunRecorder
from tracker_core.types import FrameSource


@dataclass(frozen=True)
class ReplayRequest:
    """One row of a benchmark's table; `folder` holds the tracker's result files, ours or anyone's."""

    benchmark: str
    root: str
    folder: str
    sequence: str
    go_to: int | None = None  # frame to show first


def open_replay(request: ReplayRequest) -> tuple[FrameSource, RunRecorder]:
    """Return the sequence, ready to be read, and what the tracker found; raises the core's errors."""
    benchmark = open_benchmark(request.benchmark, request.root, sequences=[request.sequence])
    source, run = read_result_run(benchmark, Path(request.folder), benchmark.infos[0])
    return source, RunRecorder.from_run(run)
