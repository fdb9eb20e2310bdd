"""Runs that survive a kill: every frame is appended to a file at once, and can be read and continued.

The file is JSON lines: a header with source and producer, then one line per key frame and one per tracked frame. A
last line that was cut off in mid-word is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tracker_core.errors import InputError, OutputError
from tracker_core.files import describe_write_error
from tracker_core.results.provenance import Producer
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin
from tracker_core.results.run_file import producer_from_data, producer_to_data, source_from_data, source_to_data
from tracker_core.types import TrackingState, TrackResult

UNFINISHED_FORMAT = "siamscope-unfinished-run"
UNFINISHED_SUFFIX = ".jsonl"


class RunJournal:
    """Writes an unfinished run to `path`, which must not exist yet; use it in a `with` block.

    The file stays until `remove`. Raises `OutputError` where it cannot be written.
    """

    def __init__(self, path: Path, recorder: RunRecorder) -> None:
        self.path = path
        header = {
            "format": UNFINISHED_FORMAT,
            "version": 1,
            "created": recorder.created,
            "title": recorder.title,
            "source": source_to_data(recorder.source),
        }
        self._producer: Producer | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputError(describe_write_error(path, error)) from error
        self._append(header)
        for record in recorder.targets.values():
            for key in record.key_frames.values():
                box = [float(value) for value in key.box_xywh]
                self._append({"target": record.number, "name": record.name, "key": key.index, "box_xywh": box,
                              "by": key.by.value})  # fmt: skip
        for index in recorder.frames():
            self.add(recorder, index)

    def __enter__(self) -> RunJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, recorder: RunRecorder, index: int) -> None:
        """Append what `recorder` holds of frame `index`."""
        if recorder.producer != self._producer and recorder.producer is not None:
            self._producer = recorder.producer
            self._append({"producer": producer_to_data(recorder.producer)})
        results = [
            [record.number, *(float(value) for value in found.box_xywh), float(found.score), found.state.value]
            for record in recorder.targets.values()
            if (found := record.results.get(index)) is not None
        ]
        time_s, file_name, update_s = recorder.frame_note(index)
        self._append({"frame": index, "time_s": time_s, "file": file_name, "update_s": update_s, "results": results})

    def remove(self) -> None:
        """Remove the file: the run is finished, and saved as a whole."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _append(self, record: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()  # a killed process loses what it had not handed to the system
        except OSError as error:
            raise OutputError(describe_write_error(self.path, error)) from error


def is_unfinished(text: str) -> bool:
    """Tell whether a file's content is that of an unfinished run."""
    return UNFINISHED_FORMAT in text[:100]


def parse_unfinished(text: str, path: Path) -> RunRecorder:
    """Return a recorder with all that an unfinished run holds; raises `InputError` naming the file `path`."""
    lines = text.splitlines()
    if lines and not text.endswith("\n"):
        lines.pop()
    try:
        header = json.loads(lines[0])
        recorder = RunRecorder(source_from_data(header["source"]), title=str(header["title"]))
        recorder.created = str(header["created"])
        for line in lines[1:]:
            _take(recorder, json.loads(line))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"The unfinished run '{path}' is damaged ({error!r}).") from error
    return recorder


def _take(recorder: RunRecorder, record: Mapping[str, Any]) -> None:
    if "producer" in record:
        recorder.producer = producer_from_data(record["producer"])
    elif "key" in record:
        recorder.target(int(record["target"])).name = str(record["name"])
        by = BoxOrigin(record["by"])
        recorder.set_key_frame(int(record["target"]), int(record["key"]), record["box_xywh"], by)
    else:
        index, update_s = int(record["frame"]), float(record["update_s"])
        recorder.note_frame(index, float(record["time_s"]), str(record["file"]), update_s)
        for number, x, y, w, h, score, state in record["results"]:
            box = np.array([x, y, w, h], np.float64)
            recorder.put(index, int(number), TrackResult(box, float(score), TrackingState(state)))
