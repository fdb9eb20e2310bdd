"""ResNet-50 with dilated last stages, total stride 8, as SiamRPN++ uses it (Li et al. 2019, section 3.2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 with a shortcut. A strided 3×3 goes without padding; a stage's first block dilates by half."""

    def __init__(self, inputs: int, planes: int, stride: int = 1, dilation: int = 1, is_first: bool = False) -> None:
        super().__init__()
        outputs = planes * EXPANSION
        if is_first and dilation > 1:
            dilation //= 2
        padding = dilation if dilation > 1 else 2 - stride
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + shortcut)


def make_stage(inputs: int, planes: int, count: int, stride: int, dilation: int) -> nn.Sequential:
    """Return one stage; its shortcut is a 1×1 in the first stage and a 3×3 where the map strides or dilates."""
    outputs = planes * EXPANSION
    first = Bottleneck(inputs, planes, stride, dilation, is_first=True)
    if stride == 1 and dilation == 1:
        shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
    elif dilation > 1:
        half = dilation // 2
        shortcut = nn.Conv2d(inputs, outputs, 3, stride, half, half, bias=False)
    else:
        shortcut = nn.Conv2d(inputs, outputs, 3, stride, 0, bias=False)
    first.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))
    rest = [Bottleneck(outputs, planes, 1, dilation) for _ in range(count - 1)]
    return nn.Sequential(first, *rest)


class ResNet50(nn.Module):
    """B×3×S×S (BGR, 0..255) → the maps of stages 2, 3 and 4, all at stride 8 (15 × 15 for S = 127)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = make_stage(64, 64, 3, 1, 1)
        self.layer2 = make_stage(256, 128, 4, 2, 1)
        self.layer3 = make_stage(512, 256, 6, 1, 2)
        self.layer4 = make_stage(1024, 512, 3, 1, 4)
        self.out_channels = (512, 1024, 2048)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of the last three stages."""
        x = self.layer1(self.maxpool(F.relu(self.bn1(self.conv1(x)))))
        second = self.layer2(x)
        third = self.layer3(second)
        return second, third, self.layer4(third)
