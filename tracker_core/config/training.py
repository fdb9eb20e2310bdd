"""The configuration of a training run: tracker, data, pairs, augmentation, loss, loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker_core.config.ranges import check_values, choice, described, number, setting, share
from tracker_core.config.tracker import TrackerConfig, check_tracker
from tracker_core.errors import ConfigError


@dataclass
class DataConfig:
    """Where the images are."""

    root: str = setting("", "Folder that relative paths start from.")
    sets: list[dict[str, Any]] = field(
        default_factory=list,
        metadata=described(
            "Mappings with `layout` (a name from `readers.readers()`), its paths and what that reader takes besides."
        ),
    )
    backgrounds: list[str] = field(
        default_factory=list,
        metadata=described("Folders of images that cut-outs are pasted on; without any, the stills are used."),
    )
    validation: list[dict[str, Any]] = field(
        default_factory=list,
        metadata=described("Mappings of the same kind: sequences that are tracked, not trained on."),
    )


@dataclass
class AugmentConfig:
    """Probabilities and ranges of augmentation."""

    shift: float = number(
        56.0, 0, 1000, "Largest distance of the target from the search region's centre, in crop pixels."
    )
    far_shift: float = number(96.0, 0, 1000, "The same for the share `far_shift_probability` of pairs.")
    far_shift_probability: float = share(0.2, "Share of pairs whose target lies far from the centre.")
    scale: float = number(0.25, 0, 2, "The search region's scale is exp(uniform(−scale, scale)).")
    template_shift: float = number(4.0, 0, 1000, "As `shift`, for the exemplar.")
    template_scale: float = number(0.05, 0, 2, "As `scale`, for the exemplar.")
    aspect: float = number(
        0.2, 0, 2, "Width over height changes by exp(uniform(−aspect, aspect)) in stills and cut-outs."
    )
    photometric: str = choice(
        "worker",
        ("worker", "device", "none"),
        "Where colours change, blur and noise are added: where pairs are made, a batch at a time on the training "
        "device, or not at all.",
    )
    colour: float = number(0.3, 0, 1, "Strength of brightness, contrast and per-channel gain.")
    grey_probability: float = share(0.15, "Share of pairs without colour.")
    blur_probability: float = share(0.15, "Share of crops that are out of focus.")
    motion_blur_probability: float = share(0.15, "Share of crops that are smeared.")
    noise_probability: float = share(0.1, "Share of crops with noise.")
    jpeg_probability: float = share(0.1, "Share of crops that are compressed.")
    template_degradation: float = share(
        0.3, "Share of exemplars that are blurred, made noisy and compressed like search regions."
    )
    flip_probability: float = share(0.5, "Share of pairs that are mirrored.")
    rotation: float = number(
        35.0, 0, 360, "Two standard deviations of a cut-out's turn between exemplar and search region, in degrees."
    )
    occluder_probability: float = share(0.25, "Share of search regions in which a cut-out covers a part of the target.")
    distractor_probability: float = share(0.35, "Share of cut-out pairs with another object beside the target.")
    twin_share: float = share(0.3, "Of those, the share in which the other object is the target's own copy, turned.")
    pasted_distractor_probability: float = share(
        0.1,
        "Share of pairs from real images into which an object of the same kind is pasted beside the target "
        "(a semantic distractor; DaSiamRPN, section 3.2).",
    )
    motion_probability: float = share(
        0.15, "Share of cut-outs that are smeared along their own motion while the background is sharp."
    )
    same_scene_share: float = share(
        0.3, "Share of cut-out pairs whose exemplar stands on the search region's background, as in a video."
    )
    guide_jitter: float = number(
        0.25, 0, 2, "Standard deviation of the guide box (the box of the frame before) as a fraction of its size."
    )


@dataclass
class PairConfig:
    """Shares of the kinds of pairs."""

    video_share: float = number(0.45, 0, 1e9, "In proportion to the other two; a kind without data is left out.")
    still_share: float = number(0.3, 0, 1e9, "In proportion to the other two.")
    cutout_share: float = number(0.25, 0, 1e9, "In proportion to the other two.")
    negative_share: float = share(0.12, "Share of pairs whose search region shows another object.")
    same_kind_share: float = share(
        0.5, "Of those, the share in which it is of the same kind, where there is one (semantic distractor)."
    )
    proposals: int = number(0, 0, 1000, "Boxes around the target, for networks that predict overlaps (ATOM).")
    cache_mb: int = number(256, 0, 1 << 20, "Decoded images that each worker keeps, in megabytes.")
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass
class LossConfig:
    """How the loss is made."""

    classification: str = choice(
        "mined",
        ("mined", "sampled"),
        "Binary cross entropy with the hardest negatives (SSD, section 2.2), or log-softmax over drawn candidates "
        "(SiamRPN++ as published).",
    )
    negatives_per_positive: int = number(3, 1, 1000, "Hardest negatives that are kept for each positive.")
    least_negatives: int = number(16, 0, 1e6, "Hardest negatives that are kept of any pair.")
    sampled_positives: int = number(16, 1, 1e6, "At most so many positives are drawn.")
    sampled_negatives: int = number(48, 1, 1e6, "At most so many negatives are drawn.")
    quality_target: bool = setting(False, "Train a positive's score towards the IoU of its box instead of towards 1.")
    positive_from: float = number(0.5, 0, 1, "From this IoU with the target a candidate is positive.")
    negative_below: float = number(0.35, 0, 1, "Below this IoU a candidate is negative.")
    cls_weight: float = number(1.0, 0, 1e6, "Weight of the scores.")
    l1_weight: float = number(1.0, 0, 1e6, "Weight of the smooth L1 distance of boxes.")
    giou_weight: float = number(1.0, 0, 1e6, "Weight of the boxes' GIoU.")
    distill_weight: float = number(0.0, 0, 1e6, "Weight of the teacher's scores, 0 without a teacher.")


@dataclass
class LoopConfig:
    """The loop."""

    seed: int = number(0, 0, 2**62, "Decides pairs, starting weights and everything else that is drawn.")
    steps: int = number(10000, 1, 1e9, "Length in optimiser steps.")
    batch: int = number(32, 1, 1e5, "Pairs per step, over all processes.")
    learning_rate: float = number(1e-3, 0, 100, "Peak rate of the head.")
    trunk_factor: float = number(0.1, 0, 100, "The backbone's rate as a fraction of the head's.")
    release_step: int = number(0, 0, 1e9, "Before this step the backbone is frozen.")
    released: list[str] = field(
        default_factory=list,
        metadata=described("Names of the backbone's children that are trained; empty trains all of it."),
    )
    warmup: int = number(200, 0, 1e9, "Steps in which the rate rises; then it falls along half a cosine.")
    final_factor: float = number(0.02, 0, 1, "The last rate as a fraction of the peak.")
    weight_decay: float = number(1e-4, 0, 100, "Of weights, not of biases and norms.")
    clip: float = number(10.0, 1e-6, 1e12, "Largest norm of the gradient.")
    ema: float = number(0.999, 0, 1, "Decay of the averaged weights, which are what is kept.")
    validate_every: int = number(1000, 0, 1e9, "In steps; 0 turns validation off.")
    checkpoint_every: int = number(500, 1, 1e9, "In steps.")
    log_every: int = number(20, 1, 1e9, "In steps.")
    images: int = number(8, 0, 1000, "Validation images in TensorBoard.")
    tensorboard: bool = setting(True, "Whether to write TensorBoard's files.")
    amp: bool = setting(True, "bfloat16 autocast on CUDA.")
    deterministic: bool = setting(False, "Only algorithms that give the same sums on a GPU every time.")
    workers: int = number(1, 0, 1024, "Processes that make pairs.")
    threads: int = number(0, 0, 1024, "Of PyTorch on the CPU; 0 leaves its choice.")
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.")
    initial: str = setting(
        "",
        "A checkpoint of ours, or `nanotrack:BACKBONE.onnx,HEAD.onnx`, `nanotrack_trunk:BACKBONE.onnx`, "
        "`fear:SEARCH.onnx`, `trunk:CHECKPOINT`, `mobilenet:FILE.pth` or `resnet50:FILE.pth`; empty is random.",
    )
    teacher: str = setting("", "`nanotrack:BACKBONE.onnx,HEAD.onnx` or a checkpoint of ours; empty for none.")
    out: str = setting("runs/train", "Folder of the run.")


@dataclass
class TrainingConfig:
    """Everything about one training run; a YAML file names its tracker, or describes one that has no preset."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    data: DataConfig = field(default_factory=DataConfig)
    pairs: PairConfig = field(default_factory=PairConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)


def check_training(config: TrainingConfig) -> TrainingConfig:
    """Return `config` if it can be run; raises `ConfigError` naming the first key that is wrong."""
    check_tracker(config.tracker)
    check_values(config)
    if config.loss.negative_below > config.loss.positive_from:
        raise ConfigError(
            f"loss.negative_below ({config.loss.negative_below:g}) is above loss.positive_from "
            f"({config.loss.positive_from:g}); lower it."
        )
    if not config.data.sets:
        raise ConfigError("data.sets is empty: there is nothing to train on. Name at least one data set.")
    if config.loss.distill_weight > 0 and not config.loop.teacher:
        raise ConfigError("loss.distill_weight is above 0, but loop.teacher names no teacher.")
    return config
