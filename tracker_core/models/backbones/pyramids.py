"""Backbones that keep their natural strides and give maps at 8, 16 and, where they reach it, 32.

Both let something be added to the first layer's output, which is how masks enter a network that was trained
on images alone (Oh et al. 2018, reference-guided mask propagation, section 3.1).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.models.backbones.mobilenet_v3 import MobileNetV3

EXPANSION = 4
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # planes, blocks, stride of ResNet-50


class MobileNetV3Pyramid(MobileNetV3):
    """MobileNetV3-small up to stride 16: B×3×S×S (BGR, 0..255) → 24 channels at stride 8, 96 at stride 16."""

    stem_channels = 16
    stem_kernel = 3
    out_channels: tuple[int, ...] = (24, 96)

    def maps(self, x: Tensor, added: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the maps, finest first; `added` (B×16×⌈S/2⌉×⌈S/2⌉) joins the first convolution's output."""
        y = self.stem(x)
        y = F.hardswish(y if added is None else y + added)
        y = self.blocks[:3](y)
        return y, self.blocks[3:](y)


class Bottleneck(nn.Module):
    """1×1, 3×3 (which strides), 1×1 with a shortcut, as in torchvision's ResNet-50, whose names it has."""

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        outputs = planes * EXPANSION
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + shortcut)


class ResNet50Pyramid(nn.Module):
    """ResNet-50 (He et al. 2016): B×3×S×S (BGR, 0..255) → 512, 1024 and 2048 channels at strides 8, 16 and 32."""

    stem_channels = 64
    stem_kernel = 7
    out_channels: tuple[int, ...] = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (planes, count, stride) in enumerate(STAGES, 1):
            blocks = [Bottleneck(inputs, planes, stride)]
            inputs = planes * EXPANSION
            blocks += [Bottleneck(inputs, planes, 1) for _ in range(count - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))

    def maps(self, x: Tensor, added: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the maps, finest first; `added` (B×64×⌈S/2⌉×⌈S/2⌉) joins the first convolution's output."""
        y = self.conv1(x)
        y = F.max_pool2d(F.relu(self.bn1(y if added is None else y + added)), 3, 2, 1)
        maps = []
        for number in range(1, len(STAGES) + 1):
            y = self.get_submodule(f"layer{number}")(y)
            maps.append(y)
        return tuple(maps[1:])


def make_pyramid(backbone: str) -> MobileNetV3Pyramid | ResNet50Pyramid:
    """Return the backbone called "mobilenetv3" or "resnet50"; raises `ValueError` for another name."""
    if backbone == "mobilenetv3":
        return MobileNetV3Pyramid()
    if backbone == "resnet50":
        return ResNet50Pyramid()
    raise ValueError(f"there is no pyramid of {backbone!r}; known: mobilenetv3, resnet50")
