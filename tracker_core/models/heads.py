"""Region proposal heads of SiamRPN++: depthwise correlation on one level, and on several."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tracker_core.models.correlation import correlate_depthwise


class DepthwiseBranch(nn.Module):
    """Adjust both sides by a 3×3 convolution, correlate depthwise, predict by 1×1 convolutions."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.conv_kernel = _adjust(channels)
        self.conv_search = _adjust(channels)
        self.head = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, outputs, 1),
        )

    def template(self, z: Tensor) -> Tensor:
        """Return the correlation kernel of exemplar features."""
        result: Tensor = self.conv_kernel(z)
        return result

    def forward(self, kernel: Tensor, x: Tensor) -> Tensor:
        result: Tensor = self.head(correlate_depthwise(self.conv_search(x), kernel))
        return result


class DepthwiseRPN(nn.Module):
    """One level of SiamRPN++: B×C×7×7 (or 6×6) and B×C×h×w → cls B×2K×h′×w′ and loc B×4K×h′×w′."""

    def __init__(self, anchors: int, channels: int = 256) -> None:
        super().__init__()
        self.cls = DepthwiseBranch(channels, 2 * anchors)
        self.loc = DepthwiseBranch(channels, 4 * anchors)

    def template(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the kernels of classification and regression."""
        return self.cls.template(z), self.loc.template(z)

    def forward(self, template: tuple[Tensor, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls(template[0], x), self.loc(template[1], x)


class MultiLevelRPN(nn.Module):
    """Layer-wise aggregation: one RPN per level, averaged or weighted by a learned softmax (SiamRPN++, equation 3)."""

    def __init__(self, anchors: int, levels: Sequence[int], weighted: bool) -> None:
        super().__init__()
        self.names = [f"rpn{number}" for number in range(2, 2 + len(levels))]
        for name, channels in zip(self.names, levels, strict=True):
            self.add_module(name, DepthwiseRPN(anchors, channels))
        self.cls_weight = nn.Parameter(torch.ones(len(levels))) if weighted else None
        self.loc_weight = nn.Parameter(torch.ones(len(levels))) if weighted else None

    def template(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return all kernels, level by level, classification first."""
        kernels: list[Tensor] = []
        for name, z in zip(self.names, maps, strict=True):
            level = self.get_submodule(name)
            assert isinstance(level, DepthwiseRPN)
            kernels += level.template(z)
        return tuple(kernels)

    def forward(self, template: Sequence[Tensor], maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        outputs = [
            self.get_submodule(name)((template[2 * i], template[2 * i + 1]), x)
            for i, (name, x) in enumerate(zip(self.names, maps, strict=True))
        ]
        cls = _weighted_mean([output[0] for output in outputs], self.cls_weight)
        loc = _weighted_mean([output[1] for output in outputs], self.loc_weight)
        return cls, loc


def _weighted_mean(maps: list[Tensor], weights: Tensor | None) -> Tensor:
    shares = [1.0 / len(maps)] * len(maps) if weights is None else list(torch.softmax(weights, 0))
    total = maps[0] * shares[0]
    for share, level in zip(shares[1:], maps[1:], strict=True):
        total = total + level * share
    return total


def _adjust(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
