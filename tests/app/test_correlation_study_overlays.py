"""What the trackers of the correlation study saw can be seen: guide, default boxes, proposals, deciding map."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from fakes import draw_frame, drawn, true_box
from PyQt5.QtGui import QFont, QImage, QPainter

from app.canvas.overlays import OverlayScene, build_overlays
from app.canvas.overlays.candidates import candidates_at
from app.canvas.qimages import qimage_to_image
from app.canvas.view_transform import ViewTransform
from app.panels.build import usable_trackers
from app.panels.overlays import anchor_ratios
from app.session.frame_view import FrameView, TargetView
from tracker_core.models.builder import build_network
from tracker_core.presets import preset
from tracker_core.presets.correlation_study import STUDIED
from tracker_core.rendering.heat_map import heat_map_of, score_map, winning_level
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.training.initialise import initialise_network
from tracker_core.types import TrackDebug, TrackResult

NAMES = ("siamconcat-small", "siambroadcast-small", "siamrpn-small", "siamfc-small")


@functools.cache
def tracked(name: str) -> TrackResult:
    """Return what a tracker with a fresh head and the shipped trunk finds in the second frame."""
    torch.manual_seed(0)
    config = preset(name)
    network = build_network(config.network)
    initialise_network(network, "trunk:siamscope-light", lambda: [])
    tracker = tracker_from_network(config, network)
    tracker.init(draw_frame(0), true_box(0))
    return tracker.update(draw_frame(1), debug=True)


def debug_of(name: str) -> TrackDebug:
    debug = tracked(name).debug
    assert debug is not None
    return debug


def paint(overlay: str, name: str, mouse: tuple[float, float] | None = None) -> np.ndarray:
    view = FrameView(drawn(1), (TargetView(1, tracked(name), None, False, np.zeros((0, 2))),))
    image = QImage(700, 560, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    scene = OverlayScene(view, ViewTransform(2.0, 10.0, 20.0), 1, mouse, QFont())
    build_overlays()[overlay].paint(painter, scene)
    painter.end()
    return qimage_to_image(image)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("overlay", ["heat_map", "proposals", "anchor", "anchors_at_mouse", "search_window"])
def test_every_overlay_shows_every_tracker(qapp, name, overlay):
    x, y, w, h = true_box(1)
    assert paint(overlay, name, (x + w / 2, y + h / 2)).any()


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_is_shown_where_the_network_takes_one(qapp, name):
    image = paint("guide", name)
    assert image.any() == (name == "siamconcat-small")
    if image.any():
        # around the box of the frame before, two points an image pixel and (10, 20) aside
        x, y, w, h = true_box(0)
        rows, columns = np.nonzero(image.any(axis=2))
        assert abs(columns.min() - (2 * x + 10)) < 4 and abs(columns.max() - (2 * (x + w) + 10)) < 4
        assert abs(rows.min() - (2 * y + 20)) < 4 and abs(rows.max() - (2 * (y + h) + 20)) < 4
        np.testing.assert_allclose(debug_of(name).guide_xywh, true_box(0))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("siamconcat-small", ((4, 19, 19), (6, 10, 10), (6, 5, 5), (6, 3, 3), (4, 2, 2), (4, 1, 1))),
        ("siambroadcast-small", ((6, 17, 17), (6, 9, 9))),
        ("siamrpn-small", ((5, 11, 11),)),
        ("siamfc-small", ((1, 17, 17),)),
    ],
)
def test_all_default_boxes_of_a_position_are_found_on_every_map(name, levels):
    debug = debug_of(name)
    assert debug.levels == levels
    assert sum(k * h * w for k, h, w in levels) == len(debug.anchors_xywh)
    centers = debug.anchors_xywh[:, :2] + debug.anchors_xywh[:, 2:] / 2
    start = 0
    for k, rows, columns in levels:
        # the first position of each map, at its own centre
        indices = candidates_at(debug, *centers[start])
        assert len(indices) in {count for count, *_ in levels}
        np.testing.assert_allclose(centers[indices], np.tile(centers[start], (len(indices), 1)), atol=1e-2)
        start += k * rows * columns
    assert len(anchor_ratios(debug)) == levels[0][0]


@pytest.mark.parametrize("name", NAMES)
def test_the_heat_map_is_that_of_the_deciding_map(name):
    debug = debug_of(name)
    level = winning_level(debug)
    start = sum(k * h * w for k, h, w in debug.levels[:level])
    assert start <= debug.best < start + np.prod(debug.levels[level])
    shown = score_map(debug, "windowed", level=level)
    assert shown.max() == debug.scores_windowed[debug.best]
    np.testing.assert_allclose(heat_map_of(debug)[0], shown)


def test_the_window_lists_the_compared_trackers_with_what_they_are():
    listed = dict(usable_trackers())
    for name in NAMES:
        assert listed[name] == STUDIED[name].description
