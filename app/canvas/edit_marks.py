"""What the canvas paints beside the overlays: the box being drawn with its grips, a cross-hair, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QFont, QPainter

from app.canvas.box_editing import Box, handle_points
from app.canvas.overlays.base import HALO, draw_box, draw_label, make_pen, target_color
from app.canvas.view_transform import ViewTransform

EDITED = QColor(255, 255, 255)
HINT = QColor(235, 235, 240)
BADGE = QColor(200, 30, 30)
SHADE = QColor(0, 0, 0, 190)
FADED = QColor(200, 200, 206)
CENTERED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


def paint_edited_box(
    painter: QPainter, box_xywh: Box, transform: ViewTransform, number: int, is_offered: bool, font: QFont
) -> None:
    """Paint a box (image pixels) with its size and grips in the colour of target `number`, dashed while offered."""
    rect = QRectF(*transform.box_to_widget(box_xywh))
    draw_box(painter, rect, EDITED, (4, 3) if is_offered else (), 2.0)
    draw_label(painter, rect.topLeft(), f"{box_xywh[2]:.0f} × {box_xywh[3]:.0f}", EDITED, font)
    painter.setPen(QColor(0, 0, 0))
    painter.setBrush(target_color(number))
    for x, y in handle_points(box_xywh).values():
        grip = QPointF(*transform.to_widget(x, y))
        painter.drawRect(QRectF(grip.x() - 3.5, grip.y() - 3.5, 7, 7))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_clicks(painter: QPainter, clicks: Sequence[tuple[float, float, bool]], transform: ViewTransform) -> None:
    """Paint a plus at every click (x, y in image pixels) on the object and a minus at those beside it."""
    for x, y, is_object in clicks:
        center = QPointF(*transform.to_widget(x, y))
        for color, width in ((HALO, 4.0), (EDITED, 2.0)):
            painter.setPen(make_pen(color, width))
            painter.drawLine(center - QPointF(5, 0), center + QPointF(5, 0))
            if is_object:
                painter.drawLine(center - QPointF(0, 5), center + QPointF(0, 5))


def paint_crosshair(painter: QPainter, x: float, y: float, size: tuple[int, int]) -> None:
    """Paint lines through a widget point from edge to edge of a widget of `size`."""
    for color, width in ((QColor(0, 0, 0, 120), 3), (QColor(255, 255, 255, 200), 1)):
        pen = painter.pen()
        pen.setColor(color)
        pen.setWidthF(width)
        painter.setPen(pen)
        painter.drawLine(QPointF(x, 0), QPointF(x, size[1]))
        painter.drawLine(QPointF(0, y), QPointF(size[0], y))


def paint_badge(painter: QPainter, text: str, font: QFont, size: tuple[int, int]) -> None:
    """Write a warning at the upper edge."""
    bold = QFont(font)
    bold.setPointSizeF(font.pointSizeF() + 3)
    bold.setBold(True)
    _paint_plate(painter, text, bold, BADGE, EDITED, size, is_above=True)


def paint_hint(painter: QPainter, text: str, font: QFont, size: tuple[int, int]) -> None:
    """Write what to do next at the lower edge."""
    _paint_plate(painter, text, font, SHADE, HINT, size, is_above=False)


def paint_invitation(painter: QPainter, text: str, size: tuple[int, int]) -> None:
    """Write in the middle what could be opened."""
    painter.setPen(FADED)
    painter.drawText(QRectF(0, 0, *size), CENTERED, text)


def _paint_plate(
    painter: QPainter, text: str, font: QFont, ground: QColor, ink: QColor, size: tuple[int, int], is_above: bool
) -> None:
    painter.setFont(font)
    room = QRectF(0, 0, size[0] - 24, size[1])
    bounds = painter.boundingRect(room, int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap), text)
    plate = QRectF(0, 0, bounds.width() + 24, bounds.height() + 12)
    plate.moveCenter(QPointF(size[0] / 2, 0))
    plate.moveTop(12 if is_above else size[1] - plate.height() - 12)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(plate, 6, 6)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(ink)
    painter.drawText(plate, CENTERED, text)
