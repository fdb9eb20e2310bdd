"""The interface of an overlay, what it may look at, and the pens that all of them share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPixmap, QPolygonF

from app.canvas.view_transform import ViewTransform
from app.session.frame_view import FrameView
from tracker_core.rendering import drawing
from tracker_core.types import TrackDebug


def _color(bgr: tuple[int, int, int]) -> QColor:
    return QColor(bgr[2], bgr[1], bgr[0])


# The same colours and dash patterns (in pen widths) as in exported videos: see `tracker_core.rendering.drawing`.
PREDICTION = _color(drawing.PREDICTION_COLOR)
GROUND_TRUTH = _color(drawing.GROUND_TRUTH_COLOR)
ANCHOR = _color(drawing.ANCHOR_COLOR)
GUIDE = _color(drawing.GUIDE_COLOR)
LOST = _color(drawing.LOST_COLOR)
PROPOSAL = QColor(255, 149, 0)
GHOST = _color(drawing.GHOST_COLOR)
SEARCH_WINDOW = QColor(235, 235, 245)
HALO = QColor(0, 0, 0, 150)


Box: TypeAlias = "Sequence[float] | NDArray[np.float64] | NDArray[np.float32]"  # x, y, w, h


@dataclass(frozen=True)
class OverlayScene:
    """Everything that an overlay may look at.

    Attributes:
        view: the frame and its targets.
        transform: from image pixels to widget points.
        active: number of the target that thinks aloud (its anchors and heat map are shown).
        mouse: image point under the mouse, None while it is elsewhere.
        font: of the labels.
    """

    view: FrameView
    transform: ViewTransform
    active: int | None
    mouse: tuple[float, float] | None
    font: QFont

    @property
    def debug(self) -> TrackDebug | None:
        """What the active target's tracker saw in this frame, None if it was not asked for."""
        target = None if self.active is None else self.view.target(self.active)
        return None if target is None or target.result is None else target.result.debug

    def rect(self, box_xywh: Box) -> QRectF:
        """Return a box (x, y, w, h in image pixels) in widget points."""
        return QRectF(*self.transform.box_to_widget(box_xywh))


@dataclass(frozen=True)
class Option:
    """A setting of an overlay beside its opacity: a number from `low` to `high`, or one of `choices`.

    `choices` are pairs of what is kept in the settings and the text that is shown; without any it is a number. `help`
    is the tooltip.
    """

    name: str
    title: str
    default: int | str
    low: int = 0
    high: int = 0
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""

    def takes(self, value: object) -> bool:
        """Tell whether `value` can be chosen now."""
        if self.choices:
            return value in [key for key, _ in self.choices]
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class LineStyle:
    """The colour and dashes that an overlay draws in and its line in the legend shows."""

    color: QColor
    dashes: Sequence[float] = ()


class Overlay:
    """One layer over the image: `paint` draws it from a scene and changes nothing.

    What a subclass says of itself is all that menu, panel, shortcuts and settings show of it. `needs_debug` says that
    it reads the tracker's inner state, which is computed only while such an overlay is visible, `follows_mouse` that it
    is to be painted when the mouse moves. `is_visible`, `opacity` and `values` (of the options) are written only by
    `OverlayModel`.
    """

    name = ""
    title = ""  # in the menu, with "&" before the letter that chooses it
    key = ""
    help = ""
    line = LineStyle(SEARCH_WINDOW)
    is_gradient = False  # the legend shows colours from cold to hot instead of the line
    options: tuple[Option, ...] = ()
    needs_debug = False
    follows_mouse = False
    is_visible_at_first = False
    opacity_at_first = 1.0

    def __init__(self) -> None:
        self.is_visible = self.is_visible_at_first
        self.opacity = self.opacity_at_first
        self.values: dict[str, int | str] = {option.name: option.default for option in self.options}

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw over the image; `painter` works in widget points, its opacity is set already."""
        raise NotImplementedError


def make_pen(color: QColor, width: float, dashes: Sequence[float] = ()) -> QPen:
    """Return a pen of `width` widget points, whatever the zoom: the painter works in points, of one or more pixels."""
    pen = QPen(color, width)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if dashes:
        pen.setDashPattern([float(dash) for dash in dashes])
    return pen


def draw_box(painter: QPainter, rect: QRectF, color: QColor, dashes: Sequence[float] = (), width: float = 2.0) -> None:
    """Draw a rectangle over a dark line, so that it can be seen on any image.

    Upright boxes are drawn without antialiasing, which is several times as fast and just as sharp.
    """
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(make_pen(HALO, width + 2))
    painter.drawRect(rect)
    painter.setPen(make_pen(color, width, dashes))
    painter.drawRect(rect)


def draw_corners(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """Draw the four corners of a rectangle over dark lines, each a quarter of its shorter side long."""
    length = max(4.0, min(rect.width(), rect.height()) / 4)
    lines = []
    for x, dx in ((rect.left(), length), (rect.right(), -length)):
        for y, dy in ((rect.top(), length), (rect.bottom(), -length)):
            lines += [QLineF(x, y, x + dx, y), QLineF(x, y, x, y + dy)]
    for line_color, width in ((HALO, 4.0), (color, 2.0)):
        painter.setPen(make_pen(line_color, width))
        painter.drawLines(*lines)


def draw_polygon(painter: QPainter, points: Sequence[QPointF], color: QColor, dashes: Sequence[float]) -> None:
    """Draw a closed polygon over a dark line."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    polygon = QPolygonF(points)
    painter.setPen(make_pen(HALO, 4))
    painter.drawPolygon(polygon)
    painter.setPen(make_pen(color, 2, dashes))
    painter.drawPolygon(polygon)


def draw_label(painter: QPainter, anchor: QPointF, text: str, color: QColor, font: QFont) -> None:
    """Write `text` on a plate of `color` whose bottom left corner is `anchor`; it stays inside the window."""
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(text) + 8, label_height(font)
    x = max(0.0, min(anchor.x(), _width_of(painter) - width))
    y = anchor.y() - height if anchor.y() >= height else anchor.y()
    plate = QRectF(x, y, width, height)
    painter.fillRect(plate, color)
    painter.setFont(font)
    painter.setPen(QColor(0, 0, 0) if readable_on_dark_text(color) else QColor(255, 255, 255))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def _width_of(painter: QPainter) -> float:
    """Return how wide what is painted on is, in points: Qt counts widgets in points, but images in pixels."""
    device = painter.device()
    if device is None:
        return math.inf
    return device.width() / (device.devicePixelRatioF() if isinstance(device, (QImage, QPixmap)) else 1)


def label_height(font: QFont) -> float:
    """Return how high the plate of a label is."""
    return QFontMetricsF(font).height() + 2


def readable_on_dark_text(color: QColor) -> bool:
    """Tell whether black text is easier to read than white on `color`, as in exports."""
    return drawing.takes_dark_text((color.blue(), color.green(), color.red()))


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: QColor) -> float:
    channels = []
    for value in (color.redF(), color.greenF(), color.blueF()):
        channels.append(value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def target_color(number: int, chosen: str = "") -> QColor:
    """Return the colour of target `number` (the first is the field's red), or the `chosen` one ("#rrggbb")."""
    return _color(drawing.target_color(number, chosen))


def run_color(place: int) -> QColor:
    """Return the colour of a run by its `place` (`LiveRun.color`), in image, plots and list beside the active one."""
    return _color(drawing.run_color(place))


def is_drawable(box_xywh: Box | None) -> TypeGuard[Box]:
    """Tell whether a box has four finite numbers."""
    return box_xywh is not None and bool(np.isfinite(np.asarray(box_xywh, np.float64)).all())
