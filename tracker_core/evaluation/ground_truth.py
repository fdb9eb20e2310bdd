"""Ground truth for scoring, without images: from a JSON file, or from a data set's annotation files.

Coordinates are kept as they are in the files, because result files have the same origin as the ground truth that
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

from tracker_core.errors import DataSetError
from tracker_core.evaluation.regions import xywh_to_polygon
from tracker_core.sources.opening import SequenceSource
from tracker_core.sources.sequences import Annotation, detect_layout, list_sequences, read_annotation
from tracker_core.sources.sequences.annotation import read_number_rows, read_text
from tracker_core.sources.sequences.catalogue import layout_by_name
from tracker_core.sources.sequences.layout import is_video
from tracker_core.sources.sequences.otb import evaluated_rows
from tracker_core.sources.sequences.otb_attributes import OTB_ATTRIBUTES
from tracker_core.sources.sequences.subsets import clip_of
from tracker_core.sources.sequences.vot import stack_polygons
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
    `height`. A folder is a data set in any of the layouts (images are not needed), or holds one `<name>.txt` per
    sequence. Raises `DataSetError` naming what is wrong with it.
    """
    source = Path(source)
    if source.is_dir():
        return _boxes_of_folder(source)
    truths = {}
    for name, entry in _load_json(source).items():
        rows = _rows(entry, BOX_KEYS, name, source, {4}, "four numbers")
        boxes = evaluated_rows(name, np.array([row or [np.nan] * 4 for row in rows], np.float64))
        attributes = tuple(entry.get("attr", ())) or attributes_of_clip(name)
        truths[name] = BoxTruth(name, boxes, attributes, _size(entry))
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
        rows = _rows(entry, REGION_KEYS, name, source, {4, *range(6, 200, 2)}, "4, 6, 8 or more, even, numbers")
        polygons = stack_polygons([np.full((4, 2), np.nan) if row is None else _as_polygon(row) for row in rows])
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
    rotated = None if sequence.polygons is None else sequence.polygons.reshape(len(sequence.polygons), 4, 2)
    polygons = _polygons_of(sequence.boxes_xywh, rotated)
    return RegionTruth(sequence.name, polygons, image_size, dict(sequence.frame_attributes))


def size_of_images(sequence: Sequence) -> tuple[int, int]:
    """Return width and height of a sequence's first image; raises `SourceError`."""
    source = SequenceSource(sequence)
    try:
        return source.size
    finally:
        source.close()


def attributes_of_clip(name: str) -> tuple[str, ...]:
    """Return OTB's attributes of a clip, also when it is named with its target (`Jogging-1`)."""
    return OTB_ATTRIBUTES.get(name) or OTB_ATTRIBUTES.get(clip_of(name), ())


def _as_polygon(numbers: list[float]) -> FloatArray:
    return xywh_to_polygon(numbers) if len(numbers) == 4 else np.array(numbers, np.float64).reshape(-1, 2)


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


def _rows(
    entry: Mapping[str, Any], keys: tuple[str, ...], name: str, source: Path, counts: set[int], wanted: str
) -> list[list[float] | None]:
    """Return the rows of a sequence's ground truth, None for null, [null] and [NaN], which say that there is no box."""
    key = next((key for key in keys if key in entry), None)
    if key is None:
        raise DataSetError(f"The sequence '{name}' in '{source}' has no '{keys[0]}'.")
    rows: list[list[float] | None] = []
    try:
        for row in entry[key] or [()]:
            numbers = [np.nan if value is None else float(value) for value in ([None] if row is None else row)]
            if len(numbers) not in counts and not (len(numbers) == 1 and np.isnan(numbers[0])):
                raise ValueError
            rows.append(numbers if len(numbers) > 1 else None)
    except (TypeError, ValueError):
        raise DataSetError(f"'{key}' of '{name}' in '{source}' is not rows of {wanted}.") from None
    return rows


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    return (int(entry["width"]), int(entry["height"])) if entry.get("width") and entry.get("height") else None


def _boxes_of_folder(root: Path) -> dict[str, BoxTruth]:
    layout = detect_layout(root)
    if layout is None:
        files = {path.stem: evaluated_rows(path.stem, read_number_rows(path)) for path in sorted(root.glob("*.txt"))}
        truths = {name: BoxTruth(name, rows, attributes_of_clip(name)) for name, rows in files.items()}
    else:
        corner = np.array([1, 1, 0, 0]) * layout_by_name(layout).origin
        infos = [info for info in list_sequences(root, layout) if info.has_ground_truth]
        found = {info.name: read_annotation(info) for info in infos}
        truths = {
            name: BoxTruth(name, part.truth_xywh + corner, part.attributes, _size_in_challenge(part))
            for name, part in found.items()
        }
    if not truths:
        raise DataSetError(
            f"No ground truth was found in '{root}'; it needs <sequence>/groundtruth_rect.txt or <sequence>.txt."
        )
    return truths


def _regions_of_folder(root: Path) -> dict[str, RegionTruth]:
    truths = {}
    for info in list_sequences(root, "vot"):
        found = read_annotation(info)
        flags = {tag: values for tag, values in found.frame_attributes.items() if tag in VOT_ATTRIBUTES}
        polygons = _polygons_of(found.boxes_xywh, found.regions)
        truths[info.name] = RegionTruth(info.name, polygons, found.image_size or _first_size(found), flags)
    return truths


def _polygons_of(boxes_xywh: FloatArray, regions: FloatArray | None) -> FloatArray:
    """Return the corners (N, M, 2) of regions where they are known, else those of the boxes (N, 4)."""
    polygons = xywh_to_polygon(boxes_xywh)
    if regions is None:
        return polygons
    padding = np.repeat(polygons[:, -1:], regions.shape[1] - 4, axis=1)
    there = np.asarray(np.isfinite(regions).all(axis=(1, 2)), np.bool_)
    return np.where(there[:, None, None], regions, np.concatenate((polygons, padding), axis=1))


def _size_in_challenge(found: Annotation) -> tuple[int, int] | None:
    """Return the image size of a sequence of VOT, whose regions are cut at the border; None of any other."""
    return found.image_size or _first_size(found) if found.info.layout == "vot" else None


def _first_size(found: Annotation) -> tuple[int, int] | None:
    """Return width and height of the first image, None where there is none or it cannot be read."""
    image = None
    if found.frames and not is_video(found.frames[0]):
        image = cv2.imdecode(np.fromfile(found.frames[0], np.uint8), cv2.IMREAD_COLOR)
    return (image.shape[1], image.shape[0]) if image is not None else None
