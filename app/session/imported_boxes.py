"""Boxes from a file of any tool, as a run of the source that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np

from tracker_core.errors import InputError
from tracker_core.results.formats import read_boxes
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder, TargetRecord
from tracker_core.results.run import BoxOrigin, KeyFrame, Run


def import_boxes(
    path: str, box_format: str, source: SourceIdentity, frame_names: Sequence[str] | None = None
) -> RunRecorder:
    """Return the boxes in a file as results in `source`; a target without a key frame gets one at its first box.

    An empty `box_format` goes by the file's name. Where the file names its images and the source has `frame_names`,
    the names say which frame a box is of. Raises `InputError` for a file that cannot be read or holds no box, and for
    one whose frames or images are not those of the source.
    """
    run = _go_by_names(read_boxes(path, box_format or None), path, frame_names or ())
    _check(run, path, source)
    names = [frame_names[index] for index in run.frame_indices.tolist()] if frame_names else []
    recorder = RunRecorder.from_run(replace(run, source=source, file_names=tuple(names)))
    recorder.title = recorder.title or Path(path).stem
    for record in recorder.targets.values():
        _start_on_boxes(record)
    if not _has_times(run):
        for index in recorder.frames():
            _, name, update_s = recorder.frame_note(index)
            recorder.note_frame(index, index / source.fps, name, update_s)
    return recorder


def _start_on_boxes(record: TargetRecord) -> None:
    """Leave the key frames that have a box, and put one on the first box where there is none before it."""
    record.key_frames = {index: key for index, key in record.key_frames.items() if np.isfinite(key.box_xywh).all()}
    first = min(record.results, default=None)
    if first is not None and min(record.key_frames, default=first + 1) > first:
        record.key_frames[first] = KeyFrame(first, record.results[first].box_xywh, BoxOrigin.FILE)


def _go_by_names(run: Run, path: str, frame_names: Sequence[str]) -> Run:
    """Return the run with the numbers that its images have in the source; as it is where none is of that name."""
    places = {name: index for index, name in enumerate(frame_names)}
    names = [PurePath(name).name for name in run.file_names]
    absent = [name for name in names if name not in places]
    if len(absent) == len(names):
        return run
    if absent:
        raise InputError(f"'{path}' has boxes of '{absent[0]}', which is not among the images that are open.")
    indices = np.array([places[name] for name in names], np.int64)
    order = np.argsort(indices)
    numbers = dict(zip(run.frame_indices.tolist(), indices.tolist(), strict=True))
    targets = (
        replace(target.rows(order), marks={numbers.get(i, i): mark for i, mark in target.marks.items()})
        for target in run.targets
    )
    return replace(
        run,
        frame_indices=indices[order],
        times_s=run.times_s[order] if _has_times(run) else indices[order] / run.source.fps,
        targets=tuple(targets),
        file_names=(),
        update_times_s=run.update_times_s[order],
        other_sizes={numbers[index]: size for index, size in run.other_sizes.items()},
    )


def _has_times(run: Run) -> bool:
    """Tell whether the file said when frames are shown, rather than numbers of frames only."""
    return not np.allclose(run.times_s, run.frame_indices / run.source.fps)


def _check(run: Run, path: str, source: SourceIdentity) -> None:
    """Raise `InputError` where a run cannot be one of `source`."""
    if not len(run) or not any(target.has_box.any() for target in run.targets):
        raise InputError(f"'{path}' holds no box.")
    if None not in (run.source.size, source.size) and run.source.size != source.size and not run.other_sizes:
        raise InputError(f"The boxes in '{path}' are of images of another size; open the source that they belong to.")
    boxed = [int(run.frame_indices[target.has_box][-1]) for target in run.targets if target.has_box.any()]
    if source.frame_count is not None and max(boxed) >= source.frame_count:
        raise InputError(
            f"'{path}' has boxes up to frame {max(boxed)}, but '{source.name}' has {source.frame_count} frames; open "
            "the source that they belong to."
        )
