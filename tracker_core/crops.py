"""The one crop with context around a target: how much of the image it shows, and cutting it out.

Square as SiamFC's (section 2.1 of its supplement) and SiamRPN's (section 4), or of the target's own shape and stretched
to a square as FEAR's.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tracker_core.config import TrackingConfig
from tracker_core.types import Image

BLANK_DEVIATION = 1.0  # grey levels: a target of a sixteenth of the region that differs by 4 levels is seen
SAMPLES, CELLS = 64, 8  # along a side of the region: pixels that are looked at, means that they become


def context_side(width: float, height: float, context: float = 0.5) -> float:
    """Return the side √((w + 2c)(h + 2c)) with c = context · (w + h) / 2 of the square around a w × h target.

    With the usual context of 0.5 this is √((w + p)(h + p)), p = (w + h) / 2.
    """
    margin = context * (width + height)
    return math.sqrt((width + margin) * (height + margin))


@dataclass(frozen=True)
class Framing:
    """How much of the image around a target the exemplar and the search region show, and at which scale.

    Attributes:
        exemplar_size: side of the exemplar's crop in pixels. search_size: that of the search region's.
        context: of a square crop, as in `context_side`; of a stretched one, what is added on each side of the box, over
            its width and height.
        is_stretched: whether crops have the target's own shape and are stretched to a square.
        search_context: as `context`, for the search region; 0 means the exemplar's scale.
    """

    exemplar_size: int = 127
    search_size: int = 255
    context: float = 0.5
    is_stretched: bool = False
    search_context: float = 0.0

    @classmethod
    def of(cls, tracking: TrackingConfig) -> Framing:
        """Return the framing that a tracker of this configuration uses."""
        is_stretched = tracking.crop_shape == "target"
        return cls(
            tracking.exemplar_size, tracking.search_size, tracking.context, is_stretched, tracking.search_context
        )

    def exemplar_sides(self, width: float, height: float) -> tuple[float, float]:
        """Return width and height of what the exemplar shows, in image pixels, for a target of width × height."""
        return self._sides(width, height, self.context)

    def search_scales(self, width: float, height: float) -> tuple[float, float]:
        """Return search-crop pixels per image pixel, across and down, for a target of width × height."""
        if not self.search_context:
            return self.exemplar_scales(width, height)
        sides = self._sides(width, height, self.search_context)
        return self.search_size / sides[0], self.search_size / sides[1]

    def exemplar_scales(self, width: float, height: float) -> tuple[float, float]:
        """Return exemplar-crop pixels per image pixel, across and down, for a target of width × height."""
        sides = self.exemplar_sides(width, height)
        return self.exemplar_size / sides[0], self.exemplar_size / sides[1]

    def _sides(self, width: float, height: float, context: float) -> tuple[float, float]:
        if self.is_stretched:
            return width * (1 + 2 * context), height * (1 + 2 * context)
        side = context_side(width, height, context)
        return side, side


def channel_mean(image: Image) -> tuple[int, ...]:
    """Return the per-channel mean of a uint8 H×W×C image, truncated to integers as the published trackers pad."""
    return tuple(int(value) for value in cv2.mean(image)[: image.shape[2]])


@dataclass(frozen=True)
class Cutout:
    """A rectangle of a uint8 H×W×3 `image`, which may reach beyond it, to be shown in a square crop.

    `left`, `top`, `wide` and `high` are in image pixels, `output_size` is the crop's side in pixels, and `padding` the
    colour of what lies outside the image.
    """

    image: Image
    left: int
    top: int
    wide: int
    high: int
    output_size: int
    padding: tuple[int, ...] = (0, 0, 0)

    @classmethod
    def around(
        cls,
        image: Image,
        center: tuple[float, float],
        sides: tuple[float, float],
        output_size: int,
        padding: tuple[int, ...],
        rounding: str = "floor",
    ) -> Cutout:
        """Return a rectangle around a point.

        Args:
            image: uint8 H×W×3.
            center: x and y in image pixels.
            sides: its width and height in image pixels; integers for the published conventions.
            output_size: side of the crop in pixels.
            padding: the colour of what lies outside the image.
            rounding: how an edge centre − (side + 1) / 2 becomes an integer: "floor" of it plus 0.5 (PySOT) or
                "round", half to even (DaSiamRPN).
        """
        wide, high = max(1, round(sides[0])), max(1, round(sides[1]))
        left, top = _first_pixel(center[0], wide, rounding), _first_pixel(center[1], high, rounding)
        return cls(image, left, top, wide, high, output_size, padding)

    @classmethod
    def whole(cls, crop: Image) -> Cutout:
        """Return what shows a square crop that was cut already."""
        return cls(crop, 0, 0, crop.shape[1], crop.shape[0], crop.shape[0])

    @property
    def region_xywh(self) -> tuple[float, float, float, float]:
        """What is cut: left, top, width, height in image pixels."""
        return float(self.left), float(self.top), float(self.wide), float(self.high)

    @property
    def seen(self) -> tuple[int, int, int, int]:
        """The part that lies in the image: left, top, right, bottom, the last two behind it; x or y alike for none."""
        height, width = self.image.shape[:2]
        x1, y1 = max(self.left, 0), max(self.top, 0)
        x2, y2 = min(self.left + self.wide, width), min(self.top + self.high, height)
        return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else (0, 0, 0, 0)

    @functools.cached_property
    def crop(self) -> Image:
        """The crop, uint8 (output_size, output_size, 3), padded and resized bilinearly; cut at the first look."""
        x1, y1, x2, y2 = self.seen
        if x1 >= x2:
            patch: Any = np.full((1, 1, self.image.shape[2]), self.padding, np.uint8)
        else:
            patch = self.image[y1:y2, x1:x2]
            if (x2 - x1, y2 - y1) != (self.wide, self.high):
                patch = cv2.copyMakeBorder(
                    patch, y1 - self.top, self.top + self.high - y2, x1 - self.left, self.left + self.wide - x2,
                    cv2.BORDER_CONSTANT, value=self.padding,
                )  # fmt: skip
        if patch.shape[:2] != (self.output_size, self.output_size):
            patch = cv2.resize(patch, (self.output_size, self.output_size))
        return np.ascontiguousarray(patch)


def _first_pixel(center: float, span: int, rounding: str) -> int:
    edge = center - (span + 1) / 2
    if rounding == "floor":
        return math.floor(edge + 0.5)
    if rounding == "round":
        return round(edge)
    raise ValueError(f"unknown rounding {rounding!r}")


def is_blank(image: Image, region_xywh: tuple[float, float, float, float]) -> bool:
    """Return whether an image shows nothing within a region (image pixels): one colour, or noise.

    So does a lens that is covered, a black frame between two shots, and a region outside the image. The region is
    averaged to 8 × 8 cells, which leaves no noise; their standard deviation is compared with `BLANK_DEVIATION`.
    """
    left, top, wide, high = region_xywh
    x1, y1 = max(int(left), 0), max(int(top), 0)
    seen = image[y1 : max(int(top + high), 0), x1 : max(int(left + wide), 0)]
    if seen.size == 0:
        return True
    samples = cv2.resize(seen, (SAMPLES, SAMPLES), interpolation=cv2.INTER_NEAREST)
    cells = cv2.resize(samples, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return bool(cv2.meanStdDev(cells)[1].max() < BLANK_DEVIATION)
