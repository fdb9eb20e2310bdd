"""Writing boxes.

Every format keeps fractions of a pixel. The files of `otb`, `vot` and `got10k` hold one target, and line `i` belongs
to frame `i` (from 1) of the source, tracked or not: several targets become `name-1.txt`, `name-2.txt`, …
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.files import write_text
from tracker_core.results.formats.formats import CSV_COLUMNS, box_file_suffix, check_format
from tracker_core.results.run import Run, TargetTrack
from tracker_core.results.run_file import save_run
from tracker_core.types import FloatArray

_DECIMALS = 4
_NO_BOX = np.full(4, np.nan)


def write_boxes(path: str | Path, fmt: str, run: Run) -> list[Path]:
    """Write `run` in one of `BOX_FORMATS` and return the files that were made.

    A path without an ending gets the format's usual one. Raises `InputError` for an unknown format and
    `OutputError` where a file cannot be written.
    """
    fmt = check_format(fmt)
    path = Path(path)
    if not path.suffix:
        path = path.with_name(path.name + box_file_suffix(fmt))
    if fmt == "json":
        return [save_run(path, run)]
    if fmt in _LINE_WRITERS:
        files = _line_files(path, fmt, run)
    else:
        files = {path: _WHOLE_FILE_WRITERS[fmt](run)}
        if fmt == "mot" and any(target.name for target in run.targets):
            names = [f"{target.number},{' '.join(target.name.split())}" for target in run.targets]
            files[path.with_name(f"{path.stem}_names.txt")] = _lines(names)
    for place, text in files.items():
        write_text(place, text)
    return list(files)


def _line_files(path: Path, fmt: str, run: Run) -> dict[Path, str]:
    files = {}
    for target in run.targets:
        single = path if len(run.targets) == 1 else path.with_name(f"{path.stem}-{target.number}{path.suffix}")
        files[single] = _LINE_WRITERS[fmt](run, target)
        if fmt == "vot":
            scores = _by_frame(run, target.scores, np.nan)
            values = [_number(score) if np.isfinite(score) else "" for score in scores]
            files[single.with_name(f"{single.stem}_confidence.value")] = _lines(values)
        if fmt == "got10k" and np.isfinite(run.update_times_s).any():
            seconds = np.nan_to_num(_by_frame(run, run.update_times_s, 0.0))
            files[single.with_name(f"{single.stem}_time.txt")] = _lines([f"{value:.6f}" for value in seconds])
    return files


def _by_frame(run: Run, column: FloatArray, missing: Any) -> FloatArray:
    """Return a column of the run with one entry for each frame of the source, `missing` where none was tracked."""
    entries = np.full((run.line_count, *column.shape[1:]), missing, np.float64)
    entries[run.frame_indices] = column
    return entries


def _number(value: float) -> str:
    return f"{value:.{_DECIMALS}f}" if np.isfinite(value) else "nan"


def _box_line(box_xywh: FloatArray, offset: float = 0.0) -> str:
    x, y, w, h = box_xywh
    return ",".join(_number(value) for value in (x + offset, y + offset, w, h))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write_otb(run: Run, target: TargetTrack) -> str:
    return _lines([_box_line(box, offset=1.0) for box in _by_frame(run, target.boxes_xywh, _NO_BOX)])


def _write_got10k(run: Run, target: TargetTrack) -> str:
    return _lines([_box_line(box) for box in _by_frame(run, target.boxes_xywh, _NO_BOX)])


def _write_vot(run: Run, target: TargetTrack) -> str:
    boxes = _by_frame(run, target.boxes_xywh, _NO_BOX)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(boxes).all(axis=1))
    starts = {key.index for key in target.key_frames} | ({int(np.argmax(known))} if known.any() else set())
    return _lines(
        ["1" if index in starts else _box_line(box) if known[index] else "0" for index, box in enumerate(boxes)]
    )


def _write_csv(run: Run) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row, index in enumerate(run.frame_indices):
        time_s, file = f"{run.times_s[row]:.6f}", run.file_names[row] if run.file_names else ""
        for target in run.targets:
            state = target.states[row]
            values = [_number(value) if np.isfinite(value) else "" for value in target.boxes_xywh[row]]
            score = _number(target.scores[row]) if np.isfinite(target.scores[row]) else ""
            state_name = state.value if state else ""
            writer.writerow([index, time_s, target.number, target.name, *values, score, state_name, file])
    return buffer.getvalue()


def _write_coco(run: Run) -> str:
    width, height = run.source.size or (0, 0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row, index in enumerate(run.frame_indices.tolist()):
        images.append(
            {
                "id": index + 1,
                "file_name": run.file_names[row] if run.file_names else run.image_name(index),
                "width": width,
                "height": height,
                "frame_id": index,
                "video_id": 1,
                "time_s": round(float(run.times_s[row]), 6),
            }
        )
        for target in run.targets:
            if target.has_box[row]:
                annotations.append(_coco_annotation(target, row, len(annotations) + 1, index + 1))
    tracker = run.producer.tracker if run.producer else "Siamscope"
    data = {
        "info": {"description": f"{run.source.name} tracked by {tracker}", "fps": run.source.fps},
        "videos": [{"id": 1, "name": run.source.name}],
        "categories": [{"id": 1, "name": "target"}],
        "tracks": [{"id": t.number, "category_id": 1, "video_id": 1, "name": t.name} for t in run.targets],
        "images": images,
        "annotations": annotations,
    }
    return json.dumps(data, allow_nan=False) + "\n"


def _coco_annotation(target: TargetTrack, row: int, number: int, image_id: int) -> dict[str, Any]:
    box = [round(float(value), _DECIMALS) for value in target.boxes_xywh[row]]
    state, score = target.states[row], target.scores[row]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "track_id": target.number,
        "instance_id": target.number,
        "bbox": box,
        "area": round(box[2] * box[3], _DECIMALS),
        "iscrowd": 0,
        "score": round(float(score), 6) if np.isfinite(score) else None,
        "attributes": {"state": state.value if state else None, "label": target.name},
    }


def _write_mot(run: Run) -> str:
    lines = []
    for row, index in enumerate(run.frame_indices):
        for target in run.targets:
            if target.has_box[row]:
                score = target.scores[row]
                confidence = _number(score) if np.isfinite(score) else "1"
                box = _box_line(target.boxes_xywh[row], 1.0)
                lines.append(f"{index + 1},{target.number},{box},{confidence},-1,-1,-1")
    return _lines(lines)


_LINE_WRITERS: dict[str, Callable[[Run, TargetTrack], str]] = {
    "otb": _write_otb,
    "got10k": _write_got10k,
    "vot": _write_vot,
}
_WHOLE_FILE_WRITERS: dict[str, Callable[[Run], str]] = {
    "csv": _write_csv,
    "coco": _write_coco,
    "mot": _write_mot,
}
