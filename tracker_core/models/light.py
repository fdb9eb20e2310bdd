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

    def template(self, z: Tensor) -> Tensor:
        """Return the exemplar's cells as rows: B×96×8×8 → B×64×96."""
        cells: Tensor = self.kernel(z).flatten(2).transpose(1, 2)
        return cells

    def similarities(self, cells: Tensor, x: Tensor) -> Tensor:
        """Return B×64×h×w dot products of search cells (B×96×h×w) with exemplar cells (B×64×96)."""
        searched = self.search(x)
        rows, columns = searched.shape[2:]
        result: Tensor = torch.matmul(cells, searched.flatten(2)).reshape(-1, EXEMPLAR_CELLS**2, rows, columns)
        return result

    def forward(self, similarity: Tensor) -> Tensor:
        mean = similarity.mean((2, 3), keepdim=True)
        gate = torch.sigmoid(self.gate_expand(F.relu(self.gate_reduce(mean))))
        result: Tensor = self.mix(F.relu6(self.smooth(similarity * gate)))
        return result


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

    def template(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pixel-wise cells B×64×96 and the depthwise kernel B×96×4×4 of exemplar features B×96×8×8."""
        return self.pixelwise.template(z), self.depthwise_kernel(z[:, :, 2:6, 2:6])

    def forward(self, cells: Tensor, kernel: Tensor, inside: Tensor, x: Tensor) -> Tensor:
        similarity = self.pixelwise.similarities(cells, x)
        depthwise = correlate_depthwise(self.depthwise_search(x), kernel, padding=1)
        fused = self.fuse(torch.cat((self.pixelwise(similarity), depthwise), 1))
        if self.cues is not None:
            fused = fused + self.cues(box_cues(similarity, inside))
        result: Tensor = self.output(self.tower(fused))
        return result


def box_cues(similarity: Tensor, inside: Tensor) -> Tensor:
    """Return B×2×h×w: mean similarity with exemplar cells inside and outside the box; `inside` is B×64 in 0..1."""
    weights = torch.stack((inside, 1 - inside), 1)
    weights = weights / weights.sum(2, keepdim=True).clamp_min(1e-3)
    rows, columns = similarity.shape[2:]
    # similarities are sums over 96 channels; this brings them to the size of ordinary activations
    result: Tensor = torch.matmul(weights, similarity.flatten(2)).reshape(-1, 2, rows, columns) / FEATURES**0.5
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
        return (*self.cls.template(features), *self.loc.template(features), cells_inside(exemplar_wh, z.shape[-1]))

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×15×15 (background first) and loc B×4K×15×15 for search regions x (B×3×255×255, BGR)."""
        cls_cells, cls_kernel, loc_cells, loc_kernel, inside = template
        features = self.trunk(x)
        return (
            self.cls(cls_cells, cls_kernel, inside, features),
            self.loc(loc_cells, loc_kernel, inside, features),
        )
