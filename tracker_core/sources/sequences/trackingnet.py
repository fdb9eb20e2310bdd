"""TrackingNet (Müller et al., ECCV 2018).

`TRAIN_<k>/frames/<name>/0.jpg, 1.jpg …` with `TRAIN_<k>/anno/<name>.txt` (x, y, w, h; 0-based floats). In `TEST`
the annotation has one line, the start box.
"""

from __future__ import annotations

from pathlib import Path

from tracker_core.errors import DataSetError
from tracker_core.sources.images import count_images
from tracker_core.sources.sequences.annotation import read_number_rows
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, list_frames, subfolders

TRACKINGNET_FPS = 30.0


class TrackingNetLayout:
    """Reads TrackingNet, from its top folder or from one chunk of it."""

    name, title = "trackingnet", "TrackingNet"
    origin = 0

    def is_sequence(self, folder: Path) -> bool:
        """Never: images and boxes of this set are in different folders."""
        return False

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if it, or a chunk inside it, holds `anno` and `frames`."""
        return bool(_chunks(root))

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences of all chunks, by name within each; a clip with frames only has no ground truth."""
        infos = []
        for chunk in _chunks(root):
            folders = {folder.name: folder for folder in subfolders(chunk / "frames")}
            truths = {path.stem: path for path in (chunk / "anno").glob("*.txt")}
            for name in sorted({*folders, *truths}):
                count = count_images(folders[name]) if name in folders else 0
                folder = chunk / "frames" / name
                infos.append(SequenceInfo(name, self.name, folder, truths.get(name), count, group=chunk.name))
        return infos

    def read(self, info: SequenceInfo) -> Annotation:
        """Read one sequence."""
        if info.annotation is None:
            raise DataSetError(f"The clip '{info.name}' has no annotation file; it cannot be used as a sequence.")
        boxes = read_number_rows(info.annotation)
        return Annotation(info, list_frames(info.folder), boxes, first_number=0, fps=TRACKINGNET_FPS)


def _chunks(root: Path) -> list[Path]:
    def is_chunk(folder: Path) -> bool:
        return (folder / "anno").is_dir() and (folder / "frames").is_dir()

    return [root] if is_chunk(root) else [folder for folder in subfolders(root) if is_chunk(folder)]
