"""SiamConcatRPN: exemplar and search features concatenated and mixed by global convolutions, instead of a correlation.

Masks tell the network where the target is in the exemplar and where it was in the search region; the mixing and
the refinement are those of reference-guided mask propagation (Oh et al. 2018), the heads those of SSD.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.models.backbones.pyramids import make_pyramid
from tracker_core.models.correlation import correlate_whole
from tracker_core.models.default_box_head import DefaultBoxHead
from tracker_core.models.network import Network

KERNELS = (11, 9, 7)  # of the global convolutions at strides 8, 16 and 32
GUIDE_CELLS = 5  # side of the exemplar's middle that the correlation guide looks for, in cells of 16 pixels


class Residual(nn.Module):
    """x plus two 3×3 convolutions of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.conv2(F.relu(self.conv1(F.relu(x))))
        return result


class GlobalConvolution(nn.Module):
    """k×1 followed by 1×k, plus 1×k followed by k×1, and a residual refinement (Peng et al. 2017)."""

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        tall, wide = (kernel, 1), (1, kernel)
        pad_tall, pad_wide = (kernel // 2, 0), (0, kernel // 2)
        self.left = nn.Sequential(
            nn.Conv2d(inputs, channels, tall, padding=pad_tall), nn.Conv2d(channels, channels, wide, padding=pad_wide)
        )
        self.right = nn.Sequential(
            nn.Conv2d(inputs, channels, wide, padding=pad_wide), nn.Conv2d(channels, channels, tall, padding=pad_tall)
        )
        self.refine = Residual(channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.refine(self.left(x) + self.right(x))
        return result


class Refine(nn.Module):
    """Merges the finer search features, and what was mixed at their stride, with the coarser answer, upsampled."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.search = nn.Conv2d(inputs, channels, 3, padding=1)
        self.before = Residual(channels)
        self.after = Residual(channels)

    def forward(self, searched: Tensor, mixed: Tensor, coarser: Tensor) -> Tensor:
        upsampled = F.interpolate(coarser, size=mixed.shape[2:], mode="bilinear", align_corners=False)
        result: Tensor = self.after(self.before(self.search(searched)) + mixed + upsampled)
        return result


def box_mask(boxes_cxcywh: Tensor, size: int) -> Tensor:
    """Return B×1×size×size, how much of each pixel a box covers (0..1); boxes B×4 in pixels around the centre."""
    edges = torch.arange(size, device=boxes_cxcywh.device, dtype=boxes_cxcywh.dtype) - size / 2
    low = (boxes_cxcywh[:, :2] - boxes_cxcywh[:, 2:] / 2)[:, :, None]  # B×2×1
    high = (boxes_cxcywh[:, :2] + boxes_cxcywh[:, 2:] / 2)[:, :, None]
    covered = (torch.minimum(edges + 1, high) - torch.maximum(edges, low)).clamp(0, 1)  # B×2×size
    return (covered[:, 1, :, None] * covered[:, 0, None, :])[:, None]


class SiamConcatRPN(Network):
    """Exemplar and search region of one size (300² as published), default boxes on six maps: 38, 19, 10, 5, 3, 1.

    Args:
        backbone: "resnet50" or "mobilenetv3", which gets a strided convolution in place of its stride 32.
        boxes: default boxes per position, map by map, finest first.
        channels: of everything behind the backbone.
        correlation_guide: whether a third output tells where the exemplar's middle correlates with the search region.
    """

    takes_exemplar_size = True
    takes_guide = True

    def __init__(
        self,
        backbone: str = "resnet50",
        boxes: Sequence[int] = (4, 6, 6, 6, 4, 4),
        channels: int = 256,
        correlation_guide: bool = False,
    ) -> None:
        super().__init__()
        self.correlation_guide = correlation_guide
        self.trunk = make_pyramid(backbone)
        stem, kernel = self.trunk.stem_channels, self.trunk.stem_kernel
        self.exemplar_mask = nn.Conv2d(1, stem, kernel, 2, kernel // 2, bias=False)
        self.guide_mask = nn.Conv2d(1, stem, kernel, 2, kernel // 2, bias=False)
        widths = list(self.trunk.out_channels)
        self.coarser: nn.Module | None = None
        if len(widths) < len(KERNELS):
            self.coarser = nn.Sequential(nn.Conv2d(widths[-1], widths[-1], 3, 2, 1), nn.ReLU(inplace=True))
            widths.append(widths[-1])
        self.mix = nn.ModuleList(
            GlobalConvolution(2 * width, channels, kernel) for width, kernel in zip(widths, KERNELS, strict=True)
        )
        self.refine = nn.ModuleList(Refine(width, channels) for width in widths[:-1])
        self.extra = nn.ModuleList(nn.Conv2d(channels, channels, 3, 2, 1) for _ in range(2))
        self.whole = nn.Conv2d(channels, channels, 1)
        self.head = DefaultBoxHead(channels, boxes)

    def features(self, image: Tensor, added: Tensor) -> tuple[Tensor, ...]:
        """Return the maps at strides 8, 16 and 32 of images B×3×S×S (BGR 0..255) with a mask's convolution."""
        maps = self.trunk.maps(image, added)
        return maps if self.coarser is None else (*maps, self.coarser(maps[-1]))

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the maps of exemplars z (B×3×S×S, BGR 0..255) whose centred target measures `exemplar_wh` (B×2)."""
        if exemplar_wh is None:
            exemplar_wh = torch.full((z.shape[0], 2), z.shape[-1] / 4, device=z.device)
        box = torch.cat((torch.zeros_like(exemplar_wh), exemplar_wh), 1)
        maps = self.features(z, self.exemplar_mask(box_mask(box, z.shape[-1])))
        if not self.correlation_guide:
            return maps
        middle = maps[1].shape[-1] // 2
        near = slice(middle - GUIDE_CELLS // 2, middle + GUIDE_CELLS // 2 + 1)
        return *maps, F.normalize(maps[1][:, :, near, near], dim=1)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2×N (background first) and loc B×4×N for search regions x (B×3×S×S, BGR 0..255).

        `guide_cxcywh` (B×4, pixels around the centre) is the box of the frame before; None is the middle quarter.
        With the correlation guide, the third output is SiamFC's response at stride 16, B×1×h×w, of unit vectors.
        """
        if guide_cxcywh is None:
            side = x.shape[-1] / 4
            guide_cxcywh = torch.tensor([[0.0, 0.0, side, side]], device=x.device).expand(x.shape[0], -1)
        searched = self.features(x, self.guide_mask(box_mask(guide_cxcywh, x.shape[-1])))
        mixed = [mix(torch.cat((z, s), 1)) for mix, z, s in zip(self.mix, template[:3], searched, strict=True)]
        refined = [mixed[-1]]
        for level in (1, 0):
            refined.insert(0, self.refine[level](searched[level], mixed[level], refined[0]))
        for layer in self.extra:
            refined.append(F.relu(layer(refined[-1])))
        refined.append(F.relu(self.whole(refined[-1].mean((2, 3), keepdim=True))))
        cls, loc = self.head(refined)
        if not self.correlation_guide:
            return cls, loc
        padded = F.pad(F.normalize(searched[1], dim=1), (GUIDE_CELLS // 2,) * 4)
        return cls, loc, correlate_whole(padded, template[3])
