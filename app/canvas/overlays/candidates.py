"""Candidates of the region proposal network: the best proposals, and all anchors at one position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QFontMetricsF, QPainter

from app.canvas.overlays.base import (
    ANCHOR,
    HALO,
    PROPOSAL,
    LineStyle,
    Option,
    Overlay,
    OverlayScene,
    draw_box,
    draw_label,
    make_pen,
)
from tracker_core.rendering import drawing
from tracker_core.rendering.inner_state import best_candidates
from tracker_core.types import TrackDebug

DEFAULT_TOP_K, MOST_PROPOSALS = 8, 50


class ProposalsOverlay(Overlay):
    """The `top_k` proposals with the highest final scores, the better the more opaque, with their scores."""

    name = "proposals"
    title, key = "&Top proposals", "P"
    help = "The best proposals with their scores"
    line = LineStyle(PROPOSAL)
    options = (Option("top_k", "Proposals", DEFAULT_TOP_K, 1, MOST_PROPOSALS, help="How many proposals are shown"),)
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the proposals, the worst first."""
        debug = scene.debug
        if debug is None:
            return
        best = best_candidates(debug.scores_windowed, int(self.values["top_k"]))
        for rank, index in reversed(list(enumerate(best))):
            color = QColor(PROPOSAL)
            color.setAlphaF(0.95 - 0.65 * rank / max(1, len(best)))
            rect = scene.rect(debug.proposals_xywh[index])
            draw_box(painter, rect, color, width=1.0)
        small = painter.font()
        small.setPointSizeF(max(6.0, scene.font.pointSizeF() - 1.5))
        painter.setFont(small)
        line = QFontMetricsF(small).height() + 3
        for rank, index in enumerate(best[:4]):
            # below each other at the best one's side: the others' own sides lie too close together
            rect = scene.rect(debug.proposals_xywh[best[0]])
            corner = QPointF(rect.right() + 6, rect.top() + (rank + 1) * line)
            _write(painter, corner, f"{debug.scores_windowed[index]:.2f}")


class AnchorsAtMouseOverlay(Overlay):
    """All anchors of the feature-map position under the mouse, each with its score."""

    name = "anchors_at_mouse"
    title, key = "Anchors at the &mouse", "M"
    help = "All anchors of the position under the mouse"
    line = LineStyle(ANCHOR, drawing.DOTTED)
    needs_debug = True
    follows_mouse = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the anchors of the position nearest to the mouse, if it is inside the search window."""
        debug = scene.debug
        if debug is None or scene.mouse is None:
            return
        x, y = scene.mouse
        left, top, w, h = debug.search_window_xywh
        if not (left <= x <= left + w and top <= y <= top + h):
            return
        indices = candidates_at(debug, x, y)
        if not len(indices):
            return
        first = debug.anchors_xywh[indices[0]]
        center = QPointF(*scene.transform.to_widget(float(first[0] + first[2] / 2), float(first[1] + first[3] / 2)))
        for index in indices:
            draw_box(painter, scene.rect(debug.anchors_xywh[index]), ANCHOR, self.line.dashes, 1.5)
        painter.setPen(make_pen(ANCHOR, 2))
        painter.drawLine(QPointF(center.x() - 5, center.y()), QPointF(center.x() + 5, center.y()))
        painter.drawLine(QPointF(center.x(), center.y() - 5), QPointF(center.x(), center.y() + 5))
        scores = "  ".join(f"{debug.scores_raw[index]:.2f}" for index in indices)
        draw_label(painter, QPointF(center.x() + 8, center.y() - 8), scores, ANCHOR, scene.font)


def candidates_at(debug: TrackDebug, x: float, y: float) -> NDArray[np.intp]:
    """Return the candidates of all anchors at the map position nearest to image point (x, y).

    With several feature maps the position of the nearest anchor centre decides, whichever map it is on.
    """
    centers = debug.anchors_xywh[:, :2] + debug.anchors_xywh[:, 2:] / 2
    if not len(centers):
        return np.zeros(0, np.intp)
    nearest = int(np.argmin(((centers - np.array([x, y], np.float32)) ** 2).sum(axis=1)))
    start = 0
    for anchors, rows, columns in debug.levels:
        size = anchors * rows * columns
        if nearest < start + size:
            cell = (nearest - start) % (rows * columns)
            return np.arange(anchors, dtype=np.intp) * (rows * columns) + cell + start
        start += size
    return np.zeros(0, np.intp)


def _write(painter: QPainter, point: QPointF, text: str) -> None:
    """Write light text on a dark plate beside a box."""
    metrics = painter.fontMetrics()
    plate = QRectF(point.x(), point.y() - metrics.ascent(), metrics.horizontalAdvance(text) + 6, metrics.height())
    painter.fillRect(plate, HALO)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
