"""Reading boxes that `write_boxes` or a tool of the field wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.errors import InputError
from tracker_core.results.formats.formats import BOX_FORMATS, CSV_COLUMNS, check_format
from tracker_core.results.formats.json_data import JSON_FORMAT, from_json_data
from tracker_core.results.tracked import TrackedBoxes, TrackedTarget
from tracker_core.types import FloatArray, TrackingState


def read_boxes(path: str | Path, fmt: str | None = None) -> TrackedBoxes:
    """Read a file that `write_boxes` (or a tool of the field) wrote.

    Without `fmt`, a `.csv` or `.json` is recognised, a `.txt` is not, because OTB (1-based) and GOT-10k look the
    same. Line formats give frames 0, 1, 2, …. Raises `InputError` naming file and line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The box file '{path}' cannot be read ({error}).") from error
    fmt = check_format(fmt) if fmt else _guess_format(path, text)
    try:
        tracked = _READERS[fmt](text, path.stem)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(f"'{path}' is not a box file in the format '{fmt}' ({error}).") from error
    return tracked


def _guess_format(path: Path, text: str) -> str:
    if path.suffix.lower() == ".csv":
        return "csv"
    if path.suffix.lower() == ".json":
        return "json" if JSON_FORMAT in text[:200] else "coco"
    raise InputError(
        f"The format of '{path}' cannot be told from its name; say which of {', '.join(BOX_FORMATS)} it is."
    )


def _split_rows(text: str) -> list[list[float]]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.replace(",", " ").replace(";", " ").split()
        if not parts:
            continue
        try:
            rows.append([float(part) for part in parts])
        except ValueError:
            raise ValueError(f"line {number} is not a list of numbers: '{line[:40]}'") from None
    return rows


def _read_lines(text: str, name: str, offset: float) -> TrackedBoxes:
    boxes = np.full((len(rows := _split_rows(text)), 4), np.nan)
    starts = []
    for row, values in enumerate(rows):
        if len(values) == 4:
            boxes[row] = values
        elif len(values) == 1:
            starts.extend([row] if values[0] == 1 else [])
        else:
            raise ValueError(f"line {row + 1} has {len(values)} numbers instead of 4")
    boxes[:, :2] -= offset
    return _assemble(name, np.arange(len(boxes)), [boxes], key_frames=(tuple(starts),))


def _read_otb(text: str, name: str) -> TrackedBoxes:
    return _read_lines(text, name, 1.0)


def _read_plain(text: str, name: str) -> TrackedBoxes:
    return _read_lines(text, name, 0.0)


def _read_csv(text: str, name: str) -> TrackedBoxes:
    entries = list(csv.DictReader(io.StringIO(text)))
    missing = [column for column in CSV_COLUMNS if entries and column not in entries[0]]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing")
    frames = sorted({int(entry["frame"]) for entry in entries})
    rows = {index: row for row, index in enumerate(frames)}
    count = max((int(entry["target"]) for entry in entries), default=0)
    boxes, scores = np.full((count, len(frames), 4), np.nan), np.full((count, len(frames)), np.nan)
    states: list[list[TrackingState | None]] = [[None] * len(frames) for _ in range(count)]
    labels, times = [""] * count, np.zeros(len(frames))
    for entry in entries:
        row, target = rows[int(entry["frame"])], int(entry["target"]) - 1
        times[row] = float(entry["time_s"])
        labels[target] = entry["label"]
        boxes[target, row] = [float(entry[column] or "nan") for column in "xywh"]
        scores[target, row] = float(entry["score"] or "nan")
        states[target][row] = TrackingState(entry["state"]) if entry["state"] else None
    targets = tuple(TrackedTarget(boxes[i], scores[i], tuple(states[i]), labels[i]) for i in range(count))
    return TrackedBoxes(name, np.array(frames, np.int64), times, targets)


def _read_json(text: str, name: str) -> TrackedBoxes:
    return from_json_data(json.loads(text))


def _read_coco(text: str, name: str) -> TrackedBoxes:
    data = json.loads(text)
    images = sorted(data["images"], key=lambda image: image.get("frame_id", image["id"]))
    rows = {image["id"]: row for row, image in enumerate(images)}
    frames = np.array([image.get("frame_id", row) for row, image in enumerate(images)], np.int64)
    count = max((int(entry.get("track_id", 1)) for entry in data["annotations"]), default=0)
    boxes, scores = np.full((count, len(images), 4), np.nan), np.full((count, len(images)), np.nan)
    states: list[list[TrackingState | None]] = [[None] * len(images) for _ in range(count)]
    labels = [""] * count
    for entry in data["annotations"]:
        row, target = rows[entry["image_id"]], int(entry.get("track_id", 1)) - 1
        boxes[target, row] = entry["bbox"]
        scores[target, row] = np.nan if entry.get("score") is None else entry["score"]
        attributes = entry.get("attributes") or {}
        state = attributes.get("state")
        states[target][row] = TrackingState(state) if state else TrackingState.TRACKING
        labels[target] = attributes.get("label") or ""
    targets = tuple(TrackedTarget(boxes[i], scores[i], tuple(states[i]), labels[i]) for i in range(count))
    fps = float(data.get("info", {}).get("fps") or 30.0)
    times = np.array(
        [image.get("time_s", index / fps) for image, index in zip(images, frames, strict=True)], np.float64
    )
    first = images[0] if images else {}
    size = (int(first["width"]), int(first["height"])) if first.get("width") else None
    videos = data.get("videos") or [{"name": name}]
    names = tuple(str(image["file_name"]) for image in images)
    return TrackedBoxes(videos[0]["name"], frames, times, targets, size=size, fps=fps, frame_names=names)


def _read_mot(text: str, name: str) -> TrackedBoxes:
    rows = _split_rows(text)
    if any(len(row) < 6 for row in rows):
        raise ValueError("every line needs at least frame, id, left, top, width, height")
    frames = sorted({int(row[0]) - 1 for row in rows})
    place = {index: i for i, index in enumerate(frames)}
    ids = sorted({int(row[1]) for row in rows})
    boxes, scores = np.full((len(ids), len(frames), 4), np.nan), np.full((len(ids), len(frames)), np.nan)
    for row in rows:
        target, i = ids.index(int(row[1])), place[int(row[0]) - 1]
        boxes[target, i] = row[2:6]
        boxes[target, i, :2] -= 1
        scores[target, i] = row[6] if len(row) > 6 else np.nan
    return _assemble(name, np.array(frames, np.int64), list(boxes), list(scores))


def _assemble(
    name: str,
    frames: Any,
    boxes: list[FloatArray],
    scores: list[FloatArray] | None = None,
    key_frames: tuple[tuple[int, ...], ...] = (),
) -> TrackedBoxes:
    """Build results from formats that know neither states nor times."""
    targets = []
    for number, target_boxes in enumerate(boxes):
        known = np.isfinite(target_boxes).all(axis=1)
        states = tuple(TrackingState.TRACKING if there else None for there in np.atleast_1d(known))
        target_scores = scores[number] if scores is not None else np.full(len(target_boxes), np.nan)
        targets.append(TrackedTarget(target_boxes, target_scores, states))
    indices = np.asarray(frames, np.int64)
    return TrackedBoxes(name, indices, indices / 30.0, tuple(targets), key_frames=key_frames)


_READERS: dict[str, Callable[[str, str], TrackedBoxes]] = {
    "otb": _read_otb,
    "got10k": _read_plain,
    "vot": _read_plain,
    "csv": _read_csv,
    "json": _read_json,
    "coco": _read_coco,
    "mot": _read_mot,
}
