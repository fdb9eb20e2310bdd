"""UAV123, UAV20L and UAV123@10fps (Mueller, Smith and Ghanem, ECCV 2016).

`data_seq/UAV123/<folder>/000001.jpg …` with `anno/UAV123/<name>.txt` (x, y, w, h; `NaN` where the target is out of
view or hidden). Several sequences are parts of one folder (`SPLIT_FOLDERS`). `anno/UAV123/att/<name>.txt` holds
twelve flags. Coordinates are used as they are in the files.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracker_core.sources.images import count_images, list_images
from tracker_core.sources.sequences.annotation import read_flags, read_number_rows
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, last_number

# First and last image of each part, at 30 frames per second, as the benchmark's configuration gives them.
SPLIT_FOLDERS = {
    "bird1": ((1, 253), (775, 1477), (1573, 2437)),
    "car1": ((1, 751), (751, 1627), (1627, 2629)),
    "car6": ((1, 487), (487, 1807), (1807, 2953), (2953, 3925), (3925, 4861)),
    "car8": ((1, 1357), (1357, 2575)),
    "car16": ((1, 415), (415, 1993)),
    "group1": ((1, 1333), (1333, 2515), (2515, 3925), (3925, 4873)),
    "group2": ((1, 907), (907, 1771), (1771, 2683)),
    "group3": ((1, 1567), (1567, 2827), (2827, 4369), (4369, 5527)),
    "person2": ((1, 1189), (1189, 2623)),
    "person4": ((1, 1501), (1501, 2743)),
    "person5": ((1, 877), (877, 2101)),
    "person7": ((1, 1249), (1249, 2065)),
    "person8": ((1, 1075), (1075, 1525)),
    "person12": ((1, 601), (601, 1621)),
    "person14": ((1, 847), (847, 1813), (1813, 2923)),
    "person17": ((1, 1501), (1501, 2347)),
    "person19": ((1, 1243), (1243, 2791), (2791, 4357)),
    "truck4": ((1, 577), (577, 1261)),
    "uav1": ((1, 1555), (1555, 2377), (2473, 3469)),
}
ATTRIBUTES = ("IV", "SV", "POC", "FOC", "OV", "FM", "CM", "BC", "SOB", "ARC", "VC", "LR")


class Uav123Layout:
    """Reads one of the three sets; `step` is 3 where every third image was kept."""

    title, origin = "UAV123", 0

    def __init__(self, name: str, annotation_folders: tuple[str, ...], fps: float, step: int = 1) -> None:
        self.name = name
        self._annotation_folders = annotation_folders
        self._fps = fps
        self._step = step

    def is_sequence(self, folder: Path) -> bool:
        """Never: images and boxes of this set are in different folders."""
        return False

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if it holds `data_seq` and this set's annotations."""
        return (root / "data_seq").is_dir() and self._annotations(root) is not None

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences that have an annotation file, in natural order of the file names."""
        folder = self._annotations(root)
        if folder is None:
            return []
        infos = []
        for path in sorted(folder.glob("*.txt")):
            images = self._image_folder(root, path.stem)
            count = self._count(path.stem, images) if images.is_dir() else 0
            infos.append(SequenceInfo(path.stem, self.name, images, path, count))
        return infos

    def read(self, info: SequenceInfo) -> Annotation:
        """Read one sequence with its part of the folder's images."""
        assert info.annotation is not None
        boxes = read_number_rows(info.annotation)
        images = list_images(info.folder) if info.folder.is_dir() else []
        first, last = self.frame_range(info.name) or (1, 10**9)
        flags = read_flags(info.annotation.parent / "att" / info.annotation.name, len(ATTRIBUTES))
        return Annotation(
            info,
            tuple(path for path in images if first <= (last_number(path) or 0) <= last),
            boxes,
            first_number=first,
            attributes=() if flags is None else tuple(np.array(ATTRIBUTES)[flags].tolist()),
            first_index=first,
            fps=self._fps,
        )

    def frame_range(self, name: str) -> tuple[int, int] | None:
        """Return the first and last image number of a part, None for a sequence that is a whole folder."""
        folder, _, part = name.rpartition("_")
        if folder not in SPLIT_FOLDERS or not part.isdecimal() or int(part) > len(SPLIT_FOLDERS[folder]):
            return None
        first, last = SPLIT_FOLDERS[folder][int(part) - 1]
        return (first - 1) // self._step + 1, (last - 1) // self._step + 1

    def _image_folder(self, root: Path, name: str) -> Path:
        clip = name.rpartition("_")[0] if self.frame_range(name) else name
        for place in (*self._annotation_folders, "UAV123", ""):
            folder = root / "data_seq" / place / clip
            if folder.is_dir():
                return folder
        return root / "data_seq" / self._annotation_folders[0] / clip

    def _count(self, name: str, images: Path) -> int:
        bounds = self.frame_range(name)
        return bounds[1] - bounds[0] + 1 if bounds else count_images(images)

    def _annotations(self, root: Path) -> Path | None:
        for place in self._annotation_folders:
            folder = root / "anno" / place
            if folder.is_dir() and any(folder.glob("*.txt")):
                return folder
        flat = root / "anno"
        is_flat = flat.is_dir() and any(flat.glob("*.txt")) and (self._step > 1) == ("10fps" in root.name.lower())
        return flat if is_flat and self.name != "uav20l" else None


UAV_LAYOUTS = (
    Uav123Layout("uav123", ("UAV123",), 30.0),
    Uav123Layout("uav123-10fps", ("UAV123_10fps", "UAV123@10fps"), 10.0, step=3),
    Uav123Layout("uav20l", ("UAV20L",), 30.0),
)
