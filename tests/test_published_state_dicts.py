"""Published state dicts are recognised, checked under their published names, and turned into ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference_answers as reference
import torch
from reference_answers import NAMES
from torch import Tensor

from tracker_core import load_published
from tracker_core.checkpoints.published_names import published_names
from tracker_core.checkpoints.state_dicts import convert_state, plain_state, recognise
from tracker_core.errors import CheckpointError
from tracker_core.models.builder import build_network
from tracker_core.presets import list_trackers, preset
from tracker_core.presets.published import published_config

ALEX = "siamrpn_alex_dwxcorr"
State = dict[str, Any]


def empty_state(name: str) -> State:
    """A state dict of the right names and shapes whose tensors take no memory to speak of."""
    return {key: torch.zeros(()).expand(shape) for key, shape in reference.shapes(name).items()}


@pytest.fixture(scope="module")
def alex() -> dict[str, Tensor]:
    return reference.draw_state_dict(ALEX)


@pytest.mark.parametrize(
    ("wrap"),
    [
        pytest.param(lambda state: state, id="plain"),
        pytest.param(lambda state: {f"module.{key}": value for key, value in state.items()}, id="module prefix"),
        pytest.param(lambda state: {"state_dict": state, "epoch": 19, "optimizer": {"lr": 0.1}}, id="PySOT training"),
        pytest.param(lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}}, id="both"),
        pytest.param(lambda state: {"model": state}, id="model nesting"),
        pytest.param(lambda state: {"model": {"state_dict": state}}, id="nested twice"),
        pytest.param(lambda state: {key: value.numpy() for key, value in state.items()}, id="NumPy arrays"),
        pytest.param(lambda state: {key: value.double() for key, value in state.items()}, id="another float type"),
        pytest.param(
            lambda state: state | {"backbone.features.1.num_batches_tracked": torch.tensor(7)}, id="batch norm counter"
        ),
    ],
)
def test_nesting_prefixes_and_types_make_no_difference(alex: State, wrap: Callable[[State], State]) -> None:
    tracker = load_published(ALEX, wrap(alex))
    ours = tracker.network.state_dict()
    for key, value in alex.items():
        assert torch.equal(ours[key], value), key


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        # one is gone
        (lambda state: state.pop("rpn_head.cls.head.3.bias"), ["lacks rpn_head.cls.head.3.bias"]),
        # one too many
        (lambda state: state.update(extra=torch.zeros(3)), ["unknown extra"]),
        # the name is there, the shape is not
        (
            lambda state: state.update({"rpn_head.loc.head.3.bias": torch.zeros(12)}),
            ["another shape", "rpn_head.loc.head.3.bias"],
        ),
        # a type that no weight has
        (
            lambda state: state.update({"rpn_head.loc.head.3.bias": torch.zeros(20, dtype=torch.complex64)}),
            ["another shape or type", "rpn_head.loc.head.3.bias"],
        ),
        # many are gone: three are named, the rest are counted
        (
            lambda state: [state.pop(key) for key in list(state) if key.startswith("rpn_head.cls")],
            ["lacks", " and ", " more"],
        ),
        # all are gone
        (lambda state: state.clear(), ["no tensors"]),
    ],
)
def test_what_does_not_fit_is_named(alex: State, spoil: Callable[[State], Any], words: list[str]) -> None:
    state = dict(alex)
    spoil(state)
    with pytest.raises(CheckpointError) as caught:
        load_published(ALEX, state)
    for word in words:
        assert word in str(caught.value)


def test_an_error_speaks_of_published_names() -> None:
    state = empty_state("dasiamrpn_SiamRPNvot")
    del state["conv_r1.weight"]
    with pytest.raises(CheckpointError, match=r"lacks conv_r1\.weight"):
        recognise(state)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_recognised(name: str) -> None:
    # the OTB net has the shapes of the VOT net: nothing in a state dict tells them apart
    expected = "dasiamrpn_SiamRPNvot" if name == "dasiamrpn_SiamRPNotb" else name
    assert recognise(empty_state(name)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        network = build_network(published_config(name).network)
    ours = network.state_dict()
    theirs = published_names(name, ours)
    published = {key: tuple(ours[theirs[key]].shape) for key in theirs if not key.endswith("num_batches_tracked")}
    assert published == reference.shapes(name)


def test_another_network_is_not_recognised() -> None:
    state = {"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.weight": torch.zeros(1000, 512)}
    with pytest.raises(CheckpointError, match=r"no network known here .*conv1\.weight"):
        recognise(state)


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(CheckpointError, match="Did you mean 'siamrpn_alex_dwxcorr'"):
        load_published("siamrpn_alex_dwxcor", {})


def test_a_checkpoint_that_nests_without_end_ends() -> None:
    content: State = {}
    content["state_dict"] = content
    with pytest.raises(CheckpointError):
        plain_state(content)


def test_the_given_tensors_stay_the_callers(alex: State) -> None:
    network = load_published(ALEX, alex).network
    before = alex["rpn_head.loc.head.3.bias"].clone()
    with torch.no_grad():
        network.get_parameter("rpn_head.loc.head.3.bias").fill_(9.0)
    assert torch.equal(alex["rpn_head.loc.head.3.bias"], before)


def test_published_trackers_can_be_chosen_by_name() -> None:
    assert set(NAMES) <= {entry.name for entry in list_trackers()}
    assert preset("dasiamrpn_SiamRPNBIG").tracking.small_target_search_size == 287


def test_converted_entries_cover_the_network(alex: State) -> None:
    network = build_network(published_config(ALEX).network)
    converted = convert_state(ALEX, alex, network)
    assert converted.keys() == network.state_dict().keys()
    assert np.prod(converted["backbone.features.0.weight"].shape) == 96 * 3 * 11 * 11


def test_trackers_are_listed_without_torch() -> None:
    # a child process, because this one has loaded it
    program = (
        "import sys; from tracker_core.presets import list_trackers\n"
        "print(len(list_trackers()), 'torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    count, has_torch = shown.split()
    assert int(count) >= len(NAMES) and has_torch == "False"


def test_layouts_and_the_tracking_loop_load_without_torch() -> None:
    program = (
        "import sys; from tracker_core.candidates import make_layout; from tracker_core.presets import list_trackers\n"
        "import tracker_core.trackers.builder\n"
        "for entry in list_trackers(): make_layout(entry.config)\n"
        "print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"


def test_commands_load_without_torch() -> None:
    """Their help and refusals come at once, and workers of `eval` set PyTorch's threads before they load it."""
    program = (
        "import sys; from importlib import import_module; from tracker_core.cli.main import COMMANDS\n"
        "[import_module(module) for name, (module, _) in COMMANDS.items() if name != 'weights']\n"
        "print('torch' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"
