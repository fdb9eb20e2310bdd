"""SiamConcatRPN and SiamBroadcastRPN as they are described: maps, default boxes, parameters, masks, guides."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from correlation_study_samples import CONFIGS, NETS
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from tracker_core.candidates import make_layout
from tracker_core.candidates.coding import decode, encode
from tracker_core.candidates.default_boxes import near_peak
from tracker_core.config import NetworkConfig, TrackerConfig, config_to_mapping, load_yaml
from tracker_core.config.training import TrainingConfig
from tracker_core.models.backbones.pyramids import ResNet50Pyramid
from tracker_core.models.builder import build_network
from tracker_core.models.siamconcat import GlobalConvolution, SiamConcatRPN, box_mask
from tracker_core.presets import preset
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.training.config import load_training_config
from tracker_core.training.initialise import initialise_network

RESNET50 = 23_508_032  # torchvision's 25 557 032 without the classifier, 2048 · 1000 + 1000
GEOMETRY = {
    # configuration: exemplar, search region, sides of the maps, boxes a position, boxes in all
    "siamconcat": (300, 300, (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4), 8732),
    "siamconcat_small": (152, 152, (19, 10, 5, 3, 2, 1), (4, 6, 6, 6, 4, 4), 2268),
    "siambroadcast": (129, 257, (17, 9), (6, 6), 2220),
    "siambroadcast_small": (129, 257, (17, 9), (6, 6), 2220),
}


def load(name: str) -> TrainingConfig:
    return load_training_config(CONFIGS / f"{name}.yaml")


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolution(inputs: int, outputs: int, height: int, width: int, bias: bool = True) -> int:
    return inputs * outputs * height * width + outputs * bias


def images(batch: int, size: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (batch, 3, size, size), generator=torch.Generator().manual_seed(seed)).float()


def built(config: NetworkConfig) -> nn.Module:
    torch.manual_seed(0)
    return build_network(config).eval()


def default_boxes_of(config: TrackerConfig, count: int, size: int) -> np.ndarray:
    return make_layout(config).boxes((1, 2, count), np.array([60.0, 60.0]), size)


@pytest.mark.parametrize("name", GEOMETRY)
def test_maps_and_default_boxes_are_those_of_the_description(name: str) -> None:
    exemplar, search, sides, boxes, total = GEOMETRY[name]
    config = load(name).tracker
    assert (config.tracking.exemplar_size, config.tracking.search_size) == (exemplar, search)
    assert tuple(level.side for level in config.anchors.levels) == sides
    assert tuple(2 + 2 * len(level.ratios) for level in config.anchors.levels) == boxes
    assert len(default_boxes_of(config, total, search)) == total
    network = built(config.network)
    seen: list[tuple[int, int]] = []
    network.head.register_forward_pre_hook(lambda _, inputs: seen.extend(tuple(m.shape[2:]) for m in inputs[0]))
    with torch.no_grad():
        cls, loc = network(images(1, exemplar), images(1, search, 1))
    assert seen == [(side, side) for side in sides]
    assert (cls.shape, loc.shape) == ((1, 2, total), (1, 4, total))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("size", ["", "_small"])
def test_a_training_configuration_names_its_preset(net: str, size: str) -> None:
    config = load(net + size).tracker
    assert config.name == net + size.replace("_", "-")
    assert config_to_mapping(preset(config.name)) == config_to_mapping(config)
    assert load_yaml(CONFIGS / f"{net}{size}.yaml")["tracker"] == {"name": config.name}  # it is written down once


def test_a_training_configuration_changes_its_preset_or_the_defaults(tmp_path: Path) -> None:
    rest = "data: {sets: [{layout: got10k, root: x}]}\n"
    (tmp_path / "known.yaml").write_text("tracker: {name: siamfc-small, tracking: {scale_count: 5}}\n" + rest)
    (tmp_path / "own.yaml").write_text("tracker: {name: mine, tracking: {scale_count: 5}}\n" + rest)
    known, own = (load_training_config(tmp_path / name).tracker for name in ("known.yaml", "own.yaml"))
    assert (known.network.kind, known.tracking.scale_count, known.tracking.window_influence) == ("siamfc", 5, 0.176)
    assert (own.network.kind, own.tracking.scale_count) == (TrackerConfig().network.kind, 5)


def test_outputs_stand_at_their_default_boxes() -> None:
    # one position of one map raised in the head's bias-free input moves the scores of the boxes there, and no others
    config = load("siambroadcast_small").tracker
    head = built(config.network).head
    boxes = default_boxes_of(config, 2220, 257)
    maps = [torch.zeros(1, head.cls[0].in_channels, 17, 17), torch.zeros(1, head.cls[0].in_channels, 9, 9)]
    with torch.no_grad():
        before = head(maps)[0]
        maps[1][0, :, 2, 6] = 1.0
        changed = ((head(maps)[0] - before).abs() > 0)[0].any(0).numpy()
    # 3 × 3 convolutions reach the neighbours: columns 5 to 7 and rows 1 to 3 of the coarser map, all six boxes
    cell = 257 / 9
    center = np.array([(6 - 4) * cell, (2 - 4) * cell])
    near = (np.abs(boxes[:, :2] - center) < 1.5 * cell).all(axis=1) & (np.arange(len(boxes)) >= 6 * 17 * 17)
    assert near.sum() == 6 * 9
    np.testing.assert_array_equal(changed, near)


box = st.tuples(*(st.floats(-140, 140, width=32),) * 2, *(st.floats(3, 300, width=32),) * 2)


@given(box=box, number=st.integers(0, 8731))
def test_decoding_undoes_encoding_on_every_default_box(box: tuple[float, ...], number: int) -> None:
    config = published_concat()
    default = default_boxes_of(config, 8732, 300)[number]
    variances = (0.1, 0.2)  # as in SSD's release
    assert make_layout(config).variances == variances
    target = np.array(box, np.float32)
    deltas = encode(target, default, variances)
    np.testing.assert_allclose(decode(deltas, default, variances), target, rtol=1e-3, atol=2e-2)


@functools.cache
def published_concat() -> TrackerConfig:
    return load("siamconcat").tracker


def test_the_trunk_is_a_whole_resnet_50() -> None:
    assert count(ResNet50Pyramid()) == RESNET50


def test_parameters_of_siamconcat() -> None:
    c, widths, kernels = 256, (512, 1024, 2048), (11, 9, 7)
    masks = 2 * 64 * 49  # one convolution like the first layer's for either mask
    mixing = 0
    for width, k in zip(widths, kernels, strict=True):
        # k×1 then 1×k and 1×k then k×1 of the concatenated features, and a residual of two 3×3
        mixing += 2 * (convolution(2 * width, c, k, 1) + convolution(c, c, 1, k)) + 2 * convolution(c, c, 3, 3)
    refining = sum(convolution(width, c, 3, 3) + 4 * convolution(c, c, 3, 3) for width in widths[:2])
    further = 2 * convolution(c, c, 3, 3) + convolution(c, c, 1, 1)  # 5, 3, and 1 by pooling
    heads = sum(convolution(c, (2 + 4) * boxes, 3, 3) for boxes in (4, 6, 6, 6, 4, 4))
    network = built(load("siamconcat").tracker.network)
    assert count(network) == RESNET50 + masks + mixing + refining + further + heads


def test_parameters_of_siambroadcast() -> None:
    c, fine, coarse = 256, 1024, 2048
    block = convolution(c, c, 1, 1) + convolution(c, c, 3, 3)
    relation = convolution(2 * coarse, c, 1, 1) + convolution(fine + c + coarse, c, 1, 1) + 2 * block
    heads = 2 * convolution(c, (2 + 4) * 6, 3, 3)
    network = built(load("siambroadcast").tracker.network)
    assert count(network) == RESNET50 + relation + heads


def test_parameters_of_siamfc_and_siamrpn() -> None:
    grouped = convolution(3, 96, 11, 11) + convolution(48, 256, 5, 5) + convolution(256, 384, 3, 3)
    grouped += convolution(192, 384, 3, 3) + convolution(192, 256, 3, 3)
    norms = 2 * (96 + 256 + 384 + 384)
    assert count(built(load("siamfc").tracker.network)) == grouped + norms + 2
    # DaSiamRPN's net of the same shape as SiamRPN's
    assert count(built(load("siamrpn").tracker.network)) == count(built(preset("dasiamrpn_SiamRPNotb").network))


def test_a_global_convolution_sees_a_cross_of_its_kernel() -> None:
    block = GlobalConvolution(1, 1, 7)
    with torch.no_grad():
        for layer in (*block.left, *block.right):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
        image = torch.zeros(1, 1, 21, 21)
        image[0, 0, 10, 10] = 1.0
        reached = (block.left(image) + block.right(image))[0, 0]
    assert (reached > 0).nonzero().amin(0).tolist() == [7, 7] and (reached > 0).nonzero().amax(0).tolist() == [13, 13]
    assert reached[7:14, 7:14].min() == 2.0  # either path covers the whole square


def test_masks_cover_what_the_box_covers() -> None:
    # 8 pixels, box 4 × 2 around (1, −1): columns 3 to 6, rows 2 and 3
    mask = box_mask(torch.tensor([[1.0, -1.0, 4.0, 2.0]]), 8)
    expected = torch.zeros(1, 1, 8, 8)
    expected[0, 0, 2:4, 3:7] = 1.0
    torch.testing.assert_close(mask, expected)
    # a box that ends inside a pixel covers a part of it
    assert box_mask(torch.tensor([[0.5, 0.5, 1.5, 1.0]]), 8).sum() == pytest.approx(1.5)
    # outside, nothing
    assert box_mask(torch.tensor([[100.0, 0.0, 4.0, 4.0]]), 8).sum() == 0


@pytest.mark.parametrize("name", ["siamconcat", "siamconcat_small"])
def test_both_masks_change_the_answer(name: str) -> None:
    config = load(name).tracker
    size = config.tracking.search_size
    network = built(config.network)
    z, x = images(1, size), images(1, size, 1)
    small, large = torch.tensor([[size / 8, size / 8]]), torch.tensor([[size / 2, size / 4]])
    here, there = torch.tensor([[0.0, 0.0, 30.0, 40.0]]), torch.tensor([[30.0, -20.0, 30.0, 40.0]])
    with torch.no_grad():
        template = network.template(z, small)
        guided, moved = network.search(template, x, here), network.search(template, x, there)
        other = network.search(network.template(z, large), x, here)
    for one, another in ((guided, moved), (guided, other)):
        assert not torch.equal(one[0], another[0]) and not torch.equal(one[1], another[1])


def test_a_mask_is_convolved_and_added_to_the_first_layer() -> None:
    # with the convolutions of the masks at zero, masks say nothing
    network = built(load("siamconcat_small").tracker.network)
    z, x = images(1, 152), images(1, 152, 1)
    boxes = torch.tensor([[0.0, 0.0, 30.0, 40.0]]), torch.tensor([[20.0, 0.0, 60.0, 20.0]])
    with torch.no_grad():
        network.exemplar_mask.weight.zero_()
        network.guide_mask.weight.zero_()
        answers = [network.search(network.template(z, guide[:, 2:]), x, guide)[0] for guide in boxes]
    assert torch.equal(answers[0], answers[1])


def test_the_broadcast_exemplar_has_no_place() -> None:
    # what is pooled over all positions does not say where it was
    network = built(load("siambroadcast_small").tracker.network)
    with torch.no_grad():
        (vector,) = network.template(images(2, 129))
        coarse = network.features(images(2, 129))[1]
    assert vector.shape == (2, coarse.shape[1], 1, 1)
    assert torch.equal(vector[..., 0, 0], coarse.flatten(2).max(2).values)


def test_the_correlation_guide_finds_the_exemplar() -> None:
    torch.manual_seed(0)
    network = SiamConcatRPN("mobilenetv3", channels=8, correlation_guide=True).eval()
    initialise_network(network, "trunk:siamscope-light", lambda: [])
    target = F.interpolate(torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(3)) * 255, size=96)
    z, x = torch.full((1, 3, 304, 304), 110.0), torch.full((1, 3, 304, 304), 110.0)
    z[:, :, 104:200, 104:200] = target
    x[:, :, 104 + 32 : 200 + 32, 104 - 48 : 200 - 48] = target  # 48 pixels to the left, 32 down
    with torch.no_grad():
        response = network(z, x)[2][0, 0]
    row, column = np.unravel_index(int(response.argmax()), response.shape)
    assert (row - response.shape[0] // 2, column - response.shape[1] // 2) == (2, -3)  # in cells of 16 pixels


def test_only_default_boxes_around_the_peak_are_kept() -> None:
    # 5 × 5 cells over 100 pixels: the peak stands 20 pixels right of the centre and 40 above it; a quarter is 25
    response = np.zeros((5, 5))
    response[0, 3] = 1.0
    centers = [(20, -40), (45, -40), (46, -40), (20, -15), (20, -14), (-6, -40), (0, 0)]
    boxes = np.array([(x, y, 10, 10) for x, y in centers], np.float32)
    assert near_peak(response, boxes, 100).tolist() == [True, True, False, True, False, False, False]
    response[4, 4] = np.nan  # a network that fails says nothing: everything is kept
    assert near_peak(response, boxes, 100).all()


def test_a_tracker_with_the_guide_answers_around_the_peak() -> None:
    config = load("siamconcat_small").tracker
    config.network.options["correlation_guide"] = True
    network = built(config.network)
    initialise_network(network, "trunk:siamscope-light", lambda: [])
    rng = np.random.default_rng(0)
    target = cv2.resize(rng.integers(0, 255, (8, 8, 3)).astype(np.uint8), (48, 48), interpolation=cv2.INTER_NEAREST)
    images = [np.full((240, 320, 3), 110, np.uint8) for _ in range(2)]
    images[0][100:148, 120:168] = target
    images[1][100:148, 166:214] = target  # 46 pixels to the right, of a search region of 192
    tracker = tracker_from_network(config, network)
    tracker.init(images[0], np.array([120.0, 100.0, 48.0, 48.0]))
    debug = tracker.update(images[1], debug=True).debug
    assert debug is not None
    centers = debug.anchors_xywh[:, :2] + debug.anchors_xywh[:, 2:] / 2
    kept = centers[debug.scores_raw > 0]
    assert 0 < len(kept) < len(centers)
    # the target's centre is at (190, 124); boxes are kept within a quarter of the region, and a cell of the map
    reach = 0.25 * debug.search_window_xywh[2] + debug.search_window_xywh[2] / 9
    assert np.abs(kept - np.array([190.0, 124.0])).max() < reach
    assert kept[:, 0].mean() > 165


def test_every_net_has_a_published_and_a_small_configuration() -> None:
    names = {path.stem for path in Path(CONFIGS).glob("siam*.yaml")}
    assert {name + size for name in NETS for size in ("", "_small")} <= names
