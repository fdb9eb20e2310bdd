"""What the reference answers of the published networks were computed from: weights by name, images, clips.

Nothing here needs a checkpoint. Every entry of a state dict is drawn from a generator that is seeded with the entry's
own name, so two implementations with the same names and shapes hold the same numbers; clips are drawn likewise.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parent / "data" / "reference"
NAMES = (
    "siamrpn_alex_dwxcorr",
    "siamrpn_mobilev2_l234_dwxcorr",
    "siamrpn_r50_l234_dwxcorr",
    "dasiamrpn_SiamRPNvot",
    "dasiamrpn_SiamRPNotb",
    "dasiamrpn_SiamRPNBIG",
)
CHUNK = 1 << 20


@dataclass(frozen=True)
class Clip:
    """A textured block of 64 × 48 pixels that wanders over a patchwork; `box_xywh` is where the tracker is started."""

    height: int
    width: int
    seed: int
    box_xywh: tuple[float, float, float, float]

    def frames(self, count: int) -> list[np.ndarray]:
        """Return the first `count` images, uint8 H×W×3 BGR."""
        generator = np.random.default_rng(self.seed)
        ground = _enlarge(generator.integers(40, 200, (self.height // 8, self.width // 8, 3)), 8)
        block = _enlarge(generator.integers(0, 256, (12, 16, 3)), 4)
        images = []
        for index in range(count):
            left, top = 60 + 5 * index, 90 + round(30 * np.sin(index / 4))
            image = ground.copy()
            image[top : top + 48, left : left + 64] = block
            images.append(image)
        return images


CLIPS = {
    "scene": Clip(240, 320, 7, (60.0, 90.0, 64.0, 48.0)),
    # 0.23 % of the image: DaSiamRPN's widest net takes its larger search region; edges on quarter pixels
    "small": Clip(480, 640, 11, (63.5, 97.25, 31.0, 22.5)),
    # begins outside the image, on half pixels, where the two ways of rounding differ
    "edge": Clip(176, 248, 3, (-9.0, 80.5, 63.0, 55.0)),
}


def answers() -> dict[str, np.ndarray]:
    """Return the reference answers by `network/what`; `cls` and `loc` hold every third row and column."""
    with np.load(FOLDER / "answers.npz") as stored:
        return dict(stored)


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Return the published state dict's names and shapes, without batch norm's counters."""
    content = json.loads((FOLDER / "state_dicts.json").read_text(encoding="utf-8"))
    return {key: tuple(shape) for key, shape in content[name].items()}


def draw_state_dict(name: str) -> dict[str, Tensor]:
    """Return a state dict under its published names."""
    return {key: torch.from_numpy(_draw_entry(key, shape)) for key, shape in shapes(name).items()}


def _draw_entry(key: str, shape: tuple[int, ...]) -> np.ndarray:
    generator = np.random.default_rng(zlib.crc32(key.encode()))
    # the kernels that correlate are not normalised in DaSiamRPN; unscaled, its outputs would explode
    factor = 0.0025 if key.startswith(("conv_r1.", "conv_cls1.")) else 1.0
    if key.endswith("running_var"):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) < 2:
        is_scale = key.endswith("weight")
        values = generator.uniform(0.2, 0.6, shape) if is_scale else generator.normal(0, 0.1, shape) * factor
        return values.astype(np.float32)
    deviation = (1.0 / np.prod(shape[1:])) ** 0.5
    numbers = np.empty(int(np.prod(shape)), np.float32)
    for start in range(0, numbers.size, CHUNK):  # in pieces: the widest network's numbers are 700 MB as float64
        piece = numbers[start : start + CHUNK]
        piece[:] = generator.normal(0, deviation, piece.size) * factor
    return numbers.reshape(shape)


def random_image(seed: int, size: int) -> Tensor:
    """Return float32 1×3×size×size, BGR 0..255."""
    pixels = np.random.default_rng(seed).integers(0, 256, (1, 3, size, size))
    return torch.from_numpy(pixels.astype(np.float32))


def _enlarge(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, 0).repeat(factor, 1).astype(np.uint8)
