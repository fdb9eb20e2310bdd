"""Boxes of the frame: prediction, ground truth, winning anchor, guide, search window, ghost."""

from __future__ import annotations

import math

from PyQt5.QtCore import QPointF
from PyQt5.QtGui import QPainter

from app.canvas.overlays.base import (
    ANCHOR,
    DASHES,
    GHOST,
    GROUND_TRUTH,
    GUIDE,
    LOST,
    SEARCH_WINDOW,
    Overlay,
    OverlayScene,
    draw_box,
    draw_label,
    draw_polygon,
    is_drawable,
    target_color,
)
from tracker_core.types import TrackingState


class PredictionOverlay(Overlay):
    """Each target's box in its colour with number and score; grey and dotted while it is lost."""

    name = "prediction"
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the boxes of all targets."""
        for target in scene.view.targets:
            result = target.result
            if result is None or not is_drawable(result.box_xywh):
                continue
            rect = scene.rect(result.box_xywh)
            color = target_color(target.number)
            score = f"  {result.score:.2f}" if math.isfinite(result.score) else ""  # none in a replayed result file
            text = f"{target.number}{score}"
            if target.is_key:
                text = f"{target.number}  ◆"
            if result.state is TrackingState.LOST:
                draw_box(painter, rect, LOST, (2, 4))
                draw_label(painter, rect.topLeft(), f"{target.number}  LOST{score}", LOST, scene.font)
                continue
            dashes = (3, 2) if result.state is TrackingState.UNCERTAIN else DASHES["prediction"]
            draw_box(painter, rect, color, dashes)
            if result.state is TrackingState.UNCERTAIN:
                text += " ?"
            draw_label(painter, rect.topLeft(), text, color, scene.font)


class GroundTruthOverlay(Overlay):
    """The true box, or the rotated one where the data set gives it."""

    name = "ground_truth"
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the ground truth of the frame."""
        polygon = scene.view.ground_truth_polygon
        if polygon is not None and is_drawable(polygon):
            points = [QPointF(*scene.transform.to_widget(x, y)) for x, y in polygon.reshape(-1, 2)]
            draw_polygon(painter, points, GROUND_TRUTH, DASHES["ground_truth"])
        elif is_drawable(scene.view.ground_truth_xywh):
            draw_box(painter, scene.rect(scene.view.ground_truth_xywh), GROUND_TRUTH, DASHES["ground_truth"])


class GhostOverlay(Overlay):
    """What the run before found, where another run replaced it."""

    name = "ghost"
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the ghost boxes of all targets."""
        for target in scene.view.targets:
            if target.ghost is not None and is_drawable(target.ghost.box_xywh):
                draw_box(painter, scene.rect(target.ghost.box_xywh), GHOST, DASHES["ghost"], 1.5)


class AnchorOverlay(Overlay):
    """The anchor whose regression won."""

    name = "anchor"
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the winning anchor."""
        debug = scene.debug
        if debug is not None and 0 <= debug.best < len(debug.anchors_xywh):
            draw_box(painter, scene.rect(debug.anchors_xywh[debug.best]), ANCHOR, DASHES["anchor"])


class GuideOverlay(Overlay):
    """The guide box of trackers that take one: the box of the frame before, whose mask the network was given."""

    name = "guide"
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the guide where the tracker has one."""
        debug = scene.debug
        if debug is not None and is_drawable(debug.guide_xywh):
            draw_box(painter, scene.rect(debug.guide_xywh), GUIDE, DASHES["guide"])


class SearchWindowOverlay(Overlay):
    """The square that was cut out and shown to the network."""

    name = "search_window"
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the search window."""
        debug = scene.debug
        if debug is not None:
            draw_box(painter, scene.rect(debug.search_window_xywh), SEARCH_WINDOW, DASHES["search_window"], 1.5)
