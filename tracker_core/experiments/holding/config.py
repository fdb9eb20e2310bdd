"""What is compared, and on which clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker_core.config import apply_overrides, load_yaml
from tracker_core.errors import ConfigError, nearest_name
from tracker_core.training.drawn_clips import SCENES


@dataclass
class DrawnSection:
    """Clips that are drawn: from which cut-outs and backgrounds, how many of each kind, and the family of a kind."""

    cutouts: list[dict[str, Any]] = field(default_factory=list)
    backgrounds: list[str] = field(default_factory=list)
    seeds: int = 6
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass
class HoldingConfig:
    """The experiment.

    Attributes:
        root: what the paths of the data sets start from.
        frames: a clip is followed for so many frames at most.
        families: family → data sets, as training configurations name them.
        drawn: clips that are drawn here.
        variants: name → `tracker` or `weights`, and `changes`, dotted keys of the configuration; the first one is what
            the others are compared with.
        only: names of the variants that take part beside the first; none means all.
        out: folder of what comes out.
    """

    root: str = ""
    frames: int = 60
    families: dict[str, Any] = field(default_factory=dict)
    drawn: DrawnSection = field(default_factory=DrawnSection)
    variants: dict[str, Any] = field(default_factory=dict)
    only: list[str] = field(default_factory=list)
    out: str = "runs/holding"


def load_holding(path: str | Path, overrides: list[str]) -> HoldingConfig:
    """Return the experiment of a YAML file and `key=value` texts; raises `ConfigError` that names what is wrong."""
    config = apply_overrides(apply_overrides(HoldingConfig(), load_yaml(path)), overrides)
    if not config.root:
        raise ConfigError("root is empty: give the folder of the data sets, as root=DIR.")
    if not config.variants or not config.families:
        raise ConfigError(f"'{path}' names no variants or no families; give variants.NAME and families.NAME.")
    for name in config.only:
        if name not in config.variants:
            raise ConfigError(f"'only' names '{name}', which is no variant.{nearest_name(name, config.variants)}")
    for kind, family in config.drawn.kinds.items():
        if kind not in SCENES:
            raise ConfigError(f"There is no drawn scene '{kind}'.{nearest_name(kind, SCENES)}")
        if family not in config.families:
            raise ConfigError(f"drawn.kinds.{kind} names the family '{family}', which is not among the families.")
    if config.frames < 2 or config.drawn.seeds < 0:
        raise ConfigError("frames must be at least 2 and drawn.seeds at least 0.")
    return config
