"""The published trackers: their configurations and where they come from.

Settings are those of PySOT's experiment files, of the DaSiamRPN release and of pytracking;
`docs/published-networks.md` tells how each was checked.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import CheckpointError, nearest_name
from tracker_core.presets.atom import PUBLISHED_ATOM
from tracker_core.presets.registry import TrackerEntry

RATIOS = (0.33, 0.5, 1.0, 2.0, 3.0)


def _config(name: str, network: NetworkConfig, tracking: TrackingConfig) -> TrackerConfig:
    anchors = AnchorConfig(style="rpn", stride=8, ratios=list(RATIOS), scales=[8.0])
    return TrackerConfig(name=name, network=network, anchors=anchors, tracking=tracking)


def _pysot(
    name: str,
    description: str,
    network: NetworkConfig,
    search: int,
    penalty: float,
    window: float,
    rate: float,
) -> TrackerEntry:
    tracking = TrackingConfig(
        search_size=search, penalty_k=penalty, window_influence=window, size_lr=rate, convention="pysot",
        minimum_size=10.0, score_high=0.95, score_low=0.8,
    )  # fmt: skip
    return TrackerEntry(_config(name, network, tracking), description, "PySOT model zoo", "Apache-2.0")


def _dasiamrpn(
    name: str, description: str, width: int, penalty: float, window: float, rate: float, small_target_search_size: int
) -> TrackerEntry:
    network = NetworkConfig("siamrpn", "alexnet", float(width), len(RATIOS))
    tracking = TrackingConfig(
        search_size=271, penalty_k=penalty, window_influence=window, size_lr=rate, convention="dasiamrpn",
        minimum_size=10.0, score_high=0.95, score_low=0.8, small_target_search_size=small_target_search_size,
    )  # fmt: skip
    return TrackerEntry(_config(name, network, tracking), description, "DaSiamRPN release", "MIT")


def _long_term(entry: TrackerEntry, description: str, **lost: Any) -> TrackerEntry:
    """Return a tracker that looks for a lost target: below `score_low` nothing moves, `score_high` finds it again."""
    config = copy.deepcopy(entry.config)
    config.name = f"{entry.name}_lt"
    tracking = dataclasses.replace(config.tracking, score_low=0.8, hold_below=0.8, patience=1, **lost)
    return dataclasses.replace(entry, config=dataclasses.replace(config, tracking=tracking), description=description)


def _siamrpnpp(backbone: str, width: float, weighted: bool) -> NetworkConfig:
    return NetworkConfig("siamrpnpp", backbone, width, len(RATIOS), {"weighted": weighted})


SHORT_TERM: dict[str, TrackerEntry] = {
    entry.name: entry
    for entry in (
        _pysot(
            "siamrpn_alex_dwxcorr", "SiamRPN++ on AlexNet (PySOT)",
            _siamrpnpp("alexnet", 1.0, False), 287, 0.16, 0.40, 0.30,
        ),
        _pysot(
            "siamrpn_mobilev2_l234_dwxcorr", "SiamRPN++ on MobileNetV2, three levels (PySOT)",
            _siamrpnpp("mobilenetv2", 1.4, False), 255, 0.04, 0.40, 0.50,
        ),
        _pysot(
            "siamrpn_r50_l234_dwxcorr", "SiamRPN++ on a dilated ResNet-50, three levels (PySOT)",
            _siamrpnpp("resnet50", 1.0, True), 255, 0.05, 0.42, 0.38,
        ),
        _dasiamrpn("dasiamrpn_SiamRPNBIG", "DaSiamRPN's widest net", 2, 0.055, 0.42, 0.295, 287),
        _dasiamrpn("dasiamrpn_SiamRPNvot", "DaSiamRPN's net for VOT", 1, 0.04, 0.44, 0.45, 0),
        _dasiamrpn("dasiamrpn_SiamRPNotb", "DaSiamRPN's net for OTB", 1, 0.22, 0.40, 0.30, 0),
        PUBLISHED_ATOM,
    )
}  # fmt: skip
LONG_TERM: dict[str, TrackerEntry] = {
    entry.name: entry
    for entry in (
        _long_term(
            SHORT_TERM["siamrpn_r50_l234_dwxcorr"], "SiamRPN++ on ResNet-50 for long videos (PySOT)",
            window_influence=0.28, size_lr=0.22, score_high=0.998, lost_search_size=831, lost_window_influence=0.001,
            keeps_in_image=False,
        ),
        # section 3.4 of the paper; the release has no code for it, so the step is ours: five frames to the full size
        _long_term(
            SHORT_TERM["dasiamrpn_SiamRPNvot"], "DaSiamRPN's net for VOT, for long videos",
            score_high=0.95, lost_search_size=767, lost_search_step=100,
        ),
    )
}  # fmt: skip
PUBLISHED = {**SHORT_TERM, **LONG_TERM}


def find_published(name: str) -> TrackerEntry:
    """Return the published tracker `name`; raises `CheckpointError` that names the nearest known one."""
    if name not in PUBLISHED:
        known = ", ".join(PUBLISHED)
        raise CheckpointError(f"There is no published tracker '{name}'.{nearest_name(name, PUBLISHED)} Known: {known}.")
    return PUBLISHED[name]


def published_config(name: str) -> TrackerConfig:
    """Return a fresh copy of a published tracker's configuration; raises `CheckpointError` for an unknown name."""
    return copy.deepcopy(find_published(name).config)
