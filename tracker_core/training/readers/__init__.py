"""Training data on disk, as clips: one reader a layout, chosen by name in a configuration."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tracker_core.errors import ConfigError, DataSetError, nearest_name
from tracker_core.sources.images import list_images
from tracker_core.sources.sequences import LAYOUTS as SEQUENCE_LAYOUTS
from tracker_core.training.clips import Clip
from tracker_core.training.readers.coco import read_coco_clips
from tracker_core.training.readers.masks import read_davis_clips, read_youtubevos_clips
from tracker_core.training.readers.sequences import read_sequence_clips
from tracker_core.training.readers.vid import read_vid_clips

__all__ = [
    "list_backgrounds",
    "read_clips",
    "read_coco_clips",
    "read_davis_clips",
    "read_sequence_clips",
    "read_sets",
    "read_vid_clips",
    "read_youtubevos_clips",
    "readers",
]
logger = logging.getLogger(__name__)

PATH_OPTIONS = ("root", "annotations", "images")
LIST_OPTIONS = ("names", "exclude", "video_frames")  # a single text stands for a list of one
WEIGHTS = ("box_weight", "weight")  # what every data set takes: how much its boxes and its clips count


def readers() -> dict[str, Callable[..., list[Clip]]]:
    """Return the reader of every layout: each that can be tracked and evaluated can be trained on."""
    return {
        **{layout.name: partial(read_sequence_clips, layout.name) for layout in SEQUENCE_LAYOUTS},
        "got10k": partial(read_sequence_clips, "got10k", step=60),
        # those with more than boxes: outlines of objects, stills
        "coco": read_coco_clips,
        "davis": read_davis_clips,
        "vid": read_vid_clips,
        "youtubevos": read_youtubevos_clips,
    }


def read_clips(entry: Mapping[str, Any], base: str | Path = "") -> list[Clip]:
    """Return the clips of one data set of a configuration: `layout`, its paths (below `base`), the reader's options.

    `box_weight` and `weight`, those of `Clip`, may be given with any layout.
    Raises `ConfigError` for an unknown layout or option, `DataSetError` where the folder is absent or unreadable.
    """
    weights: dict[str, Any] = {name: float(entry[name]) for name in WEIGHTS if name in entry}
    options = {name: value for name, value in entry.items() if name not in WEIGHTS}
    layout = str(options.pop("layout", "got10k"))
    known_readers = readers()
    if layout not in known_readers:
        raise ConfigError(
            f"data.sets names the unknown layout '{layout}'.{nearest_name(layout, known_readers)}"
            f" Known: {', '.join(known_readers)}."
        )
    read = known_readers[layout]
    known = inspect.signature(read).parameters
    for name in options:
        if name not in known:
            names = [*known, *WEIGHTS]
            raise ConfigError(
                f"A data set of layout '{layout}' has no option '{name}'.{nearest_name(name, names)}"
                f" Known here: {', '.join(names)}."
            )
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in options:
            raise ConfigError(f"A data set of layout '{layout}' needs '{name}'.")
    for name in PATH_OPTIONS:
        if name in options:
            options[name] = Path(base) / str(options[name])
    for name in LIST_OPTIONS:
        if isinstance(options.get(name), str):
            options[name] = [options[name]]
    return [replace(clip, **weights) for clip in read(**options)]


def read_sets(entries: Sequence[Mapping[str, Any]], base: str | Path = "") -> list[Clip]:
    """Return the clips of several data sets; raises `DataSetError` where one of them holds nothing usable."""
    clips: list[Clip] = []
    for entry in entries:
        found = read_clips(entry, base)
        place = entry.get("root") or entry.get("annotations")
        if not found:
            raise DataSetError(
                f"The data set '{Path(base) / str(place)}' ({entry.get('layout', 'got10k')}) holds nothing usable; "
                "the warnings above say what was left out."
            )
        logger.info("'%s': %d objects, %d frames.", place, len(found), sum(len(clip.frames) for clip in found))
        clips += found
    return clips


def list_backgrounds(folders: Sequence[str], base: str | Path = "") -> list[str]:
    """Return the images of the background folders; raises `DataSetError` for a folder that is absent or empty."""
    images: list[str] = []
    for name in folders:
        folder = Path(base) / name
        found = list_images(folder) if folder.is_dir() else []
        if not found:
            raise DataSetError(f"There are no background images in '{folder}'; correct data.backgrounds.")
        images += [str(path) for path in found]
    return images
