"""Images on disk and in memory: natural order, reading, and the one conversion to uint8 BGR.

Every image that leaves a source is uint8 H×W×3 in BGR order, contiguous and read-only:

* one channel is repeated three times;
* four channels lose the fourth (alpha is ignored, not blended);
* 16 bits are divided by 256, or by less where a folder's images use fewer bits (`used_bits`); nothing is
  stretched per image, because a tracker must see the same brightness from frame to frame;
* EXIF orientation is obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import SourceError
from tracker_core.types import Image

DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".pgm", ".ppm", ".pnm"})  # of images that may have 16 bits
IMAGE_SUFFIXES = DEEP_SUFFIXES | {".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp"}
IMAGE_FORMATS = "jpg, png, bmp, webp, tif, pgm or ppm"
LOOKED_AT = 16  # images of a folder, to find out how many bits they use
OTHER_IMAGE_SUFFIXES = frozenset(
    {".jp2", ".jxl", ".avif", ".heic", ".heif", ".exr", ".gif", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
)


def natural_key(name: str, *, has_decimals: bool = False) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `img2` before `img10`; ties are broken by the text itself.

    With `has_decimals` a point between digits is a decimal point: `1.25` comes before `1.5`.
    """
    parts: list[tuple[int, int, str]] = []
    for part in re.split(r"(\d+(?:\.\d+)?)" if has_decimals else r"(\d+)", name.casefold()):
        whole, _, fraction = part.partition(".")
        if whole.isdecimal():
            parts.append((0, int(whole), fraction.rstrip("0") if has_decimals else whole))
        elif part:
            parts.append((1, 0, part))
    return parts


def are_decimals(stems: Iterable[str]) -> bool:
    """Tell whether the points in names such as `1403636579.5` are decimal points.

    They are where the fractions have different lengths and none ends in a zero, as numbers are printed; `1.2` to
    `1.10` are counters. Fractions of one length have the same order either way.
    """
    found = (re.search(r"(?<![\d.])\d+\.(\d+)(?!\.?\d)", stem) for stem in stems)
    fractions = [match.group(1) for match in found if match]
    return len({len(fraction) for fraction in fractions}) > 1 and not any(
        len(fraction) > 1 and fraction.endswith("0") for fraction in fractions
    )


def is_image(path: Path) -> bool:
    """Tell whether a file name is that of an image which sources read; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: str | Path) -> list[Path]:
    """Return the images directly inside `folder` in natural order; empty if there are none."""
    return sort_naturally(path for path in Path(folder).iterdir() if is_image(path))


def has_images(folder: str | Path) -> bool:
    """Tell whether there is an image directly inside `folder`."""
    return any(map(is_image, Path(folder).iterdir()))


def count_images(folder: str | Path) -> int:
    """Return the number of images directly inside `folder`, without putting them in order: that takes much longer."""
    return sum(map(is_image, Path(folder).iterdir()))


def sort_naturally(paths: Iterable[Path]) -> list[Path]:
    """Return `paths` ordered by file name, numbers by value (`are_decimals` says how a point is read)."""
    paths = list(paths)
    has_decimals = are_decimals(path.stem for path in paths)
    return sorted(paths, key=lambda path: (natural_key(path.stem, has_decimals=has_decimals), path.name))


def used_bits(paths: SequenceOf[str | Path]) -> int:
    """Return how many bits the 16-bit images among `paths` use: 8, 10, 12, 14 or 16.

    Cameras of 12 bits store 0 to 4095, which divided by 256 would be nearly black. A few images across the whole
    are looked at. 16 also where the first image is an ordinary one.
    """
    brightest = 0
    if paths and has_16_bits(paths[0]):
        for path in paths[:: max(1, len(paths) // LOOKED_AT)]:
            try:
                brightest = max(brightest, int(_decode(path).max()))
            except SourceError:
                continue
    return next((bits for bits in (8, 10, 12, 14) if 0 < brightest < 1 << bits), 16)


def has_16_bits(path: str | Path) -> bool:
    """Tell whether a file is an image of 16 bits; false for one that cannot be read."""
    if Path(path).suffix.lower() not in DEEP_SUFFIXES:
        return False
    try:
        with Path(path).open("rb") as file:
            header = file.read(25)
        if header[:4] == b"\x89PNG":
            return header[24:] == b"\x10"
        return _decode(path).dtype == np.uint16
    except (OSError, SourceError):
        return False


def count_images_in(path: str | Path) -> int:
    """Return how many images a file holds (pages of a TIFF file, frames of an animation), 0 where nothing says it."""
    try:
        return int(cv2.imcount(str(path)))
    except cv2.error:
        return 0


def read_image(path: str | Path, *, bits: int = 16) -> Image:
    """Return the image in a file as uint8 H×W×3 BGR, contiguous and read-only; `bits` as `used_bits` tells them.

    Raises `SourceError` for a file that is absent, empty or not an image of 8 or 16 bits; of several images in one
    file it is the first. Paths may hold any character: the bytes are read here, because OpenCV cannot open such paths
    on Windows.
    """
    return freeze(convert_to_bgr(_decode(path), bits=bits))


def _decode(path: str | Path) -> NDArray[Any]:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"The image '{path}' cannot be read ({reason}); check the path.") from error
    if content.size == 0:
        raise SourceError(f"The image '{path}' is an empty file; remove it or copy it again.")
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise SourceError(f"The image '{path}' cannot be decoded ({error.err}); convert it to PNG or JPEG.") from error
    if image is None:
        raise SourceError(_describe_undecoded(path, content))
    return np.asarray(image)


def _describe_undecoded(path: str | Path, content: NDArray[np.uint8]) -> str:
    """Return one sentence on why there is no colour image in a file; numbers that are no colours can still be read."""
    numbers = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if numbers is None:
        return f"The image '{path}' is damaged or not an image; remove it or copy it again."
    return f"The image '{path}' holds numbers of type {numbers.dtype}; convert it to 8 or 16 bits."


def convert_to_bgr(image: NDArray[Any], *, bits: int = 16) -> Image:
    """Return any camera or file image as uint8 H×W×3 BGR by the rules at the top of this module.

    `image` is uint8, uint16 or bool, H×W, H×W×1, H×W×3 (BGR) or H×W×4 (BGRA). Raises `SourceError` for others.
    """
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise SourceError(f"An image of shape {array.shape} is neither grey nor colour; give H×W, H×W×3 or H×W×4.")
    if array.dtype == np.uint16:
        array = np.minimum(array >> (bits - 8), 255).astype(np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        raise SourceError(f"An image of type {array.dtype} cannot be used; convert it to 8 or 16 bits.")
    if array.ndim == 2:
        return cv2.cvtColor(array, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return np.ascontiguousarray(array[:, :, :3])


def freeze(image: Image) -> Image:
    """Return `image` contiguous and marked read-only, as every `Frame` carries it."""
    image = np.ascontiguousarray(image)
    image.flags.writeable = False
    return image
