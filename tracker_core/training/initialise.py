"""Starting points for training: copies the weights of public trackers into a network of ours before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tracker_core.errors import CheckpointError
from tracker_core.models.light import InvertedResidual, LightSiamRPN

Kernels = list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]


def read_onnx_kernels(path: str | Path) -> Kernels:
    """Return weight and bias of every convolution and matrix product of an ONNX file, in the order of its graph."""
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:
        raise CheckpointError(f"'{path}' cannot be read as ONNX: {error}") from error
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kernels: Kernels = []
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm") and node.input[1] in constants:
            bias = constants.get(node.input[2]) if len(node.input) > 2 else None
            kernels.append((constants[node.input[1]], bias))
    return kernels


def load_nanotrack(network: LightSiamRPN, backbone: str | Path, head: str | Path) -> None:
    """Copy NanoTrack V3 (Apache-2.0) into `network`: all of the trunk, both correlations, fusion and towers.

    The outputs differ (anchors here, four distances there): every anchor's classifier starts as the published
    foreground classifier, the regression starts at zero, which is the anchor itself.
    """
    trunk = read_onnx_kernels(backbone)
    _copy(network.trunk.stem, trunk.pop(0))
    for block in network.trunk.blocks:
        assert isinstance(block, InvertedResidual)
        if block.expand is not None:
            _copy(block.expand, trunk.pop(0))
        _copy(block.depthwise, trunk.pop(0))
        if block.gate is not None:
            _copy(block.gate.reduce, trunk.pop(0))
            _copy(block.gate.expand, trunk.pop(0))
        _copy(block.project, trunk.pop(0))
    rest = read_onnx_kernels(head)
    loc, cls = network.loc, network.cls
    for branch in (loc, cls):
        pixelwise = branch.pixelwise
        for layer in (pixelwise.kernel, pixelwise.search, pixelwise.gate_reduce, pixelwise.gate_expand):
            _copy(layer, rest.pop(0))
        _copy(pixelwise.smooth, rest.pop(0))
        _copy(pixelwise.mix, rest.pop(0))
    for branch in (loc, cls):
        _copy(branch.depthwise_kernel, rest.pop(0))
        _copy(branch.depthwise_search, rest.pop(0))
    _copy(loc.fuse, rest.pop(0))
    _copy(cls.fuse, rest.pop(0))
    for branch in (cls, loc):
        for layer in branch.tower:
            if isinstance(layer, nn.Conv2d):
                _copy(layer, rest.pop(0))
        weight, bias = rest.pop(0)
        _start_output(branch.output, weight, bias, is_loc=branch is loc)
    if trunk or rest:
        raise CheckpointError(f"'{backbone}' and '{head}' hold more layers than NanoTrack V3 has.")
    for branch in (cls, loc):
        if branch.cues is not None:
            nn.init.zeros_(branch.cues.weight)
            assert branch.cues.bias is not None
            nn.init.zeros_(branch.cues.bias)


def _copy(layer: Any, kernel: tuple[NDArray[np.float32], NDArray[np.float32] | None]) -> None:
    weight, bias = kernel
    if weight.size != layer.weight.numel():
        raise CheckpointError(
            f"A layer of shape {tuple(layer.weight.shape)} cannot take a kernel of shape {weight.shape}."
        )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()).reshape(layer.weight.shape))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        else:
            layer.bias.zero_()


def _start_output(layer: nn.Conv2d, weight: Any, bias: Any, is_loc: bool) -> None:
    assert layer.bias is not None
    with torch.no_grad():
        if layer.weight.shape == weight.shape:
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        elif is_loc:
            layer.weight.normal_(0.0, 0.001)
            layer.bias.zero_()
        else:
            repeats = layer.weight.shape[0] // 2
            layer.weight.copy_(torch.from_numpy(np.repeat(weight, repeats, axis=0)))
            layer.bias.copy_(torch.from_numpy(np.repeat(bias, repeats, axis=0)))
