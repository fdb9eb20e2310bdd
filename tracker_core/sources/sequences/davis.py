"""DAVIS (Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017) and YouTube-VOS: masks become boxes.

`JPEGImages/480p/<name>/00000.jpg …` with `Annotations/480p/<name>/00000.png` (YouTube-VOS has no resolution
folder and masks every fifth frame only). A mask is a image whose palette colours number the objects; the 2016
masks are black and white. Several objects become `dogs-1`, `dogs-2`, …: those that are in the first mask.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images
from tracker_core.sources.sequences.annotation import bounding_box_of
from tracker_core.sources.sequences.layout import SequenceInfo, subfolders
from tracker_core.types import Sequence

DAVIS_FPS = 24.0
RESOLUTIONS = ("480p", "Full-Resolution", "1080p")


class DavisLayout:
    """Reads DAVIS and YouTube-VOS as bounding-box sequences."""

    name = "davis"

    def is_sequence(self, folder: Path) -> bool:
        """Never: images and masks of this set lie in different folders."""
        return False

    def is_data_set(self, root: Path) -> bool:
        """A root is a data set if it holds `JPEGImages` and `Annotations`."""
        return (root / "JPEGImages").is_dir() and (root / "Annotations").is_dir()

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return one entry per object of each clip; the first mask of each clip is read for their number."""
        place = next((name for name in RESOLUTIONS if (root / "JPEGImages" / name).is_dir()), "")
        infos = []
        for folder in subfolders(root / "JPEGImages" / place):
            masks = root / "Annotations" / place / folder.name
            count = len(list_images(folder))
            numbers = self._objects(masks)
            if not numbers:
                infos.append(SequenceInfo(folder.name, self.name, folder, None, count))
            for number in numbers:
                name = folder.name if len(numbers) == 1 else f"{folder.name}-{number}"
                infos.append(SequenceInfo(name, self.name, folder, masks, count, number))
        return infos

    def load(self, info: SequenceInfo) -> Sequence:
        """Read the boxes of one object; frames without a mask, or without the object, have NaN."""
        if info.annotation is None:
            raise DataSetError(f"The clip '{info.name}' has no masks; it cannot be used as a sequence.")
        frames = list_images(info.folder)
        boxes = np.full((len(frames), 4), np.nan)
        for row, frame in enumerate(frames):
            path = info.annotation / f"{frame.stem}.png"
            if path.is_file():
                boxes[row] = bounding_box_of(read_mask(path) == info.target)
        return Sequence(info.name, tuple(str(path) for path in frames), boxes, fps=DAVIS_FPS)

    def _objects(self, masks: Path) -> list[int]:
        first = next(iter(sorted(masks.glob("*.png"))), None) if masks.is_dir() else None
        return [] if first is None else [int(number) for number in np.unique(read_mask(first)) if 0 < number < 255]


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Return a mask as object numbers, uint8 (H, W): 0 ground, 1, 2, … objects, 255 void.

    Palette images are decoded to colours by OpenCV; the standard palette of these sets (that of PASCAL VOC)
    puts the bits of the number into the high bits of red, green and blue in turn. Raises `DataSetError` for a file
    that is no image.
    """
    content = np.fromfile(path, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if image is None:
        raise DataSetError(f"The mask '{path}' is damaged or not a image.")
    if image.ndim == 2:
        grey = np.asarray(image, np.uint8)
        is_black_and_white = not np.any((grey > 0) & (grey < 255))
        return (grey > 127).astype(np.uint8) if is_black_and_white else grey
    blue, green, red = (np.asarray(image[..., channel], np.uint8) for channel in range(3))
    return _number_bits(red, (0, 3, 6)) | _number_bits(green, (1, 4, 7)) | _number_bits(blue, (2, 5))


def _number_bits(channel: NDArray[np.uint8], positions: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the bits of the object number that a colour channel carries, highest channel bit first."""
    levels = np.arange(256)
    table = np.zeros(256, np.uint8)
    for step, position in enumerate(positions):
        table |= ((levels >> (7 - step) & 1) << position).astype(np.uint8)
    return np.asarray(table[channel], np.uint8)
