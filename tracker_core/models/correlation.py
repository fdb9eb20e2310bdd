"""Cross-correlations of exemplar features with search features; batches are handled by grouping."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def correlate_depthwise(x: Tensor, kernel: Tensor, padding: int = 0) -> Tensor:
    """Correlate each channel of x (B×C×H×W) with the same channel of kernel (B×C×h×w) → B×C×H′×W′.

    SiamRPN++ (Li et al. 2019), figure 3(c).
    """
    weight = kernel.reshape(-1, 1, kernel.shape[2], kernel.shape[3])
    return _convolve_each(x, weight, groups=x.shape[1], padding=padding)


def correlate_up_channel(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate x (B×C×H×W) with several kernels (B×(n·C)×h×w) → B×n×H′×W′; kernel i is channels i·C to (i+1)·C.

    SiamRPN (Li et al. 2018), section 3.3.
    """
    weight = kernel.reshape(-1, x.shape[1], kernel.shape[2], kernel.shape[3])
    return _convolve_each(x, weight)


def correlate_whole(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate all channels of x (B×C×H×W) with kernel (B×C×h×w) to one map → B×1×H′×W′ (SiamFC, equation 2)."""
    return correlate_up_channel(x, kernel)


def _convolve_each(x: Tensor, weight: Tensor, groups: int = 1, padding: int = 0) -> Tensor:
    """Convolve each image of x (B×C×H×W) with its own part of `weight` (B·O × C/groups × h × w) → B×O×H′×W′."""
    if len(x) == 1:  # reshaping would keep an exported graph from staying in its fast memory layout
        return F.conv2d(x, weight, padding=padding, groups=groups)
    out = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight, padding=padding, groups=groups * len(x))
    return out.reshape(len(x), -1, *out.shape[2:])
