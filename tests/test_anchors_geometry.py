"""Default boxes: the published numbers, their order, encoding there and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.candidates import anchor_grid, coding
from tracker_core.candidates.default_boxes import DefaultBoxLevel, default_boxes

RATIOS = (0.33, 0.5, 1, 2, 3)
center = st.floats(-300, 300, width=32)
side = st.floats(2, 500, width=32)
box_cxcywh = st.tuples(center, center, side, side).map(lambda values: np.array(values, np.float32))


def test_anchors_of_siamrpn() -> None:
    # stride 8 and scale 8: 8 / √r cut to an integer, times r cut to an integer, times 8
    sizes = anchor_grid.rpn_base_sizes(8, RATIOS, [8])
    assert sizes.tolist() == [[104, 32], [88, 40], [64, 64], [40, 80], [32, 96]]


def test_exemplar_anchors_keep_the_area_of_the_exemplar() -> None:
    sizes = anchor_grid.exemplar_base_sizes(np.array([30.0, 80.0]), [0.5, 1, 2], [1.0, 2.0])
    assert sizes.shape == (6, 2)
    assert np.allclose(sizes.prod(axis=1), [2400, 9600] * 3)
    assert np.allclose(sizes[2], [30, 80])  # ratio 1, scale 1 is the exemplar itself
    assert np.allclose(sizes[:, 1] / sizes[:, 0], np.repeat([0.5, 1, 2], 2) * 80 / 30)


def test_grid_order_and_centres() -> None:
    sizes = np.array([[10, 20], [30, 40]], np.float64)
    grid = anchor_grid.grid_anchors(sizes, (3, 5), 8, is_centred=False)
    assert (grid.shape, grid.dtype) == ((2 * 3 * 5, 4), np.float32)
    for k in range(2):
        for row in range(3):
            for column in range(5):
                # ((k · h) + y) · w + x, the middle of an odd map at the origin
                expected = [(column - 2) * 8, (row - 1) * 8, *sizes[k]]
                assert grid[(k * 3 + row) * 5 + column].tolist() == expected


def test_published_grid_of_25_positions() -> None:
    grid = anchor_grid.grid_anchors(anchor_grid.rpn_base_sizes(8, RATIOS, [8]), (25, 25), 8, is_centred=False)
    assert len(grid) == 5 * 25 * 25
    assert grid[0].tolist() == [-96, -96, 104, 32]
    assert grid[-1].tolist() == [96, 96, 32, 96]


def test_a_centred_map_of_an_even_side_has_no_anchor_in_the_middle() -> None:
    grid = anchor_grid.grid_anchors(np.array([[4.0, 4.0]]), (2, 2), 16, is_centred=True)
    assert grid[:, :2].tolist() == [[-8, -8], [8, -8], [-8, 8], [8, 8]]


def test_default_boxes_of_ssd() -> None:
    level = DefaultBoxLevel(rows=2, columns=4, size=0.2, next_size=0.45, ratios=(2.0, 3.0))
    boxes = default_boxes([level])
    assert level.boxes_per_position == 6  # ratios 1, the extra 1, 2, 1/2, 3, 1/3
    assert boxes.shape == (6 * 2 * 4, 4)
    sizes = boxes.reshape(6, 2, 4, 4)[:, 0, 0, 2:]
    extra = math.sqrt(0.2 * 0.45)  # the extra square lies between this level's size and the next's
    r2, r3 = math.sqrt(2), math.sqrt(3)
    expected = [(0.2, 0.2), (extra, extra), (0.2 * r2, 0.2 / r2), (0.2 / r2, 0.2 * r2)]
    expected += [(0.2 * r3, 0.2 / r3), (0.2 / r3, 0.2 * r3)]
    assert np.allclose(sizes, expected)
    # centres in the middle of the cells, x fastest
    assert np.allclose(boxes[:5, :2], [[0.125, 0.25], [0.375, 0.25], [0.625, 0.25], [0.875, 0.25], [0.125, 0.75]])


def test_default_boxes_of_ssd300() -> None:
    # maps and ratios of the paper's SSD300 give its 8732 boxes
    maps = [(38, (2.0,)), (19, (2.0, 3.0)), (10, (2.0, 3.0)), (5, (2.0, 3.0)), (3, (2.0,)), (1, (2.0,))]
    sizes = [0.1, 0.2, 0.37, 0.54, 0.71, 0.88, 1.05]
    levels = [DefaultBoxLevel(count, count, sizes[i], sizes[i + 1], ratios) for i, (count, ratios) in enumerate(maps)]
    boxes = default_boxes(levels, clip=True)
    assert boxes.shape == (8732, 4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1


@given(box=box_cxcywh, anchor=box_cxcywh, variances=st.sampled_from([(1.0, 1.0), (0.1, 0.2)]))
def test_decoding_undoes_encoding(box: Any, anchor: Any, variances: tuple[float, float]) -> None:
    deltas = coding.encode(box, anchor, variances)
    assert np.allclose(coding.decode(deltas, anchor, variances), box, rtol=1e-4, atol=1e-2)


@given(box=box_cxcywh, anchor=box_cxcywh)
def test_tensors_are_encoded_like_arrays(box: Any, anchor: Any) -> None:
    b, a = torch.from_numpy(box), torch.from_numpy(anchor)
    deltas = coding.encode(b, a, (0.1, 0.2))
    assert np.allclose(deltas.numpy(), coding.encode(box, anchor, (0.1, 0.2)), rtol=1e-4, atol=1e-4)
    assert np.allclose(coding.decode(deltas, a, (0.1, 0.2)).numpy(), box, rtol=1e-4, atol=1e-2)


def test_what_encoding_means() -> None:
    anchor, box = np.array([0, 0, 10, 20], np.float32), np.array([5, -5, 20, 20], np.float32)
    assert np.allclose(coding.encode(box, anchor), [0.5, -0.25, math.log(2), 0])
    # variances divide, so that the targets grow
    assert np.allclose(coding.encode(box, anchor, (0.1, 0.2)), [5, -2.5, math.log(2) / 0.2, 0])


def test_zero_deltas_are_the_anchors() -> None:
    grid = anchor_grid.grid_anchors(anchor_grid.rpn_base_sizes(8, RATIOS, [8]), (5, 5), 8, is_centred=True)
    assert np.array_equal(coding.decode(np.zeros_like(grid), grid), grid)
