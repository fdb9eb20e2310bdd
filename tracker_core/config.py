"""Typed configurations, presets, YAML files and dotted overrides; configs are passed, never imported as globals."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tracker_core.errors import ConfigError, nearest_name

ConfigT = TypeVar("ConfigT")


@dataclass
class NetworkConfig:
    """Which network to build.

    `kind` names a file in `models/`; `backbone` and `width` (channel multiplier) are for kinds that have a choice;
    `anchors_per_position` is K; `options` holds what only one kind knows.
    """

    kind: str = "light"
    backbone: str = "mobilenetv3"
    width: float = 1.0
    anchors_per_position: int = 3
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class BoxLevelConfig:
    """One map of a network over default boxes: `side` × `side` positions, see `anchors.DefaultBoxLevel`.

    `size` and `next_size` are fractions of the search crop's side; each of `ratios` gives two boxes.
    """

    side: int = 1
    size: float = 0.25
    next_size: float = 0.35
    ratios: list[float] = field(default_factory=lambda: [2.0, 3.0])


@dataclass
class AnchorConfig:
    """Default boxes of a network.

    `style` is "rpn" (published), "exemplar" (the exemplar's own shape), "ssd" (those of `levels`, finest map first,
    which no other style reads) or "none" (a response map and no boxes: SiamFC).
    """

    style: str = "exemplar"
    stride: int = 16
    ratios: list[float] = field(default_factory=lambda: [0.66, 1.0, 1.5])
    scales: list[float] = field(default_factory=lambda: [1.0])
    levels: list[BoxLevelConfig] = field(default_factory=list)

    @property
    def is_grid(self) -> bool:
        """Whether the boxes are anchors on one grid, ratios × scales of them at each position."""
        return self.style in ("rpn", "exemplar")


@dataclass
class TrackingConfig:
    """How a network's outputs become a box.

    Attributes:
        exemplar_size, search_size: crop sides in pixels, as the network was trained.
        context: margin around the target, a fraction of (w + h) / 2 on each side.
        window_influence: weight of the cosine window, 0..1.
        penalty_k: strength of the penalty on changes of scale and ratio.
        size_lr: how fast the size follows, before it is weighted by penalty and score.
        convention: "pysot", "dasiamrpn" or "exact" (see `boxes.published_center` and `crops.crop_square`).
        minimum_size: lower bound of width and height in pixels.
        small_target_search_size, small_target_fraction: another search size for targets that cover less than this
            fraction of the first image (DaSiamRPN's widest net); 0 turns it off.
        score_high, score_low: at `score_high` the state becomes tracking, below `score_low` for `patience` frames lost.
        patience: frames under `score_low` before the target counts as lost.
        lost_search_scale: how much wider the search region is while the target is lost; 1 turns it off.
        hold_below: under this score the box stays where it was, so that noise does not carry it away; 0 turns it off.
        scale_count, scale_step: SiamFC's search at several sizes, an odd number of them, each this much larger.
    """

    exemplar_size: int = 127
    search_size: int = 255
    context: float = 0.5
    window_influence: float = 0.4
    penalty_k: float = 0.1
    size_lr: float = 0.35
    convention: str = "exact"
    minimum_size: float = 4.0
    small_target_search_size: int = 0
    small_target_fraction: float = 0.004
    score_high: float = 0.6
    score_low: float = 0.25
    patience: int = 5
    lost_search_scale: float = 1.0
    hold_below: float = 0.0
    scale_count: int = 1
    scale_step: float = 1.0375


@dataclass
class TrackerConfig:
    """A tracker: its registered `name`, its network, its anchors and its tracking parameters."""

    name: str = "siamscope-light"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    anchors: AnchorConfig = field(default_factory=AnchorConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


TRACKING_RANGES: dict[str, tuple[float, float]] = {
    "exemplar_size": (31, 511),
    "search_size": (63, 1023),
    "context": (0.0, 2.0),
    "window_influence": (0.0, 1.0),
    "penalty_k": (0.0, 5.0),
    "size_lr": (0.0, 1.0),
    "minimum_size": (1.0, 1000.0),
    "small_target_search_size": (0, 1023),
    "small_target_fraction": (0.0, 1.0),
    "score_high": (0.0, 1.0),
    "score_low": (0.0, 1.0),
    "patience": (1, 1000),
    "lost_search_scale": (1.0, 4.0),
    "hold_below": (0.0, 1.0),
    "scale_count": (1, 9),
    "scale_step": (1.001, 1.5),
}


ANCHOR_STYLES = ("rpn", "exemplar", "ssd", "none")


def check_tracking(config: TrackingConfig) -> TrackingConfig:
    """Return `config` if every value lies in its range; raises `ConfigError` naming the first that does not."""
    for name, (low, high) in TRACKING_RANGES.items():
        value = getattr(config, name)
        if not low <= value <= high:  # NaN fails too
            raise ConfigError(f"tracking.{name} is {value}, which is outside {low:g}..{high:g}.")
    if config.convention not in ("exact", "pysot", "dasiamrpn"):
        known = ("exact", "pysot", "dasiamrpn")
        raise ConfigError(
            f"tracking.convention '{config.convention}' is unknown.{nearest_name(config.convention, known)}"
        )
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


def check_anchors(config: AnchorConfig) -> AnchorConfig:
    """Return `config` if boxes can be laid out by it; raises `ConfigError` naming what is wrong."""
    if config.style not in ANCHOR_STYLES:
        raise ConfigError(
            f"anchors.style '{config.style}' is unknown.{nearest_name(config.style, ANCHOR_STYLES)} "
            f"Known: {', '.join(ANCHOR_STYLES)}."
        )
    if config.stride < 1:
        raise ConfigError(f"anchors.stride is {config.stride}; it must be 1 pixel or more.")
    for name, values in (("ratios", config.ratios), ("scales", config.scales)):
        if not values or not all(math.isfinite(value) and value > 0 for value in values):
            raise ConfigError(f"anchors.{name} is {list(values)}; give one or more numbers above 0.")
    if config.style == "ssd" and not config.levels:
        raise ConfigError("anchors.style is 'ssd', but anchors.levels is empty; list the maps, finest first.")
    for number, level in enumerate(config.levels):
        if level.side < 1 or not all(v > 0 and math.isfinite(v) for v in (level.size, level.next_size, *level.ratios)):
            raise ConfigError(f"anchors.levels[{number}] is {level}; its side and sizes must be numbers above 0.")
    return config


def apply_overrides(config: ConfigT, overrides: Iterable[str] | Mapping[str, Any] = ()) -> ConfigT:
    """Return a copy of a config dataclass changed by `key.sub=value` texts, or by a mapping of dotted keys or sections.

    Unknown keys raise `ConfigError` with the nearest known name; so do values of the wrong type.
    """
    if isinstance(overrides, Mapping):
        changes = OmegaConf.create()
        for key, value in overrides.items():
            OmegaConf.update(changes, str(key), value, merge=True)
    else:
        texts = list(overrides)
        for text in texts:
            if "=" not in text:
                raise ConfigError(f"The override '{text}' is not of the form key=value.")
        changes = OmegaConf.from_dotlist(texts)
    plain = OmegaConf.to_container(changes)
    assert isinstance(plain, dict)
    _check_keys(type(config), {str(key): value for key, value in plain.items()}, "")
    try:
        # a copy, so that lists inside are not shared with the caller's config
        merged = OmegaConf.merge(OmegaConf.structured(copy.deepcopy(config)), changes)
        result = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"The configuration key '{error.full_key or '?'}' cannot take that value: {reason}"
        ) from error
    assert isinstance(result, type(config))
    return result


def config_from_mapping(kind: type[ConfigT], values: Mapping[str, Any]) -> ConfigT:
    """Build a config dataclass of type `kind` from nested plain values (a checkpoint's, a YAML file's)."""
    return apply_overrides(kind(), dict(values))


def config_to_mapping(config: Any) -> dict[str, Any]:
    """Return a config dataclass as nested plain values, ready for JSON or YAML."""
    return dataclasses.asdict(config)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raises `ConfigError` with the line where it cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no configuration file '{path}'. Give a .yaml file.")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:  # YAML errors have no common base with OmegaConf's
        raise ConfigError(f"The configuration file '{path}' cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"The configuration file '{path}' holds no mapping of keys to values.")
    return {str(key): value for key, value in loaded.items()}


def _check_keys(kind: type, values: Mapping[str, Any], prefix: str) -> None:
    """Raise `ConfigError` for the first key of `values` that the dataclass `kind` does not have."""
    known = {f.name: f for f in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(
                f"Unknown configuration key '{prefix}{key}'.{nearest_name(str(key), known)}"
                f" Known here: {', '.join(sorted(known))}."
            )
        default = known[key].default_factory if known[key].default_factory is not dataclasses.MISSING else None
        if dataclasses.is_dataclass(default) and isinstance(default, type):
            if not isinstance(value, Mapping):
                some = dataclasses.fields(default)[0].name
                raise ConfigError(
                    f"The configuration key '{prefix}{key}' is a section; set a key in it, as {prefix}{key}.{some}."
                )
            _check_keys(default, value, f"{prefix}{key}.")
