"""The published trackers: their configurations, their names for weights, and how a state dict is recognised.

Settings are those of PySOT's experiment files and of the DaSiamRPN release; `docs/published-networks.md` tells how
each was checked.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import CheckpointError, nearest_name
from tracker_core.models.builder import build_network
from tracker_core.trackers.builder import tracker_from_network
from tracker_core.trackers.siamrpn import SiamRPNTracker

RATIOS = [0.33, 0.5, 1.0, 2.0, 3.0]


@dataclass(frozen=True)
class PublishedTracker:
    """One published network: our configuration, its origin, and how its weights' names become ours."""

    config: TrackerConfig
    source: str
    licence: str
    renames: tuple[tuple[str, str], ...] = ()


def _config(name: str, network: NetworkConfig, tracking: TrackingConfig) -> TrackerConfig:
    anchors = AnchorConfig(style="rpn", stride=8, ratios=list(RATIOS), scales=[8.0])
    return TrackerConfig(name=name, network=network, anchors=anchors, tracking=tracking)


def _pysot(
    name: str, backbone: str, width: float, search: int, penalty: float, window: float, rate: float, weighted: bool
) -> PublishedTracker:
    network = NetworkConfig("siamrpnpp", backbone, width, len(RATIOS), {"weighted": weighted})
    tracking = TrackingConfig(
        search_size=search, penalty_k=penalty, window_influence=window, size_lr=rate, convention="pysot",
        minimum_size=10.0, score_high=0.95, score_low=0.8,
    )  # fmt: skip
    return PublishedTracker(_config(name, network, tracking), "PySOT model zoo", "Apache-2.0")


def _dasiamrpn(name: str, width: int, penalty: float, window: float, rate: float, adaptive: bool) -> PublishedTracker:
    network = NetworkConfig("siamrpn", "alexnet", float(width), len(RATIOS))
    tracking = TrackingConfig(
        search_size=271, penalty_k=penalty, window_influence=window, size_lr=rate, convention="dasiamrpn",
        minimum_size=10.0, score_high=0.95, score_low=0.8, small_target_search_size=287 if adaptive else 0,
    )  # fmt: skip
    renames = (
        ("featureExtract.", "backbone.features."),
        ("conv_r1.", "loc_kernel."),
        ("conv_r2.", "loc_search."),
        ("conv_cls1.", "cls_kernel."),
        ("conv_cls2.", "cls_search."),
        ("regress_adjust.", "loc_adjust."),
    )
    return PublishedTracker(_config(name, network, tracking), "DaSiamRPN release", "MIT", renames)


PUBLISHED: dict[str, PublishedTracker] = {
    entry.config.name: entry
    for entry in (
        _pysot("siamrpn_alex_dwxcorr", "alexnet", 1.0, 287, 0.16, 0.40, 0.30, False),
        _pysot("siamrpn_mobilev2_l234_dwxcorr", "mobilenetv2", 1.4, 255, 0.04, 0.40, 0.50, False),
        _pysot("siamrpn_r50_l234_dwxcorr", "resnet50", 1.0, 255, 0.05, 0.42, 0.38, True),
        _dasiamrpn("dasiamrpn_SiamRPNBIG", 2, 0.055, 0.42, 0.295, True),
        _dasiamrpn("dasiamrpn_SiamRPNvot", 1, 0.04, 0.44, 0.45, False),
        _dasiamrpn("dasiamrpn_SiamRPNotb", 1, 0.22, 0.40, 0.30, False),
    )
}


def published_config(name: str) -> TrackerConfig:
    """Return a fresh copy of a published tracker's configuration; raises `CheckpointError` for an unknown name."""
    return copy.deepcopy(_entry(name).config)


def load_published(
    name: str, state_dict: Mapping[str, Any], *, device: str = "cpu", runtime: str = "eager"
) -> SiamRPNTracker:
    """Return a tracker for a published state dict.

    Args:
        name: a key of `PUBLISHED`, for example "siamrpn_r50_l234_dwxcorr".
        state_dict: tensors under their published names, with or without `module.` prefix and `state_dict` nesting.
        device, runtime: as for `trackers.builder.build_tracker`.

    The tracker's `network` has `template(z)` and `search(template, x)` → (cls, loc) in the published layout.
    Raises `CheckpointError` that names the first entries that are missing, unexpected or of another shape.
    """
    config = published_config(name)
    network = build_network(config.network)
    network.load_state_dict(convert_state(name, state_dict, network))
    return tracker_from_network(config, network, device=device, runtime=runtime)


def convert_state(name: str, state_dict: Mapping[str, Any], network: nn.Module) -> dict[str, Tensor]:
    """Return `state_dict` under our names, checked entry by entry against `network`."""
    renames = _entry(name).renames
    converted = {_rename(key, renames): value for key, value in plain_state(state_dict).items()}
    expected = network.state_dict()
    for key, value in expected.items():
        # batch norm's counter is of no use in tracking, and old releases lack it
        if key.endswith("num_batches_tracked"):
            converted.setdefault(key, value)
    missing = [key for key in expected if key not in converted]
    unexpected = [key for key in converted if key not in expected]
    wrong = [key for key in expected if key in converted and converted[key].shape != expected[key].shape]
    for keys, what in ((missing, "lacks"), (unexpected, "has unknown"), (wrong, "has another shape for")):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise CheckpointError(
                f"The weights do not fit '{name}': the file {what} {', '.join(keys[:3])}{more}. "
                "Check which network the checkpoint belongs to."
            )
    return {key: converted[key].to(expected[key].dtype) for key in expected}


def plain_state(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, out of `state_dict` or `model` nesting and without `module.` prefixes."""
    for nest in ("state_dict", "model", "net", "network"):
        inner = content.get(nest)
        if isinstance(inner, Mapping):
            return plain_state(inner)
    tensors = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError("The file holds no tensors; give a PySOT or DaSiamRPN checkpoint.")
    for prefix in ("module.", "model."):
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key[len(prefix) :]: value for key, value in tensors.items()}
    return tensors


def recognise(state_dict: Mapping[str, Any]) -> str:
    """Return the name of the published network that a checkpoint's names and shapes belong to.

    SiamRPNvot and SiamRPNotb have the same shapes: "dasiamrpn_SiamRPNvot" is the answer for both. Raises
    `CheckpointError` for anything else.
    """
    tensors = {key: value.to("meta") for key, value in plain_state(state_dict).items()}
    closest: tuple[int, CheckpointError] | None = None
    for name, entry in PUBLISHED.items():
        with torch.device("meta"):
            network = build_network(entry.config.network)
        try:
            convert_state(name, tensors, network)
        except CheckpointError as error:
            hits = _count_hits(entry, tensors, network)
            if closest is None or hits > closest[0]:
                closest = (hits, error)
            continue
        return "dasiamrpn_SiamRPNvot" if name == "dasiamrpn_SiamRPNotb" else name
    if closest is not None and closest[0] > len(tensors) / 2:
        raise closest[1]  # nearly one of them: what is wrong with it says more than that it is unknown
    raise CheckpointError(
        f"The weights belong to no network known here (their first entries are {', '.join(list(tensors)[:3])}). "
        f"Known: {', '.join(PUBLISHED)}."
    )


def _count_hits(entry: PublishedTracker, tensors: Mapping[str, Tensor], network: nn.Module) -> int:
    expected = network.state_dict()
    renamed = {_rename(key, entry.renames): value for key, value in tensors.items()}
    return sum(key in expected and expected[key].shape == value.shape for key, value in renamed.items())


def _rename(key: str, renames: tuple[tuple[str, str], ...]) -> str:
    for theirs, ours in renames:
        if key.startswith(theirs):
            return ours + key[len(theirs) :]
    return key


def _entry(name: str) -> PublishedTracker:
    if name not in PUBLISHED:
        raise CheckpointError(f"There is no published tracker '{name}'.{nearest_name(name, PUBLISHED)}")
    return PUBLISHED[name]
