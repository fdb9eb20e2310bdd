"""PyTorch checkpoints of others: both formats are read, no code in them is run, and each becomes one of ours."""

from __future__ import annotations

import io
import json
import os
import pickle
import pickletools
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import reference_answers as reference
import torch
from torch import Tensor, nn

from tracker_core.checkpoints import weights
from tracker_core.checkpoints.torch_files import read_torch_file
from tracker_core.cli.main import main
from tracker_core.errors import CheckpointError

ALEX = "siamrpn_alex_dwxcorr"


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's weights folder of the test's own; nothing ships."""
    monkeypatch.setattr(weights, "SHIPPED_FOLDER", tmp_path / "shipped")
    monkeypatch.setattr(weights, "user_weights_folder", lambda: tmp_path / "user")
    return tmp_path / "user"


@pytest.fixture(scope="module")
def alex() -> dict[str, Tensor]:
    return reference.draw_state_dict(ALEX)


@pytest.fixture(scope="module")
def vot() -> Iterator[dict[str, Tensor]]:
    yield reference.draw_state_dict("dasiamrpn_SiamRPNvot")


def test_a_pysot_training_checkpoint_is_imported(tmp_path: Path, user_folder: Path, alex: dict[str, Tensor]) -> None:
    path = tmp_path / "checkpoint_e20.pth.tar"
    content = {
        "epoch": np.int64(20),
        "best": np.float64(0.61),
        "state_dict": OrderedDict((f"module.{key}", value) for key, value in alex.items()),
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.005, "params": [0, 1]}]},
    }
    torch.save(content, path)
    target = weights.import_weights(path)
    assert target == user_folder / f"{ALEX}.safetensors"
    loaded = weights.load_checkpoint(target)
    assert loaded.config["tracking"]["search_size"] == 287
    assert loaded.facts["licence"] == "Apache-2.0"
    assert all(torch.equal(loaded.state[key], value) for key, value in alex.items())


@pytest.mark.parametrize(
    ("file", "given", "expected"),
    [
        # a model file of the release, whose name says nothing
        ("model.model", None, "dasiamrpn_SiamRPNvot"),
        # the file's name tells what the shapes cannot
        ("SiamRPNOTB.model", None, "dasiamrpn_SiamRPNotb"),
        # a person knows better than the file's name
        ("SiamRPNVOT.model", "dasiamrpn_SiamRPNotb", "dasiamrpn_SiamRPNotb"),
    ],
)
def test_the_old_format_and_twins(
    tmp_path: Path, vot: dict[str, Tensor], file: str, given: str | None, expected: str
) -> None:
    path = tmp_path / file
    path.write_bytes(as_python_2(vot))
    target = weights.import_weights(path, given)
    loaded = weights.load_checkpoint(target)
    assert (target.stem, loaded.name) == (expected, expected)
    assert torch.equal(loaded.state["loc_kernel.bias"], vot["conv_r1.bias"])


def test_a_name_of_ones_own_keeps_the_network(tmp_path: Path, alex: dict[str, Tensor]) -> None:
    path = tmp_path / "model.pth"
    torch.save(alex, path)
    assert main(["weights", "import", str(path), "--name", "my-alex"]) == 0
    assert weights.load_checkpoint(weights.find_weights("my-alex")).name == ALEX


def test_a_name_of_another_network_is_refused(tmp_path: Path, alex: dict[str, Tensor]) -> None:
    path = tmp_path / "model.pth"
    torch.save(alex, path)
    with pytest.raises(CheckpointError, match="do not fit 'siamrpn_r50_l234_dwxcorr'"):
        weights.import_weights(path, "siamrpn_r50_l234_dwxcorr")


class RunsCode:
    """Unpickled by plain pickle, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def write_hostile(kind: str, path: Path, mark: Path) -> None:
    """Write a file that would make the folder `mark` if anything in it were run."""
    match kind:
        case "zip format":
            torch.save({"state_dict": RunsCode(mark)}, path)
        case "old format":
            torch.save({"state_dict": RunsCode(mark)}, path, _use_new_zipfile_serialization=False)
        case "bare pickle":
            path.write_bytes(pickle.dumps({"state_dict": RunsCode(mark)}))
        case "pickle of protocol 0":
            path.write_bytes(f"cos\nmkdir\n(S'{mark}'\ntR.".encode())
        case "pickle that instantiates":
            path.write_bytes(f"(S'{mark}'\nios\nmkdir\n.".encode())
        case "hidden behind tensors":
            torch.save({"a": torch.zeros(3), "hook": RunsCode(mark)}, path)
        case _:
            raise AssertionError(kind)


HOSTILE = (
    "zip format",
    "old format",
    "bare pickle",
    "pickle of protocol 0",
    "pickle that instantiates",
    "hidden behind tensors",
)


@pytest.mark.parametrize("kind", HOSTILE)
def test_code_in_a_file_does_not_run(tmp_path: Path, user_folder: Path, kind: str) -> None:
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    write_hostile(kind, path, mark)
    with pytest.raises(CheckpointError, match=r"could run code|not a PyTorch checkpoint"):
        weights.import_weights(path)
    with pytest.raises(CheckpointError):
        weights.load_checkpoint(path)
    assert not mark.exists()
    assert not user_folder.exists()


def test_a_whole_pickled_network_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "network.pth"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(CheckpointError, match="could run code"):
        read_torch_file(path)


def write_damaged(kind: str, path: Path) -> None:
    good = io.BytesIO()
    torch.save({"a": torch.zeros(3000)}, good)
    old = io.BytesIO()
    torch.save({"a": torch.zeros(3000)}, old, _use_new_zipfile_serialization=False)
    match kind:
        case "missing":
            return
        case "folder":
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("no weights in here, only words")
        case "noise":
            path.write_bytes(np.random.default_rng(0).bytes(5000))
        case "zip format cut short":
            path.write_bytes(good.getvalue()[:6000])
        case "old format cut short":
            path.write_bytes(old.getvalue()[:6000])
        case "one byte":
            path.write_bytes(b"P")
        case "compressed archive":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("model/data.pkl", b"0" * 10_000_000)
        case "archive of something else":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("readme.txt", "nothing here")
        case "tar archive":
            with tarfile.open(path, "w") as archive:
                archive.addfile(tarfile.TarInfo("model.pth"))
        case "TorchScript":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("model/constants.pkl", b"")
        case "list":
            torch.save([torch.zeros(3)], path)
        case "no tensors":
            torch.save({"epoch": 3}, path)
        case "another network":
            torch.save({"fc.weight": torch.zeros(10, 3)}, path)
        case "endless recursion":
            path.write_bytes(b"\x80\x02" + b"(" * 100_000 + b".")
        case _:
            raise AssertionError(kind)


DAMAGE = {
    "missing": "There is no weights file",
    "folder": "is a folder",
    "empty": "is empty",
    "text": "not a PyTorch checkpoint",
    "noise": "not a PyTorch checkpoint",
    "zip format cut short": "cut short",
    "old format cut short": "cut short",
    "one byte": "not a PyTorch checkpoint",
    "compressed archive": "compressed archive",
    "archive of something else": "not a PyTorch checkpoint",
    "tar archive": "tar archive",
    "TorchScript": "TorchScript",
    "list": "holds a list",
    "no tensors": "holds no tensors",
    "another network": "no network known here",
    "endless recursion": "not a PyTorch checkpoint",
}


@pytest.mark.parametrize(("kind", "words"), DAMAGE.items())
def test_what_is_no_checkpoint_ends_in_one_sentence(
    tmp_path: Path, user_folder: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str
) -> None:
    path = tmp_path / "model.pth"
    write_damaged(kind, path)
    assert main(["weights", "import", str(path)]) == 2
    output = capsys.readouterr()
    assert words in output.err
    assert "Traceback" not in output.err + output.out
    assert not user_folder.exists()


def test_list_show_and_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str], alex: dict[str, Tensor]) -> None:
    path = tmp_path / "model.pth"
    torch.save(alex, path)
    assert main(["weights", "list"]) == 0
    assert "weights import FILE" in capsys.readouterr().out
    assert main(["weights", "import", str(path)]) == 0
    capsys.readouterr()

    assert main(["weights", "list", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["name"] == ALEX
    assert entry["sha256"] == weights.hash_file(entry["path"])
    learned = [shape for key, shape in reference.shapes(ALEX).items() if "running" not in key]
    assert entry["parameters"] == sum(int(np.prod(shape)) for shape in learned)
    assert main(["weights", "list"]) == 0
    assert entry["sha256"] in capsys.readouterr().out  # whole, however narrow the terminal

    assert main(["weights", "show", ALEX]) == 0
    assert '"convention": "pysot"' in capsys.readouterr().out
    assert main(["weights", "show", "siamrpn_alex"]) == 2
    assert "Did you mean" in capsys.readouterr().err

    assert main(["weights", "verify"]) == 0
    with Path(entry["path"]).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\1")
    assert main(["weights", "verify"]) == 2
    assert "SHA-256" in capsys.readouterr().out


class OldPickler(pickle.Pickler):
    """Writes tensors as PyTorch did before gradients and hooks went into the file with them."""

    def reducer_override(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return NotImplemented
        parts = (value.storage(), value.storage_offset(), tuple(value.shape), value.stride())
        return torch._utils._rebuild_tensor, parts


def as_python_2(state: dict[str, Tensor]) -> bytes:
    """Return a state dict as Python 2 and PyTorch 0.3 wrote it: bare pickles one after another, texts as bytes."""
    file = io.BytesIO()
    old_pickle = SimpleNamespace(__name__="pickle", Pickler=OldPickler, dump=pickle.dump)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch no longer likes what it wrote then
        torch.save(
            OrderedDict(state), file, pickle_module=old_pickle, pickle_protocol=2, _use_new_zipfile_serialization=False
        )
    content = file.getvalue()
    rewritten, start = b"", 0
    for _ in range(5):  # magic number, protocol version, system, the object, the storages' keys
        piece = io.BytesIO(content[start:])
        operations = list(pickletools.genops(piece))
        length = piece.tell()
        rewritten += _with_byte_strings(content[start : start + length], operations)
        start += length
    assert b"_rebuild_tensor\n" in rewritten
    assert b"conv_r1.weight" in rewritten
    return rewritten + content[start:]


def _with_byte_strings(content: bytes, operations: list[Any]) -> bytes:
    ends = [position for _, _, position in operations[1:]] + [len(content)]
    result = b""
    for (operation, argument, position), end in zip(operations, ends, strict=True):
        if operation.name == "BINUNICODE":
            text = argument.encode()
            result += b"U" + struct.pack("<B", len(text)) + text
        else:
            result += content[position:end]
    return result
