"""ATOM as published and small; the values that do not stand here are those of the release (see `OnlineConfig`)."""

from __future__ import annotations

from tracker_core.config import AnchorConfig, NetworkConfig, OnlineConfig, TrackerConfig, TrackingConfig
from tracker_core.presets.registry import TrackerEntry

SMALL_WIDTH = 0.375  # 96 channels in the overlap predictor instead of 256


def _atom(name: str, backbone: str, width: float, online: OnlineConfig) -> TrackerConfig:
    tracking = TrackingConfig(
        exemplar_size=288, search_size=288, context=2.0, minimum_size=10.0, score_high=0.5, score_low=0.25
    )
    network = NetworkConfig("atom", backbone, width, 1)
    return TrackerConfig(name, network, AnchorConfig("overlap", stride=16), tracking, online)


PUBLISHED_ATOM = TrackerEntry(
    _atom("atom_default", "resnet18", 1.0, OnlineConfig()), "ATOM on ResNet-18 (pytracking)", "pytracking release",
    "GPL-3.0",
)  # fmt: skip
# on the default tracker's backbone; the filter's optimisation is spread over the frames
SMALL_ATOM = TrackerEntry(
    _atom("atom-small", "mobilenetv3", SMALL_WIDTH, OnlineConfig(steps_per_frame=2, size_rate=0.25)),
    "ATOM, small, our own weights: learns the target while it tracks",
)
