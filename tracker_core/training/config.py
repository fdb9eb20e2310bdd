"""Typed configuration of a training run: tracker, data, pairs, loss, loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker_core.config import TrackerConfig
from tracker_core.training.losses import LossConfig
from tracker_core.training.pairs import PairConfig


@dataclass
class DataConfig:
    """Where the pictures are.

    Attributes:
        sets: mappings with `layout` (a name from `readers.LAYOUTS`), `root` and what that reader takes besides.
        backgrounds: folders of pictures that cut-outs are pasted on.
        validation: mappings with `root` and optionally `names`: sequences that are tracked, not trained on.
    """

    sets: list[dict[str, Any]] = field(default_factory=list)
    backgrounds: list[str] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class LoopConfig:
    """The loop.

    Attributes:
        steps, batch: length in optimiser steps, pairs per step (over all processes).
        learning_rate: peak rate of the head, after `warmup` steps; it decays along half a cosine to `final_factor` of it.
        trunk_factor: the trunk's rate as a fraction of the head's, from `release_step` on; before, the trunk is frozen.
        clip: largest norm of the gradient. ema: decay of the averaged weights, which are what is kept.
        validate_every, checkpoint_every: in steps; 0 turns validation off.
        amp: bfloat16 autocast on CUDA. workers: processes that make pairs.
        initial: a checkpoint of ours, or `nanotrack:BACKBONE.onnx,HEAD.onnx` or `mobilenet:FILE.pth`; "" is random.
        teacher: `nanotrack:BACKBONE.onnx,HEAD.onnx` or a checkpoint of ours; "" for none.
    """

    seed: int = 0
    steps: int = 10000
    batch: int = 32
    learning_rate: float = 1e-3
    trunk_factor: float = 0.1
    release_step: int = 0
    warmup: int = 200
    final_factor: float = 0.02
    weight_decay: float = 1e-4
    clip: float = 10.0
    ema: float = 0.999
    validate_every: int = 1000
    checkpoint_every: int = 500
    amp: bool = True
    workers: int = 1
    threads: int = 0
    device: str = "auto"
    initial: str = ""
    teacher: str = ""
    out: str = "runs/train"


@dataclass
class TrainingConfig:
    """Everything about one training run."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    pairs: PairConfig = field(default_factory=PairConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
