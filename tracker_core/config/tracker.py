"""The configuration of a tracker: its network, its candidates, how outputs become a box."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker_core.config.ranges import check_values, choice, described, number, setting, share
from tracker_core.errors import ConfigError


@dataclass
class NetworkConfig:
    """Which network to build."""

    kind: str = setting("light", "A name in `models.builder.NETWORKS`.")
    backbone: str = setting("mobilenetv3", "For kinds that have a choice.")
    width: float = number(1.0, 0.1, 8.0, "Multiplies channels, for kinds that have a choice.")
    anchors_per_position: int = number(3, 1, 1000, "K, candidates at each position of the map.")
    options: dict[str, Any] = field(default_factory=dict, metadata=described("What only one kind knows."))


@dataclass
class BoxLevelConfig:
    """One map of a network over default boxes, see `candidates.default_boxes.DefaultBoxLevel`."""

    side: int = number(1, 1, 4096, "The map has side × side positions.")
    size: float = number(0.25, 1e-6, 100, "A fraction of the search crop's side.")
    next_size: float = number(0.35, 1e-6, 100, "The size of the next coarser map.")
    ratios: list[float] = field(default_factory=lambda: [2.0, 3.0], metadata=described("Each gives two boxes."))


@dataclass
class AnchorConfig:
    """Where a network's candidates are: read by `candidates.make_layout`."""

    style: str = choice(
        "exemplar",
        ("rpn", "exemplar", "ssd", "none", "overlap"),
        "Anchors of fixed ratios, anchors of the exemplar's shape, default boxes, a response map without boxes, or "
        "boxes whose overlap is predicted (ATOM).",
    )
    stride: int = number(16, 1, 1024, "Search-crop pixels from one position of the map to the next.")
    ratios: list[float] = field(
        default_factory=lambda: [0.66, 1.0, 1.5],
        metadata=described("Height over width of the anchors at each position."),
    )
    scales: list[float] = field(
        default_factory=lambda: [1.0], metadata=described("Sizes of the anchors at each position.")
    )
    levels: list[BoxLevelConfig] = field(
        default_factory=list, metadata=described("The maps of default boxes, finest first.")
    )


@dataclass
class TrackingConfig:
    """How a network's outputs become a box."""

    exemplar_size: int = number(127, 31, 511, "Side of the exemplar's crop in pixels, as the network was trained.")
    search_size: int = number(
        255, 63, 1023, "Side of the search crop in pixels: wider is slower.",
        label="Search size", by_hand=(191, 511, 16),
    )  # fmt: skip
    context: float = number(
        0.5, 0.0, 2.0, "Margin around the target, a fraction of (w + h) / 2 on each side; from the next box on.",
        label="Context", by_hand=(0.0, 1.0, 0.01),
    )  # fmt: skip
    crop_shape: str = choice(
        "square",
        ("square", "target"),
        "Crops are squares, or have the target's shape and are stretched to one; context is then a share of w and h.",
    )
    search_context: float = number(0.0, 0.0, 8.0, "As context, for the search region; 0 gives it the exemplar's scale.")
    window_influence: float = number(
        0.4, 0.0, 1.0, "Weight of the cosine window: how much the middle of the search region counts.",
        label="Cosine window", by_hand=(0.0, 1.0, 0.01), tuned=(0.1, 0.55),
    )  # fmt: skip
    penalty_k: float = number(
        0.1, 0.0, 5.0, "How much changes of size and ratio are held against a box.",
        label="Penalty", by_hand=(0.0, 1.0, 0.01), tuned=(0.0, 0.3),
    )  # fmt: skip
    size_lr: float = number(
        0.35, 0.0, 1.0, "How fast the size follows: 0 keeps it, 1 takes it at once.",
        label="Smoothing", by_hand=(0.0, 1.0, 0.01), tuned=(0.2, 0.8),
    )  # fmt: skip
    rival_weight: float = number(
        0.0, 0.0, 2.0, "How much is held against a candidate that belongs to a look-alike; 0 turns it off.",
        label="Look-alikes", by_hand=(0.0, 1.0, 0.01), tuned=(0.0, 1.0),
    )  # fmt: skip
    rival_guard: float = number(
        0.0, 0.0, 1.0, "With more than this share of a look-alike inside its box the size is kept; 0 turns it off.",
        label="Guarded size", by_hand=(0.0, 1.0, 0.05),
    )  # fmt: skip
    cover_frames: int = number(
        0, 0, 300, "For so many frames a box of which one side seems covered keeps its size; 0 turns it off.",
        label="Covered", by_hand=(0, 60, 1),
    )  # fmt: skip
    coast_frames: int = number(
        0, 0, 100, "For so many frames in which the target is not seen its box continues as it moved; 0 turns it off.",
        label="Coasting", by_hand=(0, 30, 1),
    )  # fmt: skip
    second_weight: float = number(
        1.0, 0.0, 4.0, "How much the second network counts beside the first, where a tracker has one; 0 turns it off.",
        label="Second opinion", by_hand=(0.0, 2.0, 0.05),
    )  # fmt: skip
    second_box_weight: float = number(
        1.0, 0.0, 8.0, "How much the second network's boxes count beside the first one's, for the same scores.",
        label="Its boxes", by_hand=(0.0, 4.0, 0.1),
    )  # fmt: skip
    convention: str = choice(
        "exact",
        ("exact", "pysot", "dasiamrpn"),
        "Half pixels and rounding, see `boxes.published_center` and `crops.Cutout.around`.",
    )
    minimum_size: float = number(4.0, 1.0, 1000.0, "Lower bound of width and height in pixels.")
    small_target_search_size: int = number(
        0, 0, 1023, "Search size for targets that are small at the start (DaSiamRPN's widest net); 0 turns it off."
    )
    small_target_fraction: float = number(
        0.004, 0.0, 1.0, "A target is small if it covers less than this fraction of the first image."
    )
    confidence_slope: float = number(
        1.0,
        0.0,
        10.0,
        "The score that is reported is σ(slope · logit(score) + confidence_offset): fitted, it is the probability that "
        "the box covers the target (IoU above 0.5). Slope 1 and offset 0 report the network's own.",
    )
    confidence_offset: float = number(0.0, -20.0, 20.0, "See confidence_slope.")
    score_high: float = number(0.6, 0.0, 1.0, "At this score the target counts as tracked.")
    score_low: float = number(0.25, 0.0, 1.0, "Below this score for `patience` frames the target counts as lost.")
    patience: int = number(5, 1, 1000, "Frames below `score_low` before the target counts as lost.")
    lost_search_scale: float = number(
        1.0, 1.0, 4.0, "How much wider the search region is while the target is lost; 1 turns it off."
    )
    lost_search_size: int = number(
        0, 0, 2047, "Search size while the target is lost, at the same scale (PySOT: 831); 0 keeps the usual one."
    )
    lost_search_step: int = number(
        0, 0, 1024, "Pixels by which the search size grows in each lost frame (DaSiamRPN); 0 takes the whole at once."
    )
    lost_window_influence: float = number(
        -1.0, -1.0, 1.0, "Weight of the cosine window while the target is lost; below 0 it stays as it is."
    )
    lost_sweep: bool = setting(
        False, "While the target is lost, search another tile of the image in each frame, until a score is high."
    )
    keeps_in_image: bool = setting(True, "Off, only what is reported is kept in the image (PySOT's long-term tracker).")
    hold_below: float = number(
        0.0, 0.0, 1.0, "Below this score the box stays where it was, so that noise does not carry it away."
    )
    scale_count: int = number(1, 1, 9, "How many sizes are searched (SiamFC), an odd number.")
    scale_step: float = number(1.0375, 1.001, 1.5, "Each size that is searched is this much larger than the last.")


@dataclass
class SecondConfig:
    """A second network that looks at the same target, with its own candidates and crops; `kind` is empty without one.

    See `trackers.second_opinion`. The sizes and contexts mean what they mean in `TrackingConfig`.
    """

    network: NetworkConfig = field(default_factory=lambda: NetworkConfig(kind=""))
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    exemplar_size: int = number(127, 31, 511, "Side of the exemplar's crop in pixels, as the network was trained.")
    search_size: int = number(255, 63, 1023, "Side of the search crop in pixels: wider is slower.")
    context: float = number(0.5, 0.0, 2.0, "Margin around the target in the exemplar's crop.")
    crop_shape: str = choice("square", ("square", "target"), "Crops are squares, or have the target's shape.")
    search_context: float = number(0.0, 0.0, 8.0, "As context, for the search region; 0 gives it the exemplar's scale.")
    convention: str = choice(
        "exact", ("exact", "pysot", "dasiamrpn"), "Half pixels and half strides, as the network was trained."
    )

    @classmethod
    def of(cls, config: TrackerConfig) -> SecondConfig:
        """Return a tracker's network, candidates and crops as those of a second opinion."""
        cfg = config.tracking
        return cls(
            config.network, config.anchors, cfg.exemplar_size, cfg.search_size, cfg.context, cfg.crop_shape,
            cfg.search_context, cfg.convention,
        )  # fmt: skip


@dataclass
class OnlineConfig:
    """How a tracker that learns while it tracks does so; only ATOM reads it. The values are the published ones."""

    area_scale: float = number(5.0, 1, 20, "Side of the search region over the square root of the target's area.")
    border: str = choice("edge", ("edge", "mean"), "What is outside the image: its last pixels, or its mean colour.")
    classify: bool = setting(True, "Off, the target is searched where it was.")
    refine: bool = setting(True, "Off, the target keeps its size.")
    channels: int = number(64, 1, 4096, "Of the classifier's samples, after the projection.")
    kernel: int = number(4, 1, 15, "Side of the classifier's filter.")
    activation: float = number(0.05, 1e-6, 100, "The response's bound below 0.")
    filter_regularisation: float = number(0.1, 1e-9, 1e6, "Weight of the filter's square in the objective.")
    projection_regularisation: float = number(1e-4, 1e-9, 1e6, "Weight of the projection's square.")
    first_steps: int = number(6, 1, 100, "Gauss–Newton steps on the first frame.")
    first_inner_steps: int = number(10, 1, 1000, "Conjugate gradient steps in each of them.")
    steps: int = number(5, 1, 1000, "Conjugate gradient steps when the filter is updated.")
    update_every: int = number(10, 1, 1000, "Frames between two updates; a hard negative starts one at once.")
    steps_per_frame: int = number(0, 0, 1000, "So many of these steps are taken in one frame; 0 takes all of them.")
    memory: int = number(250, 31, 10000, "Samples that are kept.")
    rate: float = number(0.01, 1e-6, 0.5, "Weight of a new sample.")
    hard_negative_rate: float = number(0.02, 1e-6, 0.5, "Weight of a sample with a hard negative.")
    first_share: float = share(0.25, "Least share of the first frame's samples in all weights.")
    label_deviation: float = number(0.25, 0.01, 2, "Of the labels, over the square root of the target's area.")
    not_found: float = share(0.25, "Below this score the target is not found.")
    distractor: float = share(0.8, "A second peak above this share of the first may be the target itself.")
    hard_negative: float = share(0.5, "A second peak above this share of the first is a hard negative.")
    displacement: float = share(0.8, "A peak farther from the centre, over half the region's side, is far away.")
    neighbourhood: float = number(2.2, 0.1, 10, "Side of the area that belongs to a peak, over the target's.")
    jitters: int = number(9, 0, 1000, "Boxes beside the rough one that climb the predicted overlap.")
    jitter_position: float = number(0.1, 0, 2, "How far they are from it, over the square root of its area.")
    jitter_size: float = number(0.5, 0, 2, "How much their size differs.")
    ascent_steps: int = number(5, 1, 100, "Steps of the climb.")
    step_length: float = number(1.0, 0, 100, "Length of a step, over the box's size and the gradient.")
    largest_aspect: float = number(6.0, 1, 1000, "Longer boxes are not believed.")
    averaged: int = number(3, 1, 1000, "The best boxes, whose mean is taken.")
    size_rate: float = number(
        1.0, 0.001, 1, "How far the size follows the refined box, on a logarithmic scale: 1 takes it at once."
    )
    seed: int = number(0, 0, 2**31, "Decides everything that is drawn at random.")


@dataclass
class TrackerConfig:
    """A tracker: its registered `name`, its network, its candidates, its tracking and its learning while tracking.

    `second` is a second network that is asked as well.
    """

    name: str = "siamscope-light"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    online: OnlineConfig = field(default_factory=OnlineConfig)
    second: SecondConfig = field(default_factory=SecondConfig)

    @property
    def networks(self) -> str:
        """The kinds of its networks and what they are built on, in words."""
        both = (self.network, self.second.network)
        return ", ".join(f"{network.kind} on {network.backbone}" for network in both if network.kind)


def check_tracker(config: TrackerConfig) -> TrackerConfig:
    """Return `config` if it can be tracked with; raises `ConfigError` naming the first value that is wrong."""
    check_tracking(config.tracking)
    check_values(config.second, "second.")
    return config


def check_tracking(config: TrackingConfig) -> TrackingConfig:
    """Return `config` if it can be tracked with; raises `ConfigError` naming the first value that is wrong."""
    check_values(config, "tracking.")
    for name in ("search_size", "small_target_search_size"):
        size = getattr(config, name)
        if size and size < config.exemplar_size:
            raise ConfigError(
                f"tracking.{name} is {size}, which must not be below tracking.exemplar_size ({config.exemplar_size})."
            )
    if config.scale_count % 2 == 0:
        raise ConfigError(f"tracking.scale_count is {config.scale_count}; it must be odd: the middle size is the last.")
    if config.score_low > config.score_high:
        raise ConfigError(
            f"tracking.score_low ({config.score_low:g}) is above tracking.score_high ({config.score_high:g}); lower it."
        )
    return config
