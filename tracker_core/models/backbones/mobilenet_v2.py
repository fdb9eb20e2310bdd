"""MobileNetV2 with dilation instead of the last strides, total stride 8, as SiamRPN++ uses it."""

from __future__ import annotations

from torch import Tensor, nn

# (expansion, channels, blocks, stride, dilation) of stages 1 to 7
STAGES = (
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 1),
    (6, 64, 4, 1, 2),
    (6, 96, 3, 1, 2),
    (6, 160, 3, 1, 4),
    (6, 320, 1, 1, 4),
)
USED_STAGES = (3, 5, 7)


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project (Sandler et al. 2018). A stride of 2 goes without padding, as published."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, dilation: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        padding = dilation if dilation > 1 else 2 - stride
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, padding, dilation, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.has_shortcut else y


class MobileNetV2(nn.Module):
    """B×3×S×S (BGR, 0..255) → three maps of the stages 3, 5 and 7, all at stride 8 (15 × 15 for S = 127)."""

    def __init__(self, width: float = 1.4) -> None:
        super().__init__()
        inputs = int(32 * width)
        self.layer0 = nn.Sequential(
            nn.Conv2d(3, inputs, 3, 2, 0, bias=False), nn.BatchNorm2d(inputs), nn.ReLU6(inplace=True)
        )
        previous_dilation = 1
        for number, (expansion, channels, count, stride, dilation) in enumerate(STAGES, 1):
            outputs = int(channels * width)
            # the first block of a stage that dilates more does so by half
            first = dilation if dilation == previous_dilation else max(dilation // 2, 1)
            blocks = [InvertedResidual(inputs, outputs, stride, expansion, first)]
            blocks += [InvertedResidual(outputs, outputs, 1, expansion, dilation) for _ in range(count - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs, previous_dilation = outputs, dilation
        self.out_channels = tuple(int(STAGES[number - 1][1] * width) for number in USED_STAGES)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of the used stages."""
        maps = []
        x = self.layer0(x)
        for number in range(1, len(STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
            if number in USED_STAGES:
                maps.append(x)
        return tuple(maps)
