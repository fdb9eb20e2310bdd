"""Crops cut where the network runs have the pixels that OpenCV gives on the host, tensors on the CPU here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker_core.crops import Cutout
from tracker_core.runtime.device_crops import cut_regions

IMAGE = np.random.default_rng(0).integers(0, 256, (90, 140, 3)).astype(np.uint8)
PADDING = (13, 170, 255)


def on_device(*cutouts: Cutout) -> Any:
    """The crops of cutouts of whole images, which lie one after another."""
    images = [cutout.image for cutout in cutouts]
    firsts = np.cumsum([0, *(image.shape[0] * image.shape[1] for image in images)])
    regions = [
        (c.left, c.top, c.wide, c.high, c.image.shape[1], c.image.shape[0], first, *c.padding)
        for c, first in zip(cutouts, firsts, strict=False)
    ]
    pixels = torch.from_numpy(np.concatenate([image.reshape(-1, 3) for image in images]))
    return cut_regions(pixels, torch.tensor(regions), cutouts[0].output_size).numpy()


CASES = {
    "inside, enlarged": (20, 10, 50, 50, 127),
    "inside, reduced": (5, 5, 80, 80, 33),
    "half the size, which OpenCV averages": (10, 10, 64, 64, 32),
    "a whole fraction of the size": (4, 2, 84, 84, 21),
    "as large as the crop": (10, 10, 63, 63, 63),
    "over the left and upper edge": (-20, -7, 60, 60, 127),
    "over the right and lower edge": (100, 60, 60, 60, 63),
    "larger than the image": (-300, -200, 700, 700, 127),
    "wholly outside": (500, 500, 40, 40, 31),
    "outside, touching": (140, 0, 40, 40, 31),
    "one column of the image": (139, 20, 30, 30, 63),
    "one pixel": (70, 40, 1, 1, 31),
    "three pixels": (70, 40, 3, 3, 127),
    "wide": (10, 30, 100, 20, 127),
    "tall, at the edge": (-5, -10, 12, 110, 63),
    "wide as it is, half as high": (20, 10, 40, 80, 40),
}


@pytest.mark.parametrize("case", CASES)
def test_the_pixels_are_those_of_opencv(case: str) -> None:
    cutout = Cutout(IMAGE, *CASES[case], PADDING)
    difference = np.abs(on_device(cutout)[0].astype(int) - cutout.crop)
    # one level for an OpenCV with routines of its own; without these no pixel differs
    assert difference.max() <= 1
    assert (difference == 0).mean() > 0.85


@settings(max_examples=60, deadline=None)
@given(
    left=st.integers(-200, 200), top=st.integers(-150, 150), wide=st.integers(1, 300), high=st.integers(1, 300),
    size=st.integers(1, 90),
)  # fmt: skip
def test_any_region(left: int, top: int, wide: int, high: int, size: int) -> None:
    cutout = Cutout(IMAGE, left, top, wide, high, size, PADDING)
    assert np.abs(on_device(cutout)[0].astype(int) - cutout.crop).max() <= 1


def test_regions_of_several_images_in_one_batch() -> None:
    other = np.ascontiguousarray(IMAGE[:50, ::-1])
    cutouts = [
        Cutout(IMAGE, 10, 10, 50, 50, 63, PADDING),
        Cutout(other, -10, 20, 44, 51, 63, (1, 2, 3)),
        Cutout(IMAGE, 60, 30, 90, 90, 63, (9, 9, 9)),
    ]
    together = on_device(*cutouts)
    assert together.shape == (3, 63, 63, 3)
    for crop, cutout in zip(together, cutouts, strict=True):
        assert np.array_equal(crop, on_device(cutout)[0])
        assert np.abs(crop.astype(int) - cutout.crop).max() <= 1


def test_a_plain_colour_stays_what_it_is() -> None:
    """White would turn grey, or wrap to black, where weights were rounded carelessly."""
    white = np.full((60, 60, 3), 255, np.uint8)
    for size in (17, 31, 60, 127, 255):
        assert (on_device(Cutout(white, 3, 5, 41, 37, size)) == 255).all()
