"""Cross-correlations of exemplar features with search features; batches are handled by grouping."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def correlate_depthwise(x: Tensor, kernel: Tensor, padding: int = 0) -> Tensor:
    """Correlate each channel of x (B×C×H×W) with the same channel of kernel (B×C×h×w) → B×C×H′×W′.

    SiamRPN++ (Li et al. 2019), figure 3(c).
    """
    batch, channels, rows, columns = x.shape
    weight = kernel.reshape(batch * channels, 1, kernel.shape[2], kernel.shape[3])
    out = F.conv2d(x.reshape(1, batch * channels, rows, columns), weight, padding=padding, groups=batch * channels)
    return out.reshape(batch, channels, out.shape[2], out.shape[3])


def correlate_up_channel(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate x (B×C×H×W) with several kernels (B×(n·C)×h×w) → B×n×H′×W′; kernel i is channels i·C to (i+1)·C.

    SiamRPN (Li et al. 2018), section 3.3.
    """
    batch, channels, rows, columns = x.shape
    weight = kernel.reshape(-1, channels, kernel.shape[2], kernel.shape[3])
    out = F.conv2d(x.reshape(1, batch * channels, rows, columns), weight, groups=batch)
    return out.reshape(batch, -1, out.shape[2], out.shape[3])


def correlate_whole(x: Tensor, kernel: Tensor) -> Tensor:
    """Correlate all channels of x (B×C×H×W) with kernel (B×C×h×w) to one map → B×1×H′×W′ (SiamFC, equation 2)."""
    return correlate_up_channel(x, kernel)
