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
from tracker_core.models.correlation import correlate_depthwise, correlate_up_channel
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

    def template(self, z: Tensor, inside: Tensor) -> tuple[Tensor, ...]:
        """Return weights B×64×96 and offsets B×64×1 of the similarities, the depthwise kernel B×96×4×4, and box cues.

        The cues are weights B×2×96 and offsets B×2×1 as well. z (B×96×8×8) are the exemplar's features, `inside` is
        B×64 in 0..1.
        """
        weights, offsets = self.pixelwise.template(z)
        kernel = self.depthwise_kernel(z[:, :, 2:6, 2:6])
        if self.cues is None:
            return weights, offsets, kernel
        means = cue_weights(inside)
        return weights, offsets, kernel, torch.matmul(means, weights), torch.matmul(means, offsets)

    def fused(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the fusing convolution in two halves, so that what they join need not be copied.

        They are weight and bias of the half that reads cells, taken together with the convolution `mix` before it, and
        the weight of the half that reads channels.
        """
        from_cells, from_channels = torch.split(self.fuse.weight, [EXEMPLAR_CELLS**2, FEATURES], 1)
        return *product(self.pixelwise.mix, from_cells, self.fuse.bias), from_channels

    def end(self) -> tuple[Tensor, Tensor]:
        """Return the tower's last convolution and the output's, taken together."""
        last = self.tower[-1]
        assert isinstance(last, nn.Conv2d)
        return product(last, self.output.weight, self.output.bias)


def product(first: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a 1 × 1 convolution and another right behind it: with no activation between, one.

    An exported network holds them as constants.
    """
    assert first.bias is not None
    outer = weight.flatten(1)
    offset = torch.matmul(outer, first.bias)
    return torch.matmul(outer, first.weight.flatten(1))[:, :, None, None], offset if bias is None else offset + bias


def side_by_side(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    """Return what two convolutions of one shape make of the halves of x's channels: one convolution in groups."""
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    weight, bias = joined(first, second)
    return F.conv2d(x, weight, bias, first.stride, padding=first.padding, groups=2 * first.groups)


def joined(first: nn.Conv2d, second: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Return the weights of two convolutions one after the other, and their biases."""
    assert first.bias is not None
    assert second.bias is not None
    return torch.cat((first.weight, second.weight)), torch.cat((first.bias, second.bias))


def on_the_diagonal(first: Tensor, second: Tensor) -> Tensor:
    """Return weights (O₁ + O₂)×(I₁ + I₂)×k×k of two convolutions O×I×k×k, each of which sees its own inputs only."""
    upper = torch.cat((first, first.new_zeros(len(first), *second.shape[1:])), 1)
    return torch.cat((upper, torch.cat((second.new_zeros(len(second), *first.shape[1:]), second), 1)))


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
        return tuple(torch.cat(both, 1) for both in zip(cls, loc, strict=True))

    def search(self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return cls B×2K×15×15 (background first) and loc B×4K×15×15 for search regions x (B×3×255×255, BGR).

        The branches are alike and go side by side, the channels of `cls` first: half as many operators, of twice the
        size, keep more of a processor busy.
        """
        cls, loc = self.cls, self.loc
        weights, offsets, kernel = template[:3]
        features = self.trunk(x)
        by_cell = self._gated(similarities(features, weights, offsets))
        searched = F.conv2d(features, *joined(cls.depthwise_search, loc.depthwise_search))
        by_channel = correlate_depthwise(searched, kernel, padding=1)
        from_cells, biases, from_channels = (torch.cat(both) for both in zip(cls.fused(), loc.fused(), strict=True))
        fused = F.conv2d(by_channel, from_channels, groups=2)
        fused = fused + F.conv2d(by_cell, from_cells, biases, groups=2)
        if cls.cues is not None and loc.cues is not None:
            weight = on_the_diagonal(cls.cues.weight, loc.cues.weight)
            fused = fused + F.conv2d(similarities(features, *template[3:]), weight, joined(cls.cues, loc.cues)[1])
        return self._outputs(fused)

    def _gated(self, similarity: Tensor) -> Tensor:
        """Return B×128×(h−1)×(w−1) gated and smoothed similarities."""
        cls, loc = self.cls.pixelwise, self.loc.pixelwise
        mean = F.adaptive_avg_pool2d(similarity, 1)
        hidden = F.relu(side_by_side(mean, cls.gate_reduce, loc.gate_reduce))
        gate = torch.sigmoid(side_by_side(hidden, cls.gate_expand, loc.gate_expand))
        return F.relu6(side_by_side(similarity * gate, cls.smooth, loc.smooth))

    def _outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what both towers and output layers make of x (B×192×h×w)."""
        for first, second in zip(list(self.cls.tower)[:-1], list(self.loc.tower)[:-1], strict=True):
            x = side_by_side(x, first, second) if isinstance(first, nn.Conv2d) else first(x)
        (cls, cls_bias), (loc, loc_bias) = self.cls.end(), self.loc.end()
        outputs = F.conv2d(x, on_the_diagonal(cls, loc), torch.cat((cls_bias, loc_bias)))
        return torch.split(outputs, [len(cls), len(loc)], 1)


def similarities(features: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """Return B×R×h×w of the search region's features B×96×h×w and a template's weights B×R×96 and offsets B×R×1."""
    return correlate_up_channel(features, weights.reshape(len(weights), -1, 1, 1)) + offsets[..., None]
