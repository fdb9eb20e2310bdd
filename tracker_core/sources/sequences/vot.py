"""VOT challenges, 2013 to today.

A sequence folder holds `groundtruth.txt` and its images, either beside it (2013 to 2017) or in `color/`, as a
`sequence` file says. A ground-truth line is a rectangle x, y, w, h, a polygon x1, y1, …, xn, yn, a run-length
mask (`m…`, from 2020) or one of the special codes 0, 1, 2. Per-frame attributes are in `*.tag` files (`*.label`
in older years), per-sequence ones in the name. Coordinates are used as they are (0-based), as the official
Python toolkit does.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker_core.boxes import polygon_to_xywh
from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images
from tracker_core.sources.sequences.annotation import bounding_box_of, read_flag_files, read_lines, split_numbers
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, list_frames, subfolders
from tracker_core.sources.sequences.layout import count_frames as count_images
from tracker_core.types import FloatArray

VOT_FPS = 30.0
SKIPPED_TAGS = frozenset({"practical"})  # written by the toolkit itself, says nothing of the image


class VotLayout:
    """Reads VOT sequences of any year; the first target of multi-object years by its `groundtruth_<id>.txt`."""

    name, title = "vot", "VOT"
    origin = 0

    def is_sequence(self, folder: Path) -> bool:
        """Told from GOT-10k by its `sequence` file, `color` folder, tags, or by polygons and masks in line 1."""
        truths = _ground_truth_files(folder)
        if not truths:
            return False
        if (folder / "sequence").is_file() or (folder / "color").is_dir() or any(folder.glob("*.tag")):
            return True
        if (folder / "meta_info.ini").is_file() or (folder / "img").is_dir():
            return False
        with truths[0].open(encoding="utf-8", errors="replace") as file:
            line = file.readline().strip()
        return line.startswith("m") or len([p for p in re.split(r"[,\s]+", line) if p]) >= 6

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if a folder inside it is a sequence."""
        return any(self.is_sequence(folder) for folder in subfolders(root))

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences in the order of `list.txt` where there is one, else by name."""
        # a data set of this layout may hold sequences that nothing but their neighbours tells from GOT-10k's
        if _ground_truth_files(root):
            folders = [root]
        else:
            folders = [folder for folder in order_by_list_file(root, subfolders(root)) if _ground_truth_files(folder)]
        found = []
        for folder in folders:
            truths = _ground_truth_files(folder)
            count = _count_frames(folder)
            for target, path in enumerate(truths, start=1):
                name = folder.name if len(truths) == 1 else f"{folder.name}-{target}"
                found.append(SequenceInfo(name, self.name, folder, path, count, target))
        return found

    def read(self, info: SequenceInfo) -> Annotation:
        """Read boxes, polygons and frame attributes of one target."""
        assert info.annotation is not None
        rows = [parse_region(line, info.annotation, n) for n, line in enumerate(read_lines(info.annotation), start=1)]
        if not rows:
            raise DataSetError(f"The annotation file '{info.annotation}' holds no region; it may be cut short.")
        header = _read_header(info.folder)
        flags = _read_tags(info.folder, len(rows))
        width, height = header.get("width", "").strip(), header.get("height", "").strip()
        corners = [polygon.reshape(-1, 2) if len(polygon) else np.full((4, 2), np.nan) for _, polygon in rows]
        return Annotation(
            info,
            tuple(_list_frames(info.folder, header)) or list_frames(info.folder),
            np.array([box for box, _ in rows]),
            regions=stack_polygons(corners) if any(len(polygon) for _, polygon in rows) else None,
            attributes=tuple(tag for tag, values in flags.items() if values.any()),
            frame_attributes=flags,
            hides_empty=False,
            image_size=(int(width), int(height)) if width.isdecimal() and height.isdecimal() else None,
            fps=float(header.get("fps", VOT_FPS)),
        )


def stack_polygons(polygons: list[FloatArray]) -> FloatArray:
    """Return polygons of any corner counts (each (m, 2)) as one array (N, M, 2), padded with their last corner."""
    corners = max(4, *(len(polygon) for polygon in polygons))
    stacked = np.empty((len(polygons), corners, 2))
    for row, polygon in enumerate(polygons):
        stacked[row, : len(polygon)] = polygon
        stacked[row, len(polygon) :] = polygon[-1]
    return stacked


def parse_region(text: str, path: Path | str = "region", line: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return the box (4,) and the polygon (2·n,) of a VOT region; the polygon is empty unless the text is one.

    Special codes (0, 1, 2) and empty masks give a NaN box. Raises `DataSetError` naming file and line.
    """
    text = text.strip()
    nothing = np.full(4, np.nan)
    if text.startswith("m"):
        return _mask_bounds(text, path, line), np.empty(0)
    try:
        values = np.array([float(part) for part in split_numbers(text)], np.float64)
    except ValueError:
        raise DataSetError(f"Line {line} of '{path}' is not a VOT region: '{text[:60]}'.") from None
    if len(values) <= 1:
        return nothing, np.empty(0)
    if len(values) == 4:
        return values, np.empty(0)
    if len(values) >= 6 and len(values) % 2 == 0:
        return polygon_to_xywh(values), values
    raise DataSetError(f"Line {line} of '{path}' has {len(values)} numbers; a VOT region has 1, 4, 6, 8 or more, even.")


def _mask_bounds(text: str, path: Path | str, line: int) -> FloatArray:
    """Return the bounding box of `mx0,y0,w,h,run,run,…`: runs alternate background and target, row by row."""
    try:
        numbers = [int(part) for part in text[1:].split(",")]
        x0, y0, width, height = numbers[:4]
        runs = np.array(numbers[4:], np.int64)
    except ValueError:
        raise DataSetError(f"Line {line} of '{path}' is not a VOT mask: '{text[:60]}'.") from None
    ends = np.cumsum(runs)
    mask = np.zeros(max(0, width * height), np.bool_)
    for start, end in zip(ends[0::2], ends[1::2], strict=False):
        mask[start:end] = True
    bounds: FloatArray = bounding_box_of(mask.reshape(height, width)) + np.array([x0, y0, 0.0, 0.0])
    return bounds


def order_by_list_file(root: Path, folders: list[Path]) -> list[Path]:
    """Return the folders that `root/list.txt` names, in its order; all of them where there is no such file."""
    path = root / "list.txt"
    if not path.is_file():
        return folders
    by_name = {folder.name: folder for folder in folders}
    return [by_name[name] for line in read_lines(path) if (name := line.strip()) in by_name]


def _ground_truth_files(folder: Path) -> list[Path]:
    single = folder / "groundtruth.txt"
    if single.is_file():
        return [single]
    return sorted(folder.glob("groundtruth_[!r]*.txt"))


def _read_header(folder: Path) -> Mapping[str, str]:
    """Return the keys of the `sequence` file (an ini file without sections); empty if there is none."""
    path = folder / "sequence"
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("[sequence]\n" + path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise DataSetError(f"The file '{path}' is not a VOT sequence description ({error}).") from error
    return dict(parser["sequence"])


def _list_frames(folder: Path, header: Mapping[str, str]) -> list[Path]:
    """Return the frames that the `sequence` file's colour channel names (`color/%08d.jpg`)."""
    pattern = header.get("channels.color", "")
    place = folder / Path(pattern).parent
    return list_images(place) if pattern and place.is_dir() else []


def _count_frames(folder: Path) -> int | None:
    return len(_list_frames(folder, _read_header(folder))) or count_images(folder)


def _read_tags(folder: Path, count: int) -> dict[str, NDArray[np.bool_]]:
    paths = sorted([*folder.glob("*.tag"), *folder.glob("*.label")])
    return read_flag_files([path for path in paths if path.stem not in SKIPPED_TAGS], count)
