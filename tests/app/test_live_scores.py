"""Scores that grow with the tracking are those that the evaluation computes at the end."""

from __future__ import annotations

import math

import pytest
from fakes import curve_of
from hypothesis import given
from hypothesis import strategies as st

from app.session.live_scores import RunningScores
from tracker_core.boxes import center_distance_xywh, iou_xywh
from tracker_core.metrics import precision_at, success_auc

sides = st.floats(1, 200)
boxes = st.tuples(st.floats(-50, 300), st.floats(-50, 300), sides, sides)


@given(st.lists(st.tuples(boxes, boxes, st.booleans()), min_size=1, max_size=40))
def test_running_scores_agree_with_the_evaluation(frames):
    scores = RunningScores()
    found, truth = [], []
    for index, (box, true_box, is_labelled) in enumerate(frames):
        found.append(box)
        truth.append(true_box if is_labelled else (math.nan,) * 4)
        scores.add(index, float(iou_xywh(box, truth[-1])), float(center_distance_xywh(box, truth[-1])))
    assert scores.success == pytest.approx(success_auc(found, truth), abs=1e-9, nan_ok=True)
    assert scores.precision == pytest.approx(precision_at(found, truth), abs=1e-9, nan_ok=True)
    together = RunningScores(curve_of(ious=iou_xywh(found, truth), center_errors=center_distance_xywh(found, truth)))
    assert together.success == pytest.approx(scores.success, abs=1e-9, nan_ok=True)
    assert together.precision == pytest.approx(scores.precision, abs=1e-9, nan_ok=True)


def test_a_frame_that_comes_again_replaces_itself():
    scores = RunningScores()
    scores.add(3, 0.9, 1.0)
    scores.add(3, 0.0, 100.0)
    assert (scores.success, scores.precision) == (0.0, 0.0)
    scores.add(3, math.nan, math.nan)
    assert math.isnan(scores.success)
