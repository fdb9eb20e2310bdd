"""Boxes: conversions there and back, overlap, clipping, where published trackers start, what is no box."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tracker_core import boxes
from tracker_core.errors import InputError

coordinate = st.floats(-2000, 2000, width=32)
side = st.floats(0.5, 2000, width=32)
box_xywh = st.tuples(coordinate, coordinate, side, side).map(lambda values: np.array(values, np.float64))

# there, and back again
ROUND_TRIPS = [
    (boxes.xywh_to_xyxy, boxes.xyxy_to_xywh),
    (boxes.xywh_to_cxcywh, boxes.cxcywh_to_xywh),
]


@pytest.mark.parametrize(("there", "back"), ROUND_TRIPS)
@given(box=box_xywh)
def test_conversions_round_trip(there: Callable[[Any], Any], back: Callable[[Any], Any], box: Any) -> None:
    assert np.allclose(back(there(box)), box, atol=1e-9)


@given(box=box_xywh)
def test_tensors_are_converted_like_arrays(box: Any) -> None:
    for convert in (boxes.xywh_to_xyxy, boxes.xyxy_to_xywh, boxes.xywh_to_cxcywh, boxes.cxcywh_to_xywh):
        converted = convert(torch.from_numpy(box))
        assert isinstance(converted, torch.Tensor)
        assert np.array_equal(converted.numpy(), convert(box))


def test_conversions_keep_leading_axes() -> None:
    stack = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    assert boxes.xywh_to_xyxy(stack).shape == (2, 3, 4)
    assert np.array_equal(boxes.xywh_to_xyxy(stack)[1, 2], boxes.xywh_to_xyxy(stack[1, 2]))


def test_corners_and_centre_of_one_box() -> None:
    box = np.array([10.0, 20.0, 30.0, 40.0])
    assert boxes.xywh_to_xyxy(box).tolist() == [10, 20, 40, 60]
    assert boxes.xywh_to_cxcywh(box).tolist() == [25, 40, 30, 40]


@given(a=box_xywh, b=box_xywh)
def test_overlap_is_symmetric_and_lies_in_0_to_1(a: Any, b: Any) -> None:
    overlap = float(boxes.iou_xywh(a, b))
    assert 0 <= overlap <= 1 + 1e-12
    assert overlap == pytest.approx(float(boxes.iou_xywh(b, a)))
    assert float(boxes.iou_xywh(a, a)) == pytest.approx(1)


@given(a=box_xywh, b=box_xywh, shift=st.tuples(coordinate, coordinate), scale=st.floats(0.25, 4))
def test_overlap_does_not_depend_on_place_or_scale(a: Any, b: Any, shift: Any, scale: float) -> None:
    moved = np.array([*shift, 0, 0])
    assert float(boxes.iou_xywh(a, b)) == pytest.approx(
        float(boxes.iou_xywh((a + moved) * scale, (b + moved) * scale)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [
        ((0, 0, 10, 10), (5, 0, 10, 10), 50 / 150),  # half of each
        ((0, 0, 10, 10), (10, 0, 10, 10), 0),  # a common edge is no overlap
        ((0, 0, 10, 10), (2, 2, 5, 5), 25 / 100),  # one inside the other
        ((0, 0, 10, 10), (3, 3, 0, 0), 0),  # no area
        ((3, 3, 0, 0), (3, 3, 0, 0), 0),  # no area on either side
        ((0, 0, 10, 10), (np.nan, 0, 10, 10), np.nan),  # unknown
    ],
)
def test_overlap_of_known_boxes(a: Any, b: Any, overlap: float) -> None:
    assert float(boxes.iou_xywh(a, b)) == pytest.approx(overlap, nan_ok=True)


def test_overlap_broadcasts() -> None:
    rows = np.array([[0, 0, 10, 10], [0, 0, 5, 10]], np.float64)
    assert boxes.iou_xywh(rows[:, None], rows[None]).tolist() == [[1, 0.5], [0.5, 1]]


@given(a=box_xywh, b=box_xywh)
def test_centre_distance_is_that_of_the_centres(a: Any, b: Any) -> None:
    (ax, ay), (bx, by) = boxes.xywh_to_cxcywh(a)[:2], boxes.xywh_to_cxcywh(b)[:2]
    assert float(boxes.center_distance_xywh(a, b)) == pytest.approx(math.hypot(ax - bx, ay - by))


@given(box=box_xywh, width=st.integers(1, 900), height=st.integers(1, 900))
def test_clipping_stays_inside_and_is_idempotent(box: Any, width: int, height: int) -> None:
    clipped = boxes.clip_xywh(box, width, height)
    left, top, right, bottom = boxes.xywh_to_xyxy(clipped)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    assert np.allclose(boxes.clip_xywh(clipped, width, height), clipped)


def test_clipping_tells_width_from_height() -> None:
    # 100 wide and 50 high: x goes with the width
    assert boxes.clip_xywh((80, 40, 40, 40), 100, 50).tolist() == [80, 40, 20, 10]


def test_polygon_becomes_its_bounding_box() -> None:
    diamond = [5, 0, 10, 5, 5, 10, 0, 5]
    assert boxes.polygon_to_xywh(diamond).tolist() == [0, 0, 10, 10]


def test_upright_polygon_of_equal_area_is_itself_and_a_pixel() -> None:
    upright = [10, 20, 40, 20, 40, 60, 10, 60]
    # the published formula adds one pixel to both sides and keeps the centre
    assert np.allclose(boxes.polygon_to_equal_area_xywh(upright), [9.5, 19.5, 31, 41])


def test_turned_polygon_keeps_its_area() -> None:
    diamond = [50, 0, 100, 50, 50, 100, 0, 50]  # side 50√2, area 5000, bounding box 100 × 100
    x, y, w, h = boxes.polygon_to_equal_area_xywh(diamond)
    assert ((w - 1) * (h - 1), x + w / 2, y + h / 2) == pytest.approx((5000, 50, 50))


def test_where_published_trackers_start() -> None:
    box = (10, 20, 31, 40)
    assert boxes.published_center(box, "pysot").tolist() == [25, 39.5]  # x + (w − 1) / 2
    assert boxes.published_center(box, "dasiamrpn").tolist() == [25.5, 40]
    assert boxes.published_center(box, "exact").tolist() == [25.5, 40]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((1, 2, 3), "3 numbers"),
        ((1, 2, 3, 4, 5), "5 numbers"),
        ((np.nan, 2, 30, 40), "not a finite number"),
        ((1, 2, np.inf, 40), "not a finite number"),
        ((1, 2, 0, 40), "at least 2"),  # no width
        ((1, 2, 30, -4), "at least 2"),  # negative height
        ((100, 2, 30, 40), "outside the 100×50 image"),  # touches the right edge from outside
        ((1, -45, 30, 40), "outside the 100×50 image"),  # above it
        ((10, 60, 30, 40), "outside"),  # inside a square of the width, but below the image
    ],
)
def test_what_no_tracker_can_start_on(box: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        boxes.check_start_box(box, 100, 50)


def test_a_box_may_leave_the_image_by_a_part() -> None:
    assert boxes.check_start_box([-10, -10, 30.5, 40], 100, 50).tolist() == [-10, -10, 30.5, 40]


@given(box=box_xywh)
def test_boxes_are_read_as_they_are_written(box: Any) -> None:
    assert np.array_equal(boxes.parse_box(",".join(repr(float(value)) for value in box)), box)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,four", "1 2 3 4", "1,2,3,4,5"])
def test_what_is_not_four_numbers(text: str) -> None:
    with pytest.raises(InputError, match="--box x,y,w,h"):
        boxes.parse_box(text)
