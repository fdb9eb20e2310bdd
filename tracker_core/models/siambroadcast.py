"""SiamBroadcastRPN: the exemplar as one vector that is laid beside every position, instead of a correlation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.models.backbones.pyramids import make_pyramid
from tracker_core.models.default_box_head import DefaultBoxHead
from tracker_core.models.network import Network


class RelationBlock(nn.Module):
    """Compares every position of a map with a vector: 1×1, 1×1 and 3×3 convolutions of both, concatenated."""

    def __init__(self, inputs: int, vector: int, channels: int) -> None:
        super().__init__()
        self.relate = nn.Sequential(
            nn.Conv2d(inputs + vector, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        broadcast = vector.expand(-1, -1, x.shape[2], x.shape[3])
        result: Tensor = self.relate(torch.cat((x, broadcast), 1))
        return result


class SiamBroadcastRPN(Network):
    """Exemplar 129², search region 257², default boxes on two maps, 17 × 17 and 9 × 9.

    Args:
        backbone: "resnet50" or "mobilenetv3", which gets a strided convolution in place of its stride 32.
        boxes: default boxes per position on the finer and the coarser map.
        channels: of the relation blocks.
    """

    def __init__(self, backbone: str = "resnet50", boxes: Sequence[int] = (6, 6), channels: int = 256) -> None:
        super().__init__()
        self.trunk = make_pyramid(backbone)
        fine, coarse = self.trunk.out_channels[1], self.trunk.out_channels[-1]
        self.coarser: nn.Module | None = None
        if len(self.trunk.out_channels) < 3:
            self.coarser = nn.Sequential(nn.Conv2d(fine, coarse, 3, 2, 1), nn.ReLU(inplace=True))
        self.relation_coarse = RelationBlock(coarse, coarse, channels)
        self.relation_fine = RelationBlock(fine + channels, coarse, channels)
        self.head = DefaultBoxHead(channels, boxes)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps at strides 16 and 32 of images B×3×S×S (BGR 0..255)."""
        maps = self.trunk.maps(image)
        return maps[1], maps[-1] if self.coarser is None else self.coarser(maps[-1])

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the exemplars z (B×3×129×129, BGR 0..255) as vectors B×C×1×1."""
        return (self.features(z)[1].amax((2, 3), keepdim=True),)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2×N (background first) and loc B×4×N for search regions x (B×3×257×257, BGR 0..255)."""
        (vector,) = template
        fine, coarse = self.features(x)
        coarse = self.relation_coarse(coarse, vector)
        upsampled = F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)
        fine = self.relation_fine(torch.cat((fine, upsampled), 1), vector)
        cls, loc = self.head((fine, coarse))
        return cls, loc
