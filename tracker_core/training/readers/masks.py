"""Video object segmentation: YouTube-VOS and DAVIS, whose label images give boxes and outlines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images, sort_naturally
from tracker_core.sources.sequences.annotation import bounding_box_of, read_lines
from tracker_core.sources.sequences.davis import objects_in, read_mask
from tracker_core.training.clips import Clip, usable_rows
from tracker_core.training.readers.outlines import outline_of_mask
from tracker_core.training.readers.sequences import is_wanted, require_folder
from tracker_core.training.readers.skipped import Skipped

# what one label image says: number of the object → its box and, where it is in one piece, its outline
Objects = dict[int, tuple[NDArray[np.float64], NDArray[np.float32] | None]]


def read_davis_clips(
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 30,
    *,
    names: Iterable[str] = (),
    split: str = "",
    resolution: str = "480p",
) -> list[Clip]:
    """Return a clip for every object of DAVIS 2016 or 2017: `JPEGImages/480p/<video>/…` and `Annotations/480p/…`.

    `split` names a list below `ImageSets` (`2017/train`); "" takes every video. YouTube-VOS has the same folders, in
    those of its splits, without a resolution; the kinds of its objects come from `meta.json`.
    """
    root = require_folder(root, "DAVIS" if resolution else "YouTube-VOS")
    chosen = [name for name in _read_split(root, split) if is_wanted(name, names, ())] if split else list(names)
    if split and not chosen:
        return []
    kinds = _read_kinds(root / "meta.json")
    images, annotations = root / "JPEGImages" / resolution, root / "Annotations" / resolution
    return [replace(clip, step=step) for clip in _read_videos(images, annotations, kinds, chosen, list(exclude))]


read_youtubevos_clips = partial(read_davis_clips, resolution="", step=20)


def _read_split(root: Path, split: str) -> list[str]:
    path = root / "ImageSets" / f"{split}.txt"
    if not path.is_file():
        raise DataSetError(f"There is no list '{path}' of the DAVIS split '{split}'.")
    return [line.strip() for line in read_lines(path) if line.strip()]


def _read_kinds(path: Path) -> dict[tuple[str, int], str]:
    if not path.is_file():
        return {}
    try:
        videos: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {
            (video, int(number)): str(entry.get("category", ""))
            for video, facts in videos.items()
            for number, entry in facts["objects"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(f"'{path}' is not the list of objects that YouTube-VOS has ({error}).") from error


def _read_videos(
    images: Path, annotations: Path, kinds: dict[tuple[str, int], str], names: list[str], exclude: list[str]
) -> list[Clip]:
    if not annotations.is_dir():
        raise DataSetError(f"There is no folder of label images '{annotations}'; unpack the data set completely.")
    skipped = Skipped(str(annotations))
    clips: list[Clip] = []
    with ThreadPoolExecutor() as pool:  # decoding and contours run without Python's lock
        for folder in sorted(path for path in annotations.iterdir() if path.is_dir()):
            if not is_wanted(folder.name, names, exclude):
                continue
            place = images / folder.name
            present = {path.stem: str(path) for path in list_images(place)} if place.is_dir() else {}
            labels = sort_naturally(path for path in folder.glob("*.png"))
            skipped.note("label images without an image", folder.name, sum(p.stem not in present for p in labels))
            labels = [path for path in labels if path.stem in present]
            frames = [present[path.stem] for path in labels]
            objects = list(pool.map(_read_objects, labels))
            for path, found in zip(labels, objects, strict=True):
                if found is None:
                    skipped.note("label images that cannot be read", str(path))
            for number in sorted({key for found in objects if found for key in found}):
                name, kind = f"{folder.name}/{number}", kinds.get((folder.name, number), "")
                clips.append(_make_clip(name, frames, objects, number, kind))
    usable = [clip for clip in clips if len(clip.usable)]
    for clip in clips:
        if not len(clip.usable):
            skipped.note("objects without a usable box", clip.name)
    skipped.report()
    return usable


def _read_objects(path: Path) -> Objects | None:
    try:
        numbers = read_mask(path)
    except DataSetError:
        return None
    masks = {number: np.asarray(numbers == number, np.uint8) for number in objects_in(numbers)}
    return {number: (bounding_box_of(mask), outline_of_mask(mask)) for number, mask in masks.items()}


def _make_clip(name: str, frames: list[str], objects: list[Objects | None], number: int, category: str) -> Clip:
    boxes = np.full((len(frames), 4), np.nan)
    outlines: list[NDArray[np.float32] | None] = [None] * len(frames)
    for index, found in enumerate(objects):
        if found and number in found:
            boxes[index], outlines[index] = found[number]
    outlines = [o if good else None for o, good in zip(outlines, usable_rows(boxes), strict=True)]
    polygons = tuple(outlines) if any(o is not None for o in outlines) else None
    return Clip(name, tuple(frames), boxes, category, polygons, identity=name)
