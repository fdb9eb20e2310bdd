"""What a tracker that learns while it tracks adds: boxes that climb the predicted overlap, and what it remembers."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QPointF, QRectF
from PyQt5.QtGui import QColor, QPainter

from app.canvas.overlays.base import (
    HALO,
    PROPOSAL,
    SEARCH_WINDOW,
    LineStyle,
    Option,
    Overlay,
    OverlayScene,
    draw_box,
    draw_label,
    make_pen,
)
from app.canvas.qimages import image_to_qimage
from tracker_core.types import OnlineDebug

STARTED = QColor(150, 200, 255)
TILE, GAP = 48.0, 4.0  # widget points


def online_of(scene: OverlayScene) -> OnlineDebug | None:
    """Return what the active target's tracker learned, None for trackers that do not learn."""
    return None if scene.debug is None else scene.debug.online


class RefinementOverlay(Overlay):
    """The boxes before and after they climbed the predicted overlap, and the overlap of the best one."""

    name = "refinement"
    title, key = "&Refined boxes", "Shift+P"
    help = "Boxes before and after refinement (ATOM)"
    line = LineStyle(PROPOSAL, (2, 2))
    options = (
        Option(
            "stage",
            "Show",
            "both",
            choices=(("both", "Before and after"), ("started", "Before"), ("refined", "After")),
            help="Which boxes of the refinement are shown (ATOM)",
        ),
    )
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the boxes, the best one last and opaque."""
        online = online_of(scene)
        if online is None or not len(online.overlaps):
            return
        stage = self.values["stage"]
        if stage != "refined":
            for box in online.started_xywh:
                draw_box(painter, scene.rect(box), STARTED, self.line.dashes, 1.0)
        if stage == "started":
            return
        order = np.argsort(np.nan_to_num(online.overlaps, nan=-np.inf), kind="stable")
        for rank, index in enumerate(order):
            color = QColor(PROPOSAL)
            color.setAlphaF(0.3 + 0.7 * (rank + 1) / len(order))
            draw_box(painter, scene.rect(online.refined_xywh[index]), color, width=1.0)
        best = scene.rect(online.refined_xywh[order[-1]])
        text = f"overlap {online.overlaps[order[-1]]:.2f}"
        draw_label(painter, QPointF(best.right() + 4, best.top()), text, PROPOSAL, scene.font)


class MemoryOverlay(Overlay):
    """What the classifier made of the frame, and the samples of its memory that weigh most."""

    name = "memory"
    title, key = "M&emory", "Shift+M"
    help = "What the classifier remembers, and what it finds (ATOM)"
    line = LineStyle(SEARCH_WINDOW)
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw a row of samples, each over a bar of its weight, below the search window, and the finding above it."""
        online = online_of(scene)
        if online is None or scene.debug is None:
            return
        window = scene.rect(scene.debug.search_window_xywh)
        draw_label(painter, window.topLeft(), online.finding, SEARCH_WINDOW, scene.font)
        heaviest = max(online.sample_weights, default=0.0)
        for number, (sample, weight) in enumerate(zip(online.samples, online.sample_weights, strict=True)):
            place = QRectF(window.left() + number * (TILE + GAP), window.bottom() + GAP, TILE, TILE)
            painter.drawImage(place, image_to_qimage(sample))
            painter.setPen(make_pen(HALO, 1))
            painter.drawRect(place)
            share = weight / heaviest if heaviest > 0 else 0.0
            painter.fillRect(QRectF(place.left(), place.bottom() + 1, TILE * share, 3), SEARCH_WINDOW)
