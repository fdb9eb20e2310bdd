"""From a published state dict in memory to a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker_core.checkpoints.state_dicts import convert_state
from tracker_core.models.builder import build_network
from tracker_core.presets.published import published_config
from tracker_core.trackers.base import NetworkTracker
from tracker_core.trackers.builder import tracker_from_network


def load_published(
    name: str, state_dict: Mapping[str, Any], device: str = "cpu", runtime: str = "eager"
) -> NetworkTracker:
    """Return a tracker for a published state dict.

    Args:
        name: a key of `published.PUBLISHED`, for example "siamrpn_r50_l234_dwxcorr".
        state_dict: tensors under their published names, with or without `module.` prefix and `state_dict` nesting.
        device, runtime: as for `trackers.builder.build_tracker`.

    The tracker's `network` has `template(z)` and `search(template, x)` → (cls, loc) in the published layout: z and x
    float B×3×S×S BGR 0..255, cls B×2K×h×w with the background first, loc B×4K×h×w. Its parameters take no gradient.
    Raises `CheckpointError` that names the first entries that are missing, unknown or of another shape.
    """
    config = published_config(name)
    network = build_network(config.network)
    network.load_state_dict(convert_state(name, state_dict, network))
    return tracker_from_network(config, network.requires_grad_(False), device=device, runtime=runtime)
