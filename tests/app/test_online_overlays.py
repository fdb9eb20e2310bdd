"""What a tracker that learns while it tracks saw can be seen: the climbing boxes, the finding, the memory."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import drawn
from PyQt5.QtGui import QFont, QImage, QPainter

from app.canvas.overlays import OverlayScene, build_overlays
from app.canvas.qimages import qimage_to_image
from app.canvas.view_transform import ViewTransform
from app.session.frame_view import FrameView, TargetView
from tracker_core.types import OnlineDebug, TrackDebug, TrackResult


def result_with(online: OnlineDebug | None) -> TrackResult:
    boxes = np.array([[100, 80, 40, 30]], np.float32)
    scores = np.ones(1, np.float32)
    crop = np.zeros((8, 8, 3), np.uint8)
    window = np.array([40.0, 30.0, 160.0, 130.0])
    debug = TrackDebug(((1, 1, 1),), boxes, boxes, scores, scores, scores, 0, window, crop, crop, None, online)
    return TrackResult(np.array([100.0, 80, 40, 30]), 0.9, debug=debug)


def paint(name: str, online: OnlineDebug | None, **values: str) -> np.ndarray:
    view = FrameView(drawn(1), (TargetView(1, result_with(online), None, False, np.zeros((0, 2))),))
    overlay = build_overlays()[name]
    overlay.values.update(values)
    image = QImage(700, 560, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    overlay.paint(painter, OverlayScene(view, ViewTransform(2.0, 0.0, 0.0), 1, None, QFont()))
    painter.end()
    return qimage_to_image(image)


def learned(finding: str = "found") -> OnlineDebug:
    red, green = np.zeros((48, 48, 3), np.uint8), np.zeros((48, 48, 3), np.uint8)
    red[..., 2], green[..., 1] = 255, 255
    started = np.array([[20, 30, 50, 40], [24, 34, 50, 40]], np.float32)
    return OnlineDebug(finding, started, started + 120, np.array([0.5, 0.8], np.float32), (red, green), (0.5, 0.25))


def test_boxes_before_and_after_are_chosen_by_the_option(qapp):
    before = paint("refinement", learned(), stage="started")
    after = paint("refinement", learned(), stage="refined")
    # boxes from (20, 30), two widget points an image pixel; those after the climb start at (140, 150)
    assert before[60:64, 60:120].any() and not before[290:].any()
    assert after[300:304, 300:360].any() and not after[:200].any()
    both = paint("refinement", learned())
    assert both[60:64, 60:120].any() and both[300:304, 300:360].any()


def test_the_memory_is_shown_with_the_weights(qapp):
    image = paint("memory", learned())
    # below the window, which ends at 2 · (30 + 130): the heavier sample first
    assert tuple(image[340, 100]) == (0, 0, 255) and tuple(image[340, 155]) == (0, 255, 0)
    # the bar under the heavier one is as wide as the sample, that under the lighter one half as wide
    bars = image[320 + 4 + 48 + 2].any(axis=1)
    assert bars[82:126].all() and bars[134:154].all() and not bars[160:180].any()


@pytest.mark.parametrize("finding", ["not found", "uncertain", "hard negative"])
def test_the_finding_is_written_above_the_search_window(qapp, finding):
    assert paint("memory", learned(finding))[30:62, 80:200].any()
    assert not np.array_equal(paint("memory", learned(finding)), paint("memory", learned()))


@pytest.mark.parametrize("name", ["refinement", "memory"])
def test_trackers_that_do_not_learn_have_neither(qapp, name):
    assert not paint(name, None).any()
