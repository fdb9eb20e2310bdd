"""Boxes of the frame: prediction, ground truth, winning anchor, guide, search window, ghost."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QPointF
from PyQt5.QtGui import QPainter

from app.canvas.overlays.base import (
    ANCHOR,
    GHOST,
    GROUND_TRUTH,
    GUIDE,
    LOST,
    PREDICTION,
    SEARCH_WINDOW,
    LineStyle,
    Overlay,
    OverlayScene,
    draw_box,
    draw_corners,
    draw_label,
    draw_polygon,
    is_drawable,
    label_height,
    run_color,
    target_color,
)
from tracker_core.rendering import drawing
from tracker_core.rendering.overlays import describe_result
from tracker_core.types import TrackingState


class PredictionOverlay(Overlay):
    """Each target's box in its colour with name (or number) and score; grey and dotted while it is lost.

    Of several targets, corners mark the active one: the one that is redrawn.
    """

    name = "prediction"
    title, key = "&Prediction", "B"
    help = "The tracker's box"
    line = LineStyle(PREDICTION, drawing.SOLID)
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the boxes of all targets."""
        for target in scene.view.targets:
            result = target.result
            if result is None or not is_drawable(result.box_xywh):
                continue
            rect = scene.rect(result.box_xywh)
            color, title = target_color(target.number, target.color), target.name or str(target.number)
            if target.number == scene.active and len(scene.view.targets) > 1:
                draw_corners(painter, rect.adjusted(-5, -5, 5, 5), color)
            text = describe_result(result, title, target.is_key)
            if result.state is TrackingState.LOST:
                draw_box(painter, rect, LOST, (2, 4))
                draw_label(painter, rect.topLeft(), text, LOST, scene.font)
                continue
            dashes = (3, 2) if result.state is TrackingState.UNCERTAIN else drawing.SOLID
            draw_box(painter, rect, color, dashes)
            draw_label(painter, rect.topLeft(), text, color, scene.font)


class GroundTruthOverlay(Overlay):
    """The true box, or the rotated one where the data set gives it."""

    name = "ground_truth"
    title, key = "&Ground truth", "K"
    help = "The true box"
    line = LineStyle(GROUND_TRUTH, drawing.DASHED)
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the ground truth of the frame."""
        polygon = scene.view.ground_truth_polygon
        if polygon is not None and is_drawable(polygon):
            points = [QPointF(*scene.transform.to_widget(x, y)) for x, y in np.reshape(polygon, (-1, 2))]
            draw_polygon(painter, points, GROUND_TRUTH, self.line.dashes)
        elif is_drawable(scene.view.ground_truth_xywh):
            draw_box(painter, scene.rect(scene.view.ground_truth_xywh), GROUND_TRUTH, self.line.dashes)


class GhostOverlay(Overlay):
    """What was found before, where a new box replaced it."""

    name = "ghost"
    title, key = "Gh&ost", "O"
    help = "The boxes that a new box replaced"
    line = LineStyle(GHOST, drawing.GHOST_DASHES)
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the ghost boxes of all targets."""
        for target in scene.view.targets:
            if target.ghost is not None and is_drawable(target.ghost.box_xywh):
                draw_box(painter, scene.rect(target.ghost.box_xywh), GHOST, self.line.dashes, 1.5)


class RunsOverlay(Overlay):
    """What the other runs found that are visible in the list of runs, each in its colour, with its name or number."""

    name = "runs"
    title, key = "Other r&uns", "Shift+N"
    help = "The boxes of the other runs whose eye is open"
    line = LineStyle(run_color(0), drawing.RUN_DASHES)
    is_visible_at_first = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the boxes of all targets of those runs."""
        for run in scene.view.others:
            color = run_color(run.color)
            for result in run.results.values():
                if is_drawable(result.box_xywh):
                    rect = scene.rect(result.box_xywh)
                    draw_box(painter, rect, color, self.line.dashes, 1.5)
                    below = rect.bottomLeft() + QPointF(0, label_height(scene.font))  # that of the prediction is above
                    draw_label(painter, below, drawing.run_title(run.number, run.name), color, scene.font)


class AnchorOverlay(Overlay):
    """The anchor whose regression won."""

    name = "anchor"
    title, key = "Winning &anchor", "A"
    help = "The anchor whose regression won"
    line = LineStyle(ANCHOR, drawing.DOTTED)
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the winning anchor."""
        debug = scene.debug
        if debug is not None and 0 <= debug.best < len(debug.anchors_xywh):
            draw_box(painter, scene.rect(debug.anchors_xywh[debug.best]), ANCHOR, self.line.dashes)


class GuideOverlay(Overlay):
    """The guide box of trackers that take one: the box of the frame before, whose mask the network was given."""

    name = "guide"
    title, key = "G&uide", "U"
    help = "The jittered guide of trackers that take one"
    line = LineStyle(GUIDE, drawing.DASH_DOTTED)
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the guide where the tracker has one."""
        debug = scene.debug
        if debug is not None and is_drawable(debug.guide_xywh):
            draw_box(painter, scene.rect(debug.guide_xywh), GUIDE, self.line.dashes)


class SearchWindowOverlay(Overlay):
    """The square that was cut out and shown to the network."""

    name = "search_window"
    title, key = "&Search window", "W"
    help = "The part of the image that the network is shown"
    line = LineStyle(SEARCH_WINDOW, (10, 4))
    needs_debug = True

    def paint(self, painter: QPainter, scene: OverlayScene) -> None:
        """Draw the search window."""
        debug = scene.debug
        if debug is not None:
            draw_box(painter, scene.rect(debug.search_window_xywh), SEARCH_WINDOW, self.line.dashes, 1.5)
