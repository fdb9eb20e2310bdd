"""Images on disk and in memory: natural order, reading, and the one conversion to uint8 BGR.

Every image that leaves a source is uint8 H×W×3 in BGR order, contiguous and read-only:

* one channel is repeated three times;
* four channels lose the fourth (alpha is ignored, not blended);
* 16 bits are divided by 256 (the whole range is kept, nothing is stretched per image, because a
  tracker must see the same brightness from frame to frame);
* JPEG orientation tags are obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import SourceError
from tracker_core.types import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
OTHER_IMAGE_SUFFIXES = frozenset({".tif", ".tiff", ".jp2", ".avif", ".heic", ".ppm", ".pgm", ".exr"})


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts `img2` before `img10`; ties are broken by the text itself."""
    parts: list[tuple[int, int, str]] = []
    for part in re.split(r"(\d+)", name.casefold()):
        if part.isdecimal():
            parts.append((0, int(part), part))
        elif part:
            parts.append((1, 0, part))
    return parts


def is_image(path: Path) -> bool:
    """Tell whether a file name is that of a image which sources read; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: str | Path) -> list[Path]:
    """Return the images directly inside `folder` in natural order; empty if there are none."""
    return sort_naturally(path for path in Path(folder).iterdir() if is_image(path))


def sort_naturally(paths: Iterable[Path]) -> list[Path]:
    """Return `paths` ordered by file name, numbers by value."""
    return sorted(paths, key=lambda path: (natural_key(path.name), path.name))


def read_image(path: str | Path) -> Image:
    """Return the image in a file as uint8 H×W×3 BGR, contiguous and read-only.

    Raises `SourceError` for a file that is absent, empty or not a image. Paths may hold any character:
    the bytes are read here, because OpenCV cannot open such paths on Windows.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError(f"The image '{path}' cannot be read ({reason}); check the path.") from error
    if content.size == 0:
        raise SourceError(f"The image '{path}' is an empty file; remove it or copy it again.")
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SourceError(
            f"The image '{path}' cannot be decoded ({error.err}); convert it to PNG or JPEG."
        ) from error
    if image is None:
        raise SourceError(f"The image '{path}' is damaged or not a image; remove it or copy it again.")
    return freeze(convert_to_bgr(image))


def convert_to_bgr(image: NDArray[Any]) -> Image:
    """Return any camera or file image as uint8 H×W×3 BGR by the rules at the top of this module.

    `image` is uint8, uint16 or bool, H×W, H×W×1, H×W×3 (BGR) or H×W×4 (BGRA). Raises `SourceError` for others.
    """
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise SourceError(f"A image of shape {array.shape} is neither grey nor colour; give H×W, H×W×3 or H×W×4.")
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    elif array.dtype != np.uint8:
        raise SourceError(f"A image of type {array.dtype} cannot be used; convert it to 8 or 16 bits.")
    if array.ndim == 2:
        return cv2.cvtColor(array, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    return np.ascontiguousarray(array[:, :, :3])


def freeze(image: Image) -> Image:
    """Return `image` contiguous and marked read-only, as every `Frame` carries it."""
    image = np.ascontiguousarray(image)
    image.flags.writeable = False
    return image
