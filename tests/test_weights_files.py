"""Checkpoints of ours: what is written is read, and what is no checkpoint is refused with a sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from tracker_core.checkpoints import weights
from tracker_core.cli.main import main
from tracker_core.config import NetworkConfig, TrackerConfig, config_to_mapping
from tracker_core.errors import CheckpointError, InputError, OutputError
from tracker_core.models.builder import build_network
from tracker_core.trackers.producers import named_config

CONFIG = TrackerConfig(name="narrow", network=NetworkConfig("siamrpnpp", "alexnet", 0.1, 5))


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return build_network(CONFIG.network).state_dict()


@pytest.fixture
def checkpoint(tmp_path: Path, state: dict[str, Tensor]) -> Path:
    path = tmp_path / "narrow.safetensors"
    weights.save_checkpoint(path, state, config_to_mapping(CONFIG), {"licence": "MIT", "training_step": "7"})
    return path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A shipped and a user's weights folder that are empty."""
    shipped, user = tmp_path / "shipped", tmp_path / "user"
    shipped.mkdir()
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", shipped)
    monkeypatch.setattr(weights, "user_weights_folder", lambda: user)
    return shipped, user


def test_round_trip(checkpoint: Path, state: dict[str, Tensor]) -> None:
    loaded = weights.load_checkpoint(checkpoint)
    assert (loaded.name, loaded.config) == ("narrow", config_to_mapping(CONFIG))
    assert loaded.facts == {"licence": "MIT", "training_step": "7"}
    assert loaded.state.keys() == state.keys()
    assert all(torch.equal(loaded.state[key], value) for key, value in state.items())


def test_shared_and_transposed_tensors_can_be_stored(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    path = tmp_path / "odd.safetensors"
    weights.save_checkpoint(path, {"a": shared, "b": shared, "c": shared.T}, config_to_mapping(CONFIG))
    assert torch.equal(weights.load_checkpoint(path).state["c"], shared.T)


def test_facts_cannot_replace_what_makes_a_checkpoint(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = tmp_path / "facts.safetensors"
    weights.save_checkpoint(path, state, config_to_mapping(CONFIG), {"tracker": "other", "format_version": "9"})
    assert weights.load_checkpoint(path).name == "narrow"


def test_other_parameters_are_stored_beside_the_same_tensors(checkpoint: Path, state: dict[str, Tensor]) -> None:
    weights.record_weights(checkpoint, "MIT", "somewhere")
    weights.configure_weights(checkpoint, ["tracking.confidence_slope=0.5"])
    weights.configure_weights(checkpoint, ["tracking.penalty_k=0.2", "online.steps=3"])
    loaded = weights.load_checkpoint(checkpoint)
    assert loaded.state.keys() == state.keys() and all(torch.equal(loaded.state[key], state[key]) for key in state)
    tracking = loaded.config["tracking"]
    assert (tracking["confidence_slope"], tracking["penalty_k"], loaded.config["online"]["steps"]) == (0.5, 0.2, 3)
    told = "tracking.confidence_slope=0.5 tracking.penalty_k=0.2 online.steps=3"
    assert loaded.facts == {"licence": "MIT", "training_step": "7", "configured": told}
    facts = weights.read_catalogue(checkpoint.parent)[checkpoint.name]
    assert facts["sha256"] == weights.hash_file(checkpoint) and facts["source"] == "somewhere"


def test_the_configuration_of_a_name_is_that_of_its_file_as_it_is(checkpoint: Path, folders: tuple[Path, Path]) -> None:
    path = folders[1] / checkpoint.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(checkpoint.read_bytes())
    read = named_config("narrow")
    read.tracking.patience = 99  # what a caller does to it is the caller's
    assert named_config("narrow") == CONFIG
    weights.configure_weights(path, ["tracking.patience=7"])
    assert named_config("narrow").tracking.patience == 7


def test_a_configuration_is_known_from_the_list_and_its_file_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The window lists the weights at its start, and asks for a configuration while it is in use."""
    weights.list_weights()
    monkeypatch.setattr(weights, "_read_safetensors", None)
    assert named_config("siamscope-light").name == "siamscope-light"


def test_changed_weights_can_be_another_file(checkpoint: Path) -> None:
    before = checkpoint.read_bytes()
    assert main(["weights", "configure", str(checkpoint), "--out", f"{checkpoint}.2", "tracking.patience=7"]) == 0
    assert checkpoint.read_bytes() == before
    assert weights.load_checkpoint(f"{checkpoint}.2").config["tracking"]["patience"] == 7


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["network.width=2"], "only tracking.… and online.… can be changed"),  # the tensors would not fit
        (["tracking.penalty=0.2"], "penalty_k"),  # misspelt
        (["tracking.penalty_k=-1"], "tracking.penalty_k"),  # out of range
        (["--out", "{shipped}/narrow.safetensors", "tracking.penalty_k=0.1"], "ship with the program"),
    ],
)
def test_parameters_that_cannot_be_stored_are_said(
    checkpoint: Path, folders: tuple[Path, Path], arguments: list[str], sentence: str, capsys: Any
) -> None:
    before = checkpoint.read_bytes()
    filled = [argument.format(shipped=folders[0]) for argument in arguments]
    assert main(["weights", "configure", str(checkpoint), *filled]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert checkpoint.read_bytes() == before and not list(folders[0].iterdir())


def test_the_mean_of_two_runs(tmp_path: Path) -> None:
    config = config_to_mapping(CONFIG)
    for name, value, count in (("a", 1.0, 3), ("b", 4.0, 5)):
        state = {"weight": torch.full((2, 3), value), "num_batches_tracked": torch.tensor(count)}
        weights.save_checkpoint(tmp_path / f"{name}.safetensors", state, config, {"licence": "MIT"})
    files = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    assert main(["weights", "average", *files, "--out", str(tmp_path / "mean.safetensors")]) == 0
    loaded = weights.load_checkpoint(tmp_path / "mean.safetensors")
    assert torch.equal(loaded.state["weight"], torch.full((2, 3), 2.5))
    assert loaded.state["num_batches_tracked"] == 3 and loaded.config == config
    assert loaded.facts == {"licence": "MIT", "training": "mean of a.safetensors, b.safetensors"}


def test_networks_without_a_mean_are_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.safetensors"
    weights.save_checkpoint(other, {"weight": torch.zeros(2)}, config_to_mapping(CONFIG))
    for files, sentence in (([checkpoint], "at least two"), ([checkpoint, other], "holds another network")):
        assert main(["weights", "average", *map(str, files), "--out", str(tmp_path / "mean.safetensors")]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "mean.safetensors").exists()


def metadata_file(path: Path, metadata: dict[str, str]) -> None:
    save_file({"a": torch.zeros(2)}, path, metadata=metadata)


def damage(kind: str, path: Path) -> None:
    """Turn the good checkpoint at `path` into a bad one."""
    content = path.read_bytes()
    good = {"format_version": "1", "tracker": "narrow", "config": json.dumps(config_to_mapping(CONFIG))}
    match kind:
        case "missing":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "cut in the tensors":
            path.write_bytes(content[:-1000])
        case "cut in the header":
            path.write_bytes(content[:100])
        case "cut in the length":
            path.write_bytes(content[:5])
        case "too long":
            path.write_bytes(content + b"more")
        case "a header of an exabyte":
            path.write_bytes(struct.pack("<Q", 1 << 60) + content[8:])
        case "text":
            path.write_text("weights, but in words")
        case "PyTorch":
            torch.save({"a": torch.zeros(2)}, path)
        case "old PyTorch":
            torch.save({"a": torch.zeros(2)}, path, _use_new_zipfile_serialization=False)
        case "no metadata":
            save_file({"a": torch.zeros(2)}, path)
        case "newer version":
            metadata_file(path, {**good, "format_version": "2"})
        case "configuration is no JSON":
            metadata_file(path, {**good, "config": "{"})
        case "configuration is a list":
            metadata_file(path, {**good, "config": "[]"})
        case "configuration is nested without end":
            metadata_file(path, {**good, "config": "[" * 200_000})
        case _:
            raise AssertionError(kind)


DAMAGE = {
    "missing": "There is no weights file",
    "folder": "is a folder",
    "empty": "is empty",
    "cut in the tensors": "cut short",
    "cut in the header": "cut short",
    "cut in the length": "cut short",
    "too long": "damaged",
    "a header of an exabyte": "damaged",
    "text": "no safetensors file",
    "PyTorch": "bring it in with 'weights import",
    "old PyTorch": "bring it in with 'weights import",
    "no metadata": "not the name and configuration",
    "newer version": "format version 2",
    "configuration is no JSON": "configuration inside",
    "configuration is a list": "not a mapping",
    "configuration is nested without end": "configuration inside",
}


@pytest.mark.parametrize(("kind", "words"), DAMAGE.items())
def test_what_is_no_checkpoint_is_refused(checkpoint: Path, kind: str, words: str) -> None:
    damage(kind, checkpoint)
    with pytest.raises(CheckpointError, match=words) as caught:
        weights.load_checkpoint(checkpoint)
    assert str(checkpoint) in str(caught.value)


def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tensors: Any, path: Any, metadata: Any) -> None:
        Path(path).write_bytes(b"half of it")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("tracker_core.checkpoints.tensor_files.save_file", fail)
    with pytest.raises(OutputError, match="disk is full"):
        weights.save_checkpoint(tmp_path / "new" / "a.safetensors", state, config_to_mapping(CONFIG))
    assert list((tmp_path / "new").iterdir()) == []


def test_listing_tells_all_and_finds_both_folders(folders: tuple[Path, Path], checkpoint: Path) -> None:
    shipped, user = folders
    user.mkdir()
    mine = user / "mine.safetensors"
    mine.write_bytes(checkpoint.read_bytes())
    ours = shipped / "narrow.safetensors"
    ours.write_bytes(checkpoint.read_bytes())
    weights.record_weights(ours, "GPL-3.0-or-later", "trained here", "the default tracker")
    first, second = weights.list_weights()
    assert (first.name, first.licence, first.source) == ("narrow", "GPL-3.0-or-later", "trained here")
    assert (first.used_by, first.problem) == ("the default tracker", "")
    assert first.network == "siamrpnpp on alexnet"
    assert first.bytes == ours.stat().st_size
    assert first.sha256 == weights.hash_file(ours)
    # without a row in a catalogue the file speaks for itself
    assert (second.name, second.licence, second.used_by) == ("mine", "MIT", "tracker narrow")
    assert weights.find_weights("mine") == mine


def test_a_file_that_changed_or_went_is_listed_with_its_problem(folders: tuple[Path, Path], checkpoint: Path) -> None:
    shipped, _ = folders
    ours = shipped / "narrow.safetensors"
    ours.write_bytes(checkpoint.read_bytes())
    weights.record_weights(ours, "MIT", "here")
    changed = bytearray(ours.read_bytes())
    changed[-1] ^= 1  # one bit of a tensor: still a good safetensors file
    ours.write_bytes(changed)
    assert "SHA-256" in weights.list_weights()[0].problem
    ours.write_bytes(changed[:-9])
    assert "cut short" in weights.list_weights()[0].problem
    ours.unlink()
    assert "There is no weights file" in weights.list_weights()[0].problem


def test_what_ships_wins_over_an_imported_file_of_its_name(folders: tuple[Path, Path], checkpoint: Path) -> None:
    shipped, user = folders
    user.mkdir()
    for folder in folders:
        (folder / "narrow.safetensors").write_bytes(checkpoint.read_bytes())
    assert weights.find_weights("narrow").parent == shipped


def test_weights_that_are_not_here(folders: tuple[Path, Path], checkpoint: Path) -> None:
    (folders[0] / "narrow.safetensors").write_bytes(checkpoint.read_bytes())
    with pytest.raises(CheckpointError, match="Did you mean 'narrow'"):
        weights.find_weights("narow")
    with pytest.raises(CheckpointError, match="weights import FILE"):
        weights.find_weights("siamrpn_r50_l234_dwxcorr")


@pytest.mark.parametrize("text", ["{", "[]", '{"a.safetensors": 3}'])
def test_a_catalogue_that_cannot_be_read_is_named(folders: tuple[Path, Path], text: str) -> None:
    (folders[0] / weights.CATALOGUE).write_text(text)
    with pytest.raises(CheckpointError, match="catalogue"):
        weights.list_weights()


def test_own_training_can_be_imported_under_a_name(folders: tuple[Path, Path], checkpoint: Path) -> None:
    target = weights.import_weights(checkpoint, "my-best_2.1")
    assert target == folders[1] / "my-best_2.1.safetensors"
    (entry,) = weights.list_weights()
    assert (entry.name, entry.used_by, entry.licence, entry.problem) == ("my-best_2.1", "tracker narrow", "MIT", "")
    assert weights.load_checkpoint(target).facts["imported_sha256"] == weights.hash_file(checkpoint)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "name\n", "C:\\x"])
def test_a_name_that_is_no_file_name_is_refused(folders: tuple[Path, Path], checkpoint: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a file name"):
        weights.import_weights(checkpoint, name)
    assert not folders[1].exists()


def test_shipped_weights_cannot_be_shadowed(folders: tuple[Path, Path], checkpoint: Path) -> None:
    (folders[0] / "narrow.safetensors").write_bytes(checkpoint.read_bytes())
    with pytest.raises(InputError, match="ship with the program"):
        weights.import_weights(checkpoint, "narrow")


def test_without_a_name_weights_get_the_networks_own_with_a_number_where_others_have_it(
    folders: tuple[Path, Path], checkpoint: Path, state: dict[str, Tensor], tmp_path: Path
) -> None:
    """What was trained here has the name of the network that it began with, often that of weights that ship."""
    other = tmp_path / "other.safetensors"
    weights.save_checkpoint(other, {key: value * 2 for key, value in state.items()}, config_to_mapping(CONFIG))
    assert weights.import_weights(checkpoint).stem == "narrow"
    assert weights.import_weights(other).stem == "narrow-2"
    assert weights.import_weights(other).stem == "narrow-2", "the same ones again"
    weights.remove_weights("narrow")
    (folders[0] / "narrow.safetensors").write_bytes(checkpoint.read_bytes())
    third = tmp_path / "third.safetensors"
    weights.save_checkpoint(third, {key: value * 3 for key, value in state.items()}, config_to_mapping(CONFIG))
    assert weights.import_weights(third).stem == "narrow-3"


def test_an_own_checkpoint_of_another_network_is_refused(
    folders: tuple[Path, Path], tmp_path: Path, state: dict[str, Tensor]
) -> None:
    config = config_to_mapping(TrackerConfig(name="wide", network=NetworkConfig("siamrpnpp", "alexnet", 0.2, 5)))
    path = tmp_path / "wide.safetensors"
    weights.save_checkpoint(path, state, config)
    with pytest.raises(CheckpointError, match="do not fit the network"):
        weights.import_weights(path)
    assert not folders[1].exists()


def test_weights_that_are_not_finite_are_refused(
    folders: tuple[Path, Path], tmp_path: Path, state: dict[str, Tensor]
) -> None:
    state["rpn_head.cls.head.3.bias"] = torch.full((10,), float("nan"))
    path = tmp_path / "nan.safetensors"
    weights.save_checkpoint(path, state, config_to_mapping(CONFIG))
    with pytest.raises(CheckpointError, match=r"rpn_head\.cls\.head\.3\.bias"):
        weights.import_weights(path)


def test_other_weights_of_a_name_are_not_replaced(
    folders: tuple[Path, Path], checkpoint: Path, state: dict[str, Tensor], tmp_path: Path
) -> None:
    target = weights.import_weights(checkpoint, "mine")
    before = weights.hash_file(target)
    assert weights.import_weights(checkpoint, "mine") == target  # the same ones again
    other = tmp_path / "other.safetensors"
    weights.save_checkpoint(other, {key: value * 2 for key, value in state.items()}, config_to_mapping(CONFIG))
    with pytest.raises(InputError, match="remove them first"):
        weights.import_weights(other, "mine")
    assert weights.hash_file(target) == before


def test_imported_weights_are_removed_with_their_row(folders: tuple[Path, Path], checkpoint: Path) -> None:
    target = weights.import_weights(checkpoint, "mine")
    (folders[0] / "ours.safetensors").write_bytes(checkpoint.read_bytes())
    assert weights.remove_weights("mine") == target and not target.exists()
    assert weights.read_catalogue(folders[1]) == {}
    with pytest.raises(InputError, match="ship with the program"):
        weights.remove_weights("ours")
    with pytest.raises(CheckpointError, match="Did you mean 'ours'"):
        weights.remove_weights("our")


def test_the_list_says_what_ships_and_what_it_reached(folders: tuple[Path, Path], checkpoint: Path) -> None:
    weights.import_weights(checkpoint, "mine")
    (folders[0] / "ours.safetensors").write_bytes(checkpoint.read_bytes())
    catalogue = {"ours.safetensors": {"score": "OTB: 0.7"}}
    (folders[0] / weights.CATALOGUE).write_text(json.dumps(catalogue))
    entries = [(entry.name, entry.is_shipped, entry.score) for entry in weights.list_weights()]
    assert entries == [("ours", True, "OTB: 0.7"), ("mine", False, "")]
