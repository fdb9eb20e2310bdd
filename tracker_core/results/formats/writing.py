"""Writing boxes.

Every format keeps fractions of a pixel. The files of `otb`, `vot` and `got10k` hold one target and one line per
tracked frame: several targets become `name-1.txt`, `name-2.txt`, …
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.files import write_text
from tracker_core.results.formats.formats import CSV_COLUMNS, box_file_suffix, check_format
from tracker_core.results.formats.json_data import to_json_data
from tracker_core.results.tracked import TrackedBoxes, TrackedTarget
from tracker_core.types import FloatArray

ONE_TARGET_A_FILE = frozenset({"otb", "vot", "got10k"})
_DECIMALS = 4


def write_boxes(path: str | Path, fmt: str, tracked: TrackedBoxes) -> list[Path]:
    """Write `tracked` in one of `BOX_FORMATS` and return the files that were made.

    A path without an ending gets the format's usual one. Raises `InputError` for an unknown format and
    `OutputError` where a file cannot be written.
    """
    fmt = check_format(fmt)
    path = Path(path)
    if not path.suffix:
        path = path.with_name(path.name + box_file_suffix(fmt))
    if fmt not in ONE_TARGET_A_FILE:
        write_text(path, _WHOLE_FILE_WRITERS[fmt](tracked))
        return [path]
    written = []
    for number, target in enumerate(tracked.targets):
        single = path if len(tracked.targets) == 1 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")
        keys = tracked.key_frames[number] if number < len(tracked.key_frames) else ()
        starts = {int(row) for row in np.flatnonzero(np.isin(tracked.frame_indices, keys))}
        write_text(single, _LINE_WRITERS[fmt](target, starts))
        written.append(single)
        for suffix, text in _companions(fmt, target, starts, tracked):
            beside = single.with_name(single.stem + suffix)
            write_text(beside, text)
            written.append(beside)
    return written


def _number(value: float) -> str:
    return f"{value:.{_DECIMALS}f}" if np.isfinite(value) else "nan"


def _box_line(box_xywh: FloatArray, offset: float = 0.0) -> str:
    x, y, w, h = box_xywh
    return ",".join(_number(value) for value in (x + offset, y + offset, w, h))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write_otb(target: TrackedTarget, starts: set[int]) -> str:
    return _lines([_box_line(box, offset=1.0) for box in target.boxes_xywh])


def _write_got10k(target: TrackedTarget, starts: set[int]) -> str:
    return _lines([_box_line(box) for box in target.boxes_xywh])


def _write_vot(target: TrackedTarget, starts: set[int]) -> str:
    known = target.has_box
    first = int(np.argmax(known)) if known.any() else -1
    return _lines(
        [
            "1" if row == first or row in starts else _box_line(box) if known[row] else "0"
            for row, box in enumerate(target.boxes_xywh)
        ]
    )


def _companions(fmt: str, target: TrackedTarget, starts: set[int], tracked: TrackedBoxes) -> list[tuple[str, str]]:
    """Return (name ending, text) of the files that a format puts beside the boxes."""
    if fmt == "vot":
        values = [_number(score) if np.isfinite(score) else "" for score in target.scores]
        return [("_confidence.value", _lines(values))]
    if fmt == "got10k" and tracked.update_times_s is not None:
        seconds = np.nan_to_num(tracked.update_times_s)
        return [("_time.txt", _lines([f"{value:.6f}" for value in seconds]))]
    return []


def _write_csv(tracked: TrackedBoxes) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row, index in enumerate(tracked.frame_indices):
        for number, target in enumerate(tracked.targets, start=1):
            state = target.states[row]
            values = [_number(value) if np.isfinite(value) else "" for value in target.boxes_xywh[row]]
            score = target.scores[row]
            text = _number(score) if np.isfinite(score) else ""
            time_s = f"{tracked.times_s[row]:.6f}"
            writer.writerow([index, time_s, number, target.label, *values, text, state.value if state else ""])
    return buffer.getvalue()


def _write_json(tracked: TrackedBoxes) -> str:
    return json.dumps(to_json_data(tracked), allow_nan=False) + "\n"


def _write_coco(tracked: TrackedBoxes) -> str:
    width, height = tracked.size or (0, 0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row, index in enumerate(tracked.frame_indices):
        name = tracked.frame_names[row] if tracked.frame_names else f"{index:08d}.jpg"
        images.append(
            {
                "id": int(index) + 1,
                "file_name": name,
                "width": width,
                "height": height,
                "frame_id": int(index),
                "video_id": 1,
                "time_s": round(float(tracked.times_s[row]), 6),
            }
        )
        for number, target in enumerate(tracked.targets, start=1):
            if not target.has_box[row]:
                continue
            box = [round(float(value), _DECIMALS) for value in target.boxes_xywh[row]]
            state = target.states[row]
            score = target.scores[row]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": int(index) + 1,
                    "category_id": 1,
                    "track_id": number,
                    "instance_id": number,
                    "bbox": box,
                    "area": round(box[2] * box[3], _DECIMALS),
                    "iscrowd": 0,
                    "score": round(float(score), 6) if np.isfinite(score) else None,
                    "attributes": {"state": state.value if state else None, "label": target.label},
                }
            )
    data = {
        "info": {"description": f"{tracked.source} tracked by {tracked.tracker or 'Siamscope'}", "fps": tracked.fps},
        "videos": [{"id": 1, "name": tracked.source}],
        "categories": [{"id": 1, "name": "target"}],
        "images": images,
        "annotations": annotations,
    }
    return json.dumps(data, allow_nan=False) + "\n"


def _write_mot(tracked: TrackedBoxes) -> str:
    lines = []
    for row, index in enumerate(tracked.frame_indices):
        for number, target in enumerate(tracked.targets, start=1):
            if target.has_box[row]:
                score = target.scores[row]
                confidence = _number(score) if np.isfinite(score) else "1"
                lines.append(f"{index + 1},{number},{_box_line(target.boxes_xywh[row], 1.0)},{confidence},-1,-1,-1")
    return _lines(lines)


_LINE_WRITERS: dict[str, Callable[[TrackedTarget, set[int]], str]] = {
    "otb": _write_otb,
    "got10k": _write_got10k,
    "vot": _write_vot,
}
_WHOLE_FILE_WRITERS: dict[str, Callable[[TrackedBoxes], str]] = {
    "csv": _write_csv,
    "json": _write_json,
    "coco": _write_coco,
    "mot": _write_mot,
}
