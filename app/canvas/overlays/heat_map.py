"""The network's scores as a heat map over the search window."""

from __future__ import annotations

from enum import Enum

import numpy as np
import qimage2ndarray
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF
from PyQt5.QtGui import QImage, QPainter

from app.canvas.overlays.base import Option, Overlay, OverlayScene
from tracker_core.rendering.heat_map import color_heat_map, heat_map_alpha, heat_map_of, winning_level
from tracker_core.types import TrackDebug

BEST_ANCHOR = -1


class HeatMode(Enum):
    """Which scores are shown: as the network gave them, after the penalty, after the cosine window."""

    RAW = "raw"
    PENALISED = "penalised"
    WINDOWED = "windowed"


HEAT_MODES = (
    (HeatMode.RAW.value, "raw scores"),
    (HeatMode.PENALISED.value, "with penalty"),
    (HeatMode.WINDOWED.value, "with cosine window"),
)
ANY_ANCHOR = (str(BEST_ANCHOR), "best of all")


class HeatMapOverlay(Overlay):
    """Scores over the image: of one anchor ratio, or at each position the best of all (`anchor` −1).

    Of a tracker with several feature maps it shows the one that the winning default box is on.
    """

    name = "heat_map"
    title, key = "&Heat map", "H"
    help = "The network's scores over the search window"
    options = (
        Option("mode", "Heat map", HeatMode.WINDOWED.value, choices=HEAT_MODES),
        Option("anchor", "Heat map anchor", str(BEST_ANCHOR), choices=(ANY_ANCHOR,)),
    )
    is_gradient = True
    needs_debug = True
    opacity_at_first = 0.6

    def __init__(self) -> None:
        super().__init__()
        self._made_from: tuple[int, HeatMode, int] | None = None
        self._debug: TrackDebug | None = None
        self._image: tuple[QImage, QRectF] | None = None

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the map, smoothly scaled; it is made once per frame and mode."""
        debug = scene.debug
        if debug is None:
            return
        mode, anchor = HeatMode(self.values["mode"]), int(self.values["anchor"])
        wanted = (id(debug), mode, anchor)
        if wanted != self._made_from or self._debug is not debug:
            self._debug, self._made_from = debug, wanted
            self._image = _image_of(debug, mode, anchor)
        if self._image is None:
            return
        image, area = self._image
        target = scene.rect((area.x(), area.y(), area.width(), area.height()))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(target, image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)


def score_map(debug: TrackDebug, mode: HeatMode, anchor: int = BEST_ANCHOR, level: int = 0) -> NDArray[np.float32]:
    """Return the scores of one feature map as float32 (rows, columns): of one anchor, or the best at each position."""
    scores = {
        HeatMode.RAW: debug.scores_raw,
        HeatMode.PENALISED: debug.scores_penalised,
        HeatMode.WINDOWED: debug.scores_windowed,
    }[mode]
    start = sum(k * h * w for k, h, w in debug.levels[:level])
    anchors, rows, columns = debug.levels[level]
    planes = np.nan_to_num(scores[start : start + anchors * rows * columns].reshape(anchors, rows, columns), nan=0.0)
    return np.asarray(planes[anchor] if 0 <= anchor < anchors else planes.max(axis=0), np.float32)


def heat_colors(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a score map (rows, columns) as BGRA uint8: from transparent at 0 to opaque at 1."""
    values = np.asarray(scores, np.float64)
    return np.dstack((color_heat_map(values), heat_map_alpha(values)))


def _image_of(debug: TrackDebug, mode: HeatMode, anchor: int) -> tuple[QImage, QRectF] | None:
    if not debug.levels or not len(debug.anchors_xywh):
        return None
    # of several maps the one that decided: a finer one would be empty where the target is large
    level = winning_level(debug)
    bgra = heat_colors(score_map(debug, mode, anchor, level))
    image = qimage2ndarray.array2qimage(np.ascontiguousarray(bgra[:, :, [2, 1, 0, 3]]))
    _, region_xywh = heat_map_of(debug, level=level)
    return image, QRectF(*(float(value) for value in region_xywh))
