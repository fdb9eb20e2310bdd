"""The photometric half of augmentation on the training device: a batch at a time, in place of the workers."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from tracker_core.config.training import AugmentConfig
from tracker_core.training.batches import Batch

KERNEL = 13  # pixels; the widest blur
# JPEG's example quantisation of luminance (ITU T.81, annex K.1)
QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
GREY_OF_BGR = (0.114, 0.587, 0.299)


class BatchAugmentation(nn.Module):
    """Colour, grey, blur, motion blur, noise and JPEG artefacts on a batch, with the probabilities of the workers' own.

    Takes and returns a `Batch` with uint8 crops, on any device. Draws from PyTorch's generator of the CPU, so that
    all devices draw the same, except for the noise itself.
    """

    def __init__(self, config: AugmentConfig) -> None:
        super().__init__()
        self.config = config

    @torch.no_grad()
    def forward(self, batch: Batch) -> Batch:
        cfg = self.config
        count = len(batch.search)
        grey = torch.rand(count) < cfg.grey_probability
        searches = self._degrade(self._recolour(batch.search.float(), grey), torch.ones(count, dtype=torch.bool))
        chosen = torch.rand(count) < cfg.template_degradation
        exemplars = self._degrade(self._recolour(batch.exemplar.float(), grey), chosen)
        return replace(batch, exemplar=_to_bytes(exemplars), search=_to_bytes(searches))

    def _recolour(self, images: Tensor, grey: Tensor) -> Tensor:
        """Return B×3×H×W with gain, balance and offset per image, without colour where `grey` (B) says so."""
        count, strength = len(images), self.config.colour
        gain = _uniform((count, 1), strength).exp() * _uniform((count, 3), strength / 4).exp()
        offset = _uniform(count, strength * 64)
        rows = _where(grey, images.device)
        if len(rows):
            weights = torch.tensor(GREY_OF_BGR, device=images.device).view(1, 3, 1, 1)
            images = images.index_copy(0, rows, (images[rows] * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1))
        gain = gain.view(count, 3, 1, 1).to(images.device)
        return ((images - 128) * gain + 128 + offset.view(-1, 1, 1, 1).to(images.device)).clamp(0, 255)

    def _degrade(self, images: Tensor, chosen: Tensor) -> Tensor:
        """Return the images with blur, noise and JPEG artefacts on some of those that `chosen` (B) allows."""
        cfg, count = self.config, len(images)
        moved = chosen & (torch.rand(count) < cfg.motion_blur_probability)
        soft = chosen & ~moved & (torch.rand(count) < cfg.blur_probability)
        noisy = chosen & (torch.rand(count) < cfg.noise_probability)
        compressed = chosen & (torch.rand(count) < cfg.jpeg_probability)
        kernels = torch.where(
            moved[:, None, None],
            motion_kernels(torch.randint(3, KERNEL + 1, (count,)).float(), torch.rand(count) * torch.pi),
            gaussian_kernels(0.6 + 1.6 * torch.rand(count)),
        )
        rows = _where(moved | soft, images.device)
        if len(rows):
            images = images.index_copy(0, rows, filter_each(images[rows], kernels[moved | soft].to(images.device)))
        rows = _where(noisy, images.device)
        if len(rows):
            deviation = (2 + 10 * torch.rand(len(rows))).view(-1, 1, 1, 1).to(images.device)
            noise = torch.randn(images[rows].shape, device=images.device)
            images = images.index_copy(0, rows, images[rows] + noise * deviation)
        rows = _where(compressed, images.device)
        if len(rows):
            quality = torch.randint(20, 70, (len(rows),)).float().to(images.device)
            images = images.index_copy(0, rows, compress_blocks(images[rows].clamp(0, 255), quality))
        return images


def motion_kernels(lengths: Tensor, radians: Tensor) -> Tensor:
    """Return lines of the given lengths (B, pixels) and directions (B) as filters B×13×13 that sum to 1."""
    line = torch.arange(KERNEL).float() - KERNEL // 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    cosine, sine = radians.cos().view(-1, 1, 1), radians.sin().view(-1, 1, 1)
    along, across = x * cosine + y * sine, y * cosine - x * sine
    weights = (1 - across.abs()).clamp_min(0) * (lengths.view(-1, 1, 1) / 2 + 0.5 - along.abs()).clamp(0, 1)
    return weights / weights.sum((1, 2), keepdim=True)


def gaussian_kernels(deviations: Tensor) -> Tensor:
    """Return Gaussian filters B×13×13 of the given standard deviations (B, pixels) that sum to 1."""
    line = torch.arange(KERNEL).float() - KERNEL // 2
    profile = torch.exp(-0.5 * (line / deviations.view(-1, 1)) ** 2)
    weights = profile[:, :, None] * profile[:, None, :]
    return weights / weights.sum((1, 2), keepdim=True)


def filter_each(images: Tensor, kernels: Tensor) -> Tensor:
    """Return every image of B×C×H×W filtered by its own kernel of B×13×13, the border mirrored."""
    batch, channels, height, width = images.shape
    padded = functional.pad(images, (KERNEL // 2,) * 4, mode="reflect").transpose(0, 1)  # C×B×H×W: one group an image
    filtered = functional.conv2d(padded, kernels[:, None], groups=batch)
    return filtered.transpose(0, 1).reshape(batch, channels, height, width)


def compress_blocks(images: Tensor, quality: Tensor) -> Tensor:
    """Return images B×3×H×W (0..255) with the artefacts of JPEG at `quality` (B, 1 to 99): quantised 8×8 cosines.

    Every channel is quantised as luminance: what colour subsampling adds does not show on crops that were resized.
    """
    batch, channels, height, width = images.shape
    padded = functional.pad(images, (0, -width % 8, 0, -height % 8), mode="replicate") - 128
    rows, columns = padded.shape[2] // 8, padded.shape[3] // 8
    blocks = padded.view(batch, channels, rows, 8, columns, 8).transpose(3, 4)
    line = torch.arange(8, device=images.device).float()
    basis = torch.cos((2 * line + 1) * line.view(-1, 1) * torch.pi / 16) * 0.5  # orthonormal DCT-II
    basis[0] *= 0.5**0.5
    factor = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    steps = torch.tensor(QUANTISATION, device=images.device).float() * factor.view(-1, 1, 1, 1, 1, 1)
    steps = steps.round().clamp(1, 255)
    frequencies = ((basis @ blocks @ basis.T) / steps).round() * steps
    restored = (basis.T @ frequencies @ basis).transpose(3, 4).reshape(padded.shape) + 128
    return restored[..., :height, :width]


def _uniform(shape: int | tuple[int, ...], limit: float) -> Tensor:
    return (torch.rand(shape) * 2 - 1) * limit


def _where(flags: Tensor, device: torch.device) -> Tensor:
    return torch.nonzero(flags).flatten().to(device)


def _to_bytes(images: Tensor) -> Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)
