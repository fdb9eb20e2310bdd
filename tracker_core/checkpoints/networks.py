"""The networks of a tracker, filled with the tensors of its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from tracker_core.config import TrackerConfig
from tracker_core.errors import CheckpointError
from tracker_core.models.builder import build_network
from tracker_core.models.network import Network

SECOND = "second."  # of the names of a second network's tensors


def fill_networks(path: Path, config: TrackerConfig, state: Mapping[str, Tensor]) -> list[Network]:
    """Return a tracker's networks with the tensors of a checkpoint at `path`: its own, and a second one.

    Raises `ConfigError` for networks that cannot be built, `CheckpointError` where entries differ.
    """
    own = {name: value for name, value in state.items() if not name.startswith(SECOND)}
    seconds = {name.removeprefix(SECOND): value for name, value in state.items() if name.startswith(SECOND)}
    wanted = [(config.network, own)]
    if config.second.network.kind:
        wanted.append((config.second.network, seconds))
    networks = []
    for described, tensors in wanted:
        network = build_network(described)
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            names = network.state_dict().keys()
            others = sorted(names ^ tensors.keys()) or ["a tensor of another shape"]
            raise CheckpointError(
                f"The weights '{path}' do not fit the network '{described.kind}' as it is configured: {len(others)} "
                f"entries differ, the first is {others[0]}."
            ) from error
        networks.append(network)
    if seconds and not config.second.network.kind:
        raise CheckpointError(f"The weights '{path}' hold a second network, which their configuration does not name.")
    return networks
