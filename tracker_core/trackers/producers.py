"""What a tracker is, for the runs that it makes, and the same tracker again from such a run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tracker_core.config import TrackerConfig, config_from_mapping, config_to_mapping
from tracker_core.errors import CheckpointError, InputError, SiamscopeError
from tracker_core.presets import preset
from tracker_core.results.provenance import Producer, program_version
from tracker_core.trackers.base import NetworkTracker
from tracker_core.trackers.builder import build_tracker


def describe_producer(tracker: Any) -> Producer:
    """Return what `tracker` is: of one that `build_tracker` made everything, of any other what it says of itself."""
    config = getattr(tracker, "config", None)
    path: Path | None = getattr(tracker, "weights_path", None)
    return Producer(
        tracker=str(tracker.name),
        config=config_to_mapping(config) if dataclasses.is_dataclass(config) else {},
        weights=path.stem if path else "",
        weights_path=str(path.resolve()) if path else "",
        weights_sha256=_hash_weights(path, path.stat().st_mtime_ns) if path else "",
        device=str(getattr(tracker, "device", "")),
        runtime=str(getattr(tracker, "runtime", "")),
        program=program_version(),
    )


def rebuild_tracker(
    producer: Producer,
    *,
    device: str = "auto",
    runtime: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
) -> NetworkTracker:
    """Return the tracker that `producer` describes: the same weights, by their SHA-256, and the same configuration.

    `precision` None is the producer's own, where this device has it; `threads` as in `build_tracker`.

    Raises `InputError`, one sentence that says why these results cannot be explained.
    """
    if not producer.weights_sha256:
        raise InputError(
            f"The results do not say with which weights '{producer.tracker}' made them, so they cannot be explained."
        )
    path = _find_weights(producer)
    if path is None:
        raise InputError(
            f"The weights '{producer.weights}' that made these results (SHA-256 {producer.weights_sha256[:12]}…) are "
            "not here or were changed; import them again to have the results explained."
        )
    try:
        return build_tracker(
            weights=path, device=device, runtime=runtime, overrides=dict(producer.config),
            precision=precision or _precision_on(producer, device, runtime), threads=threads,
        )  # fmt: skip
    except SiamscopeError as error:
        raise InputError(f"The tracker that made these results cannot be built again: {error}") from error


def tuned_config(producer: Producer) -> Mapping[str, Any]:
    """Return the configuration that a producer's weights came with, as nested plain values; empty where it is unknown.

    Without the weights it is that of the preset of the tracker's name.
    """
    from tracker_core.checkpoints.weights import load_checkpoint

    try:
        path = _find_weights(producer) if producer.weights_sha256 else None
        if path is not None:
            return config_to_mapping(config_from_mapping(TrackerConfig, load_checkpoint(path).config))
        return config_to_mapping(preset(producer.tracker))
    except SiamscopeError:
        return {}


def named_config(name: str) -> TrackerConfig:
    """Return the configuration that the weights of a tracker's name came with; raises `CheckpointError` for no such."""
    from tracker_core.checkpoints.weights import find_weights, list_weights

    path = find_weights(name)
    # of the list, which reads each file once: that takes longer than a frame
    entry = next(entry for entry in list_weights() if entry.path == path)
    if entry.config is None:
        raise CheckpointError(entry.problem)
    return copy.deepcopy(entry.config)


def _precision_on(producer: Producer, device: str, runtime: str) -> str:
    """Return the precision of a producer where a device has it, else single precision."""
    if producer.precision == "fp32" or runtime == "eager":
        return "fp32"
    from tracker_core.runtime.devices import resolve_device  # it loads torch

    is_on_cpu = resolve_device(device) == "cpu"
    return producer.precision if is_on_cpu == (producer.precision == "int8") else "fp32"


@lru_cache(maxsize=32)
def _hash_weights(path: Path, changed_ns: int) -> str:
    """Return the SHA-256 of a weights file, computed again only after it changed: parameters change far more often."""
    from tracker_core.checkpoints.weights import hash_file  # it loads torch

    return hash_file(path)


def _find_weights(producer: Producer) -> Path | None:
    from tracker_core.checkpoints.weights import hash_file, list_weights

    path = Path(producer.weights_path)
    if producer.weights_path and path.is_file() and hash_file(path) == producer.weights_sha256:
        return path
    return next((entry.path for entry in list_weights() if entry.sha256 == producer.weights_sha256), None)
