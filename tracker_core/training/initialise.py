"""Starting points for training: weights of public networks, or of a run of ours, copied in before the first step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tracker_core.checkpoints.torch_files import read_torch_file
from tracker_core.checkpoints.weights import find_weights, load_checkpoint
from tracker_core.errors import CheckpointError, ConfigError, nearest_name
from tracker_core.models.backbones.mobilenet_v3 import InvertedResidual, MobileNetV3
from tracker_core.models.backbones.pyramids import ResNet50Pyramid
from tracker_core.models.light import LightSiamRPN
from tracker_core.training.batch_norm import reestimate_batch_norm

Kernels = list[tuple[NDArray[np.float32], NDArray[np.float32] | None]]
KINDS = ("nanotrack", "nanotrack_trunk", "mobilenet", "resnet50", "trunk")
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of R, G and B in 0..1


def initialise_network(network: nn.Module, specification: str, crops: Callable[[], Iterable[Tensor]]) -> None:
    """Give a network its starting weights.

    Args:
        network: fresh, on the CPU.
        specification: "" leaves it as it is; a `.safetensors` file is a checkpoint of ours; `nanotrack:BACKBONE,HEAD`
            are NanoTrack V3's two ONNX files, `nanotrack_trunk:BACKBONE` is the first of them for any network on the
            same backbone; `trunk:FILE` is the backbone of a checkpoint of ours, or of weights by name;
            `mobilenet:FILE` is an ImageNet MobileNetV2 for a SiamRPN++, `resnet50:FILE` torchvision's ResNet-50.
        crops: returns batches of search crops, float B×3×S×S, for layers whose statistics must be measured.

    Raises `ConfigError` for a specification of another form and `CheckpointError` for files that do not fit.
    """
    if not specification:
        return
    kind, colon, rest = specification.partition(":")
    if kind == "nanotrack" and colon:
        load_nanotrack(as_light(network, specification), *split_pair(rest, specification))
    elif kind == "nanotrack_trunk" and colon:
        load_nanotrack_trunk(network, rest)
    elif kind == "trunk" and colon:
        load_trunk(network, rest)
    elif kind == "resnet50" and colon:
        load_resnet50(network, rest)
    elif kind == "mobilenet" and colon:
        load_mobilenet(network, rest, crops)
    elif specification.endswith(".safetensors"):
        load_state(network, specification)
    else:
        raise ConfigError(
            f"The starting point '{specification}' is neither a .safetensors file nor one of "
            f"{', '.join(f'{name}:…' for name in KINDS)}.{nearest_name(kind, KINDS)}"
        )


def load_state(network: nn.Module, path: str | Path) -> None:
    """Copy a checkpoint of ours into a network of the same structure; raises `CheckpointError` if it does not fit."""
    try:
        network.load_state_dict(load_checkpoint(path).state)
    except RuntimeError as error:
        raise CheckpointError(f"The weights '{path}' do not fit this network; correct loop.initial.") from error


def load_trunk(network: nn.Module, source: str) -> None:
    """Copy the backbone of a checkpoint of ours (a file, or the name of weights) into a network of another kind.

    Raises `ConfigError` for a network without such a backbone and `CheckpointError` for a checkpoint without it.
    """
    trunk = dict(network.named_children()).get("trunk")
    if not isinstance(trunk, nn.Module):
        raise ConfigError(f"A {type(network).__name__} has no backbone that 'trunk:{source}' could start.")
    path = Path(source) if source.endswith(".safetensors") else find_weights(source)
    state = load_checkpoint(path).state
    try:
        trunk.load_state_dict({name.removeprefix("trunk."): state[name] for name in state if name.startswith("trunk.")})
    except RuntimeError as error:
        raise CheckpointError(
            f"'{path}' has no backbone compatible with this {type(network).__name__}; correct loop.initial."
        ) from error


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


def load_mobilenet(network: nn.Module, path: str | Path, crops: Callable[[], Iterable[Tensor]]) -> None:
    """Copy an ImageNet MobileNetV2 into the backbone of a SiamRPN++ and measure its batch norm on `crops`.

    The file is a state dict with the names of the backbone. Where its batch norm is folded (mean 0, variance 1), it
    must get statistics before it is trained; where it is not, measuring again changes nothing but those.
    """
    backbone = dict(network.named_children()).get("backbone")
    if not isinstance(backbone, nn.Module):
        raise ConfigError(f"A {type(network).__name__} has no backbone that 'mobilenet:{path}' could start.")
    state = read_torch_file(path)
    state = {str(name).removeprefix("backbone."): value for name, value in state.items()}
    known = backbone.state_dict()
    missing = [name for name in known if name not in state and not name.endswith("num_batches_tracked")]
    wrong = [name for name in known if name in state and state[name].shape != known[name].shape]
    if missing or wrong:
        name = (missing or wrong)[0]
        raise CheckpointError(
            f"'{path}' does not fit the backbone: '{name}' is {'missing' if missing else 'of another shape'}. "
            "Set tracker.network.backbone to mobilenetv2 and tracker.network.width to that of the file."
        )
    backbone.load_state_dict({name: state.get(name, value) for name, value in known.items()})
    reestimate_batch_norm(backbone, crops())


def load_resnet50(network: nn.Module, path: str | Path) -> None:
    """Copy torchvision's ImageNet ResNet-50 into the backbone of `network`.

    That net takes RGB in 0..1, less the mean and over the deviation; here both are folded into the first layer, so that
    it takes BGR in 0..255. Raises `ConfigError` for a network on another backbone, `CheckpointError` for another file.
    """
    trunk = dict(network.named_children()).get("trunk")
    if not isinstance(trunk, ResNet50Pyramid):
        raise ConfigError(f"A {type(network).__name__} on this backbone has no ResNet-50 that '{path}' could start.")
    state = {name: value for name, value in read_torch_file(path).items() if not str(name).startswith("fc.")}
    counters = {name for name in trunk.state_dict() if name.endswith("num_batches_tracked")}  # absent in old files
    try:
        missing, unexpected = trunk.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"'{path}' is not a ResNet-50: its layers have other shapes.") from error
    if unexpected or set(missing) - counters:
        name = [*unexpected, *sorted(set(missing) - counters)][0]
        raise CheckpointError(f"'{path}' does not match torchvision's ResNet-50: '{name}' exists in only one of them.")
    with torch.no_grad():
        weight = trunk.conv1.weight / torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1)
        assert trunk.bn1.running_mean is not None
        trunk.bn1.running_mean += (weight * torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1)).sum((1, 2, 3))
        trunk.conv1.weight.copy_(weight.flip(1) / 255)


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
    wanted: list[nn.Conv2d | None] = [trunk.stem]
    for block in trunk.blocks:
        assert isinstance(block, InvertedResidual)
        gate = (block.gate.reduce, block.gate.expand) if block.gate is not None else ()
        wanted += [block.expand, block.depthwise, *gate, block.project]
    layers = [layer for layer in wanted if layer is not None]
    if len(layers) != len(kernels):
        raise CheckpointError(f"'{backbone}' holds {len(kernels)} layers; NanoTrack V3's backbone has {len(layers)}.")
    for layer, kernel in zip(layers, kernels, strict=True):
        _copy(layer, kernel)


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
