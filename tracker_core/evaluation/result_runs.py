"""A benchmark's result as a run: its boxes, its sequence, and what made it as far as its folder says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import InputError
from tracker_core.evaluation.benchmarks import Benchmark, open_frames
from tracker_core.evaluation.protocols.supervised import start_box_of
from tracker_core.evaluation.result_files import match_sequences
from tracker_core.evaluation.result_store import SETTINGS_FILE
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.run_data import producer_from_data
from tracker_core.sources.sequences.layout import SequenceInfo
from tracker_core.types import FloatArray, FrameSource, TrackingState


def read_result_run(benchmark: Benchmark, folder: Path, info: SequenceInfo) -> tuple[FrameSource, Run]:
    """Return a sequence, ready to be read, and the run that a tracker's folder of results holds of it.

    Result files hold no scores: every score is NaN. `folder` is that of one tracker, ours or anyone's. Raises
    `InputError`, `DataSetError` or `SourceError`.
    """
    path, time_path = _find_result(benchmark, folder, info)
    boxes, starts = benchmark.protocol.read_boxes(path), benchmark.protocol.read_starts(path)
    source = open_frames(info)
    for index in starts:
        if not np.isfinite(boxes[index]).all():  # files of supervised runs do not repeat the box of a start
            boxes[index] = start_box_of(source.sequence, index)
    count = len(boxes)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(boxes).all(axis=1))
    states = tuple(TrackingState.TRACKING if there else None for there in known)
    keys = tuple(KeyFrame(index, boxes[index], BoxOrigin.GROUND_TRUTH) for index in starts)
    target = TargetTrack(1, boxes, np.full(count, np.nan), states, key_frames=keys)
    names = source.frame_names or ()
    run = Run(
        source=identify_source(source, info.folder),
        frame_indices=np.arange(count),
        times_s=np.arange(count) / source.fps,
        targets=(target,) if known.any() else (),
        producers=(read_producer(folder),),
        file_names=names[:count] if len(names) >= count else (),
        update_times_s=_read_times(time_path, count),
        title=folder.name,
    )
    return source, run


def _find_result(benchmark: Benchmark, folder: Path, info: SequenceInfo) -> tuple[Path, Path]:
    """Return the files of boxes and of times, also where another program gave the sequence another name."""
    protocol = benchmark.protocol
    path, times = protocol.result_path(folder, info.name), protocol.time_path(folder, info.name)
    if path.is_file():
        return path, times
    (results,) = protocol.find_results(folder)
    known = {info.name: protocol.first_box(protocol.truth_of(info))}
    matched, _ = match_sequences(results.files, known, lambda name: protocol.first_box_in(results.files[name][0]))
    if info.name not in matched:
        raise InputError(f"The results in '{folder}' hold nothing for '{info.name}'.")
    name = matched[info.name]
    return results.files[name][0], results.times.get(name, times)


def read_producer(folder: Path) -> Producer:
    """Return what made the results in a tracker's folder; of a foreign one no more than its name is known."""
    try:
        settings: Any = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        known = {"tracker": settings["tracker"], "config": settings.get("configuration", {})}
        return producer_from_data(known | settings.get("producer", {}))
    except (OSError, ValueError, KeyError, TypeError):
        return Producer(folder.name)


def _read_times(path: Path, count: int) -> FloatArray:
    """Return the seconds per frame, NaN where the file of times does not tell them for every frame."""
    try:
        times = np.array(path.read_text(encoding="utf-8").split(), np.float64)
    except (OSError, ValueError):
        times = np.zeros(0)
    return times if len(times) == count else np.full(count, np.nan)
