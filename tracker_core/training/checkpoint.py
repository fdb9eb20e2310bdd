"""Resumable state of a run: network, average, optimiser, generator, step — safetensors, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tracker_core.checkpoints.tensor_files import save_tensors
from tracker_core.errors import CheckpointError

FORMAT = "siamscope-training-1"
# keys of a configuration that may differ without changing what is learnt
INCIDENTAL = frozenset(
    [
        "data.root",
        "pairs.cache_mb",
        "loop.checkpoint_every",
        "loop.device",
        "loop.log_every",
        "loop.out",
        "loop.images",
        "loop.tensorboard",
        "loop.threads",
        "loop.validate_every",
        "loop.workers",
    ]
)


def save_training(
    path: str | Path,
    network: nn.Module,
    average: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, Any],
) -> None:
    """Write everything that a run needs to resume, in one step; `facts` is JSON-able (step, best score, config)."""
    tensors: dict[str, Tensor] = {f"network/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.items()}
    state = optimizer.state_dict()
    for index, entry in state["state"].items():
        tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(value) for key, value in entry.items()}
    tensors["random/torch"] = torch.get_rng_state()
    contiguous = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    save_tensors(path, contiguous, {"format": FORMAT, "facts": json.dumps(dict(facts))})


def load_training(
    path: str | Path, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Put a saved run's state into `network` and `optimizer`; return the averaged weights and the facts."""
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The training state '{path}' cannot be read: {error}. Start without resume.") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"'{path}' is not a training state of this version (it says {metadata.get('format')}).")
    groups: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}, "random": {}}
    for name, value in tensors.items():
        group, _, rest = name.partition("/")
        groups[group][rest] = value
    try:
        network.load_state_dict(groups["network"])
    except RuntimeError as error:
        raise CheckpointError(f"The training state '{path}' is of another network; use its own config.") from error
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in groups["optimizer"].items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(groups["random"]["torch"])
    facts: dict[str, Any] = json.loads(metadata["facts"])
    return groups["average"], facts


def differing_keys(saved: Mapping[str, Any], current: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys whose values differ, except those that do not change what is learnt."""
    keys: list[str] = []
    for name in sorted(set(saved) | set(current)):
        key, one, other = f"{prefix}{name}", saved.get(name), current.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            keys += differing_keys(one, other, f"{key}.")
        elif one != other and key not in INCIDENTAL:
            keys.append(key)
    return keys
