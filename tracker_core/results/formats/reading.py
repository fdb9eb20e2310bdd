"""Runs from text, format by format.

Line formats give frames 0, 1, 2, …; what is wrong with a text is a `ValueError`, or an error of a missing entry.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError, InputError
from tracker_core.results.formats.writing import CSV_COLUMNS, LASOT_FLAGS, LATER_CSV_COLUMNS, SCALE_COLUMN, UNNAMED
from tracker_core.results.motion import known_scale
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.run import BoxOrigin, KeyFrame, Run, TargetTrack
from tracker_core.results.visibility import Visibility, mark_for
from tracker_core.sources.sequences.annotation import hide_empty_boxes, split_numbers
from tracker_core.sources.sequences.vot import parse_region
from tracker_core.types import FloatArray, ResultOrigin, TrackingState


def _split_rows(text: str) -> list[list[float]]:
    """Return the numbers of every line, none for a blank one; those at the end do not count."""
    rows = []
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        try:
            rows.append([float(part) for part in split_numbers(line)])
        except ValueError:
            raise ValueError(f"line {number} is not a list of numbers: '{line[:40]}'") from None
    return rows


def _box_of_line(values: Sequence[float], number: int) -> FloatArray:
    """Return the box of a line that holds one, NaN where it is blank or holds a single NaN."""
    if len(values) != 4 and not np.isnan(values).all():
        raise ValueError(f"line {number} has {len(values)} numbers instead of 4")
    return np.array(values if len(values) == 4 else [np.nan] * 4, np.float64)


def _line_run(name: str, boxes_xywh: FloatArray, starts: Sequence[int] = ()) -> Run:
    """Return the run of one target with a box (N, 4) in each line's frame; a box without area says that there is none.

    Of `starts` the file says only where they are: the box that was given there is not in it.
    """
    _refuse_incomplete(boxes_xywh)
    boxes = hide_empty_boxes(boxes_xywh)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(boxes).all(axis=1))
    states = tuple(TrackingState.TRACKING if there else None for there in known)
    keys = tuple(KeyFrame(start, np.full(4, np.nan), BoxOrigin.UNKNOWN) for start in starts)
    target = TargetTrack(1, boxes, np.full(len(boxes), np.nan), states, key_frames=keys)
    return assemble_run(name, np.arange(len(boxes)), [target])


def _refuse_incomplete(boxes_xywh: FloatArray) -> None:
    """Raise `ValueError` where only some of the four numbers of a box are known, or one is infinite."""
    odd = np.isfinite(boxes_xywh).any(axis=1) & ~np.isfinite(boxes_xywh).all(axis=1)
    if odd.any():
        raise ValueError(f"line {int(np.argmax(odd)) + 1} has a box that is not four finite numbers")


def _read_lines(text: str, name: str, origin: float) -> Run:
    boxes = [_box_of_line(values, number) for number, values in enumerate(_split_rows(text), start=1)]
    return _line_run(name, np.array(boxes).reshape(-1, 4) - np.array([origin, origin, 0, 0]))


def read_otb(text: str, path: Path) -> Run:
    """Return the run in OTB's lines, 1-based; line `i` is frame `i`, with or without a box."""
    return _read_lines(text, path.stem, 1.0)


def read_got10k(text: str, path: Path) -> Run:
    """Return the run in GOT-10k's lines, 0-based; line `i` is frame `i`, with or without a box."""
    return _read_lines(text, path.stem, 0.0)


def read_vot(text: str, path: Path) -> Run:
    """Return the run in VOT's lines, 0-based: the box around each region; a line with the one number 1 is a start."""
    lines = text.rstrip().splitlines()
    try:
        boxes = [parse_region(line, path, number)[0] for number, line in enumerate(lines, start=1)]
    except DataSetError as error:
        raise InputError(str(error)) from error
    starts = [row for row, line in enumerate(lines) if line.strip() in ("1", "1.0")]
    return _line_run(path.stem, np.array(boxes).reshape(-1, 4), starts)


def read_lasot(text: str, path: Path) -> Run:
    """Return the run in LaSOT's lines, 1-based, with what the two files of flags beside say, where they are there."""
    run = read_otb(text, path)
    marks: dict[int, Visibility] = {}
    for name, visibility in LASOT_FLAGS.items():
        flags = path.with_name(f"{path.stem}_{name}.txt")
        if flags.is_file():
            values = flags.read_text(encoding="utf-8-sig").replace(",", " ").split()
            marks |= {index: visibility for index, value in enumerate(values) if float(value)}
    return replace(run, targets=(replace(run.targets[0], marks=marks),))


class Table:
    """Targets filled in entry by entry, for formats that hold frames and targets in any order."""

    def __init__(self, frames: Sequence[int], numbers: Sequence[int]) -> None:
        if min(numbers, default=1) < 1:
            raise ValueError(f"there is a target {min(numbers)}, but targets count from 1")
        self._rows = {index: row for row, index in enumerate(frames)}
        self._boxes = {number: np.full((len(frames), 4), np.nan) for number in sorted(set(numbers))}
        self._scores = {number: np.full(len(frames), np.nan) for number in self._boxes}
        self._states: dict[int, list[TrackingState | None]] = {number: [None] * len(frames) for number in self._boxes}
        self._origins = {number: [ResultOrigin.TRACKED] * len(frames) for number in self._boxes}
        self._marks: dict[int, dict[int, Visibility]] = {number: {} for number in self._boxes}
        self.names = dict.fromkeys(self._boxes, "")
        self.colors = dict.fromkeys(self._boxes, "")

    def put(self, index: int, number: int, box: Any, score: float, state: TrackingState | None) -> None:
        """Fill in one target in one frame; a box without area says that there is none.

        Raises `ValueError` for a second box of the target in that frame, and one that is not four finite numbers.
        """
        row, given = self._rows[index], np.array(box, np.float64)
        if self._states[number][row] is not None:
            raise ValueError(
                f"target {number} has two boxes in frame {index}, so it is not known which is its; each object needs "
                "a number of its own"
            )
        if given.shape != (4,) or (np.isfinite(given).any() and not np.isfinite(given).all()):
            raise ValueError(f"the box of target {number} in frame {index} is not four finite numbers")
        found = hide_empty_boxes(given[None])[0]
        if np.isfinite(found).all():
            self._boxes[number][row], self._scores[number][row], self._states[number][row] = found, score, state

    def describe(self, index: int, number: int, visibility: str | None, origin: str | None = None) -> None:
        """Say more of a target in a frame that was filled in: whether it is seen, and which way its box was come by."""
        row = self._rows[index]
        mark = mark_for(self._states[number][row], Visibility(visibility) if visibility else None)
        if visibility and mark is not None:
            self._marks[number][index] = mark
        self._origins[number][row] = ResultOrigin(origin or "tracked")

    def targets(self) -> list[TargetTrack]:
        """Return the targets, by number."""
        return [
            TargetTrack(
                number,
                boxes,
                self._scores[number],
                tuple(self._states[number]),
                self.names[number],
                origins=tuple(self._origins[number]) if set(self._origins[number]) - {ResultOrigin.TRACKED} else (),
                marks=self._marks[number],
                color=self.colors[number],
            )
            for number, boxes in self._boxes.items()
        ]


def read_csv(text: str, path: Path) -> Run:
    """Return the run in a table with `CSV_COLUMNS`."""
    entries = list(csv.DictReader(io.StringIO(text)))
    needed = [column for column in CSV_COLUMNS if column not in LATER_CSV_COLUMNS]
    missing = [column for column in needed if entries and column not in entries[0]]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing")
    times = {int(entry["frame"]): float(entry["time_s"]) for entry in entries}
    files = {int(entry["frame"]): entry.get("file") or "" for entry in entries}
    frames = sorted(times)
    table = Table(frames, [int(entry["target"]) for entry in entries])
    for entry in entries:
        number = int(entry["target"])
        table.names[number], table.colors[number] = entry["label"], entry.get("color") or ""
        box = [float(entry[column] or "nan") for column in "xywh"]
        state = TrackingState(entry["state"]) if entry["state"] else None
        table.put(int(entry["frame"]), number, box, float(entry["score"] or "nan"), state)
        table.describe(int(entry["frame"]), number, entry.get("visibility"), entry.get("origin"))
    names = tuple(files[index] for index in frames) if all(files.values()) else ()
    run = assemble_run(path.stem, frames, table.targets(), [times[index] for index in frames], names)
    return replace(run, length_scale=known_scale(next((entry.get(SCALE_COLUMN) or "" for entry in entries), "")))


def read_coco(text: str, path: Path) -> Run:
    """Return the run in COCO's images and annotations, with or without tracks."""
    data = json.loads(text)
    _refuse_several_videos(data)
    images = sorted(data["images"], key=lambda image: image.get("frame_id", image["id"]))
    frames = [int(image.get("frame_id", row)) for row, image in enumerate(images)]
    index_of = {image["id"]: index for image, index in zip(images, frames, strict=True)}
    labels = {int(track["id"]): str(track.get("name") or "") for track in data.get("tracks", ())}
    categories = {entry["id"]: str(entry.get("name") or "") for entry in data.get("categories", ())}
    numbers = from_one([_track_of(entry) for entry in data["annotations"]])
    table = Table(frames, [*labels, *numbers])
    table.names |= labels
    for entry, number in zip(data["annotations"], numbers, strict=True):
        attributes = entry.get("attributes") or {}
        score = np.nan if entry.get("score") is None else float(entry["score"])
        state = TrackingState(attributes.get("state") or "tracking")
        if entry["image_id"] not in index_of:
            raise ValueError(f"it has a box in an image {entry['image_id']}, which is not among its images")
        index = index_of[entry["image_id"]]
        table.put(index, number, entry["bbox"], score, state)
        covered = "occluded" if attributes.get("occluded") else None  # all that other tools say
        table.describe(index, number, attributes.get("visibility") or covered, attributes.get("origin"))
        category = categories.get(entry.get("category_id"), "")
        named = attributes.get("label") or table.names[number] or ("" if category == UNNAMED else category)
        table.names[number], table.colors[number] = named, attributes.get("color") or ""
    fps = float(data.get("info", {}).get("fps") or 30.0)
    times = [float(image.get("time_s", index / fps)) for image, index in zip(images, frames, strict=True)]
    videos = data.get("videos") or [{"name": path.stem}]
    sizes = {index: size for index, image in zip(frames, images, strict=True) if (size := _size_of(image))}
    size = _size_of(videos[0]) or next(iter(sizes.values()), None)
    names = tuple(str(image["file_name"]) for image in images)
    source = SourceIdentity(str(videos[0]["name"]), size=size, fps=fps)
    run = assemble_run(source, frames, table.targets(), times, names)
    return replace(run, other_sizes={index: other for index, other in sizes.items() if other != size})


def _size_of(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return width and height of an image or a video, None where they are not told."""
    return (int(entry["width"]), int(entry["height"])) if entry.get("width") and entry.get("height") else None


def _refuse_several_videos(data: Mapping[str, Any]) -> None:
    videos = {image.get("video_id") for image in data["images"]}
    if len(videos) > 1:
        raise ValueError(f"it holds images of {len(videos)} videos; keep those of one")


def _track_of(annotation: Mapping[str, Any]) -> int:
    """Return which object an annotation is of: `track_id`, for CVAT an attribute; 1 where nothing says it."""
    attributes = annotation.get("attributes") or {}
    return int(annotation.get("track_id", attributes.get("track_id", 1)))


def from_one(numbers: Sequence[int]) -> list[int]:
    """Return numbers of targets as they are, or each one higher where a tool counts them from 0."""
    return [number + (min(numbers) == 0) for number in numbers]


def read_mot(text: str, path: Path) -> Run:
    """Return the run in MOT Challenge's lines, 1-based, with the names that stand in a file beside.

    Results have ten numbers in a line, the seventh is the score. A ground truth has nine, and the last is the
    visibility, 0..1; that of MOT15, `gt.txt`, has ten. In both the seventh is 0 where the box does not count, as with
    people on posters or in cars: those boxes are left out.
    """
    rows = [row for row in _split_rows(text) if row]
    if any(len(row) < 6 for row in rows):
        raise ValueError("every line needs at least frame, id, left, top, width, height")
    if odd := next((row for row in rows if not (row[0].is_integer() and row[1].is_integer())), None):
        raise ValueError(f"frame {odd[0]:g} of target {odd[1]:g} is not a pair of whole numbers")
    counted = [row for row in rows if not (_is_mot_truth(row, path) and row[6] == 0)]
    if rows and not counted:
        raise ValueError("all of its boxes are marked as not to be counted (the seventh number is 0)")
    rows = counted
    frames = sorted({int(row[0]) - 1 for row in rows})
    numbers = from_one([int(row[1]) for row in rows])
    table = Table(frames, numbers)
    for row, number in zip(rows, numbers, strict=True):
        index, is_truth = int(row[0]) - 1, _is_mot_truth(row, path)
        box = [row[2] - 1, row[3] - 1, row[4], row[5]]
        score = row[6] if len(row) > 6 and not is_truth else np.nan
        table.put(index, number, box, score, TrackingState.TRACKING)
        if len(row) == 9:
            table.describe(index, number, "occluded" if row[8] < 0.5 else "visible")
    run = assemble_run(path.stem, frames, table.targets())
    names = path.with_name(f"{path.stem}_names.txt")
    return _take_names(run, names) if names.is_file() else run


def _is_mot_truth(row: Sequence[float], path: Path) -> bool:
    """Whether a line's seventh number says if the box counts; in results it is the score."""
    return len(row) == 9 or (len(row) > 6 and path.name == "gt.txt")


def _take_names(run: Run, path: Path) -> Run:
    """Return the run with the targets' names that stand, as `number,name` lines, in the file beside it."""
    lines = (line.partition(",") for line in path.read_text(encoding="utf-8-sig").splitlines())
    names = {number.strip(): name for number, _, name in lines}
    targets = tuple(replace(target, name=names.get(str(target.number), "")) for target in run.targets)
    return replace(run, targets=targets)


def assemble_run(
    source: str | SourceIdentity,
    frames: Any,
    targets: Sequence[TargetTrack],
    times: Sequence[float] | None = None,
    file_names: tuple[str, ...] = (),
) -> Run:
    """Return a run from what a format knows; formats without times count 30 frames per second."""
    indices = np.asarray(frames, np.int64)
    if len(indices) and indices.min() < 0:
        raise ValueError("it has a frame before the first one; frames count from 0, in MOT from 1")
    identity = SourceIdentity(source) if isinstance(source, str) else source
    times_s: FloatArray = indices / identity.fps if times is None else np.array(times, np.float64)
    return Run(identity, indices, times_s, tuple(targets), file_names=file_names)
