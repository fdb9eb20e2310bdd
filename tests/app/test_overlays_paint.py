"""Overlays paint what they say they paint, where the box is, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
import qimage2ndarray
from fakes import MatchingTracker, draw_frame, drawn, true_box
from PyQt5.QtCore import QPointF, QRectF
from PyQt5.QtGui import QColor, QFont, QImage, QPainter

from app.canvas.overlays import OVERLAY_NAMES, OverlayScene, build_overlays
from app.canvas.overlays.base import draw_box
from app.canvas.overlays.candidates import candidates_at
from app.canvas.overlays.heat_map import heat_colors
from app.canvas.qimages import image_to_qimage, qimage_to_image, render_visible
from app.canvas.view_transform import ViewTransform
from app.session.frame_view import FrameView, OtherRun, TargetView
from tracker_core.rendering.heat_map import score_map
from tracker_core.rendering.inner_state import best_candidates
from tracker_core.types import TrackDebug, TrackingState, TrackResult

TRANSFORM = ViewTransform(2.0, 10.0, 20.0)


@pytest.fixture(autouse=True)
def _application(qapp):
    """Fonts need an application."""


def make_view(state=TrackingState.TRACKING, debug=True, box=None):
    tracker = MatchingTracker()
    tracker.init(draw_frame(0), true_box(0))
    result = tracker.update(draw_frame(1), debug=debug)
    chosen = result.box_xywh if box is None else np.array(box)
    result = TrackResult(chosen, result.score, state, result.debug)
    ghost = TrackResult(true_box(1) + np.array([30, 0, 0, 0]), 0.5)
    trail = np.array([[100.0, 100.0], [120.0, 110.0], [150.0, 115.0]])
    other = OtherRun(2, "", {1: TrackResult(true_box(1) + np.array([0, 30, 0, 0]), 0.5)})
    return FrameView(drawn(1), (TargetView(1, result, ghost, False, trail),), true_box(1), others=(other,))


def paint(name, view, mouse=None, transform=TRANSFORM, **options):
    overlay = build_overlays()[name]
    for option, value in options.items():
        setattr(overlay, option, value)
    image = QImage(700, 560, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    overlay.paint(painter, OverlayScene(view, transform, 1, mouse, QFont()))
    painter.end()
    return qimage_to_image(image)


@pytest.mark.parametrize("name", OVERLAY_NAMES)
def test_each_overlay_paints_something(name):
    assert paint(name, make_view(), mouse=(150, 110)).any()


@pytest.mark.parametrize("name", OVERLAY_NAMES)
def test_no_overlay_paints_on_an_untracked_frame_without_truth(name):
    view = FrameView(drawn(1), (TargetView(1, None, None, False, np.zeros((0, 2))),))
    assert not paint(name, view, mouse=(150, 110)).any()


@pytest.mark.parametrize("name", [n for n in OVERLAY_NAMES if build_overlays()[n].needs_debug])
def test_overlays_of_the_inner_state_need_it(name):
    assert not paint(name, make_view(debug=False), mouse=(150, 110)).any()


@pytest.mark.parametrize("name", OVERLAY_NAMES)
@pytest.mark.parametrize("box", [(np.nan,) * 4, (-1e7, -1e7, 5.0, 5.0), (1e6, 0.0, 1e6, 1e6), (3.0, 3.0, 0.0, 0.0)])
def test_odd_boxes_are_survived(name, box):
    paint(name, make_view(box=box), mouse=(1e6, -1e6))


def test_the_prediction_is_painted_at_its_place_in_red():
    view = make_view()
    x, y, w, h = view.targets[0].result.box_xywh
    qimage = paint("prediction", view)
    left, top = TRANSFORM.to_widget(x, y)
    right, bottom = TRANSFORM.to_widget(x + w, y + h)
    for column, row in ((left, (top + bottom) / 2), (right, (top + bottom) / 2), ((left + right) / 2, bottom)):
        blue, green, red = qimage[round(row), round(column)]
        assert red > 200 and green < 100 and blue < 100
    assert not qimage[round((top + bottom) / 2), round((left + right) / 2)].any()


def test_states_look_different_without_colour():
    grey = {
        state: paint("prediction", make_view(state)).max(axis=2) > 60
        for state in (TrackingState.TRACKING, TrackingState.UNCERTAIN, TrackingState.LOST)
    }
    assert grey[TrackingState.TRACKING].sum() != grey[TrackingState.LOST].sum()
    assert (grey[TrackingState.TRACKING] != grey[TrackingState.UNCERTAIN]).any()


def debug_of(levels, seed=0):
    rng = np.random.default_rng(seed)
    count = sum(k * h * w for k, h, w in levels)
    anchors = []
    for k, h, w in levels:
        for _ in range(k):
            for row in range(h):
                anchors += [[col * 8.0 - 5, row * 8.0 - 5, 10, 10] for col in range(w)]
    scores = rng.random(count).astype(np.float32)
    boxes = np.array(anchors, np.float32)
    crop = np.zeros((8, 8, 3), np.uint8)
    best = int(scores.argmax())
    return TrackDebug(levels, boxes, boxes, scores, scores * 0.5, scores * 0.25, best, np.zeros(4), crop, crop)


def test_the_best_candidates_come_in_order_and_nan_never_wins():
    scores = np.array([0.1, np.nan, 0.9, 0.5], np.float32)
    assert best_candidates(scores, 2).tolist() == [2, 3]
    assert best_candidates(scores, 99).tolist()[:3] == [2, 3, 0]
    assert best_candidates(np.zeros(0, np.float32), 3).size == 0


def test_all_anchors_of_the_position_under_the_mouse_are_found():
    debug = debug_of(((3, 4, 5),))
    # column 2, row 3: cell 3 * 5 + 2 = 17, then one every 20
    assert candidates_at(debug, 16, 24).tolist() == [17, 37, 57]
    debug = debug_of(((2, 2, 2), (1, 3, 3)))
    assert candidates_at(debug, 16, 16).tolist() == [8 + 8]  # only the second map reaches there


def test_heat_maps_show_the_chosen_scores_of_the_chosen_anchor():
    debug = debug_of(((3, 4, 5),))
    planes = debug.scores_raw.reshape(3, 4, 5)
    np.testing.assert_array_equal(score_map(debug, "raw", 1), planes[1])
    np.testing.assert_array_equal(score_map(debug, "raw"), planes.max(axis=0))
    np.testing.assert_allclose(score_map(debug, "penalised", 0), planes[0] * 0.5)
    np.testing.assert_allclose(score_map(debug, "windowed", 7), planes.max(axis=0) * 0.25)  # no anchor 7


def test_heat_colours_run_from_transparent_to_opaque():
    colors = heat_colors(np.array([[0.0, 1.0, 2.0]]))
    assert colors.shape == (1, 3, 4) and colors[0, 0, 3] < 80 and colors[0, 1, 3] == 255


def test_images_go_to_qt_and_back_unchanged():
    image = draw_frame(3)
    qimage = image_to_qimage(image)
    np.testing.assert_array_equal(qimage_to_image(qimage), image)
    np.testing.assert_array_equal(qimage2ndarray.rgb_view(qimage)[:, :, ::-1], image)
    before = image.copy()
    qimage2ndarray.byte_view(qimage)[:] = 0  # the image owns its pixels
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0, 8.0])
def test_only_the_visible_part_is_scaled_and_placed(scale, ratio):
    image = draw_frame(0)
    view = ViewTransform(scale, -50.0, 30.0)
    rendered = render_visible(image, view, (300, 200), ratio)
    assert rendered is not None
    qimage, corner = rendered
    assert qimage.width() <= (300 + 2 * scale) * ratio + 2 and qimage.height() <= (200 + 2 * scale) * ratio + 2
    assert isinstance(corner, QPointF) and corner.y() == pytest.approx(30, abs=1 / ratio)
    assert qimage.devicePixelRatioF() == ratio


def test_a_image_out_of_sight_is_not_rendered():
    assert render_visible(draw_frame(0), ViewTransform(1.0, 5000.0, 0.0), (300, 200), 1.0) is None


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_lines_are_as_thick_on_a_fine_screen(ratio):
    """A line of two points is two pixels times what the screen has of them in a point; its halo is one point around."""
    image = QImage(int(100 * ratio), int(100 * ratio), QImage.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor("white"))
    painter = QPainter(image)
    draw_box(painter, QRectF(20, 20, 60, 60), QColor("red"))
    painter.end()
    column = qimage_to_image(image)[: int(50 * ratio), int(50 * ratio)].tolist()  # across the upper edge
    assert column.count([0, 0, 255]) == 2 * ratio
    assert len(column) - column.count([255, 255, 255]) == 4 * ratio
