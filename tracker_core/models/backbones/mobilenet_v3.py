"""MobileNetV3-small up to stride 16 (Howard et al. 2019), batch norm folded into the convolutions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

# (kernel, expanded channels, output channels, squeeze-and-excitation channels or 0, hard swish, stride)
BLOCKS = (
    (3, 16, 16, 8, False, 2),
    (3, 72, 24, 0, False, 2),
    (3, 88, 24, 0, False, 1),
    (5, 96, 40, 24, True, 2),
    (5, 240, 40, 64, True, 1),
    (5, 240, 40, 64, True, 1),
    (5, 120, 48, 32, True, 1),
    (5, 144, 48, 40, True, 1),
    (5, 288, 96, 72, True, 1),
)


class SqueezeExcitation(nn.Module):
    """Weights channels by a gate computed from their means."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.hardsigmoid(self.expand(F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))))
        return x * gate


class InvertedResidual(nn.Module):
    """Expand, filter depthwise, project; a shortcut where shapes allow it (MobileNetV3)."""

    def __init__(
        self, inputs: int, kernel: int, expanded: int, outputs: int, hidden: int, hard_swish: bool, stride: int
    ) -> None:
        super().__init__()
        self.activation: nn.Module = nn.Hardswish() if hard_swish else nn.ReLU()
        self.expand = nn.Conv2d(inputs, expanded, 1) if expanded != inputs else None
        self.depthwise = nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded)
        self.gate = SqueezeExcitation(expanded, hidden) if hidden else None
        # the published order: gate before the activation in hard-swish blocks, after it in ReLU blocks
        self.gate_first = hard_swish
        self.project = nn.Conv2d(expanded, outputs, 1)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.expand(x)) if self.expand is not None else x
        y = self.depthwise(y)
        if self.gate is None:
            y = self.activation(y)
        elif self.gate_first:
            y = self.activation(self.gate(y))
        else:
            y = self.gate(self.activation(y))
        projected: Tensor = self.project(y)
        return x + projected if self.has_shortcut else projected


class MobileNetV3(nn.Module):
    """MobileNetV3-small up to stride 16: B×3×S×S (BGR, 0..255) → B×96×⌈S/16⌉×⌈S/16⌉."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        blocks = []
        inputs = 16
        for kernel, expanded, outputs, hidden, hard_swish, stride in BLOCKS:
            blocks.append(InvertedResidual(inputs, kernel, expanded, outputs, hidden, hard_swish, stride))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.blocks(F.hardswish(self.stem(x)))
        return result
