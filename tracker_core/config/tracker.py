"""The configuration of a tracker: its network, its candidates, how outputs become a box."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracker_core.config.ranges import check_values, choice, described, number, setting
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
        ("rpn", "exemplar", "ssd", "none"),
        "Anchors of fixed ratios, anchors of the exemplar's shape, default boxes, or a response map without boxes.",
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
    convention: str = choice(
        "exact",
        ("exact", "pysot", "dasiamrpn"),
        "Half pixels and rounding, see `boxes.published_center` and `crops.crop_square`.",
    )
    minimum_size: float = number(4.0, 1.0, 1000.0, "Lower bound of width and height in pixels.")
    small_target_search_size: int = number(
        0, 0, 1023, "Search size for targets that are small at the start (DaSiamRPN's widest net); 0 turns it off."
    )
    small_target_fraction: float = number(
        0.004, 0.0, 1.0, "A target is small if it covers less than this fraction of the first image."
    )
    score_high: float = number(0.6, 0.0, 1.0, "At this score the target counts as tracked.")
    score_low: float = number(0.25, 0.0, 1.0, "Below this score for `patience` frames the target counts as lost.")
    patience: int = number(5, 1, 1000, "Frames below `score_low` before the target counts as lost.")
    lost_search_scale: float = number(
        1.0, 1.0, 4.0, "How much wider the search region is while the target is lost; 1 turns it off."
    )
    hold_below: float = number(
        0.0, 0.0, 1.0, "Below this score the box stays where it was, so that noise does not carry it away."
    )
    scale_count: int = number(1, 1, 9, "How many sizes are searched (SiamFC), an odd number.")
    scale_step: float = number(1.0375, 1.001, 1.5, "Each size that is searched is this much larger than the last.")


@dataclass
class TrackerConfig:
    """A tracker: its registered `name`, its network, its candidates and its tracking parameters."""

    name: str = "siamscope-light"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


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
