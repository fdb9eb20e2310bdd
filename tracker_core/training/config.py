"""Typed configuration of a training run: tracker, data, pairs, loss, loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker_core.config import (
    ANCHOR_STYLES,
    TrackerConfig,
    apply_overrides,
    check_anchors,
    check_tracking,
    load_yaml,
)
from tracker_core.errors import ConfigError, nearest_name
from tracker_core.trackers.builder import list_trackers, preset
from tracker_core.training.drawing import PairConfig
from tracker_core.training.losses import LossConfig


@dataclass
class DataConfig:
    """Where the images are.

    Attributes:
        root: folder that relative paths below start from.
        sets: mappings with `layout` (a name from `readers.LAYOUTS`), its paths and what that reader takes besides.
        backgrounds: folders of images that cut-outs are pasted on; without any, the stills serve.
        validation: mappings of the same kind: sequences that are tracked, not trained on.
    """

    root: str = ""
    sets: list[dict[str, Any]] = field(default_factory=list)
    backgrounds: list[str] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class LoopConfig:
    """The loop.

    Attributes:
        seed: decides pairs, starting weights and every die.
        steps, batch: length in optimiser steps, pairs per step (over all processes).
        learning_rate: peak rate of the head, after `warmup` steps; it falls along half a cosine to `final_factor`.
        trunk_factor: the trunk's rate as a fraction of the head's, from `release_step` on; before, it is frozen.
        released: names of the trunk's children that are released; empty releases all of it.
        weight_decay: of weights, not of biases and norms. clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are what is kept.
        validate_every, checkpoint_every, log_every: in steps; 0 turns validation off.
        images: validation images in TensorBoard. tensorboard: whether to write its files.
        amp: bfloat16 autocast on CUDA. deterministic: only algorithms that give the same sums on a GPU every time.
        workers: processes that make pairs. threads: of PyTorch on the CPU, 0 leaves its choice.
        device: "auto", "cpu", "cuda" or "cuda:N".
        initial: a checkpoint of ours, or `nanotrack:BACKBONE.onnx,HEAD.onnx`, `nanotrack_trunk:BACKBONE.onnx`,
            `trunk:CHECKPOINT`, `mobilenet:FILE.pth` or `resnet50:FILE.pth`; "" is random.
        teacher: `nanotrack:BACKBONE.onnx,HEAD.onnx` or a checkpoint of ours; "" for none.
        out: folder of the run.
    """

    seed: int = 0
    steps: int = 10000
    batch: int = 32
    learning_rate: float = 1e-3
    trunk_factor: float = 0.1
    release_step: int = 0
    released: list[str] = field(default_factory=list)
    warmup: int = 200
    final_factor: float = 0.02
    weight_decay: float = 1e-4
    clip: float = 10.0
    ema: float = 0.999
    validate_every: int = 1000
    checkpoint_every: int = 500
    log_every: int = 20
    images: int = 8
    tensorboard: bool = True
    amp: bool = True
    deterministic: bool = False
    workers: int = 1
    threads: int = 0
    device: str = "auto"
    initial: str = ""
    teacher: str = ""
    out: str = "runs/train"


@dataclass
class TrainingConfig:
    """Everything about one training run; a YAML file names its tracker, or describes one that has no preset."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    pairs: PairConfig = field(default_factory=PairConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


# key → lowest and highest allowed value
RANGES: dict[str, tuple[float, float]] = {
    "pairs.video_share": (0, 1e9),
    "pairs.still_share": (0, 1e9),
    "pairs.cutout_share": (0, 1e9),
    "pairs.negative_share": (0, 1),
    "pairs.same_kind_share": (0, 1),
    "pairs.cache_mb": (0, 1 << 20),
    "pairs.augment.colour": (0, 1),
    "pairs.augment.scale": (0, 2),
    "pairs.augment.aspect": (0, 2),
    "pairs.augment.shift": (0, 1000),
    "pairs.augment.far_shift": (0, 1000),
    "pairs.augment.guide_jitter": (0, 2),
    "loss.positive_from": (0, 1),
    "loss.negative_below": (0, 1),
    "loss.negatives_per_positive": (1, 1000),
    "loss.distill_weight": (0, 1e6),
    "loop.steps": (1, 1e9),
    "loop.batch": (1, 1e5),
    "loop.learning_rate": (0, 100),
    "loop.trunk_factor": (0, 100),
    "loop.release_step": (0, 1e9),
    "loop.warmup": (0, 1e9),
    "loop.final_factor": (0, 1),
    "loop.clip": (1e-6, 1e12),
    "loop.ema": (0, 1),
    "loop.validate_every": (0, 1e9),
    "loop.checkpoint_every": (1, 1e9),
    "loop.log_every": (1, 1e9),
    "loop.workers": (0, 1024),
    "loop.threads": (0, 1024),
    "loop.seed": (0, 2**62),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "loss.classification": ("mined", "sampled"),
    "pairs.augment.photometric": ("worker", "device", "none"),
    "tracker.anchors.style": ANCHOR_STYLES,
}


def load_training_config(path: str | Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Return the run that a YAML file and `key=value` texts describe.

    Where `tracker.name` is that of a registered tracker, the file changes its preset, else the defaults. Raises
    `ConfigError` that names the key, and the nearest known one, for anything unknown or out of range.
    """
    values = load_yaml(path)
    tracker = values.get("tracker")
    name = tracker.get("name") if isinstance(tracker, dict) else None
    known = name in {entry.name for entry in list_trackers()}
    start = TrainingConfig(tracker=preset(str(name))) if known else TrainingConfig()
    return check_training(apply_overrides(apply_overrides(start, values), overrides))


def check_training(config: TrainingConfig) -> TrainingConfig:
    """Return `config` if it can be run; raises `ConfigError` naming the first key that is wrong."""
    check_tracking(config.tracker.tracking)
    for key, (low, high) in RANGES.items():
        value = _value(config, key)
        if not low <= value <= high:  # NaN fails too
            raise ConfigError(f"{key} is {value}, which is outside {low:g}..{high:g}.")
    for key, known in CHOICES.items():
        value = _value(config, key)
        if value not in known:
            raise ConfigError(f"{key} '{value}' is unknown.{nearest_name(value, known)} Known: {', '.join(known)}.")
    probabilities = {name: value for name, value in vars(config.pairs.augment).items() if name.endswith(_SHARES)}
    for name, value in probabilities.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"pairs.augment.{name} is {value}, which is no probability.")
    if config.loss.negative_below > config.loss.positive_from:
        raise ConfigError(
            f"loss.negative_below ({config.loss.negative_below:g}) is above loss.positive_from "
            f"({config.loss.positive_from:g}); lower it."
        )
    if not config.data.sets:
        raise ConfigError("data.sets is empty: there is nothing to train on. Name at least one data set.")
    if config.loss.distill_weight > 0 and not config.loop.teacher:
        raise ConfigError("loss.distill_weight is above 0, but loop.teacher names no teacher.")
    anchors = check_anchors(config.tracker.anchors)
    expected = len(anchors.ratios) * len(anchors.scales)
    if anchors.is_grid and expected != config.tracker.network.anchors_per_position:
        raise ConfigError(
            f"tracker.anchors describes {expected} anchors per position, but "
            f"tracker.network.anchors_per_position is {config.tracker.network.anchors_per_position}."
        )
    return config


_SHARES = ("_probability", "_share", "template_degradation")


def _value(config: TrainingConfig, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value
