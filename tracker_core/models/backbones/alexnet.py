"""AlexNet without padding, total stride 8: the backbone of SiamRPN and of the smallest SiamRPN++."""

from __future__ import annotations

from torch import Tensor, nn


class AlexNet(nn.Module):
    """Five convolutions with batch norm, no padding: B×3×S×S (BGR, 0..255) → B×C×s×s, s = 6 for S = 127.

    `width` 1 has 96, 256, 384, 384, 256 channels; DaSiamRPN's widest net has `width` 2. The batch norm stands
    before the pooling and the ReLU after it, as published. Names follow the published state dicts.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (int(channels * width) for channels in (96, 256, 384, 384, 256))
        self.features = nn.Sequential(
            nn.Conv2d(3, c1, 11, 2),
            nn.BatchNorm2d(c1),
            nn.MaxPool2d(3, 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(c1, c2, 5),
            nn.BatchNorm2d(c2),
            nn.MaxPool2d(3, 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(c2, c3, 3),
            nn.BatchNorm2d(c3),
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, 3),
            nn.BatchNorm2d(c4),
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, 3),
            nn.BatchNorm2d(c5),
        )
        self.out_channels = (c5,)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the one feature map, as a tuple like every backbone."""
        return (self.features(x),)
