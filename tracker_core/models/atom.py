"""ATOM's networks (Danelljan et al. 2019): a frozen backbone and the overlap predictor, an IoU-Net with modulation.

The predictor's layers have the names of the published release, so that its weights can be taken over by name. The
classifier, which is learned while tracking, is in `trackers/atom_classifier.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.models.backbones.pyramids import MobileNetV3Pyramid
from tracker_core.models.backbones.resnet18 import ResNet18Pyramid
from tracker_core.models.network import Network
from tracker_core.models.roi_pooling import pool_regions

STRIDES = (8, 16)
AREA_SCALE = 5  # side of a crop over that of a square target
REFERENCE_BINS, TEST_BINS = (3, 1), (5, 3)  # at stride 8 and 16


def _convolution(inputs: int, outputs: int, kernel: int = 3, padding: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, 1, padding), nn.BatchNorm2d(outputs), nn.ReLU())


class LinearBlock(nn.Module):
    """A linear layer over all bins of a region, batch norm and ReLU: M×C×k×k → M×outputs."""

    def __init__(self, inputs: int, outputs: int, bins: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs * bins * bins, outputs)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn(self.linear(x.flatten(1))[:, :, None, None])
        return F.relu(y.flatten(1))


class OverlapPredictor(nn.Module):
    """Predicts how much boxes in a test image overlap the target that a reference image shows (section 3.1).

    Args:
        channels: of the backbone's maps at stride 8 and 16.
        width: multiplies the number of channels inside; 1 is the published network.
    """

    def __init__(self, channels: tuple[int, ...], width: float = 1.0) -> None:
        super().__init__()
        fine, coarse = channels
        inner, half = max(1, round(256 * width)), max(1, round(128 * width))
        self.conv3_1r = _convolution(fine, half)
        self.conv3_1t = _convolution(fine, inner)
        self.conv3_2t = _convolution(inner, inner)
        self.fc3_1r = _convolution(half, inner, REFERENCE_BINS[0], 0)
        self.conv4_1r = _convolution(coarse, inner)
        self.conv4_1t = _convolution(coarse, inner)
        self.conv4_2t = _convolution(inner, inner)
        self.fc34_3r = _convolution(2 * inner, inner, 1, 0)
        self.fc34_4r = _convolution(2 * inner, inner, 1, 0)
        self.fc3_rt = LinearBlock(inner, inner, TEST_BINS[0])
        self.fc4_rt = LinearBlock(inner, inner, TEST_BINS[1])
        self.iou_predictor = nn.Linear(2 * inner, 1)

    def modulation(self, maps: tuple[Tensor, ...], boxes_xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the reference says of the target, two B×D vectors, from its maps and its box B×4."""
        boxes = boxes_xyxy[:, None]
        fine = pool_regions(self.conv3_1r(maps[0]), boxes, REFERENCE_BINS[0], STRIDES[0]).flatten(0, 1)
        coarse = pool_regions(self.conv4_1r(maps[1]), boxes, REFERENCE_BINS[1], STRIDES[1]).flatten(0, 1)
        joined = torch.cat((self.fc3_1r(fine), coarse), 1)
        return self.fc34_3r(joined).flatten(1), self.fc34_4r(joined).flatten(1)

    def modulated(self, maps: tuple[Tensor, ...], modulation: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return the test image's maps at stride 8 and 16, D channels each, weighted by the reference's vectors."""
        fine = self.conv3_2t(self.conv3_1t(maps[0])) * modulation[0][:, :, None, None]
        coarse = self.conv4_2t(self.conv4_1t(maps[1])) * modulation[1][:, :, None, None]
        return fine, coarse

    def forward(self, modulated: tuple[Tensor, ...], boxes_xyxy: Tensor) -> Tensor:
        """Return the predicted overlap B×N of boxes B×N×4, −1 for none to 1 for the same box.

        Boxes are corners in crop pixels, pixel centres at whole numbers.
        """
        fine = pool_regions(modulated[0], boxes_xyxy, TEST_BINS[0], STRIDES[0]).flatten(0, 1)
        coarse = pool_regions(modulated[1], boxes_xyxy, TEST_BINS[1], STRIDES[1]).flatten(0, 1)
        joined = torch.cat((self.fc3_rt(fine), self.fc4_rt(coarse)), 1)
        result: Tensor = self.iou_predictor(joined).reshape(boxes_xyxy.shape[:2])
        return result


class Atom(Network):
    """The backbone and the overlap predictor: 288² crops of 25 times the target's area.

    Args:
        backbone: "mobilenetv3" or "resnet18"; raises `ValueError` for another name.
        width: of the overlap predictor.
    """

    takes_exemplar_size = True
    takes_proposals = True

    def __init__(self, backbone: str = "mobilenetv3", width: float = 1.0) -> None:
        super().__init__()
        if backbone not in ("mobilenetv3", "resnet18"):
            raise ValueError(f"there is no {backbone!r} for ATOM; known: mobilenetv3, resnet18")
        self.trunk = MobileNetV3Pyramid() if backbone == "mobilenetv3" else ResNet18Pyramid()
        self.overlap = OverlapPredictor(self.trunk.out_channels, width)

    def template(self, z: Tensor, exemplar_wh: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the modulation vectors, B×D each, of z (B×3×S×S, BGR) whose target is centred, B×2 pixels large."""
        if exemplar_wh is None:
            exemplar_wh = torch.full((len(z), 2), z.shape[-1] / AREA_SCALE, device=z.device)
        middle = torch.full_like(exemplar_wh, (z.shape[-1] - 1) / 2)
        boxes_xyxy = torch.cat((middle - exemplar_wh / 2, middle + exemplar_wh / 2), 1)
        return self.overlap.modulation(self.trunk.maps(z), boxes_xyxy)

    def search(
        self, template: tuple[Tensor, ...], x: Tensor, guide_cxcywh: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return of x (B×3×S×S, BGR) the classifier's features B×C×S/16×S/16 and the two modulated maps."""
        maps = self.trunk.maps(x)
        return (maps[1], *self.overlap.modulated(maps, template))

    def forward(
        self, z: Tensor, x: Tensor, exemplar_wh: Tensor | None = None, guide_cxcywh: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the predicted overlap B×N of proposals in x with the target that z shows.

        `guide_cxcywh` are the proposals, B×N×4 in pixels around the centre; without them, the outputs of `search`.
        """
        outputs = self.search(self.template(z, exemplar_wh), x)
        if guide_cxcywh is None:
            return outputs
        middles, sizes = guide_cxcywh[..., :2] + (x.shape[-1] - 1) / 2, guide_cxcywh[..., 2:]
        return (self.overlap(outputs[1:], torch.cat((middles - sizes / 2, middles + sizes / 2), -1)),)
