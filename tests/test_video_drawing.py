"""Drawing: colours where they belong, readable on any ground, no coordinate that breaks it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tracker_core.errors import InputError
from tracker_core.rendering.drawing import (
    ANCHOR_COLOR,
    GROUND_TRUTH_COLOR,
    GUIDE_COLOR,
    PREDICTION_COLOR,
    outline_of,
    split_into_strokes,
)
from tracker_core.rendering.heat_map import blend_heat_map, heat_map_of
from tracker_core.rendering.overlays import DrawOptions, TargetLook, describe_result, draw_result
from tracker_core.types import Image, TrackDebug, TrackingState, TrackResult

GREY = np.full((480, 640, 3), 127, np.uint8)
BOX = np.array([100.0, 120.0, 200.0, 150.0])


def result(
    box: object = BOX, score: float = 0.9, state: TrackingState = TrackingState.TRACKING, debug: bool = False
) -> TrackResult:
    return TrackResult(np.asarray(box, np.float64), score, state, make_debug() if debug else None)


def make_debug(rows: int = 5, columns: int = 7) -> TrackDebug:
    """Two anchors per position, 10 pixels apart around (300, 200); the best is anchor 1 at row 1, column 4."""
    x, y = np.meshgrid((np.arange(columns) - columns // 2) * 10.0 + 300, (np.arange(rows) - rows // 2) * 10.0 + 200)
    boxes = [np.stack([x - w / 2, y - h / 2, x * 0 + w, x * 0 + h], -1).reshape(-1, 4) for w, h in ((60, 30), (30, 60))]
    anchors = np.concatenate(boxes).astype(np.float32)
    scores = np.zeros(len(anchors), np.float32)
    best = min((1 * rows + 1) * columns + 4, len(anchors) - 1)
    scores[best] = 1.0
    crop = np.zeros((4, 4, 3), np.uint8)
    return TrackDebug(
        levels=((2, rows, columns),),
        anchors_xywh=anchors,
        proposals_xywh=anchors,
        scores_raw=scores,
        scores_penalised=scores * np.float32(0.5),
        scores_windowed=scores * np.float32(0.25),
        best=best,
        search_window_xywh=np.array([200.0, 100.0, 200.0, 200.0]),
        exemplar_crop=crop,
        search_crop=crop,
        guide_xywh=np.array([400.0, 300.0, 100.0, 80.0]),
    )


def pixels_of(image: Image, color: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(image.astype(int) - color).max(axis=2) < 12), np.bool_)


def test_prediction_is_red_where_the_box_is() -> None:
    drawn = draw_result(GREY, [result()], options=DrawOptions(labels=False))
    ys, xs = np.nonzero(pixels_of(drawn, PREDICTION_COLOR))
    assert xs.min() == pytest.approx(100, abs=2) and xs.max() == pytest.approx(300, abs=2)
    assert ys.min() == pytest.approx(120, abs=2) and ys.max() == pytest.approx(270, abs=2)
    assert (drawn[180:200, 180:200] == 127).all()  # the object itself is not covered
    assert (GREY == 127).all()  # and the frame is as it was


def test_each_kind_has_its_colour_and_pattern() -> None:
    drawn = draw_result(GREY, [result(debug=True)], [[100, 300, 200, 150]], DrawOptions(labels=False))
    counts = {
        color: int(pixels_of(drawn, color).sum())
        for color in (PREDICTION_COLOR, GROUND_TRUTH_COLOR, ANCHOR_COLOR, GUIDE_COLOR)
    }
    assert all(counts.values())
    solid, dashed = counts[PREDICTION_COLOR], counts[GROUND_TRUTH_COLOR]
    assert dashed < 0.8 * solid  # the same box, with gaps
    plain = draw_result(
        GREY, [result(debug=True)], [[100, 300, 200, 150]], DrawOptions(False, False, False, False, False)
    )
    np.testing.assert_array_equal(plain, GREY)


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), PREDICTION_COLOR, (127, 127, 127)])
def test_a_line_is_seen_on_any_ground(ground: tuple[int, int, int]) -> None:
    image = np.full((480, 640, 3), ground, np.uint8)
    drawn = draw_result(image, [result()], options=DrawOptions(labels=False))
    row = drawn[200, 90:110].astype(int)
    assert (np.abs(row - ground).max(axis=1) > 80).any()


def test_sizes_follow_the_image() -> None:
    def thickness(scale: int) -> int:
        image = np.full((240 * scale, 320 * scale, 3), 127, np.uint8)
        drawn = draw_result(image, [result(BOX / 2 * scale)], options=DrawOptions(labels=False))
        return int(pixels_of(drawn, PREDICTION_COLOR)[90 * scale, : 100 * scale].sum())

    assert thickness(1) == 2 and thickness(4) == 4


def test_text_is_legible_in_small_and_large_images() -> None:
    def height(scale: int) -> int:
        image = np.full((240 * scale, 320 * scale, 3), 127, np.uint8)
        return int((draw_result(image, [], caption="#1") != 127).any(axis=(1, 2)).sum())

    assert height(1) >= 12 and 24 <= height(4) <= 0.08 * 960


def test_labels_tell_number_score_and_state() -> None:
    assert describe_result(result(score=0.873)) == "0.87"
    assert describe_result(result(score=0.1, state=TrackingState.LOST), "2") == "2  LOST  0.10"
    assert describe_result(result(score=0.4, state=TrackingState.UNCERTAIN), "van") == "van  0.40 ?"
    assert describe_result(result(score=1.0), "1", is_key=True) == "1  ◆"
    assert describe_result(result(score=float("nan"))) == ""
    plain = draw_result(GREY, [result()], options=DrawOptions(labels=False))
    assert (draw_result(GREY, [result()]) != plain).any()


def test_several_targets_have_their_own_colours() -> None:
    boxes = [np.array([20.0 + 60 * i, 200.0, 40.0, 40.0]) for i in range(9)]
    drawn = draw_result(GREY, [result(box) for box in boxes], options=DrawOptions(labels=False))
    edges = {tuple(drawn[220, round(box[0]) : round(box[0]) + 2].max(axis=0)) for box in boxes[:8]}
    assert len(edges) >= 7


def test_missing_results_and_boxes_draw_nothing() -> None:
    nan = [float("nan")] * 4
    drawn = draw_result(GREY, [None, result(nan, state=TrackingState.LOST)], [None, nan, [float("nan")] * 8])
    np.testing.assert_array_equal(drawn, GREY)


@pytest.mark.parametrize("box", [[700, 100, 50, 50], [100, -80, 50, 50], [-60, 490, 50, 50]])
def test_what_is_outside_of_the_image_has_no_label_in_it(box: list[float]) -> None:
    np.testing.assert_array_equal(draw_result(GREY, [result(box)], looks=[TargetLook("runner")]), GREY)


def test_polygons_are_drawn_as_they_are() -> None:
    drawn = draw_result(GREY, [], [[300, 100, 400, 200, 300, 300, 200, 200]])
    blue = pixels_of(drawn, GROUND_TRUTH_COLOR)
    assert blue[100:300, 200:400].any() and not blue[100:140, 200:240].any()
    assert outline_of([1, 2, 3, 4]).tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]
    with pytest.raises(InputError):
        outline_of([1, 2, 3])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=4, max_size=4), st.integers(1, 40))
def test_any_numbers_can_be_drawn(box: list[float], size: int) -> None:
    image = np.full((size, 2 * size, 3), 127, np.uint8)
    drawn = draw_result(image, [result(box)], [box], caption="ä ✓")
    assert drawn.shape == image.shape and drawn.dtype == np.uint8


@given(st.floats(1, 500), st.lists(st.floats(1, 50), min_size=1, max_size=4))
def test_strokes_and_gaps_fill_the_line(length: float, pattern: list[float]) -> None:
    pattern = pattern if len(pattern) % 2 == 0 else pattern * 2  # stroke and gap in pairs
    line = np.array([[0.0, 0.0], [length, 0.0]])
    strokes = split_into_strokes(line, pattern)
    drawn = sum(float(stroke[-1, 0] - stroke[0, 0]) for stroke in strokes)
    period = sum(pattern)
    share = sum(pattern[::2]) / period
    assert abs(drawn - share * length) <= period
    assert all(0 <= a[-1, 0] <= b[0, 0] <= length + 1e-9 for a, b in itertools.pairwise(strokes))


def test_heat_map_lies_on_the_anchor_centres() -> None:
    values, region_xywh = heat_map_of(make_debug(), "raw")
    assert values.shape == (5, 7) and np.unravel_index(values.argmax(), values.shape) == (1, 4)
    # 7 × 5 centres 10 apart around (300, 200), and half a cell on each side
    assert region_xywh.tolist() == [265.0, 175.0, 70.0, 50.0]
    assert heat_map_of(make_debug(), "windowed")[0].max() == 0.25
    with pytest.raises(InputError, match="penalised"):
        heat_map_of(make_debug(), "penalized")
    with pytest.raises(InputError, match="heat map"):
        DrawOptions(heat_map="row")


def test_heat_map_changes_its_region_only() -> None:
    drawn = draw_result(GREY, [result(debug=True)], options=DrawOptions(False, False, False, False, False, "raw", 0.6))
    changed = (drawn != GREY).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert xs.min() >= 265 and xs.max() < 335 and ys.min() >= 175 and ys.max() < 225
    strength = np.abs(drawn.astype(int) - 127).sum(axis=2)
    y, x = np.unravel_index(strength.argmax(), strength.shape)
    assert abs(x - 310) <= 6 and abs(y - 190) <= 6  # strongest at the best position


@pytest.mark.parametrize(
    "region",
    [
        [-50, -40, 100, 80],
        [600, 400, 500, 500],
        [1000, 1000, 5, 5],
        [0, 0, 1e6, 1e6],
        [0, 0, 0, 0],
        [float("nan"), 0, 9, 9],
    ],
)
def test_heat_map_regions_may_leave_the_image(region: list[float]) -> None:
    canvas = GREY.copy()
    blend_heat_map(canvas, np.ones((5, 5)), np.array(region), 0.5)
    assert canvas.shape == GREY.shape


def test_one_position_makes_a_map_of_the_search_window() -> None:
    values, region_xywh = heat_map_of(make_debug(rows=1, columns=5), "raw")
    assert values.shape == (1, 5) and region_xywh.tolist() == [275.0, 100.0, 50.0, 200.0]
