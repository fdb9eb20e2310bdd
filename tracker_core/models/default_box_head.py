"""The heads of networks over default boxes (SSD, Liu et al. 2016): one 3×3 convolution per map and output."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DefaultBoxHead(nn.Module):
    """Scores and boxes for every default box of several maps, in the order of `anchors.default_boxes`.

    Args:
        channels: of every map. boxes: default boxes per position, map by map.
    """

    def __init__(self, channels: int, boxes: Sequence[int]) -> None:
        super().__init__()
        self.cls = nn.ModuleList(nn.Conv2d(channels, 2 * count, 3, padding=1) for count in boxes)
        self.loc = nn.ModuleList(nn.Conv2d(channels, 4 * count, 3, padding=1) for count in boxes)
        for layer in (*self.cls, *self.loc):
            nn.init.normal_(layer.weight, 0.0, 0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return cls B×2×N (background first) and loc B×4×N of maps B×C×h×w."""
        # planes are (2 or 4) × boxes, so that N runs box by box, row by row, x fastest within a map
        cls = [layer(x).flatten(1).unflatten(1, (2, -1)) for layer, x in zip(self.cls, maps, strict=True)]
        loc = [layer(x).flatten(1).unflatten(1, (4, -1)) for layer, x in zip(self.loc, maps, strict=True)]
        return torch.cat(cls, 2), torch.cat(loc, 2)
