"""SiamRPN with up-channel correlation (Li et al. 2018), as released with DaSiamRPN (Zhu et al. 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from tracker_core.models.backbones.alexnet import AlexNet
from tracker_core.models.backbones.pyramids import MobileNetV3Pyramid
from tracker_core.models.correlation import correlate_up_channel
from tracker_core.models.network import Network


class SiamRPN(Network):
    """AlexNet and kernels that grow with the anchors: `width` 1 is the VOT and the OTB net, 2 the widest one.

    There is no activation and no batch norm in the head; only the regression has a last 1×1 convolution.
    """

    def __init__(self, anchors: int = 5, width: float = 1.0) -> None:
        super().__init__()
        self.backbone = AlexNet(width)
        channels = self.backbone.out_channels[0]
        self.loc_kernel = nn.Conv2d(channels, channels * 4 * anchors, 3)
        self.loc_search = nn.Conv2d(channels, channels, 3)
        self.cls_kernel = nn.Conv2d(channels, channels * 2 * anchors, 3)
        self.cls_search = nn.Conv2d(channels, channels, 3)
        self.loc_adjust = nn.Conv2d(4 * anchors, 4 * anchors, 1)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the kernels of classification (B×2KC×4×4) and regression (B×4KC×4×4) of exemplars z (B×3×127×127)."""
        (features,) = self.backbone(z)
        return self.cls_kernel(features), self.loc_kernel(features)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×h×w and loc B×4K×h×w for search regions x (B×3×S×S, BGR 0..255)."""
        cls_kernel, loc_kernel = template
        (features,) = self.backbone(x)
        cls = correlate_up_channel(self.cls_search(features), cls_kernel)
        loc = self.loc_adjust(correlate_up_channel(self.loc_search(features), loc_kernel))
        return cls, loc


class UpChannelSiamRPN(Network):
    """SiamRPN on MobileNetV3-small: 127² exemplar, 255² search region, 11 × 11 positions at stride 16.

    The kernels come from the exemplar's middle 6 × 6 cells, as in the paper, and measure 4 × 4.
    """

    def __init__(self, anchors: int = 5, channels: int = 64) -> None:
        super().__init__()
        self.trunk = MobileNetV3Pyramid()
        self.neck = nn.Conv2d(self.trunk.out_channels[1], channels, 1)
        self.loc_kernel = nn.Conv2d(channels, channels * 4 * anchors, 3)
        self.loc_search = nn.Conv2d(channels, channels, 3)
        self.cls_kernel = nn.Conv2d(channels, channels * 2 * anchors, 3)
        self.cls_search = nn.Conv2d(channels, channels, 3)
        self.loc_adjust = nn.Conv2d(4 * anchors, 4 * anchors, 1)

    def features(self, image: Tensor) -> Tensor:
        """Return B×C×⌈S/16⌉×⌈S/16⌉ of images B×3×S×S (BGR 0..255)."""
        result: Tensor = self.neck(self.trunk.maps(image)[1])
        return result

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the kernels of classification (B×2KC×4×4) and regression (B×4KC×4×4) of exemplars z (B×3×127×127)."""
        middle = self.features(z)[:, :, 1:7, 1:7]
        # brings the sums over C·16 products to the size of ordinary activations
        scale = 1 / (middle.shape[1] * 16) ** 0.5
        return self.cls_kernel(middle) * scale, self.loc_kernel(middle) * scale

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×11×11 and loc B×4K×11×11 for search regions x (B×3×255×255, BGR 0..255)."""
        cls_kernel, loc_kernel = template
        features = self.features(x)
        cls = correlate_up_channel(self.cls_search(features), cls_kernel)
        loc = self.loc_adjust(correlate_up_channel(self.loc_search(features), loc_kernel))
        return cls, loc
