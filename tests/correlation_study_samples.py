"""What the tests of the correlation study's trackers share: configurations, drawn clips, pairs to learn by heart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from training_samples import PLAIN

from tracker_core.candidates import make_layout
from tracker_core.config.training import TrainingConfig
from tracker_core.crops import Framing
from tracker_core.models.builder import build_network
from tracker_core.training.batches import Batch, collate_pairs
from tracker_core.training.clips import Clip
from tracker_core.training.config import load_training_config
from tracker_core.training.initialise import initialise_network
from tracker_core.training.loop import network_inputs
from tracker_core.training.pairs import PairSource

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
NETS = ("siamconcat", "siambroadcast", "siamrpn", "siamfc")
TARGETS = (((40, 40, 220), (46, 34)), ((60, 200, 40), (32, 44)))  # colour BGR, width and height
FRAMES = 14


def small_config(net: str) -> TrainingConfig:
    """Return the small training configuration of a net."""
    return load_training_config(CONFIGS / f"{net}_small.yaml")


def draw_clip(folder: Path, number: int) -> Clip:
    """Draw a coloured rectangle with a stripe that goes three pixels right and two down a frame, over soft noise."""
    colour, (w, h) = TARGETS[number]
    rng = np.random.default_rng(number)
    ground = cv2.GaussianBlur(rng.integers(0, 160, (200, 260, 3)).astype(np.uint8), (0, 0), 4)
    boxes, paths = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(FRAMES):
        x, y = 60 + 3 * index, 50 + 2 * index + 10 * number
        image = ground.copy()
        image[y : y + h, x : x + w] = colour
        image[y + h // 3 : y + h // 2, x : x + w] = 235
        paths.append(str(folder / f"{number}_{index:02d}.png"))
        assert cv2.imwrite(paths[-1], image)
        boxes.append((x, y, w, h))
    return Clip(f"clip{number}", tuple(paths), np.array(boxes, np.float64))


def eight_pairs(config: TrainingConfig, folder: Path) -> Batch:
    """Return eight pairs of the drawn clips in the crops of a tracker, shifted as in its training."""
    is_rigid = config.tracker.anchors.style == "none"  # SiamFC answers with places alone
    augment = dataclasses.replace(
        PLAIN, shift=config.pairs.augment.shift, far_shift=config.pairs.augment.shift, scale=0.0 if is_rigid else 0.1
    )
    pairs = dataclasses.replace(
        config.pairs, video_share=1.0, still_share=0.0, cutout_share=0.0, negative_share=0.0, augment=augment
    )
    clips = [draw_clip(folder, number) for number in range(len(TARGETS))]
    source = PairSource(clips, [], pairs, 0, Framing.of(config.tracker.tracking))
    return collate_pairs([source.pair(index) for index in range(8)])


def learn_by_heart(config: TrainingConfig, batch: Batch, steps: int, rate: float = 3e-3) -> nn.Module:
    """Return a network that was trained on one batch alone, with the loss of its configuration.

    Its trunk starts as that of the shipped weights and stays so, as in the study.
    """
    torch.manual_seed(0)
    network = build_network(config.tracker.network)
    initialise_network(network, "trunk:siamfc-small", lambda: [])
    network.trunk.requires_grad_(False)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    layout = make_layout(config.tracker)
    for _ in range(steps):
        outputs = network.train()(*network_inputs(network, batch))
        loss = layout.loss(outputs, batch, config.loss)["total"]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 10.0)
        optimizer.step()
        schedule.step()
    return network.eval()
