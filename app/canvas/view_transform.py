"""Between image pixels and widget points: pure functions of a scale and an offset.

Image coordinates are continuous: pixel (0, 0) covers the square from (0, 0) to (1, 1), so a box of `x, y, w, h`
needs no half-pixel shifts. Widget coordinates are Qt's logical points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SMALLEST_SCALE = 0.02
LARGEST_SCALE = 64.0


@dataclass(frozen=True)
class ViewTransform:
    """`widget = image * scale + offset`, the same scale on both axes."""

    scale: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0

    def to_widget(self, x: float, y: float) -> tuple[float, float]:
        """Return the widget point of an image point."""
        return x * self.scale + self.offset_x, y * self.scale + self.offset_y

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Return the image point under a widget point; it may lie outside the image."""
        return (x - self.offset_x) / self.scale, (y - self.offset_y) / self.scale

    def box_to_widget(self, box_xywh: Sequence[float] | NDArray[np.floating]) -> tuple[float, float, float, float]:
        """Return a box (x, y, w, h in image pixels) in widget points."""
        x, y = self.to_widget(float(box_xywh[0]), float(box_xywh[1]))
        return x, y, float(box_xywh[2]) * self.scale, float(box_xywh[3]) * self.scale

    def zoomed(self, factor: float, x: float, y: float) -> ViewTransform:
        """Return the view zoomed by `factor` so that the image point under widget point (x, y) stays there."""
        scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, self.scale * factor))
        image_x, image_y = self.to_image(x, y)
        return ViewTransform(scale, x - image_x * scale, y - image_y * scale)

    def panned(self, dx: float, dy: float) -> ViewTransform:
        """Return the view moved by (dx, dy) widget points."""
        return ViewTransform(self.scale, self.offset_x + dx, self.offset_y + dy)


def fit_view(image_size: tuple[int, int], widget_size: tuple[int, int], margin: float = 0.0) -> ViewTransform:
    """Return the view that shows a whole image (width, height) centred in a widget (width, height)."""
    image_w, image_h = (max(1, side) for side in image_size)
    widget_w, widget_h = (max(1.0, side - 2 * margin) for side in widget_size)
    scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, min(widget_w / image_w, widget_h / image_h)))
    return ViewTransform(scale, (widget_size[0] - image_w * scale) / 2, (widget_size[1] - image_h * scale) / 2)


def keep_in_sight(
    view: ViewTransform, image_size: tuple[int, int], widget_size: tuple[int, int], least: float = 48.0
) -> ViewTransform:
    """Return the view moved as little as needed so that `least` points of the image stay visible on each axis."""
    offsets = []
    for offset, image_side, widget_side in zip((view.offset_x, view.offset_y), image_size, widget_size, strict=True):
        drawn = image_side * view.scale
        kept = min(least, drawn, float(widget_side))
        offsets.append(min(widget_side - kept, max(kept - drawn, offset)))
    return ViewTransform(view.scale, offsets[0], offsets[1])


def visible_pixels(
    view: ViewTransform, image_size: tuple[int, int], widget_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the whole image pixels that the widget shows at least partly.

    Right and bottom are exclusive; an image out of sight gives an empty range.
    """
    left, top = view.to_image(0.0, 0.0)
    right, bottom = view.to_image(float(widget_size[0]), float(widget_size[1]))
    x0 = min(image_size[0], max(0, int(left // 1)))
    y0 = min(image_size[1], max(0, int(top // 1)))
    x1 = max(x0, min(image_size[0], int(-(-right // 1))))
    y1 = max(y0, min(image_size[1], int(-(-bottom // 1))))
    return x0, y0, x1, y1
