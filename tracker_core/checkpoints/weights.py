"""Checkpoints of ours: safetensors with the tracker's name, its configuration and a format version; their catalogue.

Foreign checkpoints become ours by `import_weights`; nothing in them is ever run (see `torch_files`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tracker_core.checkpoints.networks import fill_networks
from tracker_core.checkpoints.published_names import SAME_SHAPES
from tracker_core.checkpoints.state_dicts import convert_state, recognise
from tracker_core.checkpoints.tensor_files import save_tensors
from tracker_core.checkpoints.torch_files import check_file, looks_like_torch, read_torch_file
from tracker_core.config import TrackerConfig, apply_overrides, check_tracker, config_from_mapping, config_to_mapping
from tracker_core.errors import CheckpointError, ConfigError, InputError, OutputError, nearest_name
from tracker_core.files import write_text
from tracker_core.models.builder import build_network
from tracker_core.packaged import packaged
from tracker_core.presets.published import PUBLISHED, published_config

FORMAT_VERSION = "1"
SUFFIX = ".safetensors"
CATALOGUE = "catalogue.json"
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batch norm: measured, not learned
SHIPPED_FOLDER = packaged("weights")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: tensors by name, the tracker's configuration as plain values, and further facts."""

    name: str
    state: dict[str, Tensor]
    config: dict[str, Any]
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WeightsEntry:
    """A checkpoint on disk, as `weights list` shows it.

    `bytes` is its size, `problem` what is wrong with it, `score` success and precision that it reached, and on what;
    `is_shipped` says whether it came with the program. `config` is what it holds, None where that cannot be read.
    """

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
    score: str = ""
    is_shipped: bool = False
    config: TrackerConfig | None = None


def save_checkpoint(
    path: str | Path, state: Mapping[str, Tensor], config: Mapping[str, Any], facts: Mapping[str, str] | None = None
) -> None:
    """Write a checkpoint in one step.

    `config` is a `TrackerConfig` as nested plain values; `facts` are further texts (source, licence, training step).
    """
    metadata = {
        **{str(key): str(value) for key, value in (facts or {}).items()},
        "format_version": FORMAT_VERSION,
        "tracker": str(config["name"]),
        "config": json.dumps(dict(config)),
    }
    # a copy each: entries that share memory cannot be stored
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    save_tensors(path, tensors, metadata)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint of ours; raises `CheckpointError` for anything that is not exactly that."""
    path = Path(path)
    metadata, state = _read_safetensors(path, with_tensors=True)
    return Checkpoint(metadata["tracker"], state, _config_of(path, metadata), _facts_of(metadata))


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return a checkpoint's metadata without its tensors; raises `CheckpointError`."""
    return _read_safetensors(Path(path), with_tensors=False)[0]


def _read_safetensors(path: Path, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    check_file(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()} if with_tensors else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        if not _looks_like_safetensors(path) and looks_like_torch(path):
            raise CheckpointError(
                f"'{path}' is a PyTorch file, not one of ours; bring it in with 'weights import {path}'."
            ) from error
        raise CheckpointError(
            f"The weights file '{path}' is damaged, cut short, or no safetensors file; get it again."
        ) from error
    version = metadata.get("format_version")
    if "tracker" not in metadata or "config" not in metadata or version is None:
        raise CheckpointError(f"'{path}' holds tensors but not the name and configuration of a tracker of ours.")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"'{path}' has format version {version}; this program reads version {FORMAT_VERSION}. Update the program."
        )
    return metadata, state


def _looks_like_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"  # eight bytes say how long the JSON header is


def _config_of(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        config = json.loads(metadata["config"])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"The configuration inside '{path}' cannot be read; get the file again.") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"The configuration inside '{path}' is not a mapping; get the file again.")
    return config


def _facts_of(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in ("format_version", "tracker", "config")}


def user_weights_folder() -> Path:
    """Return the folder that imported weights are stored in."""
    return Path(platformdirs.user_data_dir("siamscope", appauthor=False)) / "weights"


def weights_folders() -> list[Path]:
    """Return the folders that are searched: what ships with the program, then what the user imported."""
    return [SHIPPED_FOLDER, user_weights_folder()]


def list_weights() -> list[WeightsEntry]:
    """Return every checkpoint in the weights folders; a damaged or changed one is listed with its `problem`."""
    entries = []
    for folder in weights_folders():
        catalogue = read_catalogue(folder)
        paths = {path.name: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
        # a file that the catalogue promises and that is gone belongs into the list too
        for name in sorted({*paths, *catalogue}):
            path, facts = folder / name, catalogue.get(name, {})
            version = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
            entries.append(_describe_version(path, tuple(facts.items()), version))
    return entries


def find_weights(name: str) -> Path:
    """Return the file of the weights called `name`; raises `CheckpointError` that names the nearest there is."""
    known: dict[str, Path] = {}
    for folder in reversed(weights_folders()):  # what ships wins over an imported file of the same name
        known.update({path.stem: path for path in folder.glob(f"*{SUFFIX}")})
    if name in known:
        return known[name]
    if name in PUBLISHED:
        raise CheckpointError(
            f"The weights of '{name}' are not here: they do not ship with the program. "
            f"Get its checkpoint ({PUBLISHED[name].source}) and bring it in with 'weights import FILE'."
        )
    available = ", ".join(sorted(known)) or "none"
    raise CheckpointError(f"There are no weights called '{name}'.{nearest_name(name, known)} Here: {available}.")


@lru_cache(maxsize=256)
def _describe_version(path: Path, facts: tuple[tuple[str, str], ...], version: tuple[int, int] | None) -> WeightsEntry:
    """Describe a file once for as long as it stays the same: its SHA-256 takes a second for the largest ones."""
    return _describe(path, dict(facts))


def _describe(path: Path, facts: Mapping[str, str]) -> WeightsEntry:
    licence, source = facts.get("licence", "unknown"), facts.get("source", "unknown")
    used_by = facts.get("used_by", "")
    try:
        metadata, _ = _read_safetensors(path, with_tensors=False)
        config = config_from_mapping(TrackerConfig, _config_of(path, metadata))
        parameters = _count_parameters(path)
    except (CheckpointError, ConfigError) as error:
        size, digest = (path.stat().st_size, hash_file(path)) if path.is_file() else (0, "")
        entry = WeightsEntry(path.stem, path, "unknown", 0, size, digest, licence, source, used_by, str(error))
        return replace(entry, is_shipped=path.parent == SHIPPED_FOLDER)
    digest = hash_file(path)
    problem = "" if facts.get("sha256", digest) == digest else "The file was changed: its SHA-256 differs."
    stored = _facts_of(metadata)
    return WeightsEntry(
        path.stem, path, config.networks, parameters, path.stat().st_size, digest,
        facts.get("licence", stored.get("licence", "unknown")), facts.get("source", stored.get("source", "unknown")),
        used_by or f"tracker {metadata['tracker']}", problem, facts.get("score", stored.get("score", "")),
        path.parent == SHIPPED_FOLDER, config,
    )  # fmt: skip


def _count_parameters(path: Path) -> int:
    with safe_open(str(path), framework="pt") as file:
        learned = [name for name in file.keys() if not name.endswith(STATISTICS)]  # noqa: SIM118
        return sum(torch.Size(file.get_slice(name).get_shape()).numel() for name in learned)


def read_catalogue(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the catalogue of a weights folder says of its files, by file name.

    That is sha256, licence, source, used_by, and score: success and precision, and on what.

    Raises `CheckpointError` if the catalogue cannot be read.
    """
    path = folder / CATALOGUE
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The catalogue '{path}' cannot be read ({error}); fix or delete it.") from error
    if not isinstance(content, dict) or not all(isinstance(facts, dict) for facts in content.values()):
        raise CheckpointError(f"The catalogue '{path}' is not a mapping from file names to facts; fix or delete it.")
    return content


def record_weights(path: Path, licence: str, source: str, used_by: str = "") -> None:
    """Write a file's SHA-256 and origin into the catalogue of the folder it lies in."""
    catalogue = read_catalogue(path.parent)
    catalogue[path.name] = {"sha256": hash_file(path), "licence": licence, "source": source, "used_by": used_by}
    write_text(path.parent / CATALOGUE, json.dumps(catalogue, indent=2, sort_keys=True) + "\n")


def configure_weights(path: str | Path, changes: Iterable[str], target: str | Path | None = None) -> Path:
    """Store other parameters (`tracking.…=value`, `online.…=value`) in a weights file; return where it is.

    The tensors stay as they are. `target` is another file, by default the file itself. What was changed is told in its
    facts, and a catalogue that lists the file has its new SHA-256. Raises `CheckpointError`, `ConfigError`, and
    `InputError` for keys that belong to the network and for weights that ship with the program.
    """
    path, changes = Path(path), list(changes)
    target = Path(target or path)
    for change in changes:
        if not change.startswith(("tracking.", "online.")):
            raise InputError(f"'{change}' cannot be stored in weights: only tracking.… and online.… can be changed.")
    if target.resolve().parent == SHIPPED_FOLDER.resolve():
        raise InputError(f"The weights '{target.stem}' ship with the program; write others to another folder (--out).")
    checkpoint = load_checkpoint(path)
    config = apply_overrides(config_from_mapping(TrackerConfig, checkpoint.config), changes)
    check_tracker(config)
    told = [*filter(None, [checkpoint.facts.get("configured")]), *changes]
    save_checkpoint(
        target, checkpoint.state, config_to_mapping(config), {**checkpoint.facts, "configured": " ".join(told)}
    )
    catalogue = read_catalogue(target.parent)
    if target.name in catalogue:
        catalogue[target.name]["sha256"] = hash_file(target)
        write_text(target.parent / CATALOGUE, json.dumps(catalogue, indent=2, sort_keys=True) + "\n")
    return target


def remove_weights(name: str) -> Path:
    """Delete imported weights and what the catalogue says of them; return where they were.

    Raises `CheckpointError` for an unknown name, `InputError` for weights that ship with the program, `OutputError`
    where the file cannot be deleted.
    """
    path = find_weights(name)
    if path.parent == SHIPPED_FOLDER:
        raise InputError(f"The weights '{name}' ship with the program; only imported ones can be removed.")
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"'{path}' cannot be deleted ({error.strerror or error}).") from error
    catalogue = read_catalogue(path.parent)
    if catalogue.pop(path.name, None) is not None:
        write_text(path.parent / CATALOGUE, json.dumps(catalogue, indent=2, sort_keys=True) + "\n")
    return path


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def import_weights(path: str | Path, name: str | None = None, folder: Path | None = None) -> Path:
    """Check a checkpoint entry by entry, store it among the user's weights, and return the new file.

    Args:
        path: a PySOT or DaSiamRPN checkpoint, or one of ours from training.
        name: what to store it as; by default the network's name, with a number where other weights have it. A
            published name also says which network it is, where two have the same shapes (SiamRPNvot and SiamRPNotb).
        folder: where to store it; the user's weights folder by default.
    """
    path = Path(path)
    check_file(path)
    folder = folder or user_weights_folder()
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
        raise InputError(f"The name '{name}' cannot be a file name; use letters, digits, '-', '_' and '.'.")
    if _looks_like_safetensors(path):
        checkpoint = load_checkpoint(path)
        state, config, facts = checkpoint.state, checkpoint.config, checkpoint.facts
        _check_own(path, checkpoint)
    else:
        state, config, facts = _read_published(path, name)
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"'{path}' holds values in {key} that are not finite numbers; get it again.")
    digest = hash_file(path)
    target = _place(folder, name, digest) if name else _free_place(folder, config["name"], digest)
    if _is_intact(target):
        return target  # a file that was written again would have another SHA-256, by which runs know it
    facts = {"licence": "unknown", "source": f"imported from {path.name}", **facts, "imported_sha256": digest}
    save_checkpoint(target, state, config, facts)
    record_weights(target, facts["licence"], facts["source"])
    return target


def _place(folder: Path, name: str, digest: str) -> Path:
    """Return where weights of a name and a SHA-256 belong, or raise `InputError` where others have that name."""
    target = folder / f"{name}{SUFFIX}"
    if folder != SHIPPED_FOLDER and (SHIPPED_FOLDER / target.name).exists():
        raise InputError(f"'{name}' is the name of weights that ship with the program; choose another name.")
    if target.is_file() and _imported_from(target) != digest:
        raise InputError(f"There are other weights called '{name}' already; choose another name, or remove them first.")
    return target


def _free_place(folder: Path, name: str, digest: str) -> Path:
    for number in count(1):
        with suppress(InputError):
            return _place(folder, name if number == 1 else f"{name}-{number}", digest)
    raise AssertionError("numbers do not end")


def _imported_from(path: Path) -> str:
    """Return the SHA-256 of what weights were imported from, "" where that is unknown or they are damaged."""
    try:
        return read_metadata(path).get("imported_sha256", "")
    except CheckpointError:
        return ""


def _is_intact(path: Path) -> bool:
    return path.is_file() and read_catalogue(path.parent).get(path.name, {}).get("sha256") == hash_file(path)


def _read_published(path: Path, name: str | None) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, str]]:
    content = read_torch_file(path)
    found = recognise(content)
    if name in PUBLISHED:
        found = name
    else:
        # no name was given for the network: where shapes cannot tell, the file's own name may
        for other in SAME_SHAPES.get(found, ()):
            if other.removeprefix("dasiamrpn_").lower() in path.name.lower():
                found = other
    config = published_config(found)
    state = convert_state(found, content, build_network(config.network))
    facts = {"source": f"{PUBLISHED[found].source}, imported from {path.name}", "licence": PUBLISHED[found].licence}
    return state, config_to_mapping(config), facts


def _check_own(path: Path, checkpoint: Checkpoint) -> None:
    """Raise `CheckpointError` unless a checkpoint of ours fits the network that its configuration describes."""
    try:
        fill_networks(path, config_from_mapping(TrackerConfig, checkpoint.config), checkpoint.state)
    except ConfigError as error:
        raise CheckpointError(f"The weights '{path}' do not fit the network that they name: {error}") from error
