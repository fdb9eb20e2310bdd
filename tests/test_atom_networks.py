"""ATOM's networks under the release's names, against an evaluation written from the definitions; its checkpoint."""

import sys
import types
import zlib
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch.nn import functional

from tracker_core.checkpoints import weights
from tracker_core.checkpoints.state_dicts import convert_state, recognise
from tracker_core.checkpoints.torch_files import read_torch_file
from tracker_core.errors import CheckpointError
from tracker_core.models.builder import build_network
from tracker_core.presets.published import published_config
from tracker_core.trackers.builder import tracker_from_network

NAME = "atom_default"


def norm_shapes(name, channels):
    return {f"{name}.{entry}": (channels,) for entry in ("weight", "bias", "running_mean", "running_var")}


def release_shapes():
    """Names and shapes of the release's state dict, written down from its structure."""
    shapes = {"feature_extractor.conv1.weight": (64, 3, 7, 7), **norm_shapes("feature_extractor.bn1", 64)}
    inputs = 64
    for layer, outputs in ((1, 64), (2, 128), (3, 256), (4, 512)):
        for block in (0, 1):
            prefix = f"feature_extractor.layer{layer}.{block}"
            first = inputs if block == 0 else outputs
            shapes |= {f"{prefix}.conv1.weight": (outputs, first, 3, 3), **norm_shapes(f"{prefix}.bn1", outputs)}
            shapes |= {f"{prefix}.conv2.weight": (outputs, outputs, 3, 3), **norm_shapes(f"{prefix}.bn2", outputs)}
            if first != outputs:
                shapes[f"{prefix}.downsample.0.weight"] = (outputs, first, 1, 1)
                shapes |= norm_shapes(f"{prefix}.downsample.1", outputs)
        inputs = outputs
    shapes |= {"feature_extractor.fc.weight": (1000, 512), "feature_extractor.fc.bias": (1000,)}
    convolutions = {
        "conv3_1r": (128, 128, 3), "conv3_1t": (256, 128, 3), "conv3_2t": (256, 256, 3), "fc3_1r": (256, 128, 3),
        "conv4_1r": (256, 256, 3), "conv4_1t": (256, 256, 3), "conv4_2t": (256, 256, 3),
        "fc34_3r": (256, 512, 1), "fc34_4r": (256, 512, 1),
    }  # fmt: skip
    for name, (outputs, first, kernel) in convolutions.items():
        shapes[f"bb_regressor.{name}.0.weight"] = (outputs, first, kernel, kernel)
        shapes[f"bb_regressor.{name}.0.bias"] = (outputs,)
        shapes |= norm_shapes(f"bb_regressor.{name}.1", outputs)
    for name, bins in (("fc3_rt", 5), ("fc4_rt", 3)):
        shapes |= {f"bb_regressor.{name}.linear.weight": (256, 256 * bins * bins)}
        shapes |= {f"bb_regressor.{name}.linear.bias": (256,), **norm_shapes(f"bb_regressor.{name}.bn", 256)}
    return shapes | {"bb_regressor.iou_predictor.weight": (1, 512), "bb_regressor.iou_predictor.bias": (1,)}


def draw(name, shape):
    """A tensor drawn from its own name, so that two implementations hold the same numbers."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) >= 2:
        values = rng.normal(0, (1 / np.prod(shape[1:])) ** 0.5, shape)
    elif name.endswith("weight"):
        values = rng.uniform(0.2, 0.6, shape)
    else:
        values = rng.normal(0, 0.1, shape)
    return torch.from_numpy(np.asarray(values, np.float32))


@pytest.fixture(scope="module")
def release():
    return {name: draw(name, shape) for name, shape in release_shapes().items()}


@pytest.fixture(scope="module")
def network(release):
    network = build_network(published_config(NAME).network)
    network.load_state_dict(convert_state(NAME, release, network))
    return network.eval().requires_grad_(False)


class Evaluation:
    """The published network on its published names, with nothing but PyTorch's functions."""

    def __init__(self, state):
        self.state = {name: value.double() for name, value in state.items()}

    def norm(self, x, name):
        mean, variance, weight, bias = (
            self.state[f"{name}.{entry}"] for entry in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(x, mean, variance, weight, bias, eps=1e-5)

    def backbone(self, image_bgr):
        mean, deviation = (
            torch.tensor(v).double()[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
        x = (image_bgr.double()[:, [2, 1, 0]] / 255 - mean) / deviation
        x = functional.conv2d(x, self.state["feature_extractor.conv1.weight"], stride=2, padding=3)
        x = functional.max_pool2d(functional.relu(self.norm(x, "feature_extractor.bn1")), 3, 2, 1)
        maps = []
        for layer in (1, 2, 3):
            for block in (0, 1):
                name, stride = f"feature_extractor.layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
                y = functional.conv2d(x, self.state[f"{name}.conv1.weight"], stride=stride, padding=1)
                y = functional.conv2d(
                    functional.relu(self.norm(y, f"{name}.bn1")), self.state[f"{name}.conv2.weight"], padding=1
                )
                if f"{name}.downsample.0.weight" in self.state:
                    x = self.norm(
                        functional.conv2d(x, self.state[f"{name}.downsample.0.weight"], stride=stride),
                        f"{name}.downsample.1",
                    )
                x = functional.relu(self.norm(y, f"{name}.bn2") + x)
            maps.append(x)
        return maps[1], maps[2]

    def convolve(self, x, name, padding=1):
        name = f"bb_regressor.{name}"
        y = functional.conv2d(x, self.state[f"{name}.0.weight"], self.state[f"{name}.0.bias"], padding=padding)
        return functional.relu(self.norm(y, f"{name}.1"))

    def block(self, x, name):
        name = f"bb_regressor.{name}"
        y = functional.linear(
            x.reshape(len(x), -1), self.state[f"{name}.linear.weight"], self.state[f"{name}.linear.bias"]
        )
        return functional.relu(self.norm(y[:, :, None, None], f"{name}.bn"))[:, :, 0, 0]

    def pool(self, x, box_xyxy, bins, stride, points=400):
        """Precise RoI pooling by the midpoint rule."""
        hats = []
        for axis, length in ((1, x.shape[2]), (0, x.shape[3])):
            low, high = box_xyxy[axis] / stride, box_xyxy[axis + 2] / stride
            places = low + (high - low) * (torch.arange(bins * points) + 0.5) / (bins * points)
            hat = (1 - (places[:, None] - torch.arange(length)).abs()).clamp_min(0).double()
            hats.append(hat.reshape(bins, points, length).mean(1))
        return torch.einsum("iy,bcyx,jx->bcij", hats[0], x, hats[1])

    def overlap(self, reference, box_xyxy, test, boxes_xyxy):
        fine, coarse = self.backbone(reference)
        fine = self.convolve(self.pool(self.convolve(fine, "conv3_1r"), box_xyxy, 3, 8), "fc3_1r", 0)
        joined = torch.cat((fine, self.pool(self.convolve(coarse, "conv4_1r"), box_xyxy, 1, 16)), 1)
        weight3, weight4 = (self.convolve(joined, name, 0) for name in ("fc34_3r", "fc34_4r"))
        fine, coarse = self.backbone(test)
        fine = self.convolve(self.convolve(fine, "conv3_1t"), "conv3_2t") * weight3
        coarse = self.convolve(self.convolve(coarse, "conv4_1t"), "conv4_2t") * weight4
        answers = []
        for box in boxes_xyxy:
            parts = (
                self.block(self.pool(fine, box, 5, 8), "fc3_rt"),
                self.block(self.pool(coarse, box, 3, 16), "fc4_rt"),
            )
            answers.append(
                functional.linear(
                    torch.cat(parts, 1),
                    self.state["bb_regressor.iou_predictor.weight"],
                    self.state["bb_regressor.iou_predictor.bias"],
                )
            )
        return torch.cat(answers)[:, 0]


def random_image(seed, size):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, size, size)).astype(np.float32))


def test_the_published_network_is_that_of_a_second_evaluation(release, network):
    reference, test = random_image(1, 288), random_image(2, 288)
    wh = (61.0, 47.5)
    box = [143.5 - wh[0] / 2, 143.5 - wh[1] / 2, 143.5 + wh[0] / 2, 143.5 + wh[1] / 2]
    boxes = [[100.0, 90.0, 190.0, 180.0], [120.3, 101.7, 165.2, 199.9], [-20.0, 5.0, 60.0, 70.0]]
    expected = Evaluation(release).overlap(reference, torch.tensor(box), test, torch.tensor(boxes))
    corners = torch.tensor([boxes])
    proposals = torch.cat(((corners[..., :2] + corners[..., 2:]) / 2 - 143.5, corners[..., 2:] - corners[..., :2]), -1)
    predicted = network(reference, test, torch.tensor([wh]), proposals)[0][0]
    np.testing.assert_allclose(predicted.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)
    maps = network.trunk.maps(test)
    for ours, theirs in zip(maps, Evaluation(release).backbone(test), strict=True):
        assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-5


def test_the_small_network_s_branches_are_the_same_two_methods():
    config = published_config(NAME).network
    config.backbone, config.width = "mobilenetv3", 0.25
    network = build_network(config).eval()
    z, x, wh = random_image(1, 288), random_image(2, 288), torch.tensor([[50.0, 60.0]])
    boxes, proposals = torch.tensor([[[100.0, 100, 180, 170]]]), torch.tensor([[[-3.5, -8.5, 80, 70]]])
    features, fine, coarse = network.search(network.template(z, wh), x)
    assert features.shape == (1, 96, 18, 18) and fine.shape == (1, 64, 36, 36) and coarse.shape == (1, 64, 18, 18)
    torch.testing.assert_close(network(z, x, wh, proposals)[0], network.overlap((fine, coarse), boxes))


@pytest.fixture
def training_code(monkeypatch):
    """Classes that are named as those of pytracking's training code, as long as a file is written."""
    modules = {}
    for name in ("ltr", "ltr.admin", "ltr.admin.settings", "ltr.admin.model_constructor", "ltr.admin.stats"):
        modules[name] = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, modules[name])
    classes = {}
    for module, name in (("settings", "Settings"), ("model_constructor", "NetConstructor"), ("stats", "AverageMeter")):
        cls = type(name, (), {"__module__": f"ltr.admin.{module}"})
        setattr(modules[f"ltr.admin.{module}"], name, cls)
        classes[name] = cls
    return classes


def write_checkpoint(path, release, classes, *, old_format):
    """Write what the release's trainer saves."""
    settings, constructor, meter = (classes[name]() for name in ("Settings", "NetConstructor", "AverageMeter"))
    settings.batch_size, settings.description = 64, "ATOM IoUNet"
    constructor.fun_name, constructor.kwds = "atom_resnet18", {"backbone_pretrained": True}
    meter.history = [0.1, 0.2]
    content = {
        "epoch": 50, "actor_type": "AtomActor", "net_type": "ATOMnet", "net": OrderedDict(release),
        "net_info": None, "constructor": constructor, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]},
        "stats": OrderedDict(train=OrderedDict({"Loss/total": meter})), "settings": settings,
    }  # fmt: skip
    torch.save(content, path, _use_new_zipfile_serialization=not old_format)


@pytest.mark.parametrize("old_format", [True, False], ids=["old format", "zip format"])
def test_the_release_s_checkpoint_is_imported(tmp_path, monkeypatch, release, training_code, old_format):
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", tmp_path / "shipped")
    monkeypatch.setattr(weights, "user_weights_folder", lambda: tmp_path / "user")
    path = tmp_path / "atom_default.pth"
    write_checkpoint(path, release, training_code, old_format=old_format)
    for name in ("ltr", "ltr.admin", "ltr.admin.settings", "ltr.admin.model_constructor", "ltr.admin.stats"):
        monkeypatch.delitem(sys.modules, name)  # whoever imports it has no pytracking
    assert recognise(read_torch_file(path)) == NAME
    stored = weights.load_checkpoint(weights.import_weights(path))
    assert stored.name == NAME
    ours = "overlap.fc34_3r.0.weight"
    assert torch.equal(stored.state[ours], release["bb_regressor.fc34_3r.0.weight"])
    assert not any(name.startswith(("trunk.layer4", "trunk.fc")) for name in stored.state)


def test_objects_of_other_code_are_refused_and_placeholders_keep_nothing(tmp_path, release, training_code):
    class Reduces:
        def __reduce__(self):
            return (types.SimpleNamespace, ())

    path = tmp_path / "other.pth"
    torch.save({"net": {"a": torch.zeros(2)}, "settings": Reduces()}, path)
    with pytest.raises(CheckpointError, match="could run code"):
        read_torch_file(path)
    write_checkpoint(path, {"a": torch.ones(2)}, training_code, old_format=True)
    content = read_torch_file(path)
    assert content["epoch"] == 50 and torch.equal(content["net"]["a"], torch.ones(2))
    assert type(content["settings"]).__module__ != "ltr.admin.settings" and vars(content["settings"]) == {}


def test_an_entry_that_is_missing_or_misshapen_is_named(release, network):
    name = "bb_regressor.fc3_rt.linear.weight"
    with pytest.raises(CheckpointError, match=f"lacks {name}"):
        convert_state(NAME, {key: value for key, value in release.items() if key != name}, network)
    with pytest.raises(CheckpointError, match=f"another shape or type for {name}"):
        convert_state(NAME, {**release, name: release[name][:, :100]}, network)


def test_the_published_tracker_runs(network):
    tracker = tracker_from_network(published_config(NAME), network)
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    tracker.init(image, (60, 40, 30, 24))
    result = tracker.update(image, debug=True)
    assert np.isfinite(result.box_xywh).all() and result.debug is not None and result.debug.online is not None
