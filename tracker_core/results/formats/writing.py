"""Boxes as text, format by format: the text of every file by its place.

Every format keeps fractions of a pixel. The files of `otb`, `vot`, `got10k` and `lasot` hold one target, and line `i`
belongs to frame `i` (from 1) of the source, tracked or not: several targets become `name-1.txt`, `name-2.txt`, …
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracker_core.results.run import Run, TargetTrack
from tracker_core.results.visibility import Visibility
from tracker_core.types import FloatArray

Files: TypeAlias = "dict[Path, str]"
UNNAMED = "target"  # category or label of a target without a name
SCALE_COLUMN = "length_scale"  # only where somebody said how long a pixel is
LATER_CSV_COLUMNS = ("file", "visibility", "origin", "color")  # which earlier versions did not write
CSV_COLUMNS = ("frame", "time_s", "target", "label", "x", "y", "w", "h", "score", "state", *LATER_CSV_COLUMNS)
LASOT_FLAGS = {"full_occlusion": Visibility.OCCLUDED, "out_of_view": Visibility.OUTSIDE}  # by the file's name
_DECIMALS = 4
_NO_BOX = np.full(4, np.nan)


def per_target(write: Callable[[Path, Run, TargetTrack], Files]) -> Callable[[Path, Run], Files]:
    """Return a writer with a file for each target: `name.txt` where there is one, else `name-1.txt`, `name-2.txt`, …"""

    def write_all(path: Path, run: Run) -> Files:
        files: Files = {}
        for target in run.targets:
            single = path if len(run.targets) == 1 else path.with_name(f"{path.stem}-{target.number}{path.suffix}")
            files |= write(single, run, target)
        return files

    return write_all


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


def write_otb(path: Path, run: Run, target: TargetTrack) -> Files:
    """Return OTB's lines `x,y,w,h`, 1-based."""
    return {path: _lines([_box_line(box, offset=1.0) for box in _by_frame(run, target.boxes_xywh, _NO_BOX)])}


def write_got10k(path: Path, run: Run, target: TargetTrack) -> Files:
    """Return GOT-10k's lines `x,y,w,h`, 0-based, and beside them the seconds of each update where they are known."""
    files = {path: _lines([_box_line(box) for box in _by_frame(run, target.boxes_xywh, _NO_BOX)])}
    if np.isfinite(run.update_times_s).any():
        seconds = np.nan_to_num(_by_frame(run, run.update_times_s, 0.0))
        files[path.with_name(f"{path.stem}_time.txt")] = _lines([f"{value:.6f}" for value in seconds])
    return files


def write_vot(path: Path, run: Run, target: TargetTrack) -> Files:
    """Return VOT's lines, 1 a start, 0 nothing, else `x,y,w,h`, beside them the scores, and `occlusion` if marked."""
    boxes = _by_frame(run, target.boxes_xywh, _NO_BOX)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(boxes).all(axis=1))
    starts = {key.index for key in target.key_frames} | ({int(np.argmax(known))} if known.any() else set())
    lines = ["1" if index in starts else _box_line(box) if known[index] else "0" for index, box in enumerate(boxes)]
    scores = [_number(score) if np.isfinite(score) else "" for score in _by_frame(run, target.scores, np.nan)]
    files = {path: _lines(lines), path.with_name(f"{path.stem}_confidence.value"): _lines(scores)}
    if target.marks:  # the toolkit's results have no such file; its data sets do
        seen = (run.visibility_at(index, target.number) for index in range(run.line_count))
        tags = [str(int(entry in (Visibility.OCCLUDED, Visibility.OUTSIDE))) for entry in seen]
        files[path.with_name(f"{path.stem}_occlusion.tag")] = _lines(tags)
    return files


def write_csv(path: Path, run: Run) -> Files:
    """Return a table with `CSV_COLUMNS`, a line for each target in each frame; where there is one, with the scale."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    scale = [run.length_scale] if run.length_scale else []
    writer.writerow([*CSV_COLUMNS, *([SCALE_COLUMN] if scale else [])])
    for row, index in enumerate(run.frame_indices):
        time_s, file = f"{run.times_s[row]:.6f}", run.file_names[row] if run.file_names else ""
        for target in run.targets:
            state = target.states[row]
            values = [_number(value) if np.isfinite(value) else "" for value in target.boxes_xywh[row]]
            score = _number(target.scores[row]) if np.isfinite(target.scores[row]) else ""
            state_name = state.value if state else ""
            seen = run.visibility_at(int(index), target.number)
            way = target.origin(row).value if state else ""
            line = [index, time_s, target.number, target.name, *values, score, state_name, file]
            writer.writerow([*line, seen.value if seen else "", way, target.color, *scale])
    return {path: buffer.getvalue()}


def write_coco(path: Path, run: Run) -> Files:
    """Return COCO's images and annotations, with tracks and a video as CocoVID has them."""
    categories = _coco_categories(run)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row, index in enumerate(run.frame_indices.tolist()):
        images.append(
            {
                "id": index + 1,
                "file_name": run.file_names[row] if run.file_names else run.image_name(index),
                **_side_lengths(run.size_at(index)),
                "frame_id": index,
                "video_id": 1,
                "time_s": round(float(run.times_s[row]), 6),
            }
        )
        for target in run.targets:
            if target.has_box[row]:
                seen = run.visibility_at(index, target.number)
                annotation = _coco_annotation(target, row, len(annotations) + 1, index + 1, seen)
                annotations.append({**annotation, "category_id": categories[target.name or UNNAMED]})
    tracker = run.producer.tracker if run.producer else "Siamscope"
    data = {
        "info": {"description": f"{run.source.name} tracked by {tracker}", "fps": run.source.fps},
        "videos": [{"id": 1, "name": run.source.name, **_side_lengths(run.source.size)}],
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
        "tracks": [_coco_track(target, categories) for target in run.targets],
        "images": images,
        "annotations": annotations,
    }
    return {path: json.dumps(data, allow_nan=False) + "\n"}


def _side_lengths(size: tuple[int, int] | None) -> dict[str, int]:
    """Return width and height of an image, 0 where they are not known."""
    width, height = size or (0, 0)
    return {"width": width, "height": height}


def _coco_categories(run: Run) -> dict[str, int]:
    """Return the ids of the categories by name: one for each name that targets have."""
    return {name: place for place, name in enumerate(dict.fromkeys(t.name or UNNAMED for t in run.targets), 1)}


def _coco_track(target: TargetTrack, categories: dict[str, int]) -> dict[str, Any]:
    category = categories[target.name or UNNAMED]
    return {
        "id": target.number, "category_id": category, "video_id": 1, "name": target.name, "color": target.color
    }  # fmt: skip


def _coco_annotation(
    target: TargetTrack, row: int, number: int, image_id: int, seen: Visibility | None
) -> dict[str, Any]:
    box = [round(float(value), _DECIMALS) for value in target.boxes_xywh[row]]
    state, score = target.states[row], target.scores[row]
    return {
        "id": number,
        "image_id": image_id,
        "track_id": target.number,
        "instance_id": target.number,
        "bbox": box,
        "area": round(box[2] * box[3], _DECIMALS),
        "iscrowd": 0,
        "score": round(float(score), 6) if np.isfinite(score) else None,
        "attributes": {
            "state": state.value if state else None,
            "label": target.name,
            "color": target.color,
            "visibility": seen.value if seen else None,
            "occluded": seen is Visibility.OCCLUDED,  # as CVAT and Datumaro call it
            "origin": target.origin(row).value,
        },
    }


def write_lasot(path: Path, run: Run, target: TargetTrack) -> Files:
    """Return LaSOT's lines `x,y,w,h`, 1-based, and its flags: 1 where the target is covered, 1 where it is outside."""
    seen = [run.visibility_at(index, target.number) for index in range(run.line_count)]
    files = write_otb(path, run, target)
    for name, visibility in LASOT_FLAGS.items():
        flags = ",".join(str(int(entry is visibility)) for entry in seen)
        files[path.with_name(f"{path.stem}_{name}.txt")] = f"{flags}\n"
    return files


def write_mot_truth(path: Path, run: Run) -> Files:
    """Return the lines of a MOT Challenge ground truth, with the visibility that Datumaro gives: 1, or 0 if covered.

    A target that is outside has no line.
    """
    lines = []
    for row, index in enumerate(run.frame_indices.tolist()):
        for target in run.targets:
            seen = run.visibility_at(index, target.number)
            if target.has_box[row] and seen is not Visibility.OUTSIDE:
                box = _box_line(target.boxes_xywh[row], 1.0)
                lines.append(f"{index + 1},{target.number},{box},1,1,{int(seen is Visibility.VISIBLE)}")
    return {path: _lines(lines), **_mot_names(path, run)}


def write_mot(path: Path, run: Run) -> Files:
    """Return MOT Challenge's lines, 1-based, and beside them the targets' names if they have any."""
    lines = []
    for row, index in enumerate(run.frame_indices):
        for target in run.targets:
            if target.has_box[row]:
                score = target.scores[row]
                confidence = _number(score) if np.isfinite(score) else "1"
                box = _box_line(target.boxes_xywh[row], 1.0)
                lines.append(f"{index + 1},{target.number},{box},{confidence},-1,-1,-1")
    return {path: _lines(lines), **_mot_names(path, run)}


def _mot_names(path: Path, run: Run) -> Files:
    if not any(target.name for target in run.targets):
        return {}
    names = [f"{target.number},{' '.join(target.name.split())}" for target in run.targets]
    return {path.with_name(f"{path.stem}_names.txt"): _lines(names)}
