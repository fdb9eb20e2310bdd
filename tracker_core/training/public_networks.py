"""Weights of public networks that come as ONNX files, copied layer by layer into ours."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tracker_core.errors import CheckpointError, ConfigError
from tracker_core.models.backbones.fbnet import FBNet
from tracker_core.models.backbones.mobilenet_v3 import InvertedResidual, MobileNetV3
from tracker_core.models.fear import FearSiamRPN
from tracker_core.models.light import LightSiamRPN

Kernel = tuple[NDArray[np.float32], NDArray[np.float32] | None]
FEAR_DISTANCE = 25.6  # pixels: half of a target of the exemplar's size in FEAR's search crop of 256


def as_light(network: nn.Module, specification: str) -> LightSiamRPN:
    """Return `network` if it has NanoTrack's structure; raises `ConfigError` otherwise."""
    if not isinstance(network, LightSiamRPN):
        raise ConfigError(f"'{specification}' fits the network 'light' only, not a {type(network).__name__}.")
    return network


def split_pair(text: str, specification: str) -> tuple[str, str]:
    """Return the two file names of "BACKBONE,HEAD"."""
    backbone, comma, head = text.partition(",")
    if not comma or not backbone or not head:
        raise ConfigError(f"'{specification}' names one file; NanoTrack is two: nanotrack:BACKBONE.onnx,HEAD.onnx.")
    return backbone.strip(), head.strip()


def read_onnx_graph(path: str | Path) -> Any:
    """Return the graph of an ONNX file; raises `CheckpointError` for a file that is none."""
    import onnx

    try:
        return onnx.load(str(path)).graph
    except Exception as error:
        raise CheckpointError(f"'{path}' cannot be read as ONNX: {error}") from error


def onnx_constants(graph: Any) -> dict[str, NDArray[np.float32]]:
    """Return the tensors that an ONNX graph holds, by name."""
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return constants


def read_onnx_kernels(path: str | Path) -> list[Kernel]:
    """Return weight and bias of every convolution and matrix product of an ONNX file, in the order of its graph."""
    graph = read_onnx_graph(path)
    constants = onnx_constants(graph)
    kernels: list[Kernel] = []
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm") and node.input[1] in constants:
            bias = constants.get(node.input[2]) if len(node.input) > 2 else None
            kernels.append((constants[node.input[1]], bias))
    return kernels


def load_nanotrack_trunk(network: nn.Module, backbone: str | Path) -> None:
    """Copy NanoTrack V3's backbone (Apache-2.0, MobileNetV3-small to stride 16) into the backbone of `network`.

    Raises `ConfigError` for a network on another backbone and `CheckpointError` for a file that does not fit.
    """
    trunk = dict(network.named_children()).get("trunk")
    if not isinstance(trunk, MobileNetV3):
        raise ConfigError(
            f"A {type(network).__name__} has no MobileNetV3-small backbone that '{backbone}' could start."
        )
    kernels = read_onnx_kernels(backbone)
    layers = [trunk.stem, *_block_layers(trunk.blocks)]
    if len(layers) != len(kernels):
        raise CheckpointError(f"'{backbone}' holds {len(kernels)} layers; NanoTrack V3's backbone has {len(layers)}.")
    for layer, kernel in zip(layers, kernels, strict=True):
        _copy(layer, kernel)


def _block_layers(blocks: nn.Sequential) -> list[nn.Conv2d]:
    layers: list[nn.Conv2d | None] = []
    for block in blocks:
        assert isinstance(block, InvertedResidual)
        gate = (block.gate.reduce, block.gate.expand) if block.gate is not None else ()
        layers += [block.expand, block.depthwise, *gate, block.project]
    return [layer for layer in layers if layer is not None]


def load_nanotrack(network: LightSiamRPN, backbone: str | Path, head: str | Path) -> None:
    """Copy NanoTrack V3 (Apache-2.0) into `network`: all of the backbone, both correlations, fusion and towers.

    The outputs differ (anchors here, four distances there): every anchor's classifier starts as the published
    foreground classifier, the regression starts at zero, which is the anchor itself.
    """
    load_nanotrack_trunk(network, backbone)
    rest = read_onnx_kernels(head)
    loc, cls = network.loc, network.cls
    for branch in (loc, cls):
        pixelwise = branch.pixelwise
        for convolution in (pixelwise.kernel, pixelwise.search, pixelwise.gate_reduce, pixelwise.gate_expand):
            _copy(convolution, rest.pop(0))
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
    if rest:
        raise CheckpointError(f"'{head}' holds more layers than NanoTrack V3's head has.")
    for branch in (cls, loc):
        if branch.cues is not None:
            nn.init.zeros_(branch.cues.weight)
            assert branch.cues.bias is not None
            nn.init.zeros_(branch.cues.bias)


def _copy(layer: Any, kernel: Kernel) -> None:
    weight, bias = kernel
    if weight.size != layer.weight.numel():
        raise CheckpointError(
            f"A layer of shape {tuple(layer.weight.shape)} cannot take a kernel of shape {weight.shape}."
        )
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()).reshape(layer.weight.shape))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(bias.copy()))
        elif layer.bias is not None:
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


def load_fear(network: nn.Module, path: str | Path) -> None:
    """Copy FEAR-XS (MIT; the graph that takes a search region and a template) into a network of its structure.

    Its score becomes that of the foreground of every anchor, and its four distances are those of every anchor, in
    halves of the anchor's side (25.6 pixels).
    Raises `ConfigError` for a network of another structure and `CheckpointError` for a file that does not fit.
    """
    if not isinstance(network, FearSiamRPN):
        raise ConfigError(f"'{path}' fits the network 'fear' only, not a {type(network).__name__}.")
    trunk, cls, loc = network.trunk, network.cls, network.loc
    layers = [trunk.stem, *_block_layers(trunk.blocks), trunk.project]
    layers += [*_convolutions(cls.encode), *_convolutions(loc.encode), *_convolutions(cls.mix), *_convolutions(loc.mix)]
    loc_tower, cls_tower = [*_convolutions(loc.tower), *_convolutions(loc.output)], _convolutions(cls.tower)
    layers += [*loc_tower, *cls_tower, *_convolutions(cls.output)]
    kernels = read_onnx_kernels(path)
    if len(layers) != len(kernels):
        raise CheckpointError(f"'{path}' holds {len(kernels)} layers; FEAR-XS has {len(layers)}.")
    outputs = {id(layer) for layer in (_convolutions(cls.output)[-1], _convolutions(loc.output)[-1])}
    for layer, kernel in zip(layers, kernels, strict=True):
        if id(layer) not in outputs:
            _copy(layer, kernel)
    _start_fear_outputs(_convolutions(cls.output)[-1], _convolutions(loc.output)[-1], kernels[-1], kernels[-7])
    _fold_normalisation(trunk, path)


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _start_fear_outputs(cls: nn.Conv2d, loc: nn.Conv2d, score: Kernel, distances: Kernel) -> None:
    """Fill the last layers: background and foreground, left, top, right and bottom, each for K anchors."""
    (score_weight, score_bias), (weight, bias) = score, distances
    if score_bias is None or bias is None or weight.shape[0] != 4 or score_weight.shape[0] != 1:
        raise CheckpointError("The file's outputs are not FEAR's: four distances and one score.")
    scores = np.concatenate((0 * score_weight, score_weight)).reshape(2, -1), np.append(0 * score_bias, score_bias)
    sides = weight.reshape(4, -1), bias - np.float32(math.log(FEAR_DISTANCE))
    anchors = loc.out_channels // 4
    for layer, (rows, constants) in ((cls, scores), (loc, sides)):
        _copy(layer, (np.repeat(rows, anchors, 0), np.repeat(constants, anchors, 0)))


def _fold_normalisation(trunk: FBNet, path: str | Path) -> None:
    """Turn a stem for RGB, less the mean and over the deviation, into one for BGR less the mean."""
    graph = read_onnx_graph(path)
    scales = [value for value in onnx_constants(graph).values() if value.shape == (1, 3, 1, 1) and value.max() < 1]
    if len(scales) != 1:
        raise CheckpointError(f"'{path}' does not scale its input as FEAR-XS does.")
    with torch.no_grad():
        trunk.stem.weight.mul_(torch.from_numpy(scales[0].copy()))
        trunk.stem.weight.copy_(trunk.stem.weight.flip(1))
