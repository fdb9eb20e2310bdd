"""The larger network for the CPU: FEAR's backbone and pixel-wise correlation, with anchors.

Borsuk et al., FEAR: Fast, Efficient, Accurate and Robust Visual Tracker (2022): every search cell is compared with
every cell of the exemplar (section 3.2); two towers of depthwise separable convolutions score and place boxes. A box is
told by the logarithms of its four distances from a cell, as FEAR does, and handed on as the deltas of an anchor there.
The exemplar is cut tighter than SiamRPN's, and both crops are stretched to the target's shape (`crops.Framing`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tracker_core.models.backbones.fbnet import FEATURES, FBNet
from tracker_core.models.network import Network

EXEMPLAR_CELLS = 8  # the exemplar's feature map is 8 × 8


def separable(inputs: int, outputs: int, bias: bool = True) -> nn.Sequential:
    """Return a depthwise 3×3 convolution and a 1×1 convolution with nothing between."""
    depthwise = nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=bias)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1))


class PixelwiseBranch(nn.Module):
    """Encode the search region, compare it with the exemplar cell by cell, and predict `outputs` channels."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.encode = separable(FEATURES, FEATURES, bias=False)
        self.mix = separable(FEATURES + EXEMPLAR_CELLS**2, FEATURES)
        tower: list[nn.Module] = []
        for _ in range(2):
            tower += [separable(FEATURES, FEATURES), nn.ReLU()]
        self.tower = nn.Sequential(*tower)
        self.output = separable(FEATURES, outputs)

    def forward(self, cells: Tensor, x: Tensor) -> Tensor:
        """Return B×outputs×h×w for exemplar cells B×64×256 and search features B×256×h×w."""
        encoded = torch.relu(self.encode(x))
        rows, columns = encoded.shape[2:]
        similarity = torch.matmul(cells, encoded.flatten(2)).reshape(-1, EXEMPLAR_CELLS**2, rows, columns)
        mixed = torch.relu(self.mix(torch.cat((encoded, similarity), 1)))
        result: Tensor = self.output(self.tower(mixed))
        return result


class FearSiamRPN(Network):
    """FEAR-XS with K anchors per position: 128² exemplar, 256² search region, 16 × 16 positions at stride 16."""

    def __init__(self, anchors: int = 1) -> None:
        super().__init__()
        self.trunk = FBNet()
        self.cls = PixelwiseBranch(2 * anchors)
        self.loc = PixelwiseBranch(4 * anchors)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the cells B×64×256 of exemplars z (B×3×128×128, BGR 0..255)."""
        cells: Tensor = self.trunk(z).flatten(2).transpose(1, 2)
        return (cells,)

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×16×16 (background first) and loc B×4K×16×16 for search regions x (B×3×256×256, BGR)."""
        features = self.trunk(x)
        return self.cls(template[0], features), deltas_of_distances(self.loc(template[0], features))


def deltas_of_distances(logarithms: Tensor) -> Tensor:
    """Return dx, dy, dw, dh (see `boxes.encode`) of anchors around a cell, B×4K×h×w in this order, K planes each.

    `logarithms` B×4K×h×w are those of the distances from the cell to the box's left, top, right and bottom, in halves
    of the anchor's sides, so that 0 everywhere is the anchor itself.
    """
    near, far = logarithms.exp().chunk(2, 1)
    return torch.cat(((far - near) / 4, ((near + far) / 2).log()), 1)
