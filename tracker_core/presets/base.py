"""The default tracker: two networks."""

from __future__ import annotations

from dataclasses import replace

from tracker_core.config import AnchorConfig, NetworkConfig, SecondConfig, TrackingConfig
from tracker_core.presets.light import LIGHT
from tracker_core.presets.registry import TrackerEntry

BASE = TrackerEntry(
    replace(
        LIGHT.config,
        name="siamscope-base",
        tracking=replace(TrackingConfig(), second_weight=0.5),
        second=SecondConfig(
            NetworkConfig("fear", "fbnet", anchors_per_position=1),
            # 0.56 is the exemplar's scale in the search region: 160 / 3.125 pixels for 128 / 1.4
            AnchorConfig("exemplar", stride=16, ratios=[1.0], scales=[0.56]),
            exemplar_size=128, search_size=160, context=0.2, crop_shape="target", search_context=1.0625,
            convention="pysot",
        ),
    ),
    "siamscope-light and a larger network that have to agree, for the CPU, our own weights",
)  # fmt: skip
