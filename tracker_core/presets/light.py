"""The light tracker: half of the default one, twice as fast."""

from __future__ import annotations

from tracker_core.config import AnchorConfig, NetworkConfig, TrackerConfig
from tracker_core.presets.registry import TrackerEntry

LIGHT = TrackerEntry(
    TrackerConfig(
        "siamscope-light",
        NetworkConfig("light", "mobilenetv3", anchors_per_position=3),
        AnchorConfig("exemplar", stride=16),
    ),
    "light SiamRPN++ for the CPU, our own weights (MobileNetV3-small)",
)
