"""ILSVRC-2015 VID: one XML file per frame, objects followed by their `trackid`."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images, sort_naturally
from tracker_core.training.clips import Clip, usable_rows
from tracker_core.training.readers.sequences import is_wanted, require_folder
from tracker_core.training.readers.skipped import Skipped


@dataclass
class _Track:
    category: str
    boxes: dict[int, list[float]] = field(default_factory=dict)


def read_vid_clips(
    root: str | Path,
    exclude: Iterable[str] = (),
    step: int = 100,
    *,
    names: Iterable[str] = (),
    split: str = "train",
    every: int = 1,
) -> list[Clip]:
    """Return a clip for every object of every video of ILSVRC-2015 VID.

    `Data/VID/<split>/…/<video>/000000.JPEG` with `Annotations/VID/<split>/…/<video>/000000.xml`; `root` is the
    folder of `Data`. Every `every`-th frame is read; `step` still counts frames of the video. Corners on disk are
    pixels inside the box: the width is xmax − xmin + 1.
    """
    root = require_folder(root, "ILSVRC-2015 VID")
    annotations, images = root / "Annotations" / "VID" / split, root / "Data" / "VID" / split
    if not annotations.is_dir():
        raise DataSetError(f"'{root}' has no folder 'Annotations/VID/{split}'; give the folder that holds 'Data'.")
    skipped = Skipped(str(annotations))
    names, exclude = list(names), list(exclude)
    clips = []
    for folder in sorted({path.parent for path in annotations.rglob("*.xml")}):
        video = folder.relative_to(annotations)
        if not is_wanted(video.as_posix(), names, exclude):
            continue
        place = images / video
        present = {path.stem: str(path) for path in list_images(place)} if place.is_dir() else {}
        paths = sort_naturally(folder.glob("*.xml"))[::every]
        frames = [present.get(path.stem, "") for path in paths]
        skipped.note("annotations without an image", video.as_posix(), frames.count(""))
        for number, track in _read_tracks(paths, frames, skipped).items():
            name = f"{video.as_posix()}/{number}"
            kept = sorted(track.boxes)
            boxes = np.array([track.boxes[index] for index in kept], np.float64)
            skipped.note("boxes that are empty, inverted or not finite", name, int((~usable_rows(boxes)).sum()))
            if not usable_rows(boxes).any():
                skipped.note("objects without a usable box", name)
                continue
            full = np.full((kept[-1] - kept[0] + 1, 4), np.nan)
            full[np.array(kept) - kept[0]] = boxes
            span = tuple(frames[kept[0] : kept[-1] + 1])
            clips.append(Clip(name, span, full, track.category, step=max(1, step // every), identity=name))
    skipped.report()
    return clips


def _read_tracks(paths: list[Path], frames: list[str], skipped: Skipped) -> dict[str, _Track]:
    tracks: dict[str, _Track] = {}
    for index, (path, frame) in enumerate(zip(paths, frames, strict=True)):
        if not frame:
            continue
        try:
            objects = ElementTree.parse(path).getroot().findall("object")
            for entry in objects:
                number = entry.findtext("trackid", "")
                low_x, low_y, high_x, high_y = (
                    float(entry.findtext(f"bndbox/{corner}", "nan")) for corner in ("xmin", "ymin", "xmax", "ymax")
                )
                track = tracks.setdefault(number, _Track(entry.findtext("name", "")))
                track.boxes[index] = [low_x, low_y, high_x - low_x + 1, high_y - low_y + 1]
        except (OSError, ElementTree.ParseError, ValueError) as error:
            skipped.note("annotation files that cannot be read", f"{path}: {error}")
    return tracks
