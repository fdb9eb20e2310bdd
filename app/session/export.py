"""A session's results as a run, for export."""

from __future__ import annotations

from app.session.session import Session
from tracker_core.results.identity import file_name, identify_source
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import Run
from tracker_core.trackers.producers import describe_producer


def collect_results(session: Session, first: int | None = None, last: int | None = None) -> Run:
    """Return everything stored, or the frames from `first` to `last` (both included)."""
    source = session.source
    assert source is not None, "results are of a source"
    recorder = RunRecorder(identify_source(source, session.spec))
    recorder.producer = describe_producer(session.build_tracker()) if session.runs.is_built else None
    for target in session.targets.values():
        recorder.target(target.number)
        for index, result in target.results.items():
            recorder.note_frame(index, index / source.fps, file_name(source, index))
            recorder.put(index, target.number, result)
        for key, box_xywh in target.key_boxes.items():
            recorder.set_key_frame(target.number, key, box_xywh)
    run = recorder.build()
    if first is None and last is None:
        return run
    return run.select(first if first is not None else 0, last if last is not None else 2**62)
