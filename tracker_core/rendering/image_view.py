"""The part of an image that is shown, at the size in which it is shown, and results in its coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike

from tracker_core.types import FloatArray, Image, OnlineDebug, TrackDebug, TrackResult

_COARSE = 0.75  # below this scale pixels would be skipped


@dataclass(frozen=True)
class ImageView:
    """A rectangle `rect_xywh` of an image (x, y, w, h, in its pixels) shown at `size` (width, height) pixels."""

    rect_xywh: tuple[float, float, float, float]
    size: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Shown pixels per image pixel, across and down."""
        return self.size[0] / self.rect_xywh[2], self.size[1] / self.rect_xywh[3]

    def cut(self, image: Image) -> Image:
        """Return the part of `image` (uint8 BGR), resampled once; what reaches over its border repeats the border."""
        x, y, w, h = self.rect_xywh
        rows, columns = image.shape[:2]
        if (x, y, w, h) == (0, 0, columns, rows):
            return image if self.size == (columns, rows) else self._resize(image)
        if min(self.scale) < _COARSE:
            # a mean over pixels, which an affine map does not take, after a cut at the image's own scale
            return self._resize(ImageView(self.rect_xywh, (math.ceil(w), math.ceil(h))).cut(image))
        across, down = w / self.size[0], h / self.size[1]
        # OpenCV puts the centre of a pixel at whole numbers
        matrix = np.array([[across, 0, x + across / 2 - 0.5], [0, down, y + down / 2 - 0.5]])
        way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(image, matrix, self.size, flags=way, borderMode=cv2.BORDER_REPLICATE))

    def points(self, points: ArrayLike) -> FloatArray:
        """Return image points (N, 2), x and y, in shown pixels."""
        return (np.asarray(points, np.float64) - self.rect_xywh[:2]) * self.scale

    def region(self, region: ArrayLike) -> FloatArray:
        """Return a box x, y, w, h or a polygon x1, y1, … in shown pixels."""
        numbers = np.asarray(region, np.float64)
        return self.boxes(numbers) if numbers.size == 4 else self.points(numbers.reshape(-1, 2)).reshape(-1)

    def boxes(self, boxes_xywh: ArrayLike) -> FloatArray:
        """Return boxes (…, 4), x, y, w, h, in shown pixels."""
        boxes = np.asarray(boxes_xywh, np.float64)
        return np.concatenate([self.points(boxes[..., :2]), boxes[..., 2:] * self.scale], axis=-1)

    def result(self, result: TrackResult) -> TrackResult:
        """Return a result, with what the tracker saw, in shown pixels."""
        debug = None if result.debug is None else self._debug(result.debug)
        return replace(result, box_xywh=self.boxes(result.box_xywh), debug=debug)

    def _debug(self, debug: TrackDebug) -> TrackDebug:
        return replace(
            debug,
            anchors_xywh=self.boxes(debug.anchors_xywh).astype(np.float32),
            proposals_xywh=self.boxes(debug.proposals_xywh).astype(np.float32),
            search_window_xywh=self.boxes(debug.search_window_xywh),
            guide_xywh=None if debug.guide_xywh is None else self.boxes(debug.guide_xywh),
            online=None if debug.online is None else self._online(debug.online),
        )

    def _online(self, online: OnlineDebug) -> OnlineDebug:
        return replace(
            online,
            started_xywh=self.boxes(online.started_xywh).astype(np.float32),
            refined_xywh=self.boxes(online.refined_xywh).astype(np.float32),
        )

    def _resize(self, image: Image) -> Image:
        shrinks = self.size[0] < image.shape[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(image, self.size, interpolation=way), np.uint8)


def whole_view(image_size: tuple[int, int], scale: float = 1.0) -> ImageView:
    """Return the view of a whole image of `image_size` (width, height), at `scale` times its size."""
    width, height = image_size
    return ImageView((0, 0, width, height), (max(1, round(width * scale)), max(1, round(height * scale))))
