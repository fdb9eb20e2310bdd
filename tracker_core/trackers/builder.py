"""From a tracker's name to a tracker that is ready for `init`: preset, network, weights, device, runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tracker_core.candidates import make_layout
from tracker_core.config import (
    TrackerConfig,
    TrackingConfig,
    apply_overrides,
    check_tracker,
    config_from_mapping,
)
from tracker_core.cores import usable_cores
from tracker_core.errors import CheckpointError, ConfigError
from tracker_core.presets import DEFAULT_TRACKER, preset
from tracker_core.trackers.base import NetworkTracker
from tracker_core.trackers.second_opinion import second_tracker
from tracker_core.trackers.siamese import SiameseTracker


def build_tracker(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "fp32",
    overrides: Iterable[str] | Mapping[str, Any] = (),
    threads: int | None = None,
) -> NetworkTracker:
    """Return a tracker ready for `init`.

    Args:
        name: a registered tracker or the name of imported weights; None is the default, or the weights' own tracker.
        weights: a checkpoint of ours; None takes the shipped or imported one of that name.
        device: "auto", "cpu", "cuda" or "cuda:N".
        runtime: "auto" or a name from `runtime.RUNTIMES`.
        precision: a name from `runtime.PRECISIONS`: "fp32", on a GPU "fp16", on the CPU "int8".
        overrides: changes to the tracker's configuration as `tracking.window_influence=0.3` texts or a mapping.
        threads: how many a network may compute with on the CPU; None is all cores. Two networks share them.

    Raises `InputError` for an unknown name, `CheckpointError` for weights that do not fit, `DeviceError`,
    `ConfigError`.
    """
    from tracker_core.checkpoints.networks import fill_networks
    from tracker_core.checkpoints.weights import find_weights, load_checkpoint
    from tracker_core.runtime import make_runner

    if weights is None:
        try:
            path = find_weights(name or DEFAULT_TRACKER)
        except CheckpointError:
            preset(name or DEFAULT_TRACKER)  # a misspelt tracker is the likelier mistake: its error comes first
            raise
    else:
        path = Path(weights)
    checkpoint = load_checkpoint(path)
    config = config_from_mapping(TrackerConfig, checkpoint.config)
    if name is not None and weights is not None and name != config.name:
        preset(name)
        raise CheckpointError(f"The weights '{path}' are for the tracker '{config.name}', not for '{name}'.")
    config = apply_overrides(config, overrides)
    check_tracker(config)
    networks = fill_networks(path, config, checkpoint.state)
    if overrides:
        for network, sized in zip(networks, (config, second_tracker(config)), strict=False):
            _try_sizes(network.eval(), sized.tracking)
    tracker = tracker_from_network(
        config, *networks, device=device, runtime=runtime, precision=precision, threads=threads, make_runner=make_runner
    )
    tracker.weights_path = path
    return tracker


def _try_sizes(network: Any, tracking: TrackingConfig) -> None:
    """Raise `ConfigError` unless the network takes crops of the sizes in a configuration that a user changed."""
    import torch

    exemplar, search = tracking.exemplar_size, tracking.search_size
    try:
        with torch.inference_mode():
            network.search(network.template(torch.zeros(1, 3, exemplar, exemplar)), torch.zeros(1, 3, search, search))
    except RuntimeError as error:
        raise ConfigError(
            f"The network cannot take an exemplar of {exemplar} and a search region of {search} pixels; leave "
            "tracking.exemplar_size as it was trained, and tracking.search_size near it."
        ) from error


def tracker_from_network(
    config: TrackerConfig,
    network: Any,
    second: Any = None,
    *,
    device: str = "cpu",
    runtime: str = "eager",
    precision: str = "fp32",
    threads: int | None = None,
    make_runner: Callable[..., Any] | None = None,
) -> NetworkTracker:
    """Wrap a network that is in memory already (training's, a test's, a published state dict's), and a second one."""
    from tracker_core.runtime import make_runner as default_make_runner

    make_layout(config)  # its mistakes come before a network is exported
    if second is not None:  # both work at the same time
        threads = max(1, (threads or usable_cores()) // 2)
    place: dict[str, Any] = {"device": device, "runtime": runtime, "precision": precision, "threads": threads}
    make = make_runner or default_make_runner
    runner = make(network, config, **place)
    if config.anchors.style == "overlap":
        from tracker_core.trackers.atom.tracker import AtomTracker  # it loads torch

        return AtomTracker(config, runner)
    second_runner = None if second is None else make(second, second_tracker(config), **place)
    return SiameseTracker(config, runner, second_runner)
