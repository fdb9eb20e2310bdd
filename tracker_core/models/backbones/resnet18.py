"""ResNet-18 up to its third stage, as ATOM uses it (He et al. 2016; names of the layers as in torchvision)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((64, 1), (128, 2), (256, 2))  # channels, stride
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of R, G and B in 0..1


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut; the first one strides."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + shortcut)


class ResNet18Pyramid(nn.Module):
    """ResNet-18: B×3×S×S (BGR, 0..255, normalised inside) → 128 channels at stride 8, 256 at stride 16."""

    out_channels: tuple[int, ...] = (128, 256)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (channels, stride) in enumerate(STAGES, 1):
            blocks = [BasicBlock(inputs, channels, stride), BasicBlock(channels, channels, 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs = channels
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1), persistent=False)

    def maps(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of the second and third stage, finest first."""
        # normalised here and not in the first convolution's weights: its padding is 0 after the normalisation
        y = (x.flip(1) / 255 - self.get_buffer("mean")) / self.get_buffer("deviation")
        y = F.max_pool2d(F.relu(self.bn1(self.conv1(y))), 3, 2, 1)
        maps = []
        for number in range(1, len(STAGES) + 1):
            y = self.get_submodule(f"layer{number}")(y)
            maps.append(y)
        return tuple(maps[1:])
