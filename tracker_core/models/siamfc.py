"""SiamFC (Bertinetto et al. 2016): one response map, where the exemplar correlates with the search region."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.models.backbones.pyramids import MobileNetV3Pyramid
from tracker_core.models.correlation import correlate_whole
from tracker_core.models.network import Network


class SiamFC(Network):
    """AlexNet with the grouped convolutions of the paper's table 1, and plain correlation, total stride 8.

    `width` scales the channels (96, 256, 384, 384, 256). The response is B×1×17×17 for a 127 exemplar and a 255
    search region; its scale and offset are learned, so that a logistic loss fits it.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (int(channels * width) for channels in (96, 256, 384, 384, 256))
        self.backbone = nn.Sequential(
            nn.Conv2d(3, c1, 11, 2),
            nn.BatchNorm2d(c1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(c1, c2, 5, groups=2),
            nn.BatchNorm2d(c2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(c2, c3, 3),
            nn.BatchNorm2d(c3),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, 3, groups=2),
            nn.BatchNorm2d(c4),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, 3, groups=2),
        )
        self.adjust = nn.Conv2d(1, 1, 1)
        nn.init.constant_(self.adjust.weight, 1e-3)
        assert self.adjust.bias is not None
        nn.init.zeros_(self.adjust.bias)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the features B×C×6×6 of exemplars z (B×3×127×127, BGR 0..255)."""
        return (self.backbone(z),)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the response B×1×h×w (logits) for search regions x (B×3×S×S, BGR 0..255)."""
        return (self.adjust(correlate_whole(self.backbone(x), template[0])),)


class LightSiamFC(Network):
    """SiamFC on MobileNetV3-small: the strides 8 and 16 added at stride 8, the exemplar's middle 8 × 8 cells.

    The response has the paper's size and stride: B×1×17×17 at stride 8 for a 127 exemplar and a 255 search region.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.trunk = MobileNetV3Pyramid()
        fine, coarse = self.trunk.out_channels
        self.fine = nn.Conv2d(fine, channels, 1)
        self.coarse = nn.Conv2d(coarse, channels, 1)
        self.adjust = nn.Conv2d(1, 1, 1)
        nn.init.constant_(self.adjust.weight, 0.03)
        assert self.adjust.bias is not None
        nn.init.zeros_(self.adjust.bias)

    def features(self, image: Tensor) -> Tensor:
        """Return B×C×⌈S/8⌉×⌈S/8⌉ of images B×3×S×S (BGR 0..255), without the outermost quarter of an exemplar's map."""
        fine, coarse = self.trunk.maps(image)
        rows, columns = int(fine.shape[2]), int(fine.shape[3])  # numbers, so that an exported network knows its sizes
        added: Tensor = self.fine(fine) + F.interpolate(self.coarse(coarse), size=(rows, columns), mode="nearest")
        # padding reaches the rim of a map; without it exemplar and search region see the target alike
        return added[:, :, 4 : rows - 4, 4 : columns - 4]

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the features B×C×8×8 of exemplars z (B×3×127×127, BGR 0..255)."""
        features = self.features(z)
        # brings the sums over C·64 products to the size of ordinary activations
        return (features / features[0].numel() ** 0.5,)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the response B×1×h×w (logits) for search regions x (B×3×S×S, BGR 0..255)."""
        return (self.adjust(correlate_whole(self.features(x), template[0])),)
