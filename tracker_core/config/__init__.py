"""Typed configurations, YAML files and dotted overrides; configs are passed, never imported as globals."""

from tracker_core.config.overrides import apply_overrides, config_from_mapping, config_to_mapping, load_yaml
from tracker_core.config.ranges import Range, check_values, ranges_of
from tracker_core.config.tracker import (
    AnchorConfig,
    BoxLevelConfig,
    NetworkConfig,
    OnlineConfig,
    SecondConfig,
    TrackerConfig,
    TrackingConfig,
    check_tracker,
    check_tracking,
)

__all__ = [
    "AnchorConfig",
    "BoxLevelConfig",
    "NetworkConfig",
    "OnlineConfig",
    "Range",
    "SecondConfig",
    "TrackerConfig",
    "TrackingConfig",
    "apply_overrides",
    "check_tracker",
    "check_tracking",
    "check_values",
    "config_from_mapping",
    "config_to_mapping",
    "load_yaml",
    "ranges_of",
]
