"""Precise RoI pooling against dense numerical integration, its gradients against finite differences."""

import numpy as np
import pytest
import torch

from tracker_core.models.roi_pooling import pool_regions


def surface(features, ys, xs):
    """Bilinear interpolation at all (y, x), written from its definition; positions outside the map hold 0."""
    rows, columns = features.shape
    near_rows = np.maximum(0, 1 - np.abs(ys[:, None] - np.arange(rows)))
    near_columns = np.maximum(0, 1 - np.abs(xs[:, None] - np.arange(columns)))
    return near_rows @ features @ near_columns.T


def integrate(features, box_xyxy, bins, stride, points=1500):
    """The mean over each bin by the midpoint rule on points × points."""
    x1, y1, x2, y2 = np.asarray(box_xyxy, float) / stride
    answer = np.zeros((bins, bins))
    middles = (np.arange(points) + 0.5) / points
    for row in range(bins):
        for column in range(bins):
            ys = y1 + (y2 - y1) * (row + middles) / bins
            xs = x1 + (x2 - x1) * (column + middles) / bins
            answer[row, column] = surface(features, ys, xs).mean()
    return answer


@pytest.mark.parametrize(
    ("box_xyxy", "bins"),
    [
        ((12.0, 9.0, 41.0, 37.0), 3),  # inside, edges between positions
        ((16.0, 16.0, 40.0, 40.0), 3),  # edges on positions
        ((-14.0, -9.0, 20.0, 25.0), 2),  # over the upper left corner, where the surface falls to 0
        ((40.0, 30.0, 90.0, 80.0), 2),  # over the lower right corner
        ((20.0, 20.0, 21.0, 22.5), 2),  # bins far smaller than a position
        ((200.0, 200.0, 240.0, 240.0), 2),  # outside altogether
    ],
)
def test_a_bin_is_the_mean_of_the_interpolated_surface(box_xyxy, bins):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(2, 7, 8))
    pooled = pool_regions(torch.from_numpy(features)[None], torch.tensor([[box_xyxy]], dtype=torch.float64), bins, 8)
    assert pooled.shape == (1, 1, 2, bins, bins)
    for channel in range(2):
        expected = integrate(features[channel], box_xyxy, bins, 8)
        # the midpoint rule's own error, at kinks that do not meet its grid
        np.testing.assert_allclose(pooled[0, 0, channel].numpy(), expected, atol=1e-6)


def test_the_mean_of_a_plane_is_its_value_in_the_middle():
    ys, xs = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    plane = (3 * xs - 2 * ys + 1).double()[None, None]
    pooled = pool_regions(plane, torch.tensor([[[16.0, 8.0, 64.0, 72.0]]]).double(), 2, 8)
    # bins of 3 × 4 positions from (2, 1): their middles are 3.5 and 6.5 across, 3 and 7 down
    expected = [[3 * 3.5 - 2 * 3 + 1, 3 * 6.5 - 2 * 3 + 1], [3 * 3.5 - 2 * 7 + 1, 3 * 6.5 - 2 * 7 + 1]]
    np.testing.assert_allclose(pooled[0, 0, 0].numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("inverted", [(30.0, 20.0, 30.0, 40.0), (40.0, 20.0, 30.0, 40.0)])
def test_a_box_without_extent_gives_zeros(inverted):
    features = torch.ones(1, 1, 6, 6, dtype=torch.float64)
    pooled = pool_regions(features, torch.tensor([[inverted]], dtype=torch.float64), 3, 8)
    assert torch.equal(pooled, torch.zeros_like(pooled))


def test_gradients_of_features_and_boxes_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(2, 3, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor(
        [[[7.3, 5.1, 33.9, 29.2], [-6.2, 11.7, 18.4, 60.3]], [[21.1, 2.2, 50.3, 17.7], [3.3, 3.9, 5.2, 6.1]]],
        dtype=torch.float64, requires_grad=True,
    )  # fmt: skip
    assert torch.autograd.gradcheck(lambda f, b: pool_regions(f, b, 3, 8), (features, boxes), eps=1e-6, atol=1e-7)


def test_boxes_of_a_batch_do_not_touch_each_other():
    """Only the part of the map that some box reaches is looked at; that must not change a box's answer."""
    features = torch.randn(2, 4, 18, 18, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[[30.0, 40, 90, 120], [5, 5, 20, 30]], [[100.0, 60, 200, 280], [0, 0, 288, 288]]])
    together = pool_regions(features, boxes, 5, 16)
    for image in range(2):
        for box in range(2):
            alone = pool_regions(features[image : image + 1], boxes[image : image + 1, box : box + 1], 5, 16)
            torch.testing.assert_close(together[image, box], alone[0, 0], rtol=1e-5, atol=1e-6)


def test_boxes_that_are_not_numbers_give_no_numbers_and_no_error():
    pooled = pool_regions(torch.ones(1, 1, 6, 6), torch.full((1, 1, 4), float("nan")), 2, 8)
    assert torch.isnan(pooled).all()
