"""Worst moments and failures: with ground truth, and without, as in a live run."""

from __future__ import annotations

import math

import pytest
from fakes import curve_of

from app.session.moments import Moment, MomentKind, failures, worst_moments

COUNT = 100


def curve(ious=None, scores=None, lost=(), keys=(0,), shifts=None):
    """A target of 40 by 40 pixels that stands still, but for `shifts` (by frame, from there on)."""
    x, found = 100.0, []
    for index in range(COUNT):
        x += (shifts or {}).get(index, 0.0)
        state = "key" if index in keys else "lost" if index in lost else "tracking"
        iou = math.nan if ious is None else ious.get(index, 0.9)
        score = 0.8 if scores is None else scores.get(index, 0.8)
        found.append((score, iou, state, [x, 50.0, 40.0, 40.0]))
    scores, ious, states, boxes = zip(*found, strict=True)
    return curve_of(states=states, scores=scores, ious=ious, boxes_xywh=boxes)


def test_misses_come_by_their_overlap_and_are_apart():
    found = worst_moments(curve({20: 0.2, 22: 0.05, 24: 0.3, 70: 0.4, 90: 0.6}))
    assert found == [Moment(22, MomentKind.MISS, 0.05), Moment(70, MomentKind.MISS, 0.4)]


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ({"lost": range(40, 60)}, Moment(40, MomentKind.LOST, 0.8)),  # where it was lost, not the frames after
        ({"shifts": {30: 120.0}}, Moment(30, MomentKind.JUMP, 3.0)),  # 120 pixels are three sizes
        ({"scores": {50: 0.2}}, Moment(50, MomentKind.DIP, 0.2)),
    ],
)
def test_without_ground_truth_losses_jumps_and_dips_are_found(given, moment):
    (found,) = worst_moments(curve(**given))
    assert (found.index, found.kind) == (moment.index, moment.kind)
    assert found.value == pytest.approx(moment.value)


@pytest.mark.parametrize(
    "given",
    [
        {},  # without ground truth
        {"ious": {}},  # with it
        {"ious": {50: 0.7}},
        {"shifts": {30: 30.0}},  # less than its size
        {"shifts": {30: 120.0}, "keys": (0, 30)},  # a person moved the box
        {"scores": {50: 0.6}},
        {"scores": dict.fromkeys(range(COUNT), math.nan)},  # a result file holds none
    ],
)
def test_where_nothing_went_wrong_there_is_no_moment(given):
    assert worst_moments(curve(**given)) == [] and failures(curve(**given)) == []


def test_a_loss_comes_before_a_jump_and_that_before_a_dip():
    found = worst_moments(curve(lost=range(80, 90), shifts={40: 300.0}, scores={10: 0.1}))
    assert [moment.kind for moment in found] == [MomentKind.LOST, MomentKind.JUMP, MomentKind.DIP]


@pytest.mark.parametrize(
    ("given", "starts"),
    [
        ({"ious": dict.fromkeys(range(20, 30), 0.1)}, [20]),
        ({"ious": {20: 0.4, 22: 0.45, 24: 0.3, 60: 0.0}}, [20, 60]),  # a flicker is one failure
        ({"lost": (*range(20, 30), *range(50, 60))}, [20, 50]),
        ({"shifts": {30: 120.0}}, [30]),
        ({"scores": {50: 0.2}}, []),  # a dip alone is a warning, no failure
    ],
)
def test_failures_begin_where_it_went_wrong(given, starts):
    assert failures(curve(**given)) == starts


def test_nothing_tracked_is_no_failure():
    assert worst_moments(curve_of([])) == [] and failures(curve_of([])) == []
