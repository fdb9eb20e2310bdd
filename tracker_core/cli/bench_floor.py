"""How fast a network could be on this machine: its arithmetic over what the machine was measured to do at most."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracker_core.trackers.scale_search import scale_factors
from tracker_core.types import FloatArray, Image

if TYPE_CHECKING:  # it loads torch
    from tracker_core.config import SecondConfig, TrackingConfig
    from tracker_core.trackers.base import NetworkTracker


def describe_floor(tracker: NetworkTracker, targets: int, network_ms: Sequence[float], peak: float) -> dict[str, Any]:
    """Return what the network costs: GFLOP a search, the rate it reached, the machine's peak, the time these leave.

    `network_ms` are the times of all searches of one frame, for `targets` of them; `peak`, in operations a second, is
    raised to what the network itself reached at best: on a busy machine nothing else may have come as far. In
    eight-bit integers there is no peak, because matrices of them were not measured. A multiplication and an addition
    are two operations.
    """
    search = count_flops(tracker) / 1e9
    frame = search * targets * len(scale_factors(tracker.tracking))
    median, shortest = statistics.median(network_ms) / 1e3, min(network_ms) / 1e3
    floor: dict[str, Any] = {
        "gflop": search,
        "gflop_per_second": frame / median if median else None,
        "peak_gflop_per_second": None,
        "floor_ms": None,
    }
    if tracker.precision != "int8":
        highest = max(peak / 1e9, frame / shortest if shortest else 0.0)
        floor |= {"peak_gflop_per_second": highest, "floor_ms": frame / highest * 1e3}
    return floor


def count_flops(tracker: NetworkTracker) -> int:
    """Return the floating point operations of the search branch for one crop, of all networks of a tracker."""
    from tracker_core.models.flops import search_flops

    sizes: list[TrackingConfig | SecondConfig] = [tracker.config.tracking, tracker.config.second]
    return sum(
        search_flops(runner.network, size.exemplar_size, size.search_size)
        for runner, size in zip(tracker.runners, sizes, strict=False)
    )


def count_launches(tracker: NetworkTracker, image: Image, box_xywh: FloatArray) -> int | None:
    """Return how many kernels and graphs are launched for one update on an image; None on a CPU."""
    if tracker.device == "cpu":
        return None
    from torch.profiler import ProfilerActivity, profile

    follower = tracker.fork()
    follower.init(image, box_xywh)
    for _ in range(2):  # what happens once, recording for example, does not count
        follower.update(image)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        follower.update(image)
    return sum(int(event.count) for event in profiled.key_averages() if "Launch" in event.key)
