"""Teachers for distillation: a finished tracker that says how likely the target is at each position."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tracker_core.checkpoints.weights import load_checkpoint
from tracker_core.config import NetworkConfig, TrackerConfig, config_from_mapping
from tracker_core.errors import ConfigError
from tracker_core.models.builder import build_network
from tracker_core.models.network import Network
from tracker_core.training.batches import Batch
from tracker_core.training.initialise import load_state
from tracker_core.training.loop import network_inputs
from tracker_core.training.public_networks import as_light, load_nanotrack, split_pair


class Teacher:
    """A network in evaluation mode; called with a batch it returns foreground probabilities B×h×w.

    At every position the best of its anchors speaks. Its grid of positions must be that of the network that learns.
    """

    def __init__(self, network: Network, device: str) -> None:
        self.network: Network = network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        cls, *_ = self.network(*network_inputs(self.network, batch))
        planes = cls.float().reshape(len(cls), 2, -1, *cls.shape[2:])
        return torch.sigmoid(planes[:, 1] - planes[:, 0]).amax(1)


def load_teacher(specification: str, device: str) -> Callable[[Batch], Tensor] | None:
    """Return the teacher that `loop.teacher` names: "", `nanotrack:BACKBONE.onnx,HEAD.onnx` or a checkpoint of ours."""
    if not specification:
        return None
    kind, colon, rest = specification.partition(":")
    if kind == "nanotrack" and colon:
        options = {"box_cues": False}
        network = build_network(NetworkConfig(kind="light", anchors_per_position=1, options=options))
        load_nanotrack(as_light(network, specification), *split_pair(rest, specification))
    elif specification.endswith(".safetensors"):
        config = config_from_mapping(TrackerConfig, load_checkpoint(specification).config)
        network = build_network(config.network)
        load_state(network, specification)
    else:
        raise ConfigError(f"The teacher '{specification}' is neither a .safetensors file nor nanotrack:BACKBONE,HEAD.")
    return Teacher(network, device)
