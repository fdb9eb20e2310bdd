"""Networks: shapes, batches, gradients, and that nothing is kept between calls."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tracker_core.config import NetworkConfig
from tracker_core.errors import ConfigError
from tracker_core.models.backbones.alexnet import AlexNet
from tracker_core.models.backbones.mobilenet_v2 import MobileNetV2
from tracker_core.models.backbones.resnet_atrous import ResNet50
from tracker_core.models.builder import NETWORKS, build_network
from tracker_core.models.correlation import correlate_depthwise, correlate_up_channel, correlate_whole
from tracker_core.models.heads import MultiLevelRPN
from tracker_core.models.siamrpnpp import AdjustLayer

# every network once, narrow where it may be: configuration, sides of exemplar and search region, positions along a side
# of its answer, or the number of its default boxes
CONFIGS = {
    "light": (NetworkConfig("light", "mobilenetv3", anchors_per_position=3), 127, 255, 15),
    "FEAR with anchors": (NetworkConfig("fear", "fbnet", anchors_per_position=2), 128, 256, 16),
    "SiamFC": (NetworkConfig("siamfc", "alexnet", width=0.25), 127, 255, 17),
    "SiamFC, small": (NetworkConfig("siamfc", "mobilenetv3", width=0.25), 127, 255, 17),
    "SiamRPN": (NetworkConfig("siamrpn", "alexnet", 0.25, 5), 127, 271, 19),
    "SiamRPN, larger search": (NetworkConfig("siamrpn", "alexnet", 0.25, 5), 127, 287, 21),
    "SiamRPN, small": (NetworkConfig("siamrpn", "mobilenetv3", 0.25, 5), 127, 255, 11),
    "SiamRPN++ AlexNet": (NetworkConfig("siamrpnpp", "alexnet", 0.25, 5), 127, 287, 21),
    "SiamRPN++ MobileNetV2": (NetworkConfig("siamrpnpp", "mobilenetv2", 0.35, 5), 127, 255, 25),
    "SiamRPN++ MobileNetV2, 3 anchors, weighted levels": (
        NetworkConfig("siamrpnpp", "mobilenetv2", 0.35, 3, {"weighted": True}), 127, 255, 25,
    ),
    "SiamRPN++ ResNet-50": (NetworkConfig("siamrpnpp", "resnet50", 1.0, 5, {"weighted": True}), 127, 255, 25),
    # SSD300's default boxes; 2268 on maps of half the side
    "SiamConcatRPN": (NetworkConfig("siamconcat", "resnet50", 0.25), 300, 300, 8732),
    "SiamConcatRPN, small": (NetworkConfig("siamconcat", "mobilenetv3", 0.125), 152, 152, 2268),
    # 6 · (17² + 9²)
    "SiamBroadcastRPN": (NetworkConfig("siambroadcast", "resnet50", 0.25), 129, 257, 2220),
    "SiamBroadcastRPN, small": (NetworkConfig("siambroadcast", "mobilenetv3", 0.25), 129, 257, 2220),
}  # fmt: skip
SMALL = [name for name, (config, *_) in CONFIGS.items() if config.backbone != "resnet50"]


def make(name: str) -> nn.Module:
    torch.manual_seed(0)
    network = build_network(CONFIGS[name][0]).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that a fresh network lacks, so that they count
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network


def images(batch: int, size: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (batch, 3, size, size), generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize("name", CONFIGS)
def test_output_shapes(name: str) -> None:
    config, exemplar, size, side = CONFIGS[name]
    network = make(name)
    with torch.no_grad():
        outputs = network(images(1, exemplar), images(1, size, 1))
    anchors = config.anchors_per_position
    if config.kind in ("siamconcat", "siambroadcast"):
        expected = [(1, 2, side), (1, 4, side)]
    else:
        channels = (1,) if config.kind == "siamfc" else (2 * anchors, 4 * anchors)
        expected = [(1, count, side, side) for count in channels]
    assert [tuple(output.shape) for output in outputs] == expected


def test_every_kind_is_in_this_file() -> None:
    # ATOM's network gives features and overlaps instead of a map of candidates: tests/test_atom_networks.py
    assert {config.kind for config, *_ in CONFIGS.values()} == set(NETWORKS) - {"atom"}


@pytest.mark.parametrize("name", SMALL)
def test_a_batch_gives_what_its_items_give(name: str) -> None:
    _, exemplar, size, _ = CONFIGS[name]
    network = make(name)
    exemplars, searches = images(3, exemplar), images(3, size, 1)
    with torch.no_grad():
        together = network(exemplars, searches)
        for i in range(3):
            alone = network(exemplars[i : i + 1], searches[i : i + 1])
            for ours, theirs in zip(together, alone, strict=True):
                scale = theirs.abs().max()
                torch.testing.assert_close(ours[i : i + 1] / scale, theirs / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_templates_belong_to_the_caller(name: str) -> None:
    # two targets share one network: the second template leaves the first as it was, and searches change neither
    _, exemplar, size, _ = CONFIGS[name]
    network = make(name)
    search = images(1, size, 5)
    with torch.no_grad():
        first = network.template(images(1, exemplar, 1))
        before = network.search(first, search)
        second = network.template(images(1, exemplar, 2))
        other = network.search(second, search)
        after = network.search(first, search)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(before, after, strict=True))
    assert not torch.equal(before[0], other[0])


@pytest.mark.parametrize("name", SMALL)
def test_training_reaches_every_parameter(name: str) -> None:
    _, exemplar, size, _ = CONFIGS[name]
    network = make(name).train()
    # crops of a real size in 0..255, as in training
    outputs = network(images(2, exemplar), images(2, size, 1))
    sum((output.float() ** 2).mean() for output in outputs).backward()
    idle = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert not idle
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("backbone", "size", "sides"),
    [
        # no padding: 127 → 59 → 29 → 25 → 12 → 10 → 8 → 6
        (AlexNet(1), 127, [6]),
        (AlexNet(1), 287, [26]),
        # stride 8 at every used level, whatever the dilation
        (MobileNetV2(0.35), 127, [15, 15, 15]),
        (MobileNetV2(0.35), 255, [31, 31, 31]),
        (ResNet50(), 127, [15, 15, 15]),
    ],
)
def test_backbone_maps(backbone: nn.Module, size: int, sides: list[int]) -> None:
    with torch.no_grad():
        maps = backbone.eval()(images(1, size))
    assert [level.shape[2:] for level in maps] == [(side, side) for side in sides]
    assert tuple(level.shape[1] for level in maps) == backbone.out_channels


def test_adjusting_keeps_the_middle_of_an_exemplar_alone() -> None:
    layer = AdjustLayer(2, 2).eval()
    with torch.no_grad():
        layer.downsample[0].weight.copy_(torch.eye(2).reshape(2, 2, 1, 1))
        exemplar = torch.arange(2 * 15 * 15).float().reshape(1, 2, 15, 15)
        search = torch.zeros(1, 2, 31, 31)
        # 15 cells: 4 are cut off at either side
        torch.testing.assert_close(layer(exemplar), exemplar[:, :, 4:11, 4:11] / (1 + 1e-5) ** 0.5)
        assert layer(search).shape == search.shape


def test_levels_are_weighted_by_a_softmax() -> None:
    torch.manual_seed(0)
    head = MultiLevelRPN(anchors=2, levels=[8, 8], weighted=True).eval()
    plain = MultiLevelRPN(anchors=2, levels=[8, 8], weighted=False).eval()
    plain.load_state_dict({key: value for key, value in head.state_dict().items() if not key.endswith("_weight")})
    maps = [torch.randn(1, 8, 12, 12) for _ in range(2)]
    with torch.no_grad():
        template = head.template([torch.randn(1, 8, 7, 7) for _ in range(2)])
        # equal weights are the mean
        for ours, theirs in zip(head(template, maps), plain(template, maps), strict=True):
            torch.testing.assert_close(ours, theirs)
        # a weight far above the other leaves that level alone
        head.cls_weight.copy_(torch.tensor([30.0, 0.0]))
        torch.testing.assert_close(head(template, maps)[0], head.rpn2(template[:2], maps[0])[0])


def test_correlations_equal_their_sums() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 3, 6, 5, generator=generator)
    kernel = torch.randn(2, 3, 2, 2, generator=generator)
    several = torch.randn(2, 4 * 3, 2, 2, generator=generator)
    depthwise = torch.zeros(2, 3, 5, 4)
    up_channel = torch.zeros(2, 4, 5, 4)
    for b in range(2):
        for row in range(5):
            for column in range(4):
                patch = x[b, :, row : row + 2, column : column + 2]
                depthwise[b, :, row, column] = (patch * kernel[b]).sum((1, 2))
                up_channel[b, :, row, column] = (patch[None] * several[b].reshape(4, 3, 2, 2)).sum((1, 2, 3))
    torch.testing.assert_close(correlate_depthwise(x, kernel), depthwise)
    torch.testing.assert_close(correlate_whole(x, kernel), depthwise.sum(1, keepdim=True))
    torch.testing.assert_close(correlate_up_channel(x, several), up_channel)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (NetworkConfig("siamrpnp"), "Did you mean 'siamrpnpp'"),
        (NetworkConfig("siamrpnpp", "resnet51"), "known: alexnet, mobilenetv2, resnet50"),
        # a width that leaves no channels
        (NetworkConfig("siamrpn", "alexnet", 0.0), "width"),
        (NetworkConfig("siamfc", width=-1.0), "width"),
        (NetworkConfig("siamrpnpp", "mobilenetv2", float("nan")), "width"),
        # no anchors
        (NetworkConfig("siamrpn", "alexnet", 1.0, 0), "anchors_per_position"),
        # an option that this network does not have
        (NetworkConfig("siamrpn", "alexnet", 1.0, 5, {"weighted": True}), "option 'weighted'"),
    ],
)
def test_what_cannot_be_built_is_said(config: NetworkConfig, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_network(config)
    assert words in str(caught.value)
