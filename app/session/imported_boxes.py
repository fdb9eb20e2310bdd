"""Boxes from a file of any tool, as a run of the source that is open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tracker_core.errors import InputError
from tracker_core.results.formats import read_boxes
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, Run

TIMED = (".csv", ".json")  # formats that say when a frame is shown; in others frames only have numbers


def import_boxes(path: str, box_format: str, source: SourceIdentity) -> RunRecorder:
    """Return the boxes in a file as results in `source`; a target without a key frame gets one at its first box.

    An empty `box_format` goes by the file's name. Raises `InputError` for a file that cannot be read or holds no box,
    and for one whose frames or images are not those of the source.
    """
    run = read_boxes(path, box_format or None)
    _check(run, path, source)
    recorder = RunRecorder.from_run(replace(run, source=source))
    recorder.title = recorder.title or Path(path).stem
    for record in recorder.targets.values():
        if record.results and not record.key_frames:
            first = min(record.results)
            recorder.set_key_frame(record.number, first, record.results[first].box_xywh, BoxOrigin.FILE)
    if Path(path).suffix.lower() not in TIMED:
        for index in recorder.frames():
            recorder.note_frame(index, index / source.fps)
    return recorder


def _check(run: Run, path: str, source: SourceIdentity) -> None:
    """Raise `InputError` where a run cannot be one of `source`."""
    if not len(run) or not any(target.has_box.any() for target in run.targets):
        raise InputError(f"'{path}' holds no box.")
    if None not in (run.source.size, source.size) and run.source.size != source.size:
        raise InputError(f"The boxes in '{path}' are of images of another size; open the source that they belong to.")
    boxed = [int(run.frame_indices[target.has_box][-1]) for target in run.targets if target.has_box.any()]
    if source.frame_count is not None and max(boxed) >= source.frame_count:
        raise InputError(
            f"'{path}' has boxes up to frame {max(boxed)}, but '{source.name}' has {source.frame_count} frames; open "
            "the source that they belong to."
        )
