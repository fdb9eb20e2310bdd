"""The mean of several training runs of one network (Wortsman et al. 2022: model soups)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tracker_core.checkpoints.weights import load_checkpoint, save_checkpoint
from tracker_core.errors import CheckpointError, InputError


def average_weights(paths: Sequence[str | Path], target: str | Path) -> Path:
    """Write the mean of several checkpoints' tensors, with configuration and facts of the first; return where it is.

    Tensors that hold no floating-point numbers (counters) are those of the first. A mean tracks only where the runs
    began with the same weights. Raises `InputError` for fewer than two files and `CheckpointError` for other networks.
    """
    if len(paths) < 2:
        raise InputError("A mean needs at least two weights files.")
    first, *others = (load_checkpoint(path) for path in paths)
    for path, other in zip(paths[1:], others, strict=True):
        if {key: value.shape for key, value in first.state.items()} != {k: v.shape for k, v in other.state.items()}:
            raise CheckpointError(f"'{path}' holds another network than '{paths[0]}', so they have no mean.")
    state = {
        key: torch.stack([value, *(other.state[key] for other in others)]).mean(0)
        if value.is_floating_point()
        else value
        for key, value in first.state.items()
    }
    told = f"mean of {', '.join(Path(path).name for path in paths)}"
    save_checkpoint(target, state, first.config, {**first.facts, "training": told})
    return Path(target)
