"""First boxes of many videos, from one file (CSV or JSON) or from a text file for each."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.batch.clips import Clip
from tracker_core.errors import InputError, nearest_name
from tracker_core.files import write_text
from tracker_core.types import FloatArray

COLUMNS = ("name", "x", "y", "w", "h", "frame", "target")
OTHER_NAMES = {  # as other programs call the columns
    "video": "name", "file": "name", "filename": "name", "source": "name", "clip": "name", "sequence": "name",
    "left": "x", "top": "y", "width": "w", "height": "h", "first_frame": "frame", "start": "frame",
    "label": "target", "target_name": "target",
}  # fmt: skip
BESIDE = (".txt", ".csv", ".json")


@dataclass(frozen=True)
class FirstBox:
    """A target to track: the video as it is named, box (x, y, w, h; pixels), frame to start in, the target's name."""

    name: str
    box_xywh: FloatArray
    frame: int = 0
    target: str = ""


def read_first_boxes(path: str | Path) -> list[FirstBox]:
    """Return the boxes of a CSV or JSON file; raises `InputError` that names file and line.

    CSV: columns name, x, y, w, h, and frame and target if wanted, with a first line of their names or in this order;
    comma, semicolon or tab between them. JSON: the same as a list of mappings (or `box` instead of x, y, w, h), or a
    mapping from a video's name to its box or boxes.
    """
    text = _read(Path(path))
    try:
        boxes = _from_json(json.loads(text)) if text.lstrip()[:1] in ("{", "[") else _from_csv(text)
    except ValueError as error:
        raise InputError(f"The boxes in '{path}' cannot be used: {error}.") from error
    if not boxes:
        raise InputError(f"'{path}' holds no box; write a line name,x,y,w,h for each video.")
    return boxes


def read_boxes_beside(clips: Sequence[Clip], folder: Path | None = None) -> list[FirstBox]:
    """Return the first boxes of the files that are called as the videos are: `clip.txt` for `clip.mp4`.

    They lie in `folder`, or beside each video. A text file's first line is the box, as in a benchmark's ground truth.
    """
    boxes: list[FirstBox] = []
    for clip in clips:
        place = clip.path.parent if folder is None else folder
        names = dict.fromkeys((clip.path.name, clip.path.stem))
        found = (place / f"{name}{suffix}" for name in names for suffix in BESIDE)
        path = next((path for path in found if path.is_file()), None)
        if path is not None:
            boxes += _read_beside(path, clip.name)
    return boxes


def write_first_boxes(path: str | Path, boxes: Iterable[FirstBox]) -> None:
    """Write boxes as CSV that `read_first_boxes` reads again."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(COLUMNS)
    for box in boxes:
        table.writerow([box.name, *(f"{value:g}" for value in box.box_xywh.round(3)), box.frame, box.target])
    write_text(path, buffer.getvalue())


def match_boxes(boxes: Sequence[FirstBox], clips: Sequence[Clip]) -> tuple[dict[str, list[FirstBox]], dict[str, str]]:
    """Return the boxes of each clip by its name, and for names of boxes that fit no clip why (name → sentence).

    A box names its video by its path below the folder, its file name, or that without its ending, in any case.
    """
    by_clip: dict[str, list[FirstBox]] = {}
    problems: dict[str, str] = {}
    for box in boxes:
        found = _clips_called(box.name, clips)
        if len(found) == 1:
            by_clip.setdefault(found[0].name, []).append(box)
        elif found:
            names = " and ".join(f"'{clip.name}'" for clip in found[:3])
            problems[box.name] = f"'{box.name}' may be {names}; write the whole name into the file of boxes."
        else:
            hint = nearest_name(box.name, [clip.name for clip in clips])
            problems[box.name] = f"There is no video '{box.name}' in the folder, but a box for it.{hint}"
    return by_clip, problems


def _clips_called(name: str, clips: Sequence[Clip]) -> list[Clip]:
    wanted = name.strip().replace("\\", "/").removeprefix("./")
    for fold in (str, str.casefold):
        for part in (_path_of, _file_of, _path_stem_of, _stem_of):
            if found := [clip for clip in clips if fold(part(clip)) == fold(wanted)]:
                return found
    return []


def _path_of(clip: Clip) -> str:
    return clip.name


def _file_of(clip: Clip) -> str:
    return clip.path.name


def _path_stem_of(clip: Clip) -> str:
    return clip.name.removesuffix(clip.path.suffix)


def _stem_of(clip: Clip) -> str:
    return clip.path.stem


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise InputError(f"The file of boxes '{path}' cannot be read ({reason}).") from error


def _read_beside(path: Path, name: str) -> list[FirstBox]:
    text = _read(path)
    try:
        if path.suffix == ".json":
            return _from_json({name: json.loads(text)})
        line = next(filter(None, map(str.strip, text.splitlines())), "")
        values = line.replace(",", " ").replace(";", " ").split()
        return [FirstBox(name, _box(values))]
    except ValueError as error:
        raise InputError(f"The box in '{path}' cannot be used: {error}.") from error


def _from_csv(text: str) -> list[FirstBox]:
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [
        (number, [cell.strip() for cell in row])
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1)
        if any(cell.strip() for cell in row) and not row[0].startswith("#")
    ]
    columns, rows = _columns(rows, delimiter)
    boxes = []
    for number, row in rows:
        entry = dict(zip(columns, row, strict=False))
        if delimiter == ";":  # as spreadsheets write it where the comma is the decimal mark
            entry |= {key: value.replace(",", ".") for key, value in entry.items() if key in COLUMNS[1:6]}
        try:
            boxes.append(_first_box(entry))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return boxes


def _columns(rows: list[tuple[int, list[str]]], delimiter: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the rows below them."""
    head = [OTHER_NAMES.get(cell.lower(), cell.lower()) for cell in rows[0][1]] if rows else []
    if not {"name", "x"} & set(head):
        return list(COLUMNS), rows
    missing = [column for column in COLUMNS[:5] if column not in head]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing; name, x, y, w and h are needed")
    return head, rows[1:]


def _from_json(data: Any) -> list[FirstBox]:
    if isinstance(data, Mapping):
        return [
            _first_box({"name": name, **(entry if isinstance(entry, Mapping) else {"box": entry})})
            for name, value in data.items()
            for entry in _entries(value)
        ]
    if not all(isinstance(entry, Mapping) for entry in data):
        raise ValueError("a list must hold mappings with name and box")
    return [_first_box({OTHER_NAMES.get(key, key): value for key, value in entry.items()}) for entry in data]


def _entries(value: Any) -> list[Any]:
    """Return the targets of one video: a box, a mapping with one, or a list of either."""
    is_many = isinstance(value, list) and bool(value) and isinstance(value[0], (list, Mapping))
    return value if is_many else [value]


def _first_box(entry: Mapping[str, Any]) -> FirstBox:
    name = str(entry.get("name") or "").strip()
    if not name:
        raise ValueError("the name of the video is missing")
    values = entry["box"] if "box" in entry else [entry.get(key) for key in "xywh"]
    frame = _number(entry.get("frame") or 0, "frame")
    if frame < 0 or frame != int(frame):
        raise ValueError(f"'{name}' has the frame {frame:g}; frames count from 0")
    return FirstBox(name, _box(values), int(frame), str(entry.get("target") or "").strip())


def _box(values: Any) -> FloatArray:
    if not isinstance(values, (list, tuple)) or len(values) != 4:
        raise ValueError(f"'{str(values)[:40]}' is not a box; x, y, w and h are needed")
    return np.array([_number(value, key) for value, key in zip(values, "xywh", strict=True)])


def _number(value: Any, key: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise ValueError(f"{key} is '{'' if value is None else value}', which is not a number")
    return number
