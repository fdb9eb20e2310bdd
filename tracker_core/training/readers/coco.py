"""COCO files: every object of every image is a clip of one still."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.training.clips import Clip
from tracker_core.training.readers.outlines import decode_rle, outline_of_mask
from tracker_core.training.readers.skipped import Skipped

LEAST_SIDE = 8.0  # pixels of a still's box: smaller objects fill an exemplar crop with a blur


def read_coco_clips(
    annotations: str | Path,
    images: str | Path,
    *,
    exclude: Iterable[str] = (),
    video_frames: Iterable[str] = (),
) -> list[Clip]:
    """Return each object of a COCO file as a clip of one image.

    Args:
        annotations: the `instances_*.json`. images: folder of its images.
        exclude: patterns of image names that are left out, such as those of validation sequences.
        video_frames: patterns of image names that are frames of a video: what comes before their last number is
            the identity of their objects, so that two frames of one video are never a negative pair.

    Crowds, boxes that are small, empty or inverted, and objects whose image is absent are counted and left out.
    Outlines come from polygons and run-length masks of one piece. Raises `DataSetError` for an unreadable file.
    """
    annotations, images = Path(annotations), Path(images)
    content = _load(annotations)
    listed_images = _index(content, "images", "file_name", annotations)
    kinds = _index(content, "categories", "name", annotations)
    present = _names_below(images)
    exclude, video_frames = list(exclude), list(video_frames)
    skipped = Skipped(str(annotations))
    clips = []
    for number, entry in enumerate(content.get("annotations", [])):
        name = listed_images.get(entry.get("image_id"))
        label = f"{annotations.stem}-{entry.get('id', number)}"
        if name is not None and any(fnmatch(PurePosixPath(name).name, pattern) for pattern in exclude):
            continue
        reason = _reject(entry, name, present)
        if reason or name is None:
            skipped.note(reason, name or label)
            continue
        x, y, w, h = (float(value) for value in entry["bbox"])
        outline = _outline(entry.get("segmentation"))
        is_frame = any(fnmatch(PurePosixPath(name).name, pattern) for pattern in video_frames)
        clips.append(
            Clip(
                label,
                (str(images / name),),
                np.array([[x, y, w, h]]),
                kinds.get(entry.get("category_id"), ""),
                None if outline is None else (outline,),
                identity=re.sub(r"\d+\D*$", "", PurePosixPath(name).stem) if is_frame else "",
            )
        )
    skipped.report()
    return clips


def _load(annotations: Path) -> dict[str, Any]:
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataSetError(f"The COCO file '{annotations}' cannot be read ({error}); check the set's paths.") from error
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise DataSetError(f"'{annotations}' is JSON, but not a COCO file: it has no list 'annotations'.")
    return content


def _index(content: dict[str, Any], section: str, value: str, annotations: Path) -> dict[Any, str]:
    try:
        return {entry["id"]: str(entry[value]) for entry in content.get(section, [])}
    except (KeyError, TypeError) as error:
        raise DataSetError(f"An entry of '{section}' in '{annotations}' has no {error}; it is damaged.") from error


def _names_below(images: Path) -> set[str]:
    """Return the names of all files below a folder, relative to it: one walk instead of a look-up per object."""
    return {path.relative_to(images).as_posix() for path in images.rglob("*")} if images.is_dir() else set()


def _reject(entry: dict[str, Any], name: str | None, present: set[str]) -> str:
    """Return why an object cannot be used, or ""."""
    if name is None:
        return "objects of an image that the file does not list"
    if PurePosixPath(name).as_posix() not in present:
        return "objects whose image is absent"
    if entry.get("iscrowd"):
        return "crowds"
    box = entry.get("bbox")
    try:
        x, y, w, h = (float(value) for value in box)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return "objects without a box"
    if not np.isfinite([x, y, w, h]).all() or w <= 0 or h <= 0:
        return "boxes that are empty, inverted or not finite"
    return f"boxes under {LEAST_SIDE:g} pixels" if min(w, h) < LEAST_SIDE else ""


def _outline(segmentation: Any) -> NDArray[np.float32] | None:
    """Return the outline of an object in one piece: cutting out one of several pieces would break the object."""
    try:
        if isinstance(segmentation, dict):
            return outline_of_mask(decode_rle(segmentation["counts"], segmentation["size"]))
        if not isinstance(segmentation, list) or len(segmentation) != 1:
            return None
        points = np.array(segmentation[0], np.float32).reshape(-1, 2)
    except (KeyError, TypeError, ValueError):
        return None  # the box is still good
    # four corners are a box drawn as a polygon: cut out, it would bring its background along
    return points if len(points) >= 6 and np.isfinite(points).all() else None
