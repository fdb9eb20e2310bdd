"""Two networks in one file: a tracker, and the second opinion that it asks for (`trackers.second_opinion`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tracker_core.candidates import BoxLayout, make_layout
from tracker_core.checkpoints.networks import SECOND
from tracker_core.checkpoints.weights import Checkpoint, load_checkpoint, save_checkpoint
from tracker_core.config import (
    SecondConfig,
    TrackerConfig,
    apply_overrides,
    check_tracker,
    config_from_mapping,
    config_to_mapping,
)
from tracker_core.errors import InputError


def pair_weights(
    first: str | Path, second: str | Path, target: str | Path, name: str = "", overrides: Iterable[str] = ()
) -> Path:
    """Write the tracker of the checkpoint `first`, with the network of `second` as a second opinion.

    Both keep their tensors. `name` is the tracker's, that of the first one without it; `overrides` are changes to its
    configuration, as `key=value`. Raises `ConfigError` for such as cannot be, `CheckpointError`, and
    `InputError` where one of them is a pair already, or has no candidates with boxes.
    """
    mine, other = load_checkpoint(first), load_checkpoint(second)
    configs = [_single(path, checkpoint) for path, checkpoint in ((first, mine), (second, other))]
    config = replace(configs[0], name=name or configs[0].name, second=SecondConfig.of(configs[1]))
    state = {**mine.state, **{SECOND + key: value for key, value in other.state.items()}}
    config = apply_overrides(config, overrides)
    check_tracker(config)
    told = f"a pair of {Path(first).name} and {Path(second).name}"
    save_checkpoint(target, state, config_to_mapping(config), {**mine.facts, "training": told})
    return Path(target)


def _single(path: str | Path, checkpoint: Checkpoint) -> TrackerConfig:
    config = config_from_mapping(TrackerConfig, checkpoint.config)
    if config.second.network.kind:
        raise InputError(f"'{path}' is a pair already; give the weights of a single network.")
    if not isinstance(make_layout(config), BoxLayout):
        raise InputError(f"'{path}' is of a tracker whose candidates have no boxes of their own, so it makes no pair.")
    return config
