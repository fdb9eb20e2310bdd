"""The network's scores as a heat map over the search window."""

from __future__ import annotations

import numpy as np
import qimage2ndarray
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF
from PyQt5.QtGui import QImage, QPainter

from app.canvas.overlays.base import Option, Overlay, OverlayScene
from tracker_core.rendering.heat_map import BEST_ANCHOR, color_heat_map, heat_map_alpha, heat_map_of
from tracker_core.types import FloatArray, TrackDebug

HEAT_MODES = (
    ("raw", "raw scores"),
    ("penalised", "with penalty"),
    ("windowed", "with cosine window"),
)
ANY_ANCHOR = (str(BEST_ANCHOR), "best of all")


class HeatMapOverlay(Overlay):
    """Scores over the image: of one anchor ratio, or at each position the best of all (`anchor` −1).

    Of a tracker with several feature maps it shows the one that the winning default box is on.
    """

    name = "heat_map"
    title, key = "&Heat map", "H"
    help = "Scores over the search window; of two networks, those of both together"
    options = (
        Option("mode", "Heat map", "windowed", choices=HEAT_MODES, help="Before or after penalty and window"),
        Option(
            "anchor",
            "Heat map anchor",
            str(BEST_ANCHOR),
            choices=(ANY_ANCHOR,),
            help="The scores of anchors of one shape, or of the best at each position",
        ),
    )
    is_gradient = True
    needs_debug = True
    opacity_at_first = 0.6

    def __init__(self) -> None:
        super().__init__()
        self._made_from: tuple[int, str, int] | None = None
        self._debug: TrackDebug | None = None
        self._image: tuple[QImage, QRectF] | None = None

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the map, smoothly scaled; it is made once per frame and mode."""
        debug = scene.debug
        if debug is None:
            return
        mode, anchor = str(self.values["mode"]), int(self.values["anchor"])
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


def heat_colors(scores: FloatArray) -> NDArray[np.uint8]:
    """Return a score map (rows, columns) as BGRA uint8: from transparent at 0 to opaque at 1."""
    return np.dstack((color_heat_map(scores), heat_map_alpha(scores)))


def _image_of(debug: TrackDebug, mode: str, anchor: int) -> tuple[QImage, QRectF] | None:
    if not debug.levels or not len(debug.anchors_xywh):
        return None
    # of several maps the one that decided: a finer one would be empty where the target is large
    values, region_xywh = heat_map_of(debug, mode, anchor=anchor)
    image = QImage(values.shape[1], values.shape[0], QImage.Format.Format_ARGB32)
    qimage2ndarray.byte_view(image)[:] = heat_colors(values)
    return image, QRectF(*(float(value) for value in region_xywh))
