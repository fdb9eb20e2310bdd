"""FBNet up to stride 16, as FEAR-XS has it (Wu et al. 2019; Borsuk et al. 2022), batch norm folded into the layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tracker_core.models.backbones.mobilenet_v3 import InvertedResidual

FEATURES = 256  # channels of the output
IMAGE_MEAN = (103.53, 116.28, 123.675)  # ImageNet's, of B, G and R in 0..255
# (kernel, expanded channels, output channels, stride)
BLOCKS = (
    (3, 16, 16, 1),
    (3, 96, 24, 2),
    (3, 24, 24, 1),
    (3, 24, 24, 1),
    (5, 144, 32, 2),
    (5, 96, 32, 1),
    (5, 192, 32, 1),
    (3, 192, 32, 1),
    (5, 192, 64, 2),
    (5, 192, 64, 1),
    (5, 384, 64, 1),
    (5, 384, 64, 1),
    (5, 384, 112, 1),
    (5, 672, 112, 1),
    (5, 672, 112, 1),
    (5, 336, 112, 1),
)


class FBNet(nn.Module):
    """FBNet up to stride 16: B×3×S×S (BGR, 0..255) → B×256×⌈S/16⌉×⌈S/16⌉."""

    def __init__(self) -> None:
        super().__init__()
        # subtracted, not folded into the stem's bias: at the border the stem then sees the mean colour, not black
        self.register_buffer("mean", torch.tensor(IMAGE_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        blocks = []
        inputs = 16
        for kernel, expanded, outputs, stride in BLOCKS:
            blocks.append(InvertedResidual(inputs, kernel, expanded, outputs, 0, False, stride))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.project = nn.Conv2d(inputs, FEATURES, 1)

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.mean, Tensor)
        result: Tensor = self.project(self.blocks(F.relu(self.stem(x - self.mean))))
        return result
