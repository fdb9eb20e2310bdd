"""Cutting training crops out of images: the tracker's own framing, with shift, scale and stretch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.crops import channel_mean
from tracker_core.training.images import ImageCache, UnreadableImageError, choose_shrink
from tracker_core.types import Image

LEAST_SEEN = 0.1  # share of a box that must lie inside its image


@dataclass(frozen=True)
class View:
    """How a crop looks at its target.

    Attributes:
        size: side of the crop. scales: crop pixels per image pixel, across and down.
        shift: distance of the target's centre from the crop's centre, x and y in crop pixels.
    """

    size: int
    scales: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)


def cut_view(
    cache: ImageCache, path: str, box_xywh: NDArray[np.float64], view: View
) -> tuple[Image, NDArray[np.float32]]:
    """Return the crop, uint8 (size, size, 3), and the target's box cx, cy, w, h around the crop's centre.

    What lies outside the image has the image's mean colour. Raises `UnreadableImageError`, also for a box that
    lies outside the image.
    """
    shrink = choose_shrink(max(view.scales))
    image = cache.read(path, shrink)
    x, y, w, h = box_xywh
    height, width = image.shape[0] * shrink, image.shape[1] * shrink
    seen = max(0.0, min(x + w, width) - max(x, 0.0)) * max(0.0, min(y + h, height) - max(y, 0.0))
    if seen < LEAST_SEEN * w * h:
        raise UnreadableImageError(f"{path} (the box lies outside of it)")
    sx, sy = view.scales
    # from pixel centres of the (shrunk) image to pixel edges, scaled and moved, and back to pixel centres
    to_crop_x = view.size / 2 + view.shift[0] - sx * (x + w / 2)
    to_crop_y = view.size / 2 + view.shift[1] - sy * (y + h / 2)
    matrix = np.array(
        [
            [sx * shrink, 0, sx * shrink / 2 + to_crop_x - 0.5],
            [0, sy * shrink, sy * shrink / 2 + to_crop_y - 0.5],
        ]
    )
    crop = cv2.warpAffine(
        image, matrix, (view.size, view.size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=channel_mean(image),
    )  # fmt: skip
    return np.asarray(crop, np.uint8), np.array([*view.shift, w * sx, h * sy], np.float32)
