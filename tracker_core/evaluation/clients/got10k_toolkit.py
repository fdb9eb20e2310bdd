"""Our trackers in the got10k toolkit: what its experiments for OTB, GOT-10k, LaSOT, UAV123 and others accept.

The toolkit (package `got10k`; Huang et al., "GOT-10k", TPAMI 2021) calls `track` with the paths of all images, or
`init` and `update` with one image at a time. Nothing of it is imported here except to show images when asked to.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracker_core.errors import InputError
from tracker_core.sources.images import convert_to_bgr, read_image
from tracker_core.types import FloatArray, Image, Tracker


class Got10kTracker:
    """A tracker as the toolkit wants it: `name`, `is_deterministic`, `init`, `update` and `track`.

    The toolkit hands annotations over as their files have them, and compares answers with the same files, so boxes
    here are x, y, w, h in the data set's own coordinates: `origin` is 1 for OTB, DTB70 and LaSOT, whose first pixel is
    (1, 1), and 0 for GOT-10k, UAV123, TrackingNet and VOT.
    """

    is_deterministic = True  # one repetition is enough

    def __init__(self, tracker: Tracker, *, origin: int, name: str | None = None) -> None:
        """Wrap `tracker`; results are filed under `name`. Raises `InputError` unless `origin` is 0 or 1."""
        if origin not in (0, 1):
            raise InputError(f"The first pixel of a data set is (0, 0) or (1, 1), not ({origin}, {origin}).")
        self.name = name or tracker.name
        self._tracker = tracker
        self._shift = np.array([origin, origin, 0, 0], np.float64)

    def init(self, image: Any, box: ArrayLike) -> None:
        """Start on `box` (x, y, w, h in the data set's coordinates); `image` is a PIL image, RGB array or path."""
        self._start(read_toolkit_image(image), box)

    def update(self, image: Any) -> FloatArray:
        """Return the box (4,) of the target in the next image, in the data set's coordinates."""
        return self._follow(read_toolkit_image(image))

    def track(self, img_files: Sequence[str], box: ArrayLike, visualize: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return boxes (N, 4), the first one as given, and seconds (N,) for N image files.

        The files are decoded as in our own evaluation, so that the boxes are the same; decoding is not timed.
        Raises `SourceError` for a file that is not an image.
        """
        boxes, seconds = np.empty((len(img_files), 4)), np.zeros(len(img_files))
        for index, path in enumerate(img_files):
            image = read_image(path)
            began = time.perf_counter()
            if index == 0:
                self._start(image, box)
                boxes[0] = np.asarray(box, np.float64)
            else:
                boxes[index] = self._follow(image)
            seconds[index] = time.perf_counter() - began
            if visualize:
                # the toolkit takes arrays for BGR images
                importlib.import_module("got10k.utils.viz").show_frame(image, boxes[index] - self._shift)
        return boxes, seconds

    def _start(self, image: Image, box: ArrayLike) -> None:
        self._tracker.init(image, np.asarray(box, np.float64) - self._shift)

    def _follow(self, image: Image) -> FloatArray:
        return np.asarray(self._tracker.update(image).box_xywh, np.float64) + self._shift


def read_toolkit_image(image: Any) -> Image:
    """Return what the toolkit calls an image as uint8 H×W×3 BGR.

    That is a PIL image of any mode, an array H×W or H×W×3 in RGB order, or the path of a file. Raises `SourceError`
    for a file that is not an image.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(os.fspath(image))
    if hasattr(image, "convert"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return convert_to_bgr(pixels if pixels.ndim == 2 else pixels[:, :, 2::-1])
