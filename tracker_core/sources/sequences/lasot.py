"""LaSOT (Fan et al., CVPR 2019) and its extension.

`<class>/<class>-<n>/img/00000001.jpg …` with `groundtruth.txt` (x, y, w, h; 1-based, as its authors say),
`full_occlusion.txt` and `out_of_view.txt` (one line of 0 and 1 for all frames). Frames in which the target is
fully occluded or out of view do not count in its evaluation: their boxes become NaN.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracker_core.sources.sequences.annotation import read_flag_files, read_number_rows
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, count_frames, list_frames, subfolders

LASOT_FPS = 30.0
ABSENCE_FILES = ("full_occlusion", "out_of_view")


class LasotLayout:
    """Reads LaSOT, sorted into class folders or not."""

    name, title = "lasot", "LaSOT"
    origin = 1

    def is_sequence(self, folder: Path) -> bool:
        """A folder is a sequence if it holds `groundtruth.txt` and an `img` folder, or without images the flags."""
        flags = [folder / f"{name}.txt" for name in ABSENCE_FILES]
        has_flags = any(path.is_file() for path in flags)
        return (folder / "groundtruth.txt").is_file() and ((folder / "img").is_dir() or has_flags)

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if it, or a class folder inside it, holds a sequence."""
        return any(True for _ in self._folders(root))

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return all sequences; which of them are the test split is in the data set's `testing_set.txt`."""
        folders = [root] if self.is_sequence(root) else list(self._folders(root))
        return [
            SequenceInfo(folder.name, self.name, folder, folder / "groundtruth.txt", count_frames(folder))
            for folder in folders
        ]

    def read(self, info: SequenceInfo) -> Annotation:
        """Read one sequence; boxes become 0-based, rows where the target is occluded or out of view NaN."""
        boxes = read_number_rows(info.folder / "groundtruth.txt")
        boxes[:, :2] -= self.origin
        flags = read_flag_files([info.folder / f"{name}.txt" for name in ABSENCE_FILES], len(boxes))
        for values in flags.values():
            boxes[values] = np.nan
        category = info.folder.name.rpartition("-")[0]
        return Annotation(
            info, list_frames(info.folder), boxes, category=category, frame_attributes=flags, fps=LASOT_FPS
        )

    def _folders(self, root: Path) -> list[Path]:
        found = []
        for folder in subfolders(root):
            inner = [folder] if self.is_sequence(folder) else [f for f in subfolders(folder) if self.is_sequence(f)]
            found.extend(inner)
        return found
