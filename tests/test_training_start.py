"""Before the first step: starting weights, batch norm measured again, teachers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from training_samples import TinyNetwork, make_got10k, tiny_config, tiny_source

from tracker_core.checkpoints.weights import save_checkpoint
from tracker_core.config import NetworkConfig, TrackerConfig, config_to_mapping
from tracker_core.config.training import TrainingConfig
from tracker_core.errors import CheckpointError, ConfigError, DataSetError
from tracker_core.models.backbones.mobilenet_v3 import InvertedResidual
from tracker_core.models.builder import build_network
from tracker_core.models.fear import FearSiamRPN
from tracker_core.models.light import LightSiamRPN
from tracker_core.training.batch_norm import reestimate_batch_norm
from tracker_core.training.batches import iterate_batches
from tracker_core.training.initialise import initialise_network
from tracker_core.training.preparation import prepare_run, search_crops
from tracker_core.training.teachers import load_teacher


def no_crops() -> list[torch.Tensor]:
    raise AssertionError("nothing must be measured")


def folded_backbone() -> nn.Module:
    """A MobileNetV2 whose batch norm has mean 0 and variance 1, as folding leaves it, with lively weights."""
    torch.manual_seed(0)
    backbone = build_network(NetworkConfig(kind="siamrpnpp", backbone="mobilenetv2", width=0.25)).get_submodule(
        "backbone"
    )
    for layer in backbone.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 2.0)
            nn.init.uniform_(layer.bias, -1.0, 1.0)
    return backbone


def test_measured_batch_norm_answers_as_before_and_then_normalises() -> None:
    backbone = folded_backbone()
    crops = [torch.rand(2, 3, 95, 95) * 255 for _ in range(3)]
    backbone.eval()
    with torch.no_grad():
        before = backbone(crops[0])
    assert reestimate_batch_norm(backbone, crops) == sum(isinstance(m, nn.BatchNorm2d) for m in backbone.modules())
    assert not backbone.training
    with torch.no_grad():
        after = backbone(crops[0])
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    # in training mode the statistics of the batch are now close to the stored ones: the answers stay alike
    backbone.train()
    with torch.no_grad():
        trained = backbone(torch.cat(crops))
        backbone.eval()
        expected = backbone(torch.cat(crops))
    scale = expected[2].std()
    assert (trained[2] - expected[2]).abs().mean() < 0.5 * scale


def test_statistics_are_those_of_all_crops() -> None:
    layer = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4))
    crops = [torch.randn(3, 3, 9, 9) * 5 + 2 for _ in range(4)]
    reestimate_batch_norm(layer, crops)
    inputs = layer[0](torch.cat(crops))
    norm = layer[1]
    assert isinstance(norm, nn.BatchNorm2d)
    torch.testing.assert_close(norm.running_mean, inputs.mean((0, 2, 3)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(norm.running_var, inputs.var((0, 2, 3), unbiased=False), atol=1e-3, rtol=1e-4)


def test_a_mobilenet_file_starts_the_backbone(tmp_path: Path) -> None:
    state = folded_backbone().state_dict()
    torch.save(state, tmp_path / "imagenet.pth")
    network = build_network(NetworkConfig(kind="siamrpnpp", backbone="mobilenetv2", width=0.25))
    initialise_network(network, f"mobilenet:{tmp_path / 'imagenet.pth'}", lambda: [torch.rand(2, 3, 95, 95) * 255])
    backbone = network.get_submodule("backbone")
    assert torch.equal(backbone.state_dict()["layer1.0.conv.0.weight"], state["layer1.0.conv.0.weight"])
    assert not torch.equal(backbone.state_dict()["layer0.1.running_mean"], state["layer0.1.running_mean"])
    wide = build_network(NetworkConfig(kind="siamrpnpp", backbone="mobilenetv2", width=0.5))
    with pytest.raises(CheckpointError, match="another shape"):
        initialise_network(wide, f"mobilenet:{tmp_path / 'imagenet.pth'}", no_crops)
    with pytest.raises(ConfigError, match="no backbone"):
        initialise_network(TinyNetwork(), f"mobilenet:{tmp_path / 'imagenet.pth'}", no_crops)
    with pytest.raises(CheckpointError):
        initialise_network(network, f"mobilenet:{tmp_path / 'absent.pth'}", no_crops)


def test_a_checkpoint_of_ours_starts_a_network(tmp_path: Path) -> None:
    config = NetworkConfig(kind="light", anchors_per_position=3)
    torch.manual_seed(1)
    first, second = build_network(config), build_network(config)
    path = tmp_path / "light.safetensors"
    save_checkpoint(path, first.state_dict(), config_to_mapping(TrackerConfig()))
    initialise_network(second, str(path), no_crops)
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))
    with pytest.raises(CheckpointError, match="do not fit"):
        initialise_network(build_network(NetworkConfig(kind="light", anchors_per_position=1)), str(path), no_crops)


def write_onnx(path: Path, layers: list[nn.Conv2d], scale: Tensor | None = None) -> None:
    """Write convolutions in order, as the published graphs hold them; only names, order and constants matter.

    `scale` is what the input is multiplied by, a constant node as in FEAR's graph.
    """
    nodes, constants = [], []
    if scale is not None:
        nodes.append(helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(scale.numpy())))
    for index, layer in enumerate(layers):
        for kind, value in (("w", layer.weight), ("b", layer.bias)):
            if value is None:
                continue
            constants.append(numpy_helper.from_array(value.detach().numpy(), f"{kind}{index}"))
        inputs = [f"x{index}", f"w{index}", *([f"b{index}"] if layer.bias is not None else [])]
        nodes.append(helper.make_node("Conv", inputs, [f"x{index + 1}"]))
    value = helper.make_tensor_value_info("x0", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [value], [], constants)
    onnx.save(helper.make_model(graph), str(path))


def in_published_order(network: LightSiamRPN) -> tuple[list[nn.Conv2d], list[nn.Conv2d]]:
    trunk = [network.trunk.stem]
    for block in network.trunk.blocks:
        assert isinstance(block, InvertedResidual)
        trunk += [block.expand] if block.expand is not None else []
        trunk.append(block.depthwise)
        trunk += [block.gate.reduce, block.gate.expand] if block.gate is not None else []
        trunk.append(block.project)
    head = []
    for branch in (network.loc, network.cls):
        p = branch.pixelwise
        head += [p.kernel, p.search, p.gate_reduce, p.gate_expand, p.smooth, p.mix]
    for branch in (network.loc, network.cls):
        head += [branch.depthwise_kernel, branch.depthwise_search]
    head += [network.loc.fuse, network.cls.fuse]
    for branch in (network.cls, network.loc):
        head += [layer for layer in branch.tower if isinstance(layer, nn.Conv2d)] + [branch.output]
    return trunk, head


@pytest.fixture
def nanotrack(tmp_path: Path) -> tuple[str, LightSiamRPN]:
    """Two ONNX files in the order of NanoTrack V3's, and the network that they were made of."""
    torch.manual_seed(5)
    network = LightSiamRPN(anchors=1, box_cues=False).eval()
    trunk, head = in_published_order(network)
    write_onnx(tmp_path / "backbone.onnx", trunk)
    write_onnx(tmp_path / "head.onnx", head)
    return f"nanotrack:{tmp_path / 'backbone.onnx'},{tmp_path / 'head.onnx'}", network


def test_nanotrack_starts_every_anchor_s_classifier(nanotrack: tuple[str, LightSiamRPN]) -> None:
    specification, published = nanotrack
    network = LightSiamRPN(anchors=3).eval()
    initialise_network(network, specification, no_crops)
    z, x = torch.rand(1, 3, 127, 127) * 255, torch.rand(1, 3, 255, 255) * 255
    with torch.no_grad():
        cls, loc = network(z, x)
        reference, _ = published(z, x)
    for anchor in range(3):  # background planes first
        torch.testing.assert_close(cls[:, anchor], reference[:, 0], atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(cls[:, 3 + anchor], reference[:, 1], atol=1e-3, rtol=1e-3)
    assert loc.abs().max() < 0.5  # boxes start as the anchors


def test_nanotrack_files_that_do_not_fit(nanotrack: tuple[str, LightSiamRPN], tmp_path: Path) -> None:
    specification, _ = nanotrack
    with pytest.raises(ConfigError, match="fits the network 'light' only"):
        initialise_network(TinyNetwork(), specification, no_crops)
    backbone, head = specification.removeprefix("nanotrack:").split(",")
    with pytest.raises(CheckpointError):
        initialise_network(LightSiamRPN(), f"nanotrack:{head},{backbone}", no_crops)
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(CheckpointError, match="ONNX"):
        initialise_network(LightSiamRPN(), f"nanotrack:{tmp_path / 'broken.onnx'},{head}", no_crops)


FEAR_MEAN, FEAR_SCALE = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([0.0171, 0.0175, 0.0174])  # R, G, B


class PublishedFear(nn.Module):
    """FEAR-XS as published: RGB in, a score and the logarithms of four distances out."""

    def __init__(self) -> None:
        super().__init__()
        ours = FearSiamRPN(anchors=1)
        self.trunk, self.cls, self.loc = ours.trunk, ours.cls, ours.loc
        self.trunk.mean.zero_()
        self.cls.output[1] = nn.Conv2d(256, 1, 1)

    def layers(self) -> list[nn.Conv2d]:
        """In the order of the published graph."""
        parts = [self.trunk.stem, self.trunk.blocks, self.trunk.project, self.cls.encode, self.loc.encode]
        parts += [self.cls.mix, self.loc.mix, self.loc.tower, self.loc.output, self.cls.tower, self.cls.output]
        return [layer for part in parts for layer in part.modules() if isinstance(layer, nn.Conv2d)]

    def forward(self, z: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Score B×1×16×16 and logarithms of left, top, right, bottom B×4×16×16 for BGR crops."""
        z, x = (((image.flip(1) - FEAR_MEAN[:, None, None]) * FEAR_SCALE[:, None, None]) for image in (z, x))
        cells = self.trunk(z).flatten(2).transpose(1, 2)
        features = self.trunk(x)
        return self.cls(cells, features), self.loc(cells, features)


def test_fear_starts_every_anchor(tmp_path: Path) -> None:
    torch.manual_seed(3)
    published = PublishedFear().eval()
    with torch.no_grad():
        for layer in published.layers():
            layer.weight.mul_(1.7)  # or nothing of the images reaches the outputs
    write_onnx(tmp_path / "fear.onnx", published.layers(), FEAR_SCALE.reshape(1, 3, 1, 1))
    network = FearSiamRPN(anchors=2).eval()
    initialise_network(network, f"fear:{tmp_path / 'fear.onnx'}", no_crops)
    z, x = torch.rand(1, 3, 128, 128) * 255, torch.rand(1, 3, 256, 256) * 255
    with torch.no_grad():
        cls, loc = network(z, x)
        score, (left, top, right, bottom) = published(z, x)[0][0, 0], published(z, x)[1][0].exp()  # pixels
    assert score.std() > 1e-3
    side = 256 / 5  # the anchor is a target of the exemplar's size in the search region
    for anchor in range(2):
        assert cls[0, anchor].abs().max() == 0, "the background's logit is 0"
        torch.testing.assert_close(cls[0, 2 + anchor], score, atol=1e-3, rtol=1e-3)
        for plane, near, far in ((0, left, right), (1, top, bottom)):
            shift, growth = loc[0, 2 * plane + anchor] * side, loc[0, 4 + 2 * plane + anchor].exp() * side
            torch.testing.assert_close(shift, (far - near) / 2, atol=1e-2, rtol=1e-4)
            torch.testing.assert_close(growth, near + far, atol=1e-2, rtol=1e-4)
    with pytest.raises(ConfigError, match="fits the network 'fear' only"):
        initialise_network(LightSiamRPN(), f"fear:{tmp_path / 'fear.onnx'}", no_crops)
    write_onnx(tmp_path / "short.onnx", published.layers()[:-1], FEAR_SCALE.reshape(1, 3, 1, 1))
    with pytest.raises(CheckpointError, match="FEAR-XS has"):
        initialise_network(network, f"fear:{tmp_path / 'short.onnx'}", no_crops)


def test_a_teacher_speaks_for_each_position(nanotrack: tuple[str, LightSiamRPN], tmp_path: Path) -> None:
    specification, published = nanotrack
    config = TrainingConfig()
    source = tiny_source(tmp_path / "images", tiny_config(tmp_path))
    source.framing = dataclasses.replace(source.framing, exemplar_size=127, search_size=255)
    batch = next(iterate_batches(source, dataclasses.replace(config.loop, batch=2, workers=0), 0))
    teacher = load_teacher(specification, "cpu")
    assert teacher is not None and load_teacher("", "cpu") is None
    answer = teacher(batch)
    assert answer.shape == (2, 15, 15) and (answer >= 0).all() and (answer <= 1).all()
    with torch.no_grad():
        cls, _ = published(batch.exemplar.float(), batch.search.float())
    torch.testing.assert_close(answer, torch.softmax(cls, 1)[:, 1], atol=1e-4, rtol=1e-3)
    with pytest.raises(ConfigError, match="neither"):
        load_teacher("teacher.pt", "cpu")


def test_crops_for_statistics_are_search_regions(tmp_path: Path) -> None:
    crops = next(iter(search_crops(tiny_source(tmp_path, tiny_config(tmp_path)))))
    assert crops.shape == (16, 3, 127, 127) and crops.dtype == torch.float32 and crops.max() > 100


def test_a_prepared_run_is_the_same_every_time(tmp_path: Path) -> None:
    make_got10k(tmp_path / "train")
    config = TrainingConfig()
    config.data.sets = [{"layout": "got10k", "root": str(tmp_path / "train")}]
    config.loop = dataclasses.replace(config.loop, device="cpu", out=str(tmp_path / "run"), seed=3)
    one, other = prepare_run(config), prepare_run(config)
    weights = zip(one.trainer.average.values(), other.trainer.average.values(), strict=True)
    assert all(torch.equal(first, second) for first, second in weights)
    np.testing.assert_array_equal(one.source.pair(5).search, other.source.pair(5).search)
    (tmp_path / "val" / "one").mkdir(parents=True)
    (tmp_path / "val" / "one" / "groundtruth.txt").write_text("1,2,30,40\n")
    (tmp_path / "val" / "one" / "00000001.jpg").write_bytes((tmp_path / "train/clip0/00000001.jpg").read_bytes())
    config.data.validation = [{"layout": "got10k", "root": str(tmp_path / "val")}]
    with pytest.raises(DataSetError, match="fewer than two boxes"):
        prepare_run(config)
