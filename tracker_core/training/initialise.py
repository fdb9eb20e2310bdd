"""Starting points for training: weights of public networks, or of a run of ours, copied in before the first step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from tracker_core.checkpoints.torch_files import read_torch_file
from tracker_core.checkpoints.weights import find_weights, load_checkpoint
from tracker_core.errors import CheckpointError, ConfigError, nearest_name
from tracker_core.models.backbones.pyramids import ResNet50Pyramid
from tracker_core.training.batch_norm import reestimate_batch_norm
from tracker_core.training.public_networks import as_light, load_fear, load_nanotrack, load_nanotrack_trunk, split_pair

KINDS = ("nanotrack", "nanotrack_trunk", "fear", "mobilenet", "resnet50", "trunk")
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of R, G and B in 0..1


def initialise_network(network: nn.Module, specification: str, crops: Callable[[], Iterable[Tensor]]) -> None:
    """Give a network its starting weights.

    Args:
        network: fresh, on the CPU.
        specification: "" leaves it as it is; a `.safetensors` file is a checkpoint of ours; `nanotrack:BACKBONE,HEAD`
            are NanoTrack V3's two ONNX files, `nanotrack_trunk:BACKBONE` is the first of them for any network on the
            same backbone; `fear:FILE` is FEAR-XS's ONNX file that searches; `trunk:FILE` is the backbone of a
            checkpoint of ours, or of weights by name; `mobilenet:FILE` is an ImageNet MobileNetV2 for a SiamRPN++,
            `resnet50:FILE` torchvision's ResNet-50.
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
    elif kind == "fear" and colon:
        load_fear(network, rest)
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
