"""Where the correlation study's trackers start: our own weights, torchvision's ResNet-50, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.checkpoints.weights import find_weights, load_checkpoint
from tracker_core.config import NetworkConfig
from tracker_core.errors import CheckpointError, ConfigError
from tracker_core.models.backbones.pyramids import ResNet50Pyramid
from tracker_core.models.builder import build_network
from tracker_core.training.initialise import initialise_network


def start(network: nn.Module, specification: str) -> None:
    initialise_network(network, specification, lambda: [])


def small(kind: str) -> nn.Module:
    return build_network(NetworkConfig(kind, "mobilenetv3", 0.125, 5))


@pytest.mark.parametrize("kind", ["siamconcat", "siambroadcast", "siamrpn", "siamfc"])
def test_all_start_from_the_same_trunk(kind: str) -> None:
    network = small(kind)
    start(network, "trunk:siamscope-light")
    shipped = load_checkpoint(find_weights("siamscope-light")).state
    for name, value in network.trunk.state_dict().items():
        assert torch.equal(value, shipped[f"trunk.{name}"])


def test_a_trunk_comes_from_any_checkpoint_of_ours() -> None:
    by_name, by_file = small("siamfc"), small("siamfc")
    start(by_name, "trunk:siamscope-light")
    start(by_file, f"trunk:{find_weights('siamscope-light')}")
    assert torch.equal(by_name.trunk.stem.weight, by_file.trunk.stem.weight)


def fresh_resnet(seed: int) -> ResNet50Pyramid:
    torch.manual_seed(seed)
    trunk = ResNet50Pyramid().eval()
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    return trunk


def first_layers(trunk: ResNet50Pyramid, image: Tensor) -> Tensor:
    return F.relu(trunk.bn1(trunk.conv1(image)))


def test_torchvisions_resnet_50_answers_to_bgr_as_it_did_to_normalised_rgb(tmp_path: Path) -> None:
    theirs = fresh_resnet(1)
    state = {name: value for name, value in theirs.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save({**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, tmp_path / "r50.pth")
    network = build_network(NetworkConfig("siambroadcast", "resnet50", 0.125)).eval()
    start(network, f"resnet50:{tmp_path / 'r50.pth'}")
    image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))  # RGB in 0..1
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (image - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        expected = first_layers(theirs, normalised)
        found = first_layers(network.trunk, image.flip(1) * 255)
    # inside; at the border zeros mean black here and the mean colour there
    torch.testing.assert_close(found[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2], rtol=1e-4, atol=1e-4)
    assert torch.equal(network.trunk.layer4[2].conv3.weight, theirs.layer4[2].conv3.weight)


# (network, specification, error, part of the sentence)
@pytest.mark.parametrize(
    ("kind", "backbone", "specification", "error", "sentence"),
    [
        ("siamrpn", "alexnet", "trunk:siamscope-light", ConfigError, "has no backbone that"),
        ("siamfc", "mobilenetv3", "trunk:siamscope-lite", CheckpointError, "Did you mean 'siamscope-light'"),
        ("siambroadcast", "resnet50", "trunk:siamscope-light", CheckpointError, "has no backbone compatible"),
        ("siamfc", "mobilenetv3", "resnet50:x.pth", ConfigError, "no ResNet-50"),
        ("siambroadcast", "resnet50", "resnet50:x.pth", CheckpointError, "x.pth"),
        ("siambroadcast", "resnet50", "resnet5:x.pth", ConfigError, "Did you mean 'resnet50'"),
    ],
)
def test_what_does_not_fit_is_said(
    kind: str, backbone: str, specification: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as caught:
        start(build_network(NetworkConfig(kind, backbone, 0.25, 5)), specification)
    assert sentence in str(caught.value)


def test_another_net_is_no_resnet_50(tmp_path: Path) -> None:
    torch.save({"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)}, tmp_path / "r18.pth")
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "part.pth")
    network = build_network(NetworkConfig("siambroadcast", "resnet50", 0.125))
    with pytest.raises(CheckpointError, match="other shapes"):
        start(network, f"resnet50:{tmp_path / 'r18.pth'}")
    with pytest.raises(CheckpointError, match="in only one of them"):
        start(network, f"resnet50:{tmp_path / 'part.pth'}")
