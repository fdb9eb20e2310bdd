"""Where each target's centre went."""

from __future__ import annotations

from PyQt5.QtCore import QPointF
from PyQt5.QtGui import QColor, QPainter, QPolygonF

from app.canvas.overlays.base import HALO, PREDICTION, LineStyle, Overlay, OverlayScene, make_pen, target_color


class TrailOverlay(Overlay):
    """The path of the last frames, in the target's colour."""

    name = "trail"
    title, key = "Trai&l", "J"
    help = "Where the target went"
    line = LineStyle(PREDICTION)

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw each target's trail, the older half fainter."""
        for target in scene.view.targets:
            points = [QPointF(*scene.transform.to_widget(x, y)) for x, y in target.trail.tolist()]
            if len(points) < 2:
                continue
            color = target_color(target.number, target.color)
            faint = QColor(color)
            faint.setAlphaF(0.45)
            half = len(points) // 2
            painter.setPen(make_pen(HALO, 4))
            painter.drawPolyline(QPolygonF(points))
            painter.setPen(make_pen(faint, 2))
            painter.drawPolyline(QPolygonF(points[: half + 1]))
            painter.setPen(make_pen(color, 2))
            painter.drawPolyline(QPolygonF(points[half:]))
