"""DAVIS (Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017) and YouTube-VOS: masks become boxes.

`JPEGImages/480p/<name>/00000.jpg …` with `Annotations/480p/<name>/00000.png` (YouTube-VOS has no resolution
folder and masks every fifth frame only). A mask is an image whose palette numbers the objects; the 2016 masks are
black and white. Several objects become `dogs-1`, `dogs-2`, …: those that are in the first mask.
"""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.sources.images import count_images
from tracker_core.sources.sequences.annotation import bounding_box_of
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo, list_frames, subfolders

DAVIS_FPS = 24.0
VOID = 255
RESOLUTIONS = ("480p", "Full-Resolution", "1080p")


class DavisLayout:
    """Reads DAVIS and YouTube-VOS as bounding-box sequences."""

    name, title = "davis", "DAVIS"
    origin = 0

    def is_sequence(self, folder: Path) -> bool:
        """Never: images and masks of this set are in different folders."""
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
            count = count_images(folder)
            numbers = self._objects(masks)
            if not numbers:
                infos.append(SequenceInfo(folder.name, self.name, folder, None, count))
            for number in numbers:
                name = folder.name if len(numbers) == 1 else f"{folder.name}-{number}"
                infos.append(SequenceInfo(name, self.name, folder, masks, count, number))
        return infos

    def read(self, info: SequenceInfo) -> Annotation:
        """Read the boxes of one object; frames without a mask, or without the object, have NaN."""
        if info.annotation is None:
            raise DataSetError(f"The clip '{info.name}' has no masks; it cannot be used as a sequence.")
        frames = list_frames(info.folder)
        boxes = np.full((len(frames), 4), np.nan)
        for row, frame in enumerate(frames):
            path = info.annotation / f"{frame.stem}.png"
            if path.is_file():
                boxes[row] = bounding_box_of(read_mask(path) == info.target)
        return Annotation(info, frames, boxes, fps=DAVIS_FPS)

    def _objects(self, masks: Path) -> list[int]:
        first = next(iter(sorted(masks.glob("*.png"))), None) if masks.is_dir() else None
        return [] if first is None else objects_in(read_mask(first))


def objects_in(mask: NDArray[np.int32]) -> list[int]:
    """Return the numbers of the objects in a mask; 0 is ground, 255 void."""
    return [int(number) for number in np.unique(mask) if number not in (0, VOID)]


def read_mask(path: Path) -> NDArray[np.int32]:
    """Return a mask as object numbers (H, W): 0 ground, 1, 2, … objects, 255 void. Black and white is one object.

    A palette image holds the numbers themselves, which OpenCV decodes to colours: they are looked up in its palette, or
    in that of PASCAL VOC where the colours stand in an RGB image. A colour in neither is an object of its own, from 256
    on. Raises `DataSetError` for a file that is not an image.
    """
    content = np.fromfile(path, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if image is None:
        raise DataSetError(f"The mask '{path}' is damaged or not an image.")
    if image.ndim == 2:
        codes, palette = image.astype(np.int32), {number: number for number in range(1, 256)}
    else:
        blue, green, red = (image[..., channel].astype(np.int32) for channel in range(3))
        codes, palette = red << 16 | green << 8 | blue, _read_palette(content.tobytes()) or VOC_PALETTE
    found, places = np.unique(codes, return_inverse=True)
    is_black_and_white = set(found.tolist()) <= {0, 0xFF if image.ndim == 2 else 0xFFFFFF}
    if is_black_and_white:
        return np.asarray(codes > 0, np.int32)
    numbers = np.array([palette.get(code, 256 + code) if code else 0 for code in found.tolist()], np.int32)
    return np.asarray(numbers[places].reshape(codes.shape), np.int32)


def _read_palette(png: bytes) -> dict[int, int]:
    """Return the colours 0xRRGGBB of a PNG file's palette with their numbers; empty if it has none."""
    start = 8
    while start + 8 <= len(png):
        (length,), kind = struct.unpack(">I", png[start : start + 4]), png[start + 4 : start + 8]
        if kind == b"PLTE":
            entries = png[start + 8 : start + 8 + length]
            codes = [int.from_bytes(entries[place : place + 3], "big") for place in range(0, length, 3)]
            return {code: number for number, code in reversed(list(enumerate(codes)))}
        start += length + 12
    return {}


def _voc_palette() -> dict[int, int]:
    """Return number by colour 0xRRGGBB: the bits of the number go to red, green and blue in turn, high bits first."""
    palette = {}
    for number in range(1, 256):
        bits = [[number >> (3 * place + channel) & 1 for place in range(8)] for channel in range(3)]
        red, green, blue = (sum(bit << (7 - place) for place, bit in enumerate(channel)) for channel in bits)
        palette[red << 16 | green << 8 | blue] = number
    return palette


VOC_PALETTE = _voc_palette()
