"""Foreign state dicts: out of their nesting, recognised by names and shapes, checked, and renamed to ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tracker_core.checkpoints.published_names import SAME_SHAPES, UNUSED, published_names
from tracker_core.errors import CheckpointError
from tracker_core.models.builder import build_network
from tracker_core.presets.published import PUBLISHED

NESTS = ("state_dict", "model", "net", "network")
PREFIXES = ("module.", "model.")


def plain_state(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint: out of `state_dict` or `model` nesting, without `module.` prefixes.

    NumPy arrays are taken as tensors; whatever else stands beside them (epoch, optimiser) is left out. Raises
    `CheckpointError` if no tensors are there.
    """
    for _ in range(3):  # {"model": {"state_dict": …}} is as deep as it gets
        inner = next((content[nest] for nest in NESTS if isinstance(content.get(nest), Mapping)), None)
        if inner is None:
            break
        content = inner
    tensors = {}
    for key, value in content.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            value = torch.from_numpy(np.ascontiguousarray(value))
        if isinstance(value, Tensor):
            tensors[str(key)] = value
    if not tensors:
        raise CheckpointError("The checkpoint holds no tensors; give a PySOT or DaSiamRPN checkpoint.")
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key[len(prefix) :]: value for key, value in tensors.items()}
    return tensors


def convert_state(name: str, state_dict: Mapping[str, Any], network: nn.Module) -> dict[str, Tensor]:
    """Return the published `state_dict` under our names, checked entry by entry against `network`.

    Raises `CheckpointError` that names the first entries, as published, that are missing, unknown or misshapen.
    """
    given = plain_state(state_dict)
    expected = network.state_dict()
    names = published_names(name, expected)
    # tracking does not need batch norm's counter, and old releases lack it
    missing = [theirs for theirs in names if theirs not in given and not theirs.endswith("num_batches_tracked")]
    unknown = [theirs for theirs in given if theirs not in names and not theirs.startswith(UNUSED)]
    misshapen = [key for key, ours in names.items() if key in given and not _fits(given[key], expected[ours])]
    for keys, what in ((missing, "lacks"), (unknown, "has unknown"), (misshapen, "has another shape or type for")):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise CheckpointError(
                f"The weights do not fit '{name}': the checkpoint {what} {', '.join(keys[:3])}{more}. "
                "Check which network it belongs to."
            )
    return {
        ours: given[theirs].to(expected[ours].dtype) if theirs in given else expected[ours]
        for theirs, ours in names.items()
    }


def recognise(state_dict: Mapping[str, Any]) -> str:
    """Return the name of the published network that a checkpoint's names and shapes belong to.

    SiamRPNvot and SiamRPNotb have the same shapes: "dasiamrpn_SiamRPNvot" is the answer for both. Raises
    `CheckpointError` for anything else; where one network nearly fits, the error says what is wrong with it.
    """
    tensors = plain_state(state_dict)
    mistakable = {other for others in SAME_SHAPES.values() for other in others}
    best_hits, best_error = len(tensors) / 2, None
    for name, entry in PUBLISHED.items():
        if name in mistakable:
            continue
        with torch.device("meta"):
            network = build_network(entry.config.network)
        try:
            convert_state(name, tensors, network)
        except CheckpointError as error:
            hits = _count_hits(name, tensors, network)
            if hits > best_hits:
                best_hits, best_error = hits, error
            continue
        return name
    if best_error is not None:
        raise best_error
    first = ", ".join(list(tensors)[:3])
    raise CheckpointError(
        f"The weights belong to no network known here (their first entries are {first}). Known: {', '.join(PUBLISHED)}."
    )


def _fits(given: Tensor, expected: Tensor) -> bool:
    plain = given.layout is torch.strided and not given.is_quantized and not given.is_complex()
    return plain and given.shape == expected.shape


def _count_hits(name: str, tensors: Mapping[str, Tensor], network: nn.Module) -> int:
    expected = network.state_dict()
    names = published_names(name, expected)
    return sum(key in names and _fits(value, expected[names[key]]) for key, value in tensors.items())
