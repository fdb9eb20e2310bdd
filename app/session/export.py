"""A session's results in the core's own form, for export."""

from __future__ import annotations

from pathlib import Path

from app.session.session import Session
from tracker_core.results.tracked import TrackedBoxes, TrackRecorder


def collect_results(session: Session, first: int | None = None, last: int | None = None) -> TrackedBoxes:
    """Return everything stored, or the frames from `first` to `last` (both included), one entry per target."""
    source = session.source
    assert source is not None, "results are of a source"
    recorder = TrackRecorder(source.name, size=source.size, fps=source.fps)
    for place, target in enumerate(session.targets.values()):
        recorder.labels.append(str(target.number))
        for index, result in target.results.items():
            recorder.put(index, index / source.fps, place, result)
        for key in target.key_boxes:
            recorder.mark_key_frame(place, key)
    tracker = session.build_tracker().name if session.runs.is_built else ""
    tracked = recorder.build(tracker=tracker, metadata={"source_path": source_path(session.spec)})
    if first is None and last is None:
        return tracked
    return tracked.select(first if first is not None else 0, last if last is not None else 2**62)


def source_path(spec: str) -> str:
    """Return what opens the source again from any folder: the absolute path where `spec` is one."""
    place = Path(spec).expanduser()
    return str(place.resolve()) if place.exists() else spec
