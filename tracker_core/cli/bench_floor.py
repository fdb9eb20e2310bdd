"""How fast a network could be on this machine: its arithmetic over what the machine was measured to do at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker_core.types import FloatArray, Image

if TYPE_CHECKING:  # it loads torch
    from tracker_core.config import SecondConfig, TrackingConfig
    from tracker_core.models.network import Network
    from tracker_core.trackers.base import NetworkTracker

ROUNDS = 12
CPU_SIDE, GPU_SIDE = 768, 4096  # of the matrices: large enough to keep every core busy


def describe_floor(tracker: NetworkTracker, network_ms: float, image: Image, box_xywh: FloatArray) -> dict[str, Any]:
    """Return what one search costs: its GFLOP, the machine's peak, the time that these two leave at least.

    A multiplication and an addition are two operations. `launches` is how often the processor calls the GPU for one
    update, None on a CPU.
    """
    gflop = count_flops(tracker) / 1e9
    peak = measure_peak(tracker.device, getattr(tracker.runner, "precision", "fp32")) / 1e9
    return {
        "gflop": gflop,
        "gflop_per_second": gflop / network_ms * 1e3 if network_ms else None,
        "peak_gflop_per_second": peak,
        "floor_ms": gflop / peak * 1e3,
        "launches": count_launches(tracker, image, box_xywh),
    }


def count_flops(tracker: NetworkTracker) -> int:
    """Return the floating point operations of the search branch for one crop, of all networks of a tracker."""
    sizes: list[TrackingConfig | SecondConfig] = [tracker.config.tracking, tracker.config.second]
    return sum(_count_search(runner.network, size) for runner, size in zip(tracker.runners, sizes, strict=False))


def _count_search(network: Network, cfg: TrackingConfig | SecondConfig) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    place = next(network.parameters()).device
    exemplar, search = (torch.zeros(1, 3, size, size, device=place) for size in (cfg.exemplar_size, cfg.search_size))
    guide = torch.tensor([[0.0, 0.0, 60.0, 60.0]], device=place) if network.takes_guide else None
    with torch.no_grad():
        template = network.template(exemplar)
        counter = FlopCounterMode(display=False)
        with counter:
            network.search(template, search, guide)
    return int(counter.get_total_flops())


def measure_peak(device: str, precision: str = "fp32") -> float:
    """Return the floating point operations per second of a large product of matrices, the best of several."""
    import torch

    from tracker_core.runtime.graphs import exact_arithmetic
    from tracker_core.runtime.onnx import usable_cores

    side = CPU_SIDE if device == "cpu" else GPU_SIDE
    dtype = torch.float16 if precision == "fp16" else torch.float32
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())
    try:
        best_s = np.inf
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with exact_arithmetic():
                (matrix @ matrix)[0, 0].item()  # asking for a number waits for the device
            best_s = min(best_s, time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return 2 * side**3 / float(best_s)


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
