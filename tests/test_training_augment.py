"""Photometric augmentation, where pairs are made and on the training device."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from tracker_core.config.training import AugmentConfig
from tracker_core.training.augment import add_noise, blur_motion, degrade, jitter_colour, to_grey
from tracker_core.training.augment_batch import (
    BatchAugmentation,
    compress_blocks,
    filter_each,
    gaussian_kernels,
    motion_kernels,
)
from tracker_core.training.batches import Batch

NOTHING = AugmentConfig(
    colour=0.0, grey_probability=0.0, blur_probability=0.0, motion_blur_probability=0.0, noise_probability=0.0,
    jpeg_probability=0.0,
)  # fmt: skip


def textured(size: int = 64, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (size // 4, size // 4, 3), np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def make_batch(count: int = 6) -> Batch:
    def stack(size: int) -> torch.Tensor:
        images = np.stack([textured(size, index) for index in range(count)])
        return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    boxes = torch.tensor([[1.0, 2, 30, 20]]).repeat(count, 1)
    flags = torch.ones(count, dtype=torch.bool)
    return Batch(stack(63), stack(127), boxes[:, 2:], boxes, boxes, flags, torch.ones(count))


def test_strength_zero_changes_nothing() -> None:
    image, rng = textured(), np.random.default_rng(0)
    np.testing.assert_array_equal(jitter_colour(image, rng, 0.0), image)
    np.testing.assert_array_equal(degrade(image, rng, NOTHING), image)
    batch = make_batch()
    torch.manual_seed(0)
    after = BatchAugmentation(NOTHING)(batch)
    assert torch.equal(after.search, batch.search) and torch.equal(after.exemplar, batch.exemplar)


def test_grey_has_equal_channels_and_the_same_brightness() -> None:
    image = textured()
    grey = to_grey(image)
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    batch = make_batch()
    after = BatchAugmentation(dataclasses.replace(NOTHING, grey_probability=1.0))(batch)
    expected = to_grey(batch.search[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(after.search[0].permute(1, 2, 0).numpy(), expected, atol=1)
    assert torch.equal(after.exemplar[:, 0], after.exemplar[:, 2])  # both crops of a pair, or neither


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    image = np.full((200, 200, 3), 128, np.uint8)
    noise = add_noise(image, np.random.default_rng(0), 7.0).astype(float) - 128
    assert noise.std() == pytest.approx(7.0, rel=0.05) and abs(noise.mean()) < 0.2


def detail(images: torch.Tensor) -> torch.Tensor:
    """Return the mean difference of neighbours, per image."""
    x = images.float()
    return x.diff(dim=3).abs().mean((1, 2, 3)) + x.diff(dim=2).abs().mean((1, 2, 3))


@pytest.mark.parametrize("change", ["blur_probability", "motion_blur_probability"])
def test_blur_removes_detail_and_keeps_brightness(change: str) -> None:
    batch = make_batch()
    torch.manual_seed(0)
    after = BatchAugmentation(dataclasses.replace(NOTHING, **{change: 1.0}))(batch)
    detail = batch.search.float().diff(dim=3).abs().mean((1, 2, 3)) + batch.search.float().diff(dim=2).abs().mean(
        (1, 2, 3)
    )
    left = after.search.float().diff(dim=3).abs().mean((1, 2, 3)) + after.search.float().diff(dim=2).abs().mean(
        (1, 2, 3)
    )
    assert (left < detail).all()
    torch.testing.assert_close(after.search.float().mean(), batch.search.float().mean(), atol=2.0, rtol=0)


def test_blur_of_the_batch_is_opencv_s() -> None:
    image = textured(96)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    ours = filter_each(tensor, gaussian_kernels(torch.tensor([1.3])))[0].permute(1, 2, 0).numpy()
    theirs = cv2.GaussianBlur(image, (13, 13), 1.3, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(ours, theirs, atol=1.0)


# direction in radians and along which axis detail must survive: a horizontal smear keeps vertical detail
@pytest.mark.parametrize(("radians", "kept"), [(0.0, 2), (torch.pi / 2, 3)])
def test_motion_blur_smears_along_its_direction(radians: float, kept: int) -> None:
    kernel = motion_kernels(torch.tensor([9.0]), torch.tensor([radians]))
    assert kernel.sum() == pytest.approx(1.0)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 255
    blurred = filter_each(image, kernel)
    lost = 5 - kept
    assert blurred.diff(dim=kept).abs().mean() > 2 * blurred.diff(dim=lost).abs().mean()


def test_a_moving_blur_of_the_worker_keeps_the_mean() -> None:
    image = textured()
    assert blur_motion(image, np.random.default_rng(0)).mean() == pytest.approx(image.mean(), abs=3)


@pytest.mark.parametrize("quality", [25, 60, 95])
def test_block_compression_is_close_to_jpeg(quality: int) -> None:
    """On a grey image both quantise the same cosines; what differs is rounding."""
    grey = np.repeat(textured(64)[..., :1], 3, axis=2)
    tensor = torch.from_numpy(grey).permute(2, 0, 1)[None].float()
    ours = compress_blocks(tensor, torch.tensor([float(quality)]))[0, 0].numpy()
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(float)
    assert np.abs(ours - theirs).mean() < 1.5
    assert np.abs(ours - grey[..., 0]).mean() == pytest.approx(np.abs(theirs - grey[..., 0]).mean(), rel=0.15, abs=0.3)


def test_block_compression_takes_sizes_that_are_no_multiple_of_eight() -> None:
    image = torch.rand(2, 3, 127, 61) * 255
    assert compress_blocks(image, torch.tensor([30.0, 90.0])).shape == image.shape


def test_the_batch_keeps_boxes_shapes_and_types_and_repeats_by_seed() -> None:
    always = dataclasses.replace(
        AugmentConfig(), grey_probability=0.5, blur_probability=0.5, motion_blur_probability=0.5, noise_probability=0.5,
        jpeg_probability=0.5,
    )  # fmt: skip
    batch, augmentation = make_batch(), BatchAugmentation(always)
    torch.manual_seed(3)
    first = augmentation(batch)
    torch.manual_seed(3)
    second = augmentation(batch)
    assert torch.equal(first.search, second.search) and not torch.equal(first.search, batch.search)
    assert first.search.dtype == torch.uint8 and first.exemplar.shape == batch.exemplar.shape
    assert torch.equal(first.box_cxcywh, batch.box_cxcywh)


def test_photometric_changes_never_move_the_target() -> None:
    """A bright rectangle stays where it is under every change of colour, blur and compression."""
    image = np.full((127, 127, 3), 20, np.uint8)
    image[40:80, 50:100] = 230
    batch = dataclasses.replace(make_batch(1), search=torch.from_numpy(image).permute(2, 0, 1)[None].contiguous())
    augmentation = BatchAugmentation(
        dataclasses.replace(AugmentConfig(), motion_blur_probability=0.3, blur_probability=1)
    )
    for seed in range(20):
        torch.manual_seed(seed)
        grey = augmentation(batch).search[0].float().mean(0).numpy()
        middle = (grey.max() + grey.min()) / 2
        x, y, w, h = cv2.boundingRect((grey > middle).astype(np.uint8))
        np.testing.assert_allclose([x + w / 2, y + h / 2], [75, 60], atol=2)
