"""The crop: how large it is, where it lies to the pixel, and what stands outside the image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker_core.crops import Cutout, Framing, channel_mean, context_side, is_blank

PADDING = (7, 8, 9)


def crop_region(*arguments: Any) -> tuple[Any, tuple[float, float, float, float]]:
    """Return the crop of a cutout and what was cut."""
    cutout = Cutout.around(*arguments)
    return cutout.crop, cutout.region_xywh


def ramp(width: int = 60, height: int = 40) -> Any:
    """An image whose blue is x, green is y, red is 200."""
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    image[..., 2] = 200
    return image


@pytest.mark.parametrize(
    ("framing", "exemplar", "search"),
    [
        # SiamRPN on 20 × 80: one scale, 127 pixels for √(70 · 130)
        (Framing(), (127 / math.sqrt(9100),) * 2, (127 / math.sqrt(9100),) * 2),
        # FEAR: 128 pixels for 1.4 times the box, 256 for 5 times, each side for itself
        (Framing(128, 256, 0.2, True, 2.0), (128 / 28, 128 / 112), (256 / 100, 256 / 400)),
        # stretched, the search region at the exemplar's scale
        (Framing(128, 256, 0.2, True), (128 / 28, 128 / 112), (128 / 28, 128 / 112)),
        # square, with a search region of its own scale: c = 1 · 50
        (Framing(128, 256, 0.5, False, 2.0), (128 / math.sqrt(9100),) * 2, (256 / math.sqrt(220 * 280),) * 2),
    ],
)
def test_scales_of_the_crops(framing: Framing, exemplar: tuple[float, float], search: tuple[float, float]) -> None:
    assert framing.exemplar_scales(20, 80) == pytest.approx(exemplar)
    assert framing.search_scales(20, 80) == pytest.approx(search)


def test_a_rectangle_is_stretched_to_a_square() -> None:
    crop, region = crop_region(ramp(), (30.0, 20.0), (40, 10), 20, PADDING)
    assert region == (10, 15, 40, 10)
    assert np.diff(crop[10, :, 0].astype(int)).mean() == pytest.approx(2, abs=0.1)  # 40 columns become 20
    assert np.diff(crop[:, 10, 1].astype(int)).mean() == pytest.approx(0.5, abs=0.1)  # 10 rows become 20


@pytest.mark.parametrize(
    ("width", "height", "context", "side"),
    [
        (50, 50, 0.5, 100),  # a square with half its size on every side
        (20, 80, 0.5, math.sqrt(70 * 130)),  # p = 50: (20 + 50)(80 + 50)
        (20, 80, 0.0, 40),  # no context: the square of the same area
        (30, 30, 1.0, 90),
    ],
)
def test_side_of_the_context_square(width: float, height: float, context: float, side: float) -> None:
    assert context_side(width, height, context) == pytest.approx(side)


@given(width=st.floats(1, 1000), height=st.floats(1, 1000), context=st.floats(0, 2), scale=st.floats(0.1, 10))
def test_side_grows_with_the_target(width: float, height: float, context: float, scale: float) -> None:
    side = context_side(width, height, context)
    c = context * (width + height) / 2
    assert side == pytest.approx(math.sqrt((width + 2 * c) * (height + 2 * c)))
    assert context_side(width * scale, height * scale, context) == pytest.approx(side * scale)
    assert side >= math.sqrt(width * height) * (1 - 1e-12)


def test_mean_is_per_channel_and_cut_to_integers() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0] = (255, 3, 2)
    assert channel_mean(image) == (63, 0, 0)  # 63.75, 0.75, 0.5


def test_a_crop_inside_is_the_image_itself() -> None:
    image = ramp()
    crop, (left, top, side, _) = crop_region(image, (30.0, 20.0), (9, 9), 9, PADDING)
    assert (left, top, side) == (25, 15, 9)
    assert np.array_equal(crop, image[15:24, 25:34])
    crop[:] = 0
    assert image.any(), "the crop is a copy"


@pytest.mark.parametrize(
    ("center", "left_floor", "left_round"),
    [
        (30.0, 25, 25),
        (30.4, 25, 25),
        (30.5, 26, 26),  # 25.5: floor(26.0) is 26; half to even is 26
        (31.5, 27, 26),  # 26.5: floor(27.0) is 27; half to even is 26
        (30.9, 26, 26),
    ],
)
def test_which_pixel_a_centre_between_pixels_takes(center: float, left_floor: int, left_round: int) -> None:
    for rounding, left in (("floor", left_floor), ("round", left_round)):
        crop, window = crop_region(ramp(), (center, 20.0), (9, 9), 9, PADDING, rounding)
        assert window[0] == left
        assert crop[0, 0, 0] == left


def test_outside_is_the_padding() -> None:
    # at the top left corner: 5 columns and 5 rows lie outside
    crop, (left, top, _, _) = crop_region(ramp(), (0.0, 0.0), (9, 9), 9, PADDING)
    assert (left, top) == (-5, -5)
    assert (crop[:5] == PADDING).all()
    assert (crop[:, :5] == PADDING).all()
    assert np.array_equal(crop[5:, 5:], ramp()[:4, :4])


def test_right_and_bottom_border() -> None:
    crop, (left, top, _, _) = crop_region(ramp(), (60.0, 40.0), (9, 9), 9, PADDING)
    assert np.array_equal(crop[:5, :5], ramp()[int(top) :, int(left) :])
    assert (crop[5:] == PADDING).all()
    assert (crop[:, 5:] == PADDING).all()


def test_a_square_far_outside_is_all_padding() -> None:
    for center in ((-500.0, 20.0), (30.0, 900.0), (1e6, -1e6)):
        crop, _ = crop_region(ramp(), center, (21, 21), 15, PADDING)
        assert crop.shape == (15, 15, 3)
        assert (crop == PADDING).all()


def test_resizing_keeps_places() -> None:
    # twice as large: pixel x of the image fills 2x and 2x + 1 of the crop, blended
    crop, _ = crop_region(ramp(), (30.0, 20.0), (20, 20), 40, PADDING)
    step = np.diff(crop[20, :, 0].astype(int))
    assert crop.shape == (40, 40, 3)
    assert abs(step.mean() - 0.5) < 0.06
    assert (crop[..., 2] == 200).all()


def test_a_side_below_one_pixel_is_one_pixel() -> None:
    crop, (_, _, side, _) = crop_region(ramp(), (30.0, 20.0), (0.2, 0.2), 5, PADDING)
    assert side == 1
    assert len(np.unique(crop[..., 0])) == 1


def test_an_unknown_rounding_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown rounding"):
        crop_region(ramp(), (30.0, 20.0), (9, 9), 9, PADDING, "up")


@settings(max_examples=60)
@given(x=st.floats(-100, 160), y=st.floats(-100, 140), side=st.integers(1, 120), output=st.integers(1, 64))
def test_every_crop_has_its_size_and_holds_its_centre(x: float, y: float, side: int, output: int) -> None:
    crop, (left, top, span, _) = crop_region(ramp(), (x, y), (side, side), output, PADDING)
    assert (crop.shape, crop.dtype) == ((output, output, 3), np.uint8)
    assert span == side
    assert abs(left + (span + 1) / 2 - x) <= 0.5 + 1e-9
    assert abs(top + (span + 1) / 2 - y) <= 0.5 + 1e-9


# a square of 160 pixels in an image of one grey with noise of 4 levels, and in it a target of 40 pixels that differs
@pytest.mark.parametrize(
    ("difference", "region", "blank"),
    [
        (0, (20, 20, 160, 160), True),  # only noise
        (8, (20, 20, 160, 160), False),  # a faint target
        (8, (-60, -60, 120, 120), True),  # the target lies outside the region
        (8, (-400, 20, 160, 160), True),  # the region lies outside the image
    ],
)
def test_a_region_without_structure_is_blank(difference: int, region: tuple[float, ...], blank: bool) -> None:
    image = np.random.default_rng(0).normal(100, 4, (240, 320, 3))
    image[80:120, 80:120] += difference
    assert is_blank(image.astype(np.uint8), region) is blank
