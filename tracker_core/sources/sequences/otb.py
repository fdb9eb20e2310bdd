"""OTB (Wu, Lim and Yang, "Object Tracking Benchmark", TPAMI 2015) and DTB70, which has the same files.

`<name>/img/0001.jpg …` with `groundtruth_rect.txt`: x, y, w, h, 1-based, separated by commas, tabs or spaces.
Two targets in one clip have `groundtruth_rect.1.txt` and `.2.txt`; they become `Jogging-1` and `Jogging-2`.
Some sequences are evaluated on a part of their frames only, named by file number (`FRAME_RANGES`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tracker_core.sources.sequences.annotation import read_lines, read_number_rows
from tracker_core.sources.sequences.layout import (
    Annotation,
    SequenceInfo,
    count_frames,
    is_video,
    last_number,
    list_frames,
    subfolders,
)
from tracker_core.sources.sequences.otb_attributes import OTB_ATTRIBUTES
from tracker_core.types import FloatArray, Sequence

# First and last file number that are evaluated, where that is not the whole clip (benchmark's configuration).
FRAME_RANGES = {
    "David": (300, 770),
    "Football1": (1, 74),
    "Freeman3": (1, 460),
    "Freeman4": (1, 283),
    "BlurCar1": (247, 988),
    "BlurCar3": (3, 359),
    "BlurCar4": (18, 397),
    "Diving": (1, 215),
    "Tiger1": (6, 354),
}
OTB_FPS = 30.0


class OtbLayout:
    """Reads OTB-2013, OTB-50 and OTB-100."""

    name, title = "otb", "OTB"
    origin = 1
    frame_ranges: Mapping[str, tuple[int, int]] = FRAME_RANGES
    published_attributes: Mapping[str, tuple[str, ...]] = OTB_ATTRIBUTES

    def is_sequence(self, folder: Path) -> bool:
        """A folder is a sequence if it holds a `groundtruth_rect*.txt`."""
        return any(folder.glob("groundtruth_rect*.txt"))

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if a folder inside it is a sequence."""
        return any(self.is_sequence(folder) for folder in subfolders(root))

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return one entry per target; empty annotation files (as in Human4) do not count."""
        folders = [root] if self.is_sequence(root) else [f for f in subfolders(root) if self.is_sequence(f)]
        found = []
        for folder in folders:
            files = [path for path in sorted(folder.glob("groundtruth_rect*.txt")) if path.stat().st_size > 2]
            count = count_frames(folder)
            first, last = self.frame_ranges.get(folder.name, (1, 10**9))
            if count is not None and last < 10**9:
                count = min(count, last - first + 1)
            for target, path in enumerate(files, start=1):
                name = folder.name if len(files) == 1 else f"{folder.name}-{target}"
                found.append(SequenceInfo(name, self.name, folder, path, count, target))
        return found

    def read(self, info: SequenceInfo) -> Annotation:
        """Read one target; boxes become 0-based, boxes without area stay as the benchmark published them."""
        assert info.annotation is not None
        boxes, frames, clip = read_number_rows(info.annotation), list_frames(info.folder), info.folder.name
        boxes[:, :2] -= self.origin
        if clip in self.frame_ranges and not (frames and is_video(frames[0])):
            boxes = evaluated_rows(clip, boxes)
            first, last = self.frame_ranges[clip]
            frames = tuple(path for path in frames if first <= (last_number(path) or 0) <= last) or frames
        return Annotation(
            info,
            frames,
            boxes,
            first_number=self.frame_ranges.get(clip, (1, 0))[0],
            attributes=read_attributes(info, self.published_attributes),
            hides_empty=False,
            first_index=0 if not frames or is_video(frames[0]) else last_number(frames[0]) or 0,
            fps=OTB_FPS,
        )


class Dtb70Layout(OtbLayout):
    """Reads DTB70 (Li and Yeung, AAAI 2017): OTB's files, but clips of its own, some of which share OTB's names."""

    name, title = "dtb70", "DTB70"
    frame_ranges: Mapping[str, tuple[int, int]] = {}
    published_attributes: Mapping[str, tuple[str, ...]] = {}


def load_video_sequence(video: Path, truth: Path) -> Sequence:
    """Return a video file with an OTB-style ground truth beside it as a sequence named after the video."""
    boxes = read_number_rows(truth)
    boxes[:, :2] -= 1
    return Sequence(video.stem, (str(video),), boxes, fps=OTB_FPS)


def evaluated_rows(clip: str, rows: FloatArray) -> FloatArray:
    """Return the rows of the frames that OTB evaluates, where there are rows for more of the clip than those.

    Rows that reach to the last evaluated file number count from the clip's first file; pytracking and the benchmark
    leave out Tiger1's first five frames, the got10k toolkit does not.
    """
    if clip not in FRAME_RANGES:
        return rows
    first, last = FRAME_RANGES[clip]
    length = last - first + 1
    skipped = first - 1 if len(rows) >= last else 0
    return rows[skipped : skipped + length] if len(rows) > length else rows


def read_attributes(info: SequenceInfo, published: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the sequence's attributes from `attrs.txt` or `attributes.txt` beside it, else from `published`."""
    for name in ("attrs.txt", "attributes.txt"):
        path = info.folder / name
        if path.is_file():
            return tuple(part for line in read_lines(path) for part in re.split(r"[,\s]+", line.strip()) if part)
    return published.get(info.folder.name, ())
