"""GOT-10k (Huang, Zhao and Huang, TPAMI 2021).

`<split>/<name>/00000001.jpg …` with `groundtruth.txt` (x, y, w, h; 0-based floats), `absence.label` (1 where the
target is absent), `cover.label` (0 to 8, visible part in eighths), `cut_by_image.label`, `meta_info.ini`; the
split's `list.txt` names its sequences. The test split has one line of ground truth: the start box.
"""

from __future__ import annotations

import configparser
from pathlib import Path

import numpy as np

from tracker_core.sources.sequences.annotation import read_flag_files, read_number_rows
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, count_frames, list_frames, subfolders
from tracker_core.sources.sequences.vot import order_by_list_file

GOT10K_FPS = 10.0
SPLITS = ("train", "val", "test")


class Got10kLayout:
    """Reads GOT-10k splits, and any folder of sequences in that shape."""

    name, title = "got10k", "GOT-10k"
    origin = 0

    def is_sequence(self, folder: Path) -> bool:
        """A folder is a sequence if it holds `groundtruth.txt` and no `img` folder (which would be LaSOT)."""
        return (folder / "groundtruth.txt").is_file() and not (folder / "img").is_dir()

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if it, or a split inside it, holds a sequence."""
        return any(self.is_sequence(folder) for place in _places(root) for folder in subfolders(place))

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences of a split in the order of its `list.txt`."""
        if self.is_sequence(root):
            folders = [root]
        else:
            folders = [f for place in _places(root) for f in order_by_list_file(place, subfolders(place))]
        return [
            SequenceInfo(folder.name, self.name, folder, folder / "groundtruth.txt", count_frames(folder))
            for folder in folders
            if self.is_sequence(folder)
        ]

    def read(self, info: SequenceInfo) -> Annotation:
        """Read one sequence; rows where the target is absent become NaN."""
        boxes = read_number_rows(info.folder / "groundtruth.txt")
        flags = read_flag_files([info.folder / f"{name}.label" for name in ("absence", "cut_by_image")], len(boxes))
        if "absence" in flags:
            boxes[flags["absence"]] = np.nan
        cover = info.folder / "cover.label"
        return Annotation(
            info,
            list_frames(info.folder),
            boxes,
            frame_attributes=flags,
            visible=read_number_rows(cover, (1,))[:, 0] / 8 if cover.is_file() else None,
            fps=_read_fps(info.folder / "meta_info.ini"),
        )


def _places(root: Path) -> list[Path]:
    """Return `root`, or the splits inside it if it is the top of the data set."""
    splits = [root / name for name in SPLITS if (root / name).is_dir()]
    return splits or [root]


def _read_fps(path: Path) -> float:
    """Return the annotated frames per second from `meta_info.ini` (`anno_fps: 10Hz`), 10 where it is silent."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        text = parser.get("METAINFO", "anno_fps", fallback="").lower().removesuffix("hz")
        return float(text) if text else GOT10K_FPS
    except (configparser.Error, UnicodeDecodeError, ValueError):
        return GOT10K_FPS
