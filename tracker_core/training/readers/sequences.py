"""Tracking data sets as clips, in any layout that sequences are read in; what is of no use is counted and left out."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from tracker_core.errors import DataSetError
from tracker_core.sources.sequences import list_sequences, read_annotation
from tracker_core.sources.sequences.catalogue import layout_by_name
from tracker_core.sources.sequences.layout import is_video
from tracker_core.training.clips import Clip, usable_rows
from tracker_core.training.readers.skipped import Skipped

LEAST_VISIBLE = 0.15  # share of the object that must be seen


def read_sequence_clips(
    layout: str | None,
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 100,
    *,
    names: Iterable[str] = (),
) -> list[Clip]:
    """Return the clips of a data set in a layout of `tracker_core.sources.sequences`, None for what its files say.

    Frames in which the object is absent or hardly visible have no box. Images and boxes that do not fit each other are
    paired by the numbers in the images' names. `names` and `exclude` are patterns of clip names. Raises `DataSetError`
    for an absent folder.
    """
    root = require_folder(root, layout_by_name(layout).title if layout else "data-set")
    skipped = Skipped(str(root))
    names, exclude = list(names), list(exclude)
    clips = []
    infos = sorted(list_sequences(root, layout), key=lambda info: (info.group, info.name))
    for info in infos:
        name = f"{info.group}/{info.name}" if info.group else info.name
        if not is_wanted(name, names, exclude):
            continue
        try:
            found = read_annotation(info)
        except DataSetError as error:
            skipped.note("clips whose annotation cannot be read", str(error))
            continue
        if not found.frames or is_video(found.frames[0]):
            skipped.note("clips without images", name)
            continue
        pairs = found.pair()
        skipped.note("boxes without an image", name, len(found.boxes_xywh) - len(pairs))
        skipped.note("images without a box", name, len(found.frames) - len(pairs))
        boxes = found.boxes_xywh.copy()
        if found.visible is not None:
            visible = found.visible[: len(boxes)]
            boxes[: len(visible)][visible < LEAST_VISIBLE] = np.nan
        boxes = boxes[[row for _, row in pairs]]
        bad = ~usable_rows(boxes) & ~np.isnan(boxes).all(axis=1)
        skipped.note("boxes that are empty, inverted or not finite", name, int(bad.sum()))
        if usable_rows(boxes).any():
            frames = tuple(str(path) for path, _ in pairs)
            clips.append(Clip(name, frames, boxes, found.category, step=step, identity=name))
        elif pairs:
            skipped.note("clips without a usable box", name)
    skipped.report()
    return clips


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
