"""Autosave files of version 1: they name a file by size and time of change, and do not say what made the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.errors import InputError
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin
from tracker_core.types import TrackingState, TrackResult


def read_version_1(path: Path, text: str, source: SourceIdentity) -> tuple[RunRecorder, RunRecorder]:
    """Return the run and the results that it replaced from the content of file `path`.

    Raises `InputError` for results of other content, and what `json` and wrong data raise.
    """
    lines = text.splitlines()
    header = json.loads(lines[0])
    if header.get("format") != "siamscope-session" or header.get("version") != 1:
        raise InputError(f"The saved results in '{path}' are of a newer version of this program; they are not used.")
    if header.get("size") != list(source.size or ()) or not _is_unchanged(header.get("fingerprint"), path, source):
        raise InputError(f"The saved results of '{source.name}' are of other content; they are not used.")
    recorder, ghost = RunRecorder(source), RunRecorder(source)
    for line in lines[1:]:
        _take(recorder, ghost, json.loads(line))
    return recorder, ghost


def _is_unchanged(fingerprint: Any, path: Path, source: SourceIdentity) -> bool:
    """Tell whether a source is what it was; of a folder, whether anything in it is younger than the results."""
    place = Path(source.location)
    if place.is_file():
        status = place.stat()
        return bool(fingerprint == [status.st_size, int(status.st_mtime)])
    if not place.is_dir():
        return True
    newest = max(entry.stat().st_mtime for entry in (place, *place.rglob("*")))
    return newest <= path.stat().st_mtime


def _take(recorder: RunRecorder, ghost: RunRecorder, record: Mapping[str, Any]) -> None:
    number = int(record["target"])
    for index, *box in record.get("keys", ()):
        recorder.set_key_frame(number, int(index), box, BoxOrigin.UNKNOWN)
    for name, run in (("results", recorder), ("ghost", ghost)):
        for index, x, y, w, h, score, state in record.get(name, ()):
            box_xywh = np.array([x, y, w, h], np.float64)
            run.put(int(index), number, TrackResult(box_xywh, float(score), TrackingState(state)))
