"""Ground truth for scoring, without images: from a JSON file, or from a data set's annotation files.

Coordinates are kept as they stand in the files, because result files have the same origin as the ground truth that
their tracker was started from (OTB's is 1-based).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError, SiamscopeError
from tracker_core.evaluation.regions import xywh_to_polygon
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import SequenceInfo
from tracker_core.sources.sequences.annotation import read_flags, read_lines, read_number_rows, read_text
from tracker_core.sources.sequences.otb import evaluated_rows
from tracker_core.sources.sequences.otb_attributes import OTB_ATTRIBUTES
from tracker_core.sources.sequences.subsets import clip_of
from tracker_core.sources.sequences.vot import parse_region
from tracker_core.types import FloatArray, Sequence

BOX_KEYS = ("groundtruth_rect", "gt_rect", "groundtruth", "boxes")
REGION_KEYS = ("groundtruth", "gt_rect", "groundtruth_rect")
VOT_ATTRIBUTES = ("camera_motion", "illum_change", "motion_change", "size_change", "occlusion")


@dataclass(frozen=True)
class BoxTruth:
    """Ground truth for one-pass evaluation.

    `boxes_xywh` float64 (N, 4) in the coordinates of the files, NaN where the target is absent; `image_size` width
    and height where known; `attributes` the data set's tags.
    """

    name: str
    boxes_xywh: FloatArray
    attributes: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.boxes_xywh)


@dataclass(frozen=True)
class RegionTruth:
    """Ground truth for the supervised protocol: `polygons` float64 (N, M, 2) and tags per frame, bool (N,)."""

    name: str
    polygons: FloatArray
    image_size: tuple[int, int] | None = None
    frame_attributes: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.polygons)


def read_box_truth(source: str | Path) -> dict[str, BoxTruth]:
    """Read OTB-like ground truth from a JSON file or a folder.

    The JSON maps names to objects with `groundtruth_rect` (or PySOT's `gt_rect`), and optionally `attr`, `width`,
    `height`. A folder holds `<name>/groundtruth_rect*.txt` or `<name>/groundtruth.txt` (images are not needed), or
    one `<name>.txt` per sequence. Raises `DataSetError` naming what is wrong with it.
    """
    source = Path(source)
    if source.is_dir():
        return _boxes_of_folder(source)
    truths = {}
    for name, entry in _load_json(source).items():
        rows = _numbers(entry, BOX_KEYS, name, source, (4,))
        attributes = tuple(entry.get("attr", ())) or attributes_of_clip(name)
        truths[name] = BoxTruth(name, evaluated_rows(name, rows), attributes, _size(entry))
    return truths


def read_region_truth(source: str | Path) -> dict[str, RegionTruth]:
    """Read VOT ground truth from a JSON file or a data-set folder (`<name>/groundtruth.txt`, `*.tag`, `sequence`).

    The JSON maps names to objects with `groundtruth` (rows of 4 or 8 numbers), `width`, `height` and, per attribute, a
    list of 0 and 1. Raises `DataSetError` naming what is wrong with it.
    """
    source = Path(source)
    if source.is_dir():
        return _regions_of_folder(source)
    truths = {}
    for name, entry in _load_json(source).items():
        key = next((key for key in REGION_KEYS if key in entry), None)
        if key is None or not isinstance(entry[key], list) or not entry[key]:
            raise DataSetError(f"The sequence '{name}' in '{source}' has no list 'groundtruth'.")
        try:
            polygons = stack_polygons([_as_polygon(row) for row in entry[key]])
        except (TypeError, ValueError):
            raise DataSetError(f"The ground truth of '{name}' in '{source}' is not rows of 4 or 8 numbers.") from None
        # an empty list is an attribute that nobody marked in this sequence
        flags = {tag: np.array(entry[tag], np.bool_) for tag in VOT_ATTRIBUTES if entry.get(tag)}
        if any(len(values) != len(polygons) for values in flags.values()):
            raise DataSetError(f"The attributes of '{name}' in '{source}' are not one value per frame.")
        truths[name] = RegionTruth(name, polygons, _size(entry), flags)
    return truths


def box_truth_of(sequence: Sequence, origin: int) -> BoxTruth:
    """Return the ground truth of a loaded sequence in the coordinates of its files (`origin` 1 for OTB and LaSOT)."""
    boxes = sequence.boxes_xywh + np.array([origin, origin, 0, 0])
    return BoxTruth(sequence.name, boxes, sequence.attributes, None)


def region_truth_of(sequence: Sequence, image_size: tuple[int, int]) -> RegionTruth:
    """Return the regions of a loaded sequence: its polygons where it has them, else its boxes."""
    polygons = xywh_to_polygon(sequence.boxes_xywh)
    if sequence.polygons is not None:
        rotated = sequence.polygons.reshape(len(sequence.polygons), 4, 2)
        there = np.isfinite(rotated).all(axis=(1, 2))
        polygons[there] = rotated[there]
    return RegionTruth(sequence.name, polygons, image_size, dict(sequence.frame_attributes))


def visible_boxes(info: SequenceInfo, boxes_xywh: FloatArray) -> FloatArray:
    """Return GOT-10k's boxes (N, 4) with NaN where `cover.label` says that nothing of the target is visible."""
    path = info.folder / "cover.label"
    if not path.is_file():
        return boxes_xywh
    cover = read_number_rows(path, (1,))[:, 0]
    if len(cover) != len(boxes_xywh):
        raise DataSetError(f"'{path}' has {len(cover)} lines for {len(boxes_xywh)} frames.")
    visible: FloatArray = boxes_xywh.copy()
    visible[cover == 0] = np.nan
    return visible


def size_of_images(sequence: Sequence) -> tuple[int, int]:
    """Return width and height of a sequence's first image; raises `SourceError`."""
    source = SequenceSource(sequence)
    try:
        return source.size
    finally:
        source.close()


def stack_polygons(polygons: list[FloatArray]) -> FloatArray:
    """Return polygons of any corner counts (each (m, 2)) as one array (N, M, 2), padded with their last corner."""
    corners = max(len(polygon) for polygon in polygons)
    stacked = np.empty((len(polygons), corners, 2))
    for row, polygon in enumerate(polygons):
        stacked[row, : len(polygon)] = polygon
        stacked[row, len(polygon) :] = polygon[-1]
    return stacked


def attributes_of_clip(name: str) -> tuple[str, ...]:
    """Return OTB's attributes of a clip, also when it is named with its target (`Jogging-1`)."""
    return OTB_ATTRIBUTES.get(name) or OTB_ATTRIBUTES.get(clip_of(name), ())


def _as_polygon(row: Any) -> FloatArray:
    if _says_nothing(row):
        return np.full((4, 2), np.nan)
    numbers = np.array([np.nan if value is None else value for value in row], np.float64)
    if len(numbers) == 4:
        return xywh_to_polygon(numbers)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        return numbers.reshape(-1, 2)
    raise ValueError(f"{len(numbers)} numbers")


def _load_json(source: Path) -> Mapping[str, Mapping[str, Any]]:
    if not source.exists():
        raise DataSetError(f"There is no ground truth at '{source}'; give a JSON file or a data-set folder.")
    if source.suffix.lower() == ".mat":
        raise DataSetError(f"'{source}' is a MATLAB file, which cannot be read; give a JSON file or a data-set folder.")
    try:
        data = json.loads(read_text(source))
    except ValueError as error:
        raise DataSetError(f"The ground truth '{source}' is not readable JSON ({error}).") from error
    if not isinstance(data, dict) or not data or not all(isinstance(entry, dict) for entry in data.values()):
        raise DataSetError(f"The ground truth '{source}' does not map sequence names to objects.")
    return data


def _numbers(
    entry: Mapping[str, Any], keys: tuple[str, ...], name: str, source: Path, columns: tuple[int, ...]
) -> FloatArray:
    key = next((key for key in keys if key in entry), None)
    if key is None:
        raise DataSetError(f"The sequence '{name}' in '{source}' has no '{keys[0]}'.")
    try:
        rows = [[np.nan] * 4 if _says_nothing(row) else row for row in _as_list(entry[key])]
        numbers = np.array(
            [[np.nan if value is None else value for value in _as_list(row)] for row in rows], np.float64
        )
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.ndim != 2 or numbers.shape[1] not in columns or len(numbers) == 0:
        raise DataSetError(f"'{key}' of '{name}' in '{source}' is not rows of four numbers.")
    return numbers


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _says_nothing(row: Any) -> bool:
    """Tell whether a row is null, [null] or [NaN]: there is no box."""
    return row is None or (isinstance(row, list) and len(row) == 1 and (row[0] is None or row[0] != row[0]))


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    return (int(entry["width"]), int(entry["height"])) if entry.get("width") and entry.get("height") else None


def _boxes_of_folder(root: Path) -> dict[str, BoxTruth]:
    truths: dict[str, BoxTruth] = {}
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._")]
    for folder in folders:
        files = [path for path in sorted(folder.glob("groundtruth_rect*.txt")) if path.stat().st_size > 2]
        files = files or sorted(folder.glob("groundtruth.txt"))
        for target, path in enumerate(files, start=1):
            name = folder.name if len(files) == 1 else f"{folder.name}-{target}"
            rows = evaluated_rows(folder.name, read_number_rows(path))
            truths[name] = BoxTruth(name, rows, attributes_of_clip(folder.name), _image_size(folder))
    if not truths:
        for path in sorted(root.glob("*.txt")):
            rows = evaluated_rows(path.stem, read_number_rows(path))
            truths[path.stem] = BoxTruth(path.stem, rows, attributes_of_clip(path.stem))
    if not truths:
        raise DataSetError(
            f"No ground truth was found in '{root}'; it needs <sequence>/groundtruth_rect.txt or <sequence>.txt."
        )
    return truths


def _regions_of_folder(root: Path) -> dict[str, RegionTruth]:
    truths = {}
    folders = [root] if (root / "groundtruth.txt").is_file() else sorted(p for p in root.iterdir() if p.is_dir())
    for folder in folders:
        path = folder / "groundtruth.txt"
        if not path.is_file():
            continue
        regions = [parse_region(line, path, number) for number, line in enumerate(read_lines(path), start=1)]
        if not regions:
            raise DataSetError(f"The annotation file '{path}' holds no region; it may be cut short.")
        polygons = stack_polygons([p.reshape(-1, 2) if len(p) else xywh_to_polygon(box) for box, p in regions])
        flags = {}
        for tag in sorted([*folder.glob("*.tag"), *folder.glob("*.label")]):
            values = read_flags(tag, len(polygons))
            if values is not None and tag.stem in VOT_ATTRIBUTES:
                flags[tag.stem] = values
        truths[folder.name] = RegionTruth(folder.name, polygons, _image_size(folder), flags)
    if not truths:
        raise DataSetError(f"No VOT ground truth was found in '{root}'; it needs <sequence>/groundtruth.txt.")
    return truths


def _image_size(folder: Path) -> tuple[int, int] | None:
    """Return width and height from a `sequence` file, else from the first image, else None."""
    from tracker_core.sources.sequences.layout import find_images

    header = folder / "sequence"
    if header.is_file():
        keys = dict(line.split("=", 1) for line in read_lines(header) if "=" in line)
        width, height = keys.get("width", "").strip(), keys.get("height", "").strip()
        if width.isdecimal() and height.isdecimal():
            return int(width), int(height)
    try:
        images = find_images(folder)
    except (OSError, SiamscopeError):
        return None
    image = cv2.imdecode(np.fromfile(images[0], np.uint8), cv2.IMREAD_COLOR) if images else None
    return (image.shape[1], image.shape[0]) if image is not None else None
