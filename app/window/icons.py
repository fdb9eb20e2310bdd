"""The program's own icons: drawn with a few strokes each, in the palette's colours, sharp at any size."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PyQt5.QtGui import (
    QColor,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)

from tracker_core.packaged import packaged

GRID = 24.0  # icons are drawn on a square of this side
APPLICATION_ICON = packaged("resources/icons/siamscope.png")
Stroke = Callable[[QPainter], None]


class StrokeIcon(QIconEngine):
    """An icon that is painted for every size and state; it follows the palette at once."""

    def __init__(self, draw: Stroke) -> None:
        super().__init__()
        self._draw = draw

    def paint(self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the icon into `rect`."""
        if painter is None:
            return
        color = QGuiApplication.palette().color(*_ink(mode))
        side = min(rect.width(), rect.height())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.translate(rect.center().x() + 0.5 - side / 2, rect.center().y() + 0.5 - side / 2)
        painter.scale(side / GRID, side / GRID)
        painter.setPen(QPen(color, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._draw(painter)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the icon as an image with a transparent background."""
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        """Return another one of the same."""
        return StrokeIcon(self._draw)


def _ink(mode: QIcon.Mode) -> tuple[QPalette.ColorGroup, QPalette.ColorRole]:
    """Return what in the palette an icon is drawn with; in a chosen line of a menu, that of the text beside it."""
    group = QPalette.ColorGroup.Disabled if mode == QIcon.Mode.Disabled else QPalette.ColorGroup.Active
    is_chosen = mode == QIcon.Mode.Selected
    return group, QPalette.ColorRole.HighlightedText if is_chosen else QPalette.ColorRole.ButtonText


def icon(name: str) -> QIcon:
    """Return the icon of that name; an empty icon where there is none."""
    return QIcon(StrokeIcon(DRAWINGS[name])) if name in DRAWINGS else QIcon()


def _lines(*lines: tuple[float, float, float, float]) -> Stroke:
    def draw(painter: QPainter) -> None:
        for x1, y1, x2, y2 in lines:
            painter.drawLine(QPointF(x1, y1), QPointF(x2, y2))

    return draw


def _rect(x: float, y: float, w: float, h: float, radius: float = 0.0) -> Stroke:
    return lambda painter: painter.drawRoundedRect(QRectF(x, y, w, h), radius, radius)


def _circle(x: float, y: float, radius: float, filled: bool = False) -> Stroke:
    def draw(painter: QPainter) -> None:
        if filled:
            painter.setBrush(painter.pen().color())
        painter.drawEllipse(QPointF(x, y), radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    return draw


def _shape(*points: tuple[float, float], filled: bool = False) -> Stroke:
    def draw(painter: QPainter) -> None:
        if filled:
            painter.setBrush(painter.pen().color())
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    return draw


def _arc(x: float, y: float, radius: float, start: int, span: int) -> Stroke:
    area = QRectF(x - radius, y - radius, 2 * radius, 2 * radius)
    return lambda painter: painter.drawArc(area, start * 16, span * 16)


def _dashed_box(x: float, y: float, w: float, h: float, color: QColor | None = None) -> Stroke:
    def draw(painter: QPainter) -> None:
        pen = QPen(painter.pen())
        before = QPen(pen)
        pen.setDashPattern([2.2, 1.8])
        if color is not None:
            pen.setColor(color)
        painter.setPen(pen)
        painter.drawRect(QRectF(x, y, w, h))
        painter.setPen(before)

    return draw


def _text(letter: str) -> Stroke:
    def draw(painter: QPainter) -> None:
        font = painter.font()
        font.setPixelSize(17)
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(QRectF(0, 0, GRID, GRID), int(Qt.AlignmentFlag.AlignCenter), letter)

    return draw


def _all(*strokes: Stroke) -> Stroke:
    def draw(painter: QPainter) -> None:
        for stroke in strokes:
            stroke(painter)

    return draw


def _folder(painter: QPainter) -> None:
    path = QPainterPath(QPointF(3, 19))
    for x, y in ((3, 5), (9, 5), (11.5, 8), (21, 8), (21, 19)):
        path.lineTo(x, y)
    path.closeSubpath()
    painter.drawPath(path)


_PLAY = _shape((7, 4.5), (19, 12), (7, 19.5), filled=True)
_LENS = _all(_circle(10.5, 10.5, 6.5), _lines((15.5, 15.5, 20.5, 20.5)))

DRAWINGS: dict[str, Stroke] = {
    "open": _all(_rect(3, 5, 18, 14, 1.5), _shape((10, 8.5), (15.5, 12), (10, 15.5), filled=True)),
    "folder": _folder,
    "camera": _all(_rect(2.5, 7, 13, 10, 1.5), _shape((16, 11), (21.5, 7.5), (21.5, 16.5), (16, 13))),
    "url": _all(_circle(12, 12, 8.5), _lines((3.5, 12, 20.5, 12), (12, 3.5, 12, 20.5)), _arc(12, 12, 8.5, 0, 1)),
    "clip": _all(_rect(3, 5, 18, 14), _lines((7, 5, 7, 19), (17, 5, 17, 19), (3, 12, 7, 12), (17, 12, 21, 12))),
    "export": _all(
        _lines((12, 3.5, 12, 14), (8, 7.5, 12, 3.5), (16, 7.5, 12, 3.5)),
        _lines((4, 13, 4, 20), (4, 20, 20, 20), (20, 20, 20, 13)),
    ),
    "screenshot": _all(
        _rect(3, 7, 18, 12, 1.5), _circle(12, 13, 3.5), _lines((9, 7, 10, 4.5), (10, 4.5, 14, 4.5), (14, 4.5, 15, 7))
    ),
    "copy": _all(_rect(8, 8, 12, 12, 1), _lines((4, 16, 4, 4), (4, 4, 16, 4))),
    "quit": _all(_arc(12, 12.5, 7.5, 120, 300), _lines((12, 3.5, 12, 12))),
    "undo": _all(_arc(12.5, 13.5, 6, -80, 240), _lines((4.5, 5, 5.5, 10.5), (5.5, 10.5, 11, 9.5))),
    "redo": _all(_arc(11.5, 13.5, 6, 20, 240), _lines((19.5, 5, 18.5, 10.5), (18.5, 10.5, 13, 9.5))),
    "draw": _all(_dashed_box(4, 6, 14, 12, QColor(224, 49, 49)), _lines((15.5, 20.5, 21, 15), (18.2, 17.8, 21, 20.5))),
    "click": _all(
        _dashed_box(3.5, 4, 14, 12, QColor(224, 49, 49)),
        _shape((11, 9.5), (20.5, 15), (16, 16.2), (13.5, 20.5), filled=True),
    ),
    "add": _all(_dashed_box(3.5, 5, 12, 11), _lines((18, 14, 18, 22), (14, 18, 22, 18))),
    "truth": _all(_dashed_box(4, 5, 16, 14, QColor(28, 113, 216)), _lines((8, 12, 11, 15), (11, 15, 16.5, 9))),
    "remove": _all(_dashed_box(3.5, 5, 12, 11), _lines((14.5, 18, 21.5, 18))),
    "clear": _lines((6, 6, 18, 18), (18, 6, 6, 18)),
    "preferences": _all(
        _lines((4, 7, 20, 7), (4, 12, 20, 12), (4, 17, 20, 17)),
        _circle(9, 7, 2.2, True),
        _circle(15, 12, 2.2, True),
        _circle(8, 17, 2.2, True),
    ),
    "track": _all(
        _circle(12, 12, 7),
        _circle(12, 12, 1.6, True),
        _lines((12, 2, 12, 6), (12, 18, 12, 22), (2, 12, 6, 12), (18, 12, 22, 12)),
    ),
    "track_back": _all(
        _circle(14, 12, 6),
        _circle(14, 12, 1.6, True),
        _lines((2, 12, 8, 12), (2, 12, 5, 9), (2, 12, 5, 15)),
    ),
    "again": _all(_arc(12, 12, 7.5, 60, 280), _lines((16, 2.5, 16.2, 6.6), (16.2, 6.6, 12, 7.2))),
    "play": _PLAY,
    "pause": _all(
        _shape((7, 5), (9.5, 5), (9.5, 19), (7, 19), filled=True),
        _shape((14.5, 5), (17, 5), (17, 19), (14.5, 19), filled=True),
    ),
    "next": _all(_shape((6, 6), (14, 12), (6, 18), filled=True), _lines((18, 6, 18, 18))),
    "previous": _all(_shape((18, 6), (10, 12), (18, 18), filled=True), _lines((6, 6, 6, 18))),
    "start": _all(
        _shape((12.5, 6), (6.5, 12), (12.5, 18), filled=True),
        _shape((20, 6), (14, 12), (20, 18), filled=True),
        _lines((3.5, 6, 3.5, 18)),
    ),
    "end": _all(
        _shape((4, 6), (10, 12), (4, 18), filled=True),
        _shape((11.5, 6), (17.5, 12), (11.5, 18), filled=True),
        _lines((20.5, 6, 20.5, 18)),
    ),
    "loop": _all(
        _lines((4, 12, 4, 9), (4, 7.5, 18, 7.5), (20, 12, 20, 15), (20, 16.5, 6, 16.5)),
        _lines((15, 4.5, 18.5, 7.5), (15, 10.5, 18.5, 7.5), (9, 13.5, 5.5, 16.5), (9, 19.5, 5.5, 16.5)),
    ),
    "zoom_in": _all(_LENS, _lines((7.5, 10.5, 13.5, 10.5), (10.5, 7.5, 10.5, 13.5))),
    "zoom_out": _all(_LENS, _lines((7.5, 10.5, 13.5, 10.5))),
    "fit": _lines(
        (4, 9, 4, 4),
        (4, 4, 9, 4),
        (15, 4, 20, 4),
        (20, 4, 20, 9),
        (20, 15, 20, 20),
        (20, 20, 15, 20),
        (9, 20, 4, 20),
        (4, 20, 4, 15),
    ),
    "full_screen": _all(
        _rect(3, 5, 18, 14, 1), _lines((7, 11, 7, 9), (7, 9, 10, 9), (17, 13, 17, 15), (17, 15, 14, 15))
    ),
    "help": _all(_circle(12, 12, 8.7), _text("?")),
}
