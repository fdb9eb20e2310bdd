"""Checkpoints: safetensors with the tracker's name, its configuration and a format version; foreign ones read safely.

Nothing is ever unpickled but tensors: foreign files go through `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tracker_core.errors import CheckpointError, nearest_name
from tracker_core.files import atomic_path

FORMAT_VERSION = "1"
SUFFIX = ".safetensors"
SHIPPED_FOLDER = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: tensors by name, the tracker's configuration as plain values, and further facts."""

    name: str
    state: dict[str, Tensor]
    config: dict[str, Any]
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightsEntry:
    """A checkpoint on disk, as `weights list` shows it; `bytes` is its size."""

    name: str
    path: Path
    network: str
    parameters: int
    bytes: int
    sha256: str
    licence: str
    source: str
    used_by: str
    problem: str = ""


def save_checkpoint(
    path: str | Path, state: Mapping[str, Tensor], config: Mapping[str, Any], facts: Mapping[str, str] | None = None
) -> None:
    """Write a checkpoint in one step.

    `config` is a `TrackerConfig` as nested plain values; `facts` are further texts (source, licence, training step).
    """
    metadata = {
        "format_version": FORMAT_VERSION,
        "tracker": str(config["name"]),
        "config": json.dumps(dict(config)),
        **{str(key): str(value) for key, value in (facts or {}).items()},
    }
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of ours; raises `CheckpointError` for anything that is not exactly that."""
    path = Path(path)
    metadata, state = _read_safetensors(path, with_tensors=True)
    return Checkpoint(metadata["tracker"], state, _config_of(path, metadata), _facts_of(metadata))


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return a checkpoint's metadata without its tensors; raises `CheckpointError`."""
    return _read_safetensors(Path(path), with_tensors=False)[0]


def _read_safetensors(path: Path, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise CheckpointError(f"There is no weights file '{path}'. See 'weights list' for those that are here.")
    if path.stat().st_size == 0:
        raise CheckpointError(f"The weights file '{path}' is empty; get it again.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = dict(file.metadata() or {})
            names = list(file.keys())
            state = {name: file.get_tensor(name) for name in names} if with_tensors else {}
    except (SafetensorError, OSError, ValueError) as error:
        if _looks_foreign(path):
            raise CheckpointError(
                f"'{path}' is a PyTorch file, not one of ours; bring it in with 'weights import {path}'."
            ) from error
        raise CheckpointError(
            f"The weights file '{path}' is damaged or cut short, or no safetensors file; get it again."
        ) from error
    version = metadata.get("format_version")
    if "tracker" not in metadata or "config" not in metadata or version is None:
        raise CheckpointError(f"'{path}' holds tensors but not the name and configuration of a tracker of ours.")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"'{path}' has format version {version}; this program reads version {FORMAT_VERSION}. Update the program."
        )
    return metadata, state


def _config_of(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        config = json.loads(metadata["config"])
    except ValueError as error:
        raise CheckpointError(f"The configuration inside '{path}' cannot be read; get the file again.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"The configuration inside '{path}' is not a mapping; get the file again.")
    return config


def _facts_of(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in ("format_version", "tracker", "config")}


def _looks_foreign(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
    # a zip archive (since PyTorch 1.6) or a bare pickle (before)
    return start[:2] == b"PK" or start[:1] == b"\x80"


def user_weights_folder() -> Path:
    """Return the folder that imported weights are stored in."""
    import platformdirs

    return Path(platformdirs.user_data_dir("siamscope", appauthor=False)) / "weights"


def weights_folders() -> list[Path]:
    """Return the folders that are searched: what ships with the program, then what the user imported."""
    return [SHIPPED_FOLDER, user_weights_folder()]


def list_weights() -> list[WeightsEntry]:
    """Return every checkpoint in the weights folders; a damaged one is listed with its `problem`."""
    catalogue = _catalogue()
    entries = []
    for folder in weights_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            entries.append(_describe(path, catalogue.get(path.name, {})))
    return entries


def find_weights(name: str) -> Path:
    """Return the file of the weights called `name`; raises `CheckpointError` that names the nearest there is."""
    known = {}
    for folder in reversed(weights_folders()):
        known.update({path.stem: path for path in folder.glob(f"*{SUFFIX}")})
    if name in known:
        return known[name]
    available = ", ".join(sorted(known)) or "none"
    raise CheckpointError(f"There are no weights for '{name}'.{nearest_name(name, known)} Here: {available}.")


def _describe(path: Path, facts: Mapping[str, str]) -> WeightsEntry:
    size, digest = path.stat().st_size, hash_file(path)
    try:
        metadata, _ = _read_safetensors(path, with_tensors=False)
        config = _config_of(path, metadata)
    except CheckpointError as error:
        return WeightsEntry(path.stem, path, "?", 0, size, digest, "?", "?", "", str(error))
    network = config.get("network", {})
    label = " ".join(str(network[key]) for key in ("kind", "backbone") if network.get(key))
    with safe_open(str(path), framework="pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 - not a dict
    parameters = sum(int(torch.Size(shape).numel()) for shape in shapes)
    merged = {**_facts_of(metadata), **facts}
    wanted = merged.get("sha256")
    problem = "" if wanted in (None, digest) else "its SHA-256 is not the one in the catalogue"
    return WeightsEntry(
        path.stem, path, label, parameters, size, digest, merged.get("licence", "unknown"),
        merged.get("source", "unknown"), metadata["tracker"], problem,
    )  # fmt: skip


def _catalogue() -> dict[str, dict[str, str]]:
    path = SHIPPED_FOLDER / "catalogue.json"
    if not path.is_file():
        return {}
    content: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return content


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_foreign(path: str | Path) -> Mapping[str, Any]:
    """Return the content of a PyTorch checkpoint (`.pth`, `.pth.tar`, `.model`), tensors and plain values only.

    Raises `CheckpointError` for a file that is missing, empty, cut short, or holds anything that would have to run
    code to be read; that code does not run.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no weights file '{path}'.")
    if path.stat().st_size == 0:
        raise CheckpointError(f"The weights file '{path}' is empty; get it again.")
    try:
        with torch.serialization.safe_globals(_numpy_scalar_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = str(error)
        if "Unsupported" in text or "WeightsUnpickler" in text or "weights_only" in text.lower():
            raise CheckpointError(
                f"'{path}' holds more than tensors and is not opened, because reading it could run code. "
                "Export its state_dict and import that."
            ) from error
        raise CheckpointError(f"'{path}' is no PyTorch checkpoint, or it is damaged; get it again.") from error
    except Exception as error:  # torch raises RuntimeError, EOFError, KeyError, ValueError… for damaged files
        raise CheckpointError(f"'{path}' is no PyTorch checkpoint, or it is cut short; get it again.") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"'{path}' holds a {type(content).__name__}, not a state dict of a tracker.")
    return content


def import_weights(path: str | Path, name: str | None = None, folder: Path | None = None) -> Path:
    """Recognise a PySOT or DaSiamRPN checkpoint, check it entry by entry, store it as ours; return the new file.

    `name` chooses between networks of equal shape (SiamRPNvot and SiamRPNotb) and is checked against the file.
    """
    from tracker_core.config import config_to_mapping
    from tracker_core.models.builder import build_network
    from tracker_core.published import PUBLISHED, convert_state, published_config, recognise

    path = Path(path)
    content = read_foreign(path)
    found = recognise(content)
    if name is None:
        name = "dasiamrpn_SiamRPNotb" if found == "dasiamrpn_SiamRPNvot" and "otb" in path.name.lower() else found
    config = published_config(name)
    state = convert_state(name, content, build_network(config.network))
    target = (folder or user_weights_folder()) / f"{name}{SUFFIX}"
    entry = PUBLISHED[name]
    facts = {"source": f"{entry.source}, imported from {path.name}", "licence": entry.licence}
    save_checkpoint(target, state, config_to_mapping(config), {**facts, "imported_sha256": hash_file(path)})
    return target


def _numpy_scalar_globals() -> list[Any]:
    """Return what plain NumPy numbers need to be read (PySOT stores epochs and losses as such)."""
    import numpy as np

    scalar = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "bool")}
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]
