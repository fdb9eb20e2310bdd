"""Runs that survive a kill: every frame is appended to a file at once, and can be read and continued.

The file is JSON lines: a header with source, title and the targets' names, then one line per producer and per tracked
frame. A change of what is there already (a box drawn again, undo) is one line as well, with what it takes away and what
it adds: a crash leaves either state whole. A last line that was cut off is left out.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Any

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

logger = logging.getLogger(__name__)
UNFINISHED_FORMAT = "siamscope-unfinished-run"
UNFINISHED_SUFFIX = ".jsonl"
BLOCK = 500  # results that are written together
RESULT_BYTES = 250  # that a result takes in the file, about
MOST_SPARE_BYTES = 1 << 20  # and a result again: a file that holds more of what is no longer true is written anew


class RunJournal:
    """Keeps what `recorder` holds in the file `path`, and every frame that is added; use it in a `with` block.

    With `is_written` the file holds that already, as it was read from there just now. The file stays until `remove`.
    Raises `OutputError` where it cannot be written; afterwards another one has to be made, which writes all again.
    """

    def __init__(self, path: Path, recorder: RunRecorder, is_written: bool = False) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._producer: object = None  # that of the last line; None at the start of a file
        if is_written:
            self._producer, self._size = object(), _whole_size(path)
            self._hold(recorder)
        else:
            self._write_whole(recorder)

    def __enter__(self) -> RunJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, which stays; whatever is added later opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk refused was reported, and closing tries it again
                self._file.close()
        self._file = None

    def add(self, recorder: RunRecorder, index: int) -> None:
        """Append what `recorder` holds of frame `index`, in which nothing was taken away."""
        self._append(recorder, [line for number in recorder.targets for line in self._lines(recorder, number, index)])
        for number, record in recorder.targets.items():
            if index in record.results:
                self._results.setdefault(number, {})[index] = record.results[index]
        self._keys |= {place: row for place, row in _key_rows(recorder).items() if place[1] == index}

    def update(self, recorder: RunRecorder) -> None:
        """Append the difference between what the file holds and what `recorder` does, if there is any."""
        change = self._change(recorder)
        if change:
            self._append(recorder, [change])
        self._hold(recorder)

    def remove(self) -> None:
        """Remove the file: the run is saved as a whole."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _hold(self, recorder: RunRecorder) -> None:
        """Take note that the file holds what `recorder` does now; results and key frames are never changed inside."""
        self._about = _describe(recorder)
        self._results = {number: dict(record.results) for number, record in recorder.targets.items()}
        self._keys = _key_rows(recorder)

    def _write_whole(self, recorder: RunRecorder) -> None:
        """Write everything in one step: a file that is there may be the only copy of what is continued."""
        self.close()
        self._producer = None
        header = {
            "format": UNFINISHED_FORMAT,
            "version": 2,
            "source": source_to_data(recorder.source),
            **_describe(recorder),
        }
        # a line for each result: one that is damaged later costs no more
        places = ((number, index) for index in recorder.frames() for number in recorder.targets)
        lines = [json.dumps(header), *(line for place in places for line in self._lines(recorder, *place))]
        text = "".join(f"{line}\n" for line in lines)
        write_text(self.path, text)
        self._size = len(text.encode())
        self._hold(recorder)

    def _append(self, recorder: RunRecorder, lines: list[str]) -> None:
        """Write lines at the end of the file, or all of `recorder` where it is not the file that was left here."""
        text = "".join(f"{line}\n" for line in lines).encode()
        count = sum(len(record.results) for record in recorder.targets.values())
        is_spare = self._size + len(text) > 2 * RESULT_BYTES * count + MOST_SPARE_BYTES
        try:
            if self._file is None and not is_spare and self.path.is_file():
                self._file = self.path.open("ab")
            if is_spare or self._file is None or self._file.tell() != self._size:
                self._write_whole(recorder)
                return
            self._file.write(text)
            self._file.flush()  # what was handed to the system survives the process
        except OSError as error:
            raise OutputError(describe_write_error(self.path, error)) from error
        self._size += len(text)

    def _change(self, recorder: RunRecorder) -> str:
        """Return what makes of that which the file holds what `recorder` does, as one line; "" where it is the same."""
        about, keys, parts = _describe(recorder), _key_rows(recorder), []
        if about != self._about:
            parts.append(f'"about": {json.dumps(about)}')
        if gone := list(self._gone(recorder)):
            parts.append(f'"gone": {json.dumps(gone)}')
        if found := list(self._found(recorder)):
            parts.append(f'"found": [{", ".join(found)}]')
        if keys != self._keys:
            parts.append(f'"keys": {json.dumps(list(keys.values()))}')
        return f'{{"change": {{{", ".join(parts)}}}}}' if parts else ""

    def _gone(self, recorder: RunRecorder) -> Iterator[tuple[int, int, int]]:
        """Yield number, first and last frame of every stretch of results that the file holds and `recorder` does not.

        A target that is gone as a whole is told by the names.
        """
        for number, record in recorder.targets.items():
            frames = np.array(sorted(self._results.get(number, {}).keys() - record.results.keys()), np.int64)
            for stretch in np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1):
                if len(stretch):
                    yield number, int(stretch[0]), int(stretch[-1])

    def _found(self, recorder: RunRecorder) -> Iterator[str]:
        """Yield blocks of all results that the file does not hold, each after that of what found them."""
        for number, record in recorder.targets.items():
            held = self._results.get(number, {})
            new = sorted(index for index, result in record.results.items() if held.get(index) is not result)
            for _, group in groupby(new, record.made_by.get):
                frames = list(group)
                yield from self._found_by(recorder.producer_of(frames[0], number))
                for start in range(0, len(frames), BLOCK):
                    yield json.dumps(_block(recorder, number, frames[start : start + BLOCK]))

    def _found_by(self, producer: Producer | None) -> Iterator[str]:
        """Yield a line for what found the results that follow, where the one before was found by something else."""
        if producer != self._producer:
            self._producer = producer
            yield json.dumps({"producer": None if producer is None else producer_to_data(producer)})

    def _lines(self, recorder: RunRecorder, number: int, index: int) -> Iterator[str]:
        """Yield the line of one result, if there is one, after that of what found it, where that is another one."""
        record = recorder.targets[number]
        found, key = record.results.get(index), record.key_frames.get(index)
        if found is None:
            return
        yield from self._found_by(recorder.producer_of(index, number))
        time_s, file_name, update_s = recorder.frame_note(index)
        row = [number, *map(float, found.box_xywh), float(found.score), found.state.value]
        if found.origin is not ResultOrigin.TRACKED:
            row.append(found.origin.value)
        note = {
            "frame": index,
            "time_s": time_s,
            "file": file_name,
            "update_s": None if math.isnan(update_s) else update_s,
            "results": [row],
            "keys": [] if key is None else [[number, *map(float, key.box_xywh), key.by.value]],
        }
        if other_size := recorder.other_size(index):
            note["other_size"] = other_size
        yield json.dumps(note)


def _whole_size(path: Path) -> int:
    """Return the bytes of a file whose last line is whole, -1 of any other: to that one nothing can be appended."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 1))
            return size if file.read(1) == b"\n" else -1
    except OSError:
        return -1


def _block(recorder: RunRecorder, number: int, frames: list[int]) -> dict[str, Any]:
    """Return results of a target as columns, which are written in a tenth of the time that a line for each takes."""
    found = [recorder.targets[number].results[index] for index in frames]
    times_s, files, updates_s = zip(*map(recorder.frame_note, frames), strict=True)
    is_tracked = all(result.origin is ResultOrigin.TRACKED for result in found)
    return {
        "target": number,
        "frames": frames,
        "times_s": times_s,
        "files": files if any(files) else [],
        "updates_s": updates_s,
        "boxes": np.concatenate([result.box_xywh for result in found]).tolist(),
        "scores": [float(result.score) for result in found],
        "states": [result.state.value for result in found],
        "origins": [] if is_tracked else [result.origin.value for result in found],
        "other_sizes": [(index, *size) for index in frames if (size := recorder.other_size(index))],
    }


def _describe(recorder: RunRecorder) -> dict[str, Any]:
    """Return everything of a run that is not of a frame, as JSON data."""
    records = recorder.targets.values()
    return {
        "created": recorder.created,
        "title": recorder.title,
        "length_scale": recorder.length_scale,
        "names": {str(record.number): record.name for record in records},
        "colors": {str(record.number): record.color for record in records if record.color},
        "marks": [[record.number, index, mark.value] for record in records for index, mark in record.marks.items()],
    }


def _key_rows(recorder: RunRecorder) -> dict[tuple[int, int], list[Any]]:
    """Return all key frames, by number and frame, as JSON data."""
    return {
        (record.number, key.index): [record.number, key.index, *map(float, key.box_xywh), key.by.value]
        for record in recorder.targets.values()
        for key in record.key_frames.values()
    }


def is_unfinished(text: str) -> bool:
    """Tell whether a file's content is that of an unfinished run."""
    return UNFINISHED_FORMAT in text[:100]


def parse_unfinished(text: str) -> RunRecorder:
    """Return a recorder with all that an unfinished run holds; lines that are damaged are left out and logged.

    Raises `ValueError`, `KeyError`, `TypeError` or `IndexError` where its first line cannot be read.
    """
    lines = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
    header = json.loads(lines[0])
    recorder = RunRecorder(source_from_data(header["source"]))
    _take_description(recorder, header)
    damaged = 0
    for line in lines[1:]:
        try:
            _take(recorder, json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
            if not line.startswith('{"frame"'):
                recorder.producer = None  # it may have been another's from here on
    if damaged:
        name = recorder.source.name
        logger.warning(
            "%d of %d lines of an unfinished run of '%s' are damaged and left out.", damaged, len(lines), name
        )
    return recorder


def _take_description(recorder: RunRecorder, about: Mapping[str, Any]) -> None:
    """Take over what is not of a frame; targets that have no name here, not even an empty one, are gone."""
    recorder.title, recorder.created = str(about["title"]), str(about["created"])
    recorder.length_scale = known_scale(str(about.get("length_scale", "")))
    recorder.targets = {int(number): recorder.target(int(number)) for number in about["names"]}
    for record in recorder.targets.values():
        record.name = str(about["names"][str(record.number)])
        record.color = str(about.get("colors", {}).get(str(record.number), ""))
        record.marks = {}
    for number, index, mark in about.get("marks", ()):
        recorder.target(int(number)).marks[int(index)] = Visibility(mark)


def _take_block(recorder: RunRecorder, block: Mapping[str, Any]) -> None:
    number, frames, boxes = int(block["target"]), block["frames"], np.array(block["boxes"], np.float64)
    files, origins = block["files"] or [""] * len(frames), block["origins"] or ["tracked"] * len(frames)
    columns = (block["times_s"], files, block["updates_s"], boxes.reshape(-1, 4), block["scores"], block["states"])
    for index, time_s, file, update_s, box, score, state, origin in zip(frames, *columns, origins, strict=True):
        recorder.note_frame(int(index), float(time_s), str(file), float(update_s))
        result = TrackResult(box, float(score), TrackingState(state), origin=ResultOrigin(origin))
        recorder.put(int(index), number, result)
    for index, width, height in block.get("other_sizes", ()):
        recorder.note_size(int(index), (int(width), int(height)))


def _take_change(recorder: RunRecorder, change: Mapping[str, Any]) -> None:
    if "about" in change:
        _take_description(recorder, change["about"])
    for number, first, last in change.get("gone", ()):
        recorder.drop(int(number), int(first), int(last) + 1)
    for record in change.get("found", ()):
        _take(recorder, record)
    if "keys" in change:
        for target in recorder.targets.values():
            target.key_frames = {}
        for number, index, x, y, w, h, by in change["keys"]:
            recorder.set_key_frame(int(number), int(index), (x, y, w, h), BoxOrigin(by))


def _take(recorder: RunRecorder, record: Mapping[str, Any]) -> None:
    if "change" in record:
        _take_change(recorder, record["change"])
        return
    if "target" in record:
        _take_block(recorder, record)
        return
    if "producer" in record:
        recorder.producer = None if record["producer"] is None else producer_from_data(record["producer"])
        return
    index, update_s = int(record["frame"]), record["update_s"]
    time_s, update_s = float(record["time_s"]), math.nan if update_s is None else float(update_s)
    found = [(int(number), _result_of(row)) for number, *row in record["results"]]
    recorder.note_frame(index, time_s, str(record["file"]), update_s)
    if "other_size" in record:
        width, height = record["other_size"]
        recorder.note_size(index, (int(width), int(height)))
    for number, result in found:
        recorder.put(index, number, result)
    for number, x, y, w, h, by in record["keys"]:
        recorder.set_key_frame(int(number), index, (x, y, w, h), BoxOrigin(by))


def _result_of(row: Sequence[Any]) -> TrackResult:
    x, y, w, h, score, state, *origin = row
    way = ResultOrigin(*origin or ["tracked"])
    return TrackResult(np.array([x, y, w, h], np.float64), float(score), TrackingState(state), origin=way)
