"""Runs that survive a kill: every frame is appended to a file at once, and can be read and continued.

The file is JSON lines: a header with source, title and the targets' names, then one line per producer and per tracked
frame. A last line that was cut off is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tracker_core.errors import OutputError
from tracker_core.files import describe_write_error, write_text
from tracker_core.results.motion import known_scale
from tracker_core.results.provenance import Producer
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin
from tracker_core.results.run_data import producer_from_data, producer_to_data, source_from_data, source_to_data
from tracker_core.results.visibility import Visibility
from tracker_core.types import ResultOrigin, TrackingState, TrackResult

UNFINISHED_FORMAT = "siamscope-unfinished-run"
UNFINISHED_SUFFIX = ".jsonl"


class RunJournal:
    """Keeps what `recorder` holds in the file `path`, and every frame that is added; use it in a `with` block.

    The file stays until `remove`. Raises `OutputError` where it cannot be written.
    """

    def __init__(self, path: Path, recorder: RunRecorder) -> None:
        self.path = path
        self._producer: Producer | None = None
        header = {
            "format": UNFINISHED_FORMAT,
            "version": 1,
            "created": recorder.created,
            "title": recorder.title,
            **({"length_scale": recorder.length_scale} if recorder.length_scale else {}),
            "source": source_to_data(recorder.source),
            "names": {record.number: record.name for record in recorder.targets.values()},
            "colors": {record.number: record.color for record in recorder.targets.values() if record.color},
            "marks": [
                [record.number, index, mark.value]
                for record in recorder.targets.values()
                for index, mark in record.marks.items()
            ],
        }
        # in one step: a file that is there may be the only copy of what is continued
        lines = [json.dumps(header), *(line for index in recorder.frames() for line in self._lines(recorder, index))]
        write_text(path, "".join(f"{line}\n" for line in lines))
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> RunJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write no more; the file stays."""
        self._file.close()

    def add(self, recorder: RunRecorder, index: int) -> None:
        """Append what `recorder` holds of frame `index`."""
        try:
            self._file.write("".join(f"{line}\n" for line in self._lines(recorder, index)))
            self._file.flush()  # what was handed to the system survives the process
        except OSError as error:
            raise OutputError(describe_write_error(self.path, error)) from error

    def remove(self) -> None:
        """Remove the file: the run is saved as a whole."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _lines(self, recorder: RunRecorder, index: int) -> list[str]:
        time_s, file_name, update_s = recorder.frame_note(index)
        note = {
            "frame": index,
            "time_s": time_s,
            "file": file_name,
            "update_s": None if math.isnan(update_s) else update_s,
        }
        lines = []
        for record in recorder.targets.values():
            found, key = record.results.get(index), record.key_frames.get(index)
            if found is None:
                continue
            producer = recorder.producer_of(index, record.number)
            if producer != self._producer:
                self._producer = producer
                lines.append(json.dumps({"producer": None if producer is None else producer_to_data(producer)}))
            row = [record.number, *map(float, found.box_xywh), float(found.score), found.state.value]
            if found.origin is not ResultOrigin.TRACKED:
                row.append(found.origin.value)
            keys = [] if key is None else [[record.number, *map(float, key.box_xywh), key.by.value]]
            lines.append(json.dumps({**note, "results": [row], "keys": keys}))
        return lines


def is_unfinished(text: str) -> bool:
    """Tell whether a file's content is that of an unfinished run."""
    return UNFINISHED_FORMAT in text[:100]


def parse_unfinished(text: str) -> RunRecorder:
    """Return a recorder with all that an unfinished run holds; raises `ValueError`, `KeyError` or `TypeError`."""
    lines = text.splitlines()
    if not text.endswith("\n"):
        lines.pop()
    header = json.loads(lines[0])
    recorder = RunRecorder(source_from_data(header["source"]), title=str(header["title"]))
    recorder.created = str(header["created"])
    recorder.length_scale = known_scale(str(header.get("length_scale", "")))
    for number, name in header["names"].items():
        recorder.target(int(number)).name = str(name)
    for number, color in header.get("colors", {}).items():
        recorder.target(int(number)).color = str(color)
    for number, index, mark in header.get("marks", ()):
        recorder.target(int(number)).marks[int(index)] = Visibility(mark)
    for line in lines[1:]:
        _take(recorder, json.loads(line))
    return recorder


def _take(recorder: RunRecorder, record: Mapping[str, Any]) -> None:
    if "producer" in record:
        recorder.producer = None if record["producer"] is None else producer_from_data(record["producer"])
        return
    index, update_s = int(record["frame"]), record["update_s"]
    recorder.note_frame(
        index, float(record["time_s"]), str(record["file"]), math.nan if update_s is None else float(update_s)
    )
    for number, x, y, w, h, score, state, *origin in record["results"]:
        box_xywh, way = np.array([x, y, w, h], np.float64), ResultOrigin(*origin or ["tracked"])
        result = TrackResult(box_xywh, float(score), TrackingState(state), origin=way)
        recorder.put(index, int(number), result)
    for number, x, y, w, h, by in record["keys"]:
        recorder.set_key_frame(int(number), index, (x, y, w, h), BoxOrigin(by))
