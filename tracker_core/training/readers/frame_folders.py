"""Tracking data sets of one folder of images and one text file of boxes a clip: GOT-10k, LaSOT, TrackingNet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images
from tracker_core.sources.sequences.annotation import read_flags, read_number_rows
from tracker_core.training.clips import Clip, usable_rows
from tracker_core.training.readers.skipped import Skipped

_LAST_NUMBER = re.compile(r"(\d+)\D*$")
LEAST_VISIBLE = 0.15  # share of the object that must be seen; GOT-10k counts it in eighths


@dataclass(frozen=True)
class FolderLayout:
    """Where one clip keeps its things; `first_number` is the number in the name of its first image."""

    name: str
    images: Path
    boxes: Path
    first_number: int
    category: str = ""
    absent_flags: tuple[Path, ...] = ()
    visible_eighths: Path | None = None


def read_got10k_clips(
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 60,
    *,
    names: Iterable[str] = (),
    box_weight: float = 1.0,
    weight: float = 1.0,
) -> list[Clip]:
    """Return the clips of a GOT-10k split, or of any folder in that shape.

    `<clip>/00000001.jpg …`, `groundtruth.txt` (x, y, w, h); frames marked in `absence.label`, or covered entirely
    by `cover.label`, have no box. `names` and `exclude` are patterns of clip names.
    """
    root = require_folder(root, "GOT-10k")
    layouts = (
        FolderLayout(
            folder.name,
            folder,
            folder / "groundtruth.txt",
            1,
            absent_flags=(folder / "absence.label",),
            visible_eighths=folder / "cover.label",
        )
        for folder in _folders(root)
        if (folder / "groundtruth.txt").is_file()
    )
    return _read_all(layouts, root, names, exclude, step, box_weight, weight)


def read_lasot_clips(
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 100,
    *,
    names: Iterable[str] = (),
    box_weight: float = 1.0,
    weight: float = 1.0,
) -> list[Clip]:
    """Return the clips of LaSOT: `<kind>/<kind>-<n>/img/00000001.jpg …` and `groundtruth.txt`, or without `<kind>/`.

    Frames marked in `full_occlusion.txt` or `out_of_view.txt` have no box. Boxes are 1-based on disk.
    """
    root = require_folder(root, "LaSOT")
    folders = (clip for kind in _folders(root) for clip in (kind, *_folders(kind)))
    layouts = (
        FolderLayout(
            folder.name,
            folder / "img",
            folder / "groundtruth.txt",
            1,
            category=folder.name.rpartition("-")[0],
            absent_flags=(folder / "full_occlusion.txt", folder / "out_of_view.txt"),
        )
        for folder in folders
        if (folder / "groundtruth.txt").is_file() and (folder / "img").is_dir()
    )
    return _read_all(layouts, root, names, exclude, step, box_weight, weight, offset=-1.0)


def read_trackingnet_clips(
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 100,
    *,
    names: Iterable[str] = (),
    box_weight: float = 1.0,
    weight: float = 1.0,
) -> list[Clip]:
    """Return the clips of TrackingNet: `TRAIN_<n>/frames/<clip>/0.jpg …` with `TRAIN_<n>/anno/<clip>.txt`.

    `root` is the folder of the chunks, or one chunk. Boxes are x, y, w, h.
    """
    root = require_folder(root, "TrackingNet")
    chunks = [root] if (root / "anno").is_dir() else [folder for folder in _folders(root) if (folder / "anno").is_dir()]
    layouts = (
        FolderLayout(f"{chunk.name}/{boxes.stem}", chunk / "frames" / boxes.stem, boxes, 0)
        for chunk in chunks
        for boxes in sorted((chunk / "anno").glob("*.txt"))
    )
    return _read_all(layouts, root, names, exclude, step, box_weight, weight)


def require_folder(root: str | Path, layout: str) -> Path:
    """Return `root` as a path; raises `DataSetError` if there is no such folder."""
    root = Path(root)
    if not root.is_dir():
        raise DataSetError(f"There is no {layout} folder '{root}'; correct data.root or the set's own root.")
    return root


def is_wanted(name: str, names: Iterable[str], exclude: Iterable[str]) -> bool:
    """Tell whether a clip's name, or its last part, fits one of `names` (if there are any) and none of `exclude`."""
    last = name.rpartition("/")[2]
    chosen = list(names)

    def fits(patterns: Iterable[str]) -> bool:
        return any(fnmatch(name, pattern) or fnmatch(last, pattern) for pattern in patterns)

    return (not chosen or fits(chosen)) and not fits(exclude)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir())


def _read_all(
    layouts: Iterable[FolderLayout],
    root: Path,
    names: Iterable[str],
    exclude: Iterable[str],
    step: int,
    box_weight: float,
    weight: float,
    offset: float = 0.0,
) -> list[Clip]:
    skipped = Skipped(str(root))
    names, exclude = list(names), list(exclude)
    clips = []
    for layout in layouts:
        if not is_wanted(layout.name, names, exclude):
            continue
        try:
            rows = read_number_rows(layout.boxes)
            present = _present_rows(layout, len(rows))
        except DataSetError as error:
            skipped.note("clips whose annotation cannot be read", f"{layout.boxes}: {error}")
            continue
        rows[:, :2] += offset
        rows[~present] = np.nan
        frames, kept = _match_images(layout, len(rows), skipped)
        boxes = rows[kept]
        bad = present[kept] & ~usable_rows(boxes) & ~np.isnan(boxes).all(axis=1)
        skipped.note("boxes that are empty, inverted or not finite", layout.name, int(bad.sum()))
        if usable_rows(boxes).any():
            clips.append(Clip(layout.name, frames, boxes, layout.category, None, box_weight, step, layout.name, weight))
        elif len(frames):
            skipped.note("clips without a usable box", layout.name)
    skipped.report()
    return clips


def _present_rows(layout: FolderLayout, count: int) -> NDArray[np.bool_]:
    """Return in which of `count` frames the object is seen, by the clip's flag files."""
    present = np.ones(count, np.bool_)
    for path in layout.absent_flags:
        flags = read_flags(path, count)
        if flags is not None:
            present &= ~flags
    if layout.visible_eighths is not None and layout.visible_eighths.is_file():
        visible = read_number_rows(layout.visible_eighths, (1,))[:count, 0]
        present[: len(visible)] &= ~(visible < LEAST_VISIBLE * 8)
    return present


def _match_images(layout: FolderLayout, count: int, skipped: Skipped) -> tuple[tuple[str, ...], list[int]]:
    """Return the images of a clip and the rows of boxes that belong to them.

    As many images as rows go in order. Otherwise the number in a image's name says which row is its: a clip
    with missing images would pair every later image with a wrong box.
    """
    images = list_images(layout.images) if layout.images.is_dir() else []
    if not images:
        skipped.note("clips without images", layout.name)
        return (), []
    if len(images) == count:
        return tuple(str(path) for path in images), list(range(count))
    matched = [(str(path), row) for path, row in _numbered(images, layout.first_number) if 0 <= row < count]
    skipped.note("boxes without a image", layout.name, count - len(matched))
    skipped.note("images without a box", layout.name, len(images) - len(matched))
    return tuple(path for path, _ in matched), [row for _, row in matched]


def _numbered(images: list[Path], first_number: int) -> Iterator[tuple[Path, int]]:
    for path in images:
        match = _LAST_NUMBER.search(path.stem)
        if match:
            yield path, int(match.group(1)) - first_number
