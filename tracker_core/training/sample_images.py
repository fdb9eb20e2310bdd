"""Images of what a network in training answers: search crops with ground truth, prediction, default box and guide."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tracker_core.candidates import Layout
from tracker_core.models.network import Network
from tracker_core.training.batches import collate_pairs
from tracker_core.training.loop import network_inputs
from tracker_core.training.pairs import Pair
from tracker_core.types import Image

# BGR, as in the presentation of SiamConcatRPN
GROUND_TRUTH, PREDICTION, DEFAULT_BOX, GUIDE = (255, 80, 0), (0, 0, 255), (0, 255, 255), (0, 200, 0)
ENLARGED = 2  # thin lines on small crops would hide the target
GAP = 4


@torch.no_grad()
def draw_samples(network: Network, pairs: Sequence[Pair], layout: Layout, device: str) -> Image:
    """Return one uint8 BGR image of all pairs: search crops side by side, four per row, the exemplar in the corner.

    Ground truth is blue, the predicted box red, the candidate that it came from yellow, the guide green; the
    foreground probability stands below.
    """
    batch = collate_pairs(list(pairs)).to(device)
    was_training = network.training
    network.eval()
    outputs = network(*network_inputs(network, batch))
    network.train(was_training)
    boxes, proposals, logits = layout.read(outputs, batch)
    best = logits.argmax(1)
    rows = torch.arange(len(best), device=best.device)
    chosen, predicted = boxes[rows, best], proposals[rows, best]
    scores = torch.sigmoid(logits[rows, best]).tolist()
    tiles = [
        _draw_pair(pair, default_box, prediction, score)
        for pair, default_box, prediction, score in zip(
            pairs, chosen.cpu().numpy(), predicted.cpu().numpy(), scores, strict=True
        )
    ]
    return _tile(tiles)


def _draw_pair(pair: Pair, default_box: NDArray[np.float32], prediction: NDArray[np.float32], score: float) -> Image:
    tile = np.array(cv2.resize(pair.search, None, fx=ENLARGED, fy=ENLARGED), np.uint8)
    thumbnail = pair.exemplar
    tile[: thumbnail.shape[0], : thumbnail.shape[1]] = thumbnail
    cv2.rectangle(tile, (0, 0), (thumbnail.shape[1], thumbnail.shape[0]), (255, 255, 255), 1)
    for box, colour, width in (
        (pair.guide_cxcywh, GUIDE, 1),
        (pair.box_cxcywh, GROUND_TRUTH, 3),
        (prediction, PREDICTION, 3),
        # thin and last: it often lies on the prediction
        (default_box, DEFAULT_BOX, 1),
    ):
        _draw_box(tile, box, colour, width)
    cv2.putText(tile, f"{score:.2f}", (6, tile.shape[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, PREDICTION, 2, cv2.LINE_AA)
    return tile


def _draw_box(tile: Image, box_cxcywh: NDArray[np.float32], colour: tuple[int, int, int], width: int) -> None:
    if not np.isfinite(box_cxcywh).all():
        return
    middle = tile.shape[0] / 2
    low = middle + (box_cxcywh[:2] - box_cxcywh[2:] / 2) * ENLARGED
    high = middle + (box_cxcywh[:2] + box_cxcywh[2:] / 2) * ENLARGED
    reach = 4 * tile.shape[0]  # OpenCV counts pixels in short integers
    corners = np.clip(np.round(np.stack((low, high))), -reach, reach).astype(int)
    cv2.rectangle(tile, tuple(map(int, corners[0])), tuple(map(int, corners[1])), colour, width, cv2.LINE_AA)


def _tile(tiles: list[Image]) -> Image:
    columns = min(4, len(tiles))
    rows = -(-len(tiles) // columns)
    side = tiles[0].shape[0] + GAP
    sheet = np.full((rows * side - GAP, columns * side - GAP, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = index // columns * side, index % columns * side
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet
