"""Small images, clips, data trees and networks that the tests of training share."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.config.training import AugmentConfig, DataConfig, LoopConfig, LossConfig, PairConfig, TrainingConfig
from tracker_core.crops import Framing
from tracker_core.models.network import Network
from tracker_core.training.clips import Clip
from tracker_core.training.pairs import PairSource

SMALL = Framing(exemplar_size=63, search_size=127)
PLAIN = AugmentConfig(
    shift=12.0, far_shift=12.0, scale=0.1, template_shift=0.0, template_scale=0.0, aspect=0.0, photometric="none",
    flip_probability=0.0, occluder_probability=0.0, distractor_probability=0.0, pasted_distractor_probability=0.0,
    motion_probability=0.0, rotation=0.0,
)  # fmt: skip
COLOURS = ((40, 40, 220), (40, 200, 60), (220, 120, 30), (30, 200, 220), (200, 40, 200), (230, 230, 230))


def write_image(
    path: Path, box_xywh: tuple[int, ...], colour: tuple[int, int, int], size: tuple[int, int] = (160, 120)
) -> str:
    """Write a dark image with one filled rectangle, losslessly as PNG and nearly so as JPEG; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((size[1], size[0], 3), 30, np.uint8)
    x, y, w, h = box_xywh
    image[y : y + h, x : x + w] = colour
    assert cv2.imwrite(str(path), image, [] if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 98])
    return str(path)


def make_stills(folder: Path, count: int = 8, suffix: str = ".png") -> list[Clip]:
    """Return stills with rectangles of different places, shapes and colours."""
    clips = []
    for index in range(count):
        box = (30 + 6 * index, 25 + 4 * (index % 4), 30 + 3 * (index % 5), 40 - 3 * (index % 4))
        path = write_image(folder / f"still{index}{suffix}", box, COLOURS[index % len(COLOURS)])
        clips.append(Clip(f"still{index}", (path,), np.array([box], np.float64)))
    return clips


def make_got10k(root: Path, clips: int = 2, frames: int = 5) -> Path:
    """Write a data set in the shape of GOT-10k: a rectangle that moves three pixels a frame."""
    for number in range(clips):
        folder = root / f"clip{number}"
        boxes = [(20 + 3 * index, 30 + 2 * index + 5 * number, 34, 26) for index in range(frames)]
        for index, box in enumerate(boxes):
            write_image(folder / f"{index + 1:08d}.jpg", box, COLOURS[number % len(COLOURS)])
        lines = [",".join(f"{value:.4f}" for value in box) for box in boxes]
        (folder / "groundtruth.txt").write_text("\n".join(lines) + "\n")
    return root


def make_coco(root: Path, objects: list[dict], images: list[str], kinds: list[str] | None = None) -> Path:
    """Write a COCO file that lists `images` (which the caller writes, or not) and `objects`."""
    root.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(images, 1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(kinds or ["thing"], 1)],
        "annotations": [
            {"id": number, "iscrowd": 0, "category_id": 1, **entry} for number, entry in enumerate(objects, 1)
        ],
    }
    path = root / "instances.json"
    path.write_text(json.dumps(content))
    return path


class TinyNetwork(Network):
    """A region proposal network of a few thousand parameters: 63² exemplar, 127² search region, 9 × 9 positions.

    `trunk_name` is what its first part is called, which networks do not agree on.
    """

    def __init__(self, anchors: int = 1, channels: int = 16, trunk_name: str = "trunk") -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, channels), (channels, channels), (channels, channels)):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.trunk_name = trunk_name
        self.add_module(trunk_name, nn.Sequential(*layers))
        self.mix = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1), nn.ReLU())
        self.cls = nn.Conv2d(2 * channels, 2 * anchors, 3, padding=1)
        self.loc = nn.Conv2d(2 * channels, 4 * anchors, 3, padding=1)

    def template(self, z: torch.Tensor, exemplar_wh: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        return (self.get_submodule(self.trunk_name)(z / 128 - 1),)

    def search(
        self, template: tuple[torch.Tensor, ...], x: torch.Tensor, guide_cxcywh: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        features = self.get_submodule(self.trunk_name)(x / 128 - 1)
        kernel = template[0]
        batch, channels, side, _ = kernel.shape
        merged = functional.conv2d(
            features.reshape(1, batch * channels, *features.shape[2:]),
            kernel.reshape(batch * channels, 1, side, side) / side**2,
            groups=batch * channels,
        )
        mixed = self.mix(merged.reshape(batch, channels, *merged.shape[2:]))
        return self.cls(mixed), self.loc(mixed)


def tiny_config(out: Path, **loop: object) -> TrainingConfig:
    """Return a configuration for `TinyNetwork` with crops as `SMALL` has them."""
    values = {"steps": 6, "batch": 4, "workers": 0, "warmup": 2, "validate_every": 0, "tensorboard": False}
    return TrainingConfig(
        tracker=TrackerConfig(
            name="tiny",
            network=NetworkConfig(anchors_per_position=1),
            anchors=AnchorConfig(style="exemplar", stride=8, ratios=[1.0]),
            tracking=TrackingConfig(exemplar_size=63, search_size=127),
        ),
        data=DataConfig(sets=[{"layout": "got10k", "root": "unused"}]),
        pairs=PairConfig(cache_mb=8, augment=dataclasses.replace(PLAIN)),
        loss=LossConfig(),
        loop=LoopConfig(**{**values, "out": str(out), "device": "cpu", **loop}),
    )


def tiny_source(folder: Path, config: TrainingConfig, count: int = 8) -> PairSource:
    """Return pairs of `make_stills`, in PNG so that nothing of a decoder's version shows."""
    return PairSource(make_stills(folder, count), [], config.pairs, config.loop.seed, SMALL)
