"""Rates, parameter groups, freezing: what the optimiser is told at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import nn

from tracker_core.config.training import LoopConfig
from tracker_core.errors import ConfigError, nearest_name

TRUNKS = ("trunk", "backbone")  # what networks call the child that is pre-trained


def learning_rate_factor(step: int, loop: LoopConfig) -> float:
    """Return the factor on the peak rate: linear warm-up, then half a cosine down to `final_factor`."""
    if step < loop.warmup:
        return (step + 1) / loop.warmup
    progress = (step - loop.warmup) / max(1, loop.steps - loop.warmup)
    return loop.final_factor + (1 - loop.final_factor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def make_optimizer(network: nn.Module, loop: LoopConfig) -> Any:
    """Return AdamW: first the backbone's parameters, then the head's; biases don't decay."""
    import torch

    groups: list[dict[str, Any]] = []
    prefixes = tuple(f"{name}." for name in TRUNKS)
    for is_trunk in (True, False):
        named = [(n, p) for n, p in network.named_parameters() if n.startswith(prefixes) == is_trunk]
        factor = loop.trunk_factor if is_trunk else 1.0
        groups.append({"params": [p for n, p in named if p.ndim > 1], "factor": factor})
        groups.append({"params": [p for n, p in named if p.ndim <= 1], "factor": factor, "weight_decay": 0.0})
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=loop.learning_rate, weight_decay=loop.weight_decay)


def set_rates(optimizer: Any, step: int, loop: LoopConfig) -> float:
    """Give every group its rate for this step and return the head's."""
    rate = loop.learning_rate * learning_rate_factor(step, loop)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    return rate


def freeze_trunk(network: nn.Module, step: int, loop: LoopConfig) -> bool:
    """Freeze the backbone before `release_step`, for good what is not in `released`; return whether anything is frozen.

    Call it after every `network.train()`: frozen batch norm keeps its statistics because it stays in evaluation mode.
    """
    is_frozen = False
    for trunk in _trunks(network):
        known = dict(trunk.named_children())
        for name in loop.released:
            if name not in known:
                raise ConfigError(
                    f"loop.released names '{name}', which the backbone does not have.{nearest_name(name, known)}"
                    f" Known: {', '.join(known)}."
                )
        before_release = step < loop.release_step
        partly = bool(loop.released) or before_release
        trunk.requires_grad_(not partly)
        trunk.train(not partly)
        if loop.released and not before_release:
            for name in loop.released:
                known[name].requires_grad_(True)
                known[name].train()
        is_frozen |= partly
    return is_frozen


def _trunks(network: nn.Module) -> Iterator[nn.Module]:
    return (child for name, child in network.named_children() if name in TRUNKS)
