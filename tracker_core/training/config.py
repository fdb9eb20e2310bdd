"""A training run's configuration from a YAML file, on top of the preset that it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tracker_core.candidates import make_layout
from tracker_core.config import SecondConfig, apply_overrides, load_yaml
from tracker_core.config.training import TrainingConfig, check_training
from tracker_core.errors import ConfigError
from tracker_core.presets import list_trackers, preset


def load_training_config(path: str | Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Return the run that a YAML file and `key=value` texts describe.

    Where `tracker.name` is that of a registered tracker, the file changes its preset, else the defaults. One
    network is trained: of a preset with a second one that is left out, and a file that names one is refused. Raises
    `ConfigError` that names the key, and the nearest known one, for anything unknown or out of range.
    """
    values = load_yaml(path)
    tracker = values.get("tracker")
    name = tracker.get("name") if isinstance(tracker, dict) else None
    known = name in {entry.name for entry in list_trackers()}
    start = TrainingConfig(tracker=replace(preset(str(name)), second=SecondConfig())) if known else TrainingConfig()
    config = check_training(apply_overrides(apply_overrides(start, values), overrides))
    if config.tracker.second.network.kind:
        raise ConfigError(
            "tracker.second names a second network, but one network is trained at a time; train each alone, and join "
            "their weights with 'siamscope weights pair'."
        )
    make_layout(config.tracker)
    return config
