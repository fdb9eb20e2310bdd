"""Batch norm that was folded into its convolutions, given statistics again without changing the network's answers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def reestimate_batch_norm(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Measure mean and variance before every batch norm, and rewrite weight and bias so that the outputs stay.

    A network whose batch norm was folded has mean 0 and variance 1: in training mode such a layer would normalise by
    the batch and answer something else entirely. With the statistics m, v of real crops, w' = w·√(v+ε)/√(v₀+ε) and
    b' = b + w·(m − m₀)/√(v₀+ε) give the same function. Returns the number of layers that were measured.

    Args:
        network: in any mode; it is run in evaluation mode and left in the mode it was in.
        batches: float B×3×S×S as the network takes them.
    """
    sums: dict[nn.BatchNorm2d, tuple[Tensor, Tensor, int]] = {}

    def measure(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        x = inputs[0].double()
        total, squares, count = sums.get(layer, (torch.zeros((), device=x.device), torch.zeros((), device=x.device), 0))
        sums[layer] = (total + x.sum((0, 2, 3)), squares + (x * x).sum((0, 2, 3)), count + x.numel() // x.shape[1])

    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    handles = [layer.register_forward_pre_hook(measure) for layer in layers]
    was_training = network.training
    network.eval()
    try:
        for batch in batches:
            network(batch)
    finally:
        for handle in handles:
            handle.remove()
        network.train(was_training)
    for layer, (total, squares, count) in sums.items():
        mean = total / count
        variance = (squares / count - mean * mean).clamp_min(0)
        _set_statistics(layer, mean, variance)
    return len(sums)


def _set_statistics(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    assert layer.running_mean is not None and layer.running_var is not None
    old_scale = layer.weight.double() / (layer.running_var.double() + layer.eps).sqrt()
    layer.bias.copy_(layer.bias.double() + old_scale * (mean - layer.running_mean.double()))
    layer.weight.copy_(old_scale * (variance + layer.eps).sqrt())
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)
