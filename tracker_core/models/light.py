"""The default network: a light SiamRPN++ for the CPU.

A MobileNetV3-small backbone to stride 16, two correlations side by side — depthwise with the exemplar's centre
(SiamRPN++, section 3.4) and pixel-wise with every exemplar cell (PG-Net, Alpha-Refine; the arrangement is
NanoTrack's) — and two towers of depthwise separable convolutions that end in a region proposal head. The pixel-wise
similarities are also averaged inside and outside the exemplar's box, so that the head knows which part of the exemplar
is the target.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tracker_core.models.backbones.mobilenet_v3 import MobileNetV3
from tracker_core.models.correlation import correlate_depthwise
from tracker_core.models.network import Network

FEATURES = 96  # channels of the backbone
EXEMPLAR_CELLS = 8  # the exemplar's feature map is 8 × 8


class PixelwiseCorrelation(nn.Module):
    """Similarity of every search cell with each of the 64 exemplar cells, gated per exemplar cell."""

    def __init__(self) -> None:
        super().__init__()
        cells = EXEMPLAR_CELLS**2
        self.kernel = nn.Conv2d(FEATURES, FEATURES, 1)
        self.search = nn.Conv2d(FEATURES, FEATURES, 1)
        self.gate_reduce = nn.Conv2d(cells, cells, 1)
        self.gate_expand = nn.Conv2d(cells, cells, 1)
        self.smooth = nn.Conv2d(cells, cells, 2, groups=cells)
        self.mix = nn.Conv2d(cells, cells, 1)

    def template(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return what turns a search cell into its similarities: weights B×64×96 and offsets B×64×1.

        A similarity is the dot product of an exemplar's cell, k, with a search cell that went through the 1 × 1
        convolution `search`: k · (W x + b) = (k W) · x + k · b. What holds for every search is worked out here, once.
        """
        cells = self.kernel(z).flatten(2).transpose(1, 2)
        assert self.search.bias is not None
        return torch.matmul(cells, self.search.weight.flatten(1)), torch.matmul(cells, self.search.bias[:, None])

    def forward(self, similarity: Tensor) -> Tensor:
        """Return B×64×(h−1)×(w−1) gated and smoothed similarities, which `mix` follows."""
        mean = F.adaptive_avg_pool2d(similarity, 1)
        gate = torch.sigmoid(self.gate_expand(F.relu(self.gate_reduce(mean))))
        return F.relu6(self.smooth(similarity * gate))


class Branch(nn.Module):
    """One of the two halves of the head: both correlations, fused, and a tower down to `outputs` channels."""

    def __init__(self, depth: int, outputs: int, box_cues: bool) -> None:
        super().__init__()
        self.pixelwise = PixelwiseCorrelation()
        self.depthwise_kernel = nn.Conv2d(FEATURES, FEATURES, 1)
        self.depthwise_search = nn.Conv2d(FEATURES, FEATURES, 1)
        self.fuse = nn.Conv2d(EXEMPLAR_CELLS**2 + FEATURES, FEATURES, 1)
        self.cues = nn.Conv2d(2, FEATURES, 2) if box_cues else None
        tower: list[nn.Module] = []
        for _ in range(depth):
            tower += [nn.Conv2d(FEATURES, FEATURES, 3, 1, 1, groups=FEATURES), nn.ReLU6()]
            tower += [nn.Conv2d(FEATURES, FEATURES, 1)]
        self.tower = nn.Sequential(*tower)
        self.output = nn.Conv2d(FEATURES, outputs, 1)

    def template(self, z: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return weights B×R×96 and offsets B×R×1 of the similarities, and the depthwise kernel B×96×4×4.

        R is 64, and two more for the box cues; z (B×96×8×8) are the exemplar's features, `inside` is B×64 in 0..1.
        """
        weights, offsets = self.pixelwise.template(z)
        if self.cues is not None:
            means = cue_weights(inside)
            weights = torch.cat((weights, torch.matmul(means, weights)), 1)
            offsets = torch.cat((offsets, torch.matmul(means, offsets)), 1)
        return weights, offsets, self.depthwise_kernel(z[:, :, 2:6, 2:6])

    def forward(self, similarity: Tensor, kernel: Tensor, x: Tensor) -> Tensor:
        """Return B×outputs×h×w of the similarities B×R×h×w and the search region's features x (B×96×h×w)."""
        cells = similarity[:, : EXEMPLAR_CELLS**2]
        depthwise = correlate_depthwise(self.depthwise_search(x), kernel, padding=1)
        # the fusing convolution in two halves: what they join need not be copied
        from_cells, from_kernel = torch.split(self.fuse.weight, [EXEMPLAR_CELLS**2, FEATURES], 1)
        fused = convolve_twice(self.pixelwise(cells), self.pixelwise.mix, from_cells, self.fuse.bias)
        fused = fused + F.conv2d(depthwise, from_kernel)
        if self.cues is not None:
            fused = fused + self.cues(similarity[:, EXEMPLAR_CELLS**2 :])
        return convolve_twice(self.tower[:-1](fused), self.tower[-1], self.output.weight, self.output.bias)


def convolve_twice(x: Tensor, first: nn.Module, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return what a 1 × 1 convolution `first` and another right behind it make of x: with no activation between, one.

    An exported network holds their product as one constant.
    """
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    outer = weight.flatten(1)
    product = torch.matmul(outer, first.weight.flatten(1))
    offset = torch.matmul(outer, first.bias)
    return F.conv2d(x, product[:, :, None, None], offset if bias is None else offset + bias)


def cue_weights(inside: Tensor) -> Tensor:
    """Return B×2×64, which turn similarities into their means inside and outside the box; `inside` is B×64 in 0..1."""
    weights = torch.stack((inside, 1 - inside), 1)
    # similarities are sums over 96 channels; the root brings them to the size of ordinary activations
    result: Tensor = weights / weights.sum(2, keepdim=True).clamp_min(1e-3) / FEATURES**0.5
    return result


def cells_inside(exemplar_wh: Tensor, exemplar_size: int = 127) -> Tensor:
    """Return how much of each of the 8 × 8 exemplar cells the centred box covers: B×2 crop pixels → B×64 in 0..1."""
    cell = exemplar_size / EXEMPLAR_CELLS
    edges = torch.arange(EXEMPLAR_CELLS, device=exemplar_wh.device, dtype=exemplar_wh.dtype) * cell - exemplar_size / 2
    half = exemplar_wh[:, :, None] / 2  # B×2×1
    covered = (torch.minimum(edges + cell, half) - torch.maximum(edges, -half)).clamp(0, cell) / cell  # B×2×8
    return (covered[:, 1, :, None] * covered[:, 0, None, :]).flatten(1)


class LightSiamRPN(Network):
    """SiamRPN++ on MobileNetV3-small: 127² exemplar, 255² search region, 15 × 15 positions at stride 16.

    Args:
        anchors: K, anchors per position.
        box_cues: whether the head is told the exemplar's box.
    """

    def __init__(self, anchors: int = 3, box_cues: bool = True) -> None:
        super().__init__()
        self.takes_exemplar_size = box_cues
        self.trunk = MobileNetV3()
        self.cls = Branch(6, 2 * anchors, box_cues)
        self.loc = Branch(6, 4 * anchors, box_cues)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return what the search needs of the exemplar z (B×3×127×127, BGR 0..255) and its box size (B×2, pixels)."""
        features = self.trunk(z)
        if exemplar_wh is None:
            exemplar_wh = torch.full((z.shape[0], 2), z.shape[-1] / 2, device=z.device)
        inside = cells_inside(exemplar_wh, z.shape[-1])
        cls, loc = self.cls.template(features, inside), self.loc.template(features, inside)
        # one product with the search region for both branches
        return torch.cat((cls[0], loc[0]), 1), torch.cat((cls[1], loc[1]), 1), cls[2], loc[2]

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×15×15 (background first) and loc B×4K×15×15 for search regions x (B×3×255×255, BGR)."""
        weights, offsets, cls_kernel, loc_kernel = template
        features = self.trunk(x)
        similarity = torch.matmul(weights, features.flatten(2)) + offsets
        rows = weights.shape[1] // 2
        for_cls, for_loc = torch.split(similarity.reshape(-1, 2 * rows, *features.shape[2:]), rows, 1)
        return self.cls(for_cls, cls_kernel, features), self.loc(for_loc, loc_kernel, features)
