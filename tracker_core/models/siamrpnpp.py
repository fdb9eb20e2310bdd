"""SiamRPN++ (Li et al. 2019): depthwise correlation on AlexNet, MobileNetV2 or a dilated ResNet-50."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tracker_core.models.backbones.alexnet import AlexNet
from tracker_core.models.backbones.mobilenet_v2 import MobileNetV2
from tracker_core.models.backbones.resnet_atrous import ResNet50
from tracker_core.models.heads import DepthwiseRPN, MultiLevelRPN
from tracker_core.models.network import Network

EXEMPLAR_CELLS = 7  # of the 15 × 15 cells of an exemplar only the middle is kept
LEVEL_CHANNELS = 256


class AdjustLayer(nn.Module):
    """Brings a level to 256 channels, and an exemplar's map (narrower than 20 cells) to its middle 7 × 7."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.downsample(x)
        if y.shape[3] < 20:
            first = (y.shape[3] - EXEMPLAR_CELLS) // 2
            y = y[:, :, first : first + EXEMPLAR_CELLS, first : first + EXEMPLAR_CELLS]
        return y


class AdjustLevels(nn.Module):
    """One adjust layer per level, named as published."""

    def __init__(self, inputs: Sequence[int]) -> None:
        super().__init__()
        self.names = [f"downsample{number}" for number in range(2, 2 + len(inputs))]
        for name, channels in zip(self.names, inputs, strict=True):
            self.add_module(name, AdjustLayer(channels, LEVEL_CHANNELS))

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(self.get_submodule(name)(x) for name, x in zip(self.names, maps, strict=True))


class SiamRPNPP(Network):
    """SiamRPN++ with one level (AlexNet) or three.

    Args:
        backbone: "alexnet", "mobilenetv2" or "resnet50".
        anchors: K, anchors per position.
        width: channel multiplier of MobileNetV2 (published 1.4) and AlexNet (published 1).
        weighted: whether levels are mixed by learned weights, as the published ResNet-50 does.
    """

    def __init__(self, backbone: str, anchors: int = 5, width: float = 1.0, weighted: bool = False) -> None:
        super().__init__()
        self.backbone: AlexNet | MobileNetV2 | ResNet50
        if backbone == "alexnet":
            self.backbone = AlexNet(width)
        elif backbone == "mobilenetv2":
            self.backbone = MobileNetV2(width)
        elif backbone == "resnet50":
            self.backbone = ResNet50()
        else:
            raise ValueError(f"SiamRPN++ has no backbone {backbone!r}; known: alexnet, mobilenetv2, resnet50")
        channels = self.backbone.out_channels
        self.neck = AdjustLevels(channels) if len(channels) > 1 else None
        self.rpn_head: DepthwiseRPN | MultiLevelRPN
        if self.neck is None:
            self.rpn_head = DepthwiseRPN(anchors, channels[0])
        else:
            self.rpn_head = MultiLevelRPN(anchors, [LEVEL_CHANNELS] * len(channels), weighted)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the correlation kernels of exemplars z (B×3×127×127, BGR 0..255)."""
        maps = self.backbone(z)
        if self.neck is None:
            return tuple(self.rpn_head.template(maps[0]))
        return tuple(self.rpn_head.template(self.neck(maps)))

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×h×w and loc B×4K×h×w for search regions x (B×3×S×S, BGR 0..255)."""
        maps = self.backbone(x)
        levels = maps[0] if self.neck is None else self.neck(maps)
        cls, loc = self.rpn_head(template, levels)
        return cls, loc
