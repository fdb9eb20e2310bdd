"""`bench --verify-device`: does this machine's device give the CPU's answers, for every network there is?"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker_core.cli.bench_floor import count_launches
from tracker_core.config import TrackerConfig
from tracker_core.errors import SiamscopeError
from tracker_core.presets.published import PUBLISHED
from tracker_core.types import FloatArray, Frame

if TYPE_CHECKING:  # it loads torch
    from tracker_core.models.network import Network
    from tracker_core.runtime.base import Runner
    from tracker_core.trackers.base import NetworkTracker

SECONDS = 240.0  # for all networks together: the whole table takes less than five minutes
LEAST_FRAMES = 3
LARGEST_SHIFT = 0.05  # pixels that a box may differ by, in single precision
LARGEST_ERROR = 1e-3  # of outputs, over their largest value


Make = Callable[[], "tuple[TrackerConfig, list[Network], bool]"]  # whether the weights were learned, at the end


@dataclass(frozen=True)
class Verdict:
    """How far the device's answers are from the CPU's for one network.

    `box_px` is the largest difference of a box's side or corner over the clip, `score` that of a score; None where the
    weights are random, which follow nothing. ATOM's boxes are told, but do not decide: it learns while it tracks, and
    what was rounding grows with every step. `output` is the largest difference of raw outputs over their largest
    value. `batch_px` is the largest difference of boxes of targets in one batch to those that they have alone.
    `launches` is how often the processor calls the GPU for one update, None on a CPU. `speedup` is over plain PyTorch
    on the CPU.
    """

    name: str
    weights: str
    runtime: str
    frames: int
    output: float
    box_px: float | None
    score: float | None
    speedup: float
    is_good: bool
    batch_px: float | None = None
    launches: int | None = None
    problem: str = ""


def verify_networks(
    frames: list[Frame], box_xywh: FloatArray, device: str, runtime: str, precision: str
) -> Iterator[Verdict]:
    """Compare every shipped, imported and published network on `device` with plain PyTorch on the CPU."""
    networks = list(_networks())
    end = time.perf_counter() + SECONDS
    for number, (name, make) in enumerate(networks):
        now = time.perf_counter()
        stop = now + (end - now) / (len(networks) - number)  # what one does not need is for the others
        try:
            yield _verify(name, *make(), stop, frames, box_xywh, device, runtime, precision)
        except SiamscopeError as error:
            yield Verdict(name, "", runtime, 0, np.nan, None, None, np.nan, False, problem=str(error))


def as_report(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON takes it."""
    return {key: None if value != value else value for key, value in asdict(verdict).items()}


def _networks() -> Iterator[tuple[str, Make]]:
    """Yield a name and what returns configuration, networks and whether their weights were learned."""
    from tracker_core.checkpoints.weights import list_weights

    names = [entry.name for entry in list_weights()]
    for name in names:
        yield name, functools.partial(_with_weights, name)
    seen = []
    for name, entry in PUBLISHED.items():
        network = entry.config.network
        if name not in names and network not in seen:  # the long-term trackers have the networks of others
            yield name, functools.partial(_with_random_weights, name)
        seen.append(network)


def _with_weights(name: str) -> tuple[TrackerConfig, list[Network], bool]:
    from tracker_core.trackers.builder import build_tracker

    tracker = build_tracker(name, device="cpu", runtime="eager")
    return tracker.config, [runner.network for runner in tracker.runners], True


def _with_random_weights(name: str) -> tuple[TrackerConfig, list[Network], bool]:
    import torch

    from tracker_core.models.builder import build_network

    config = PUBLISHED[name].config
    torch.manual_seed(0)
    return config, [build_network(config.network).eval()], False


def _verify(
    name: str, config: TrackerConfig, networks: list[Network], is_learned: bool, stop: float,
    frames: list[Frame], box_xywh: FloatArray, device: str, runtime: str, precision: str,
) -> Verdict:  # fmt: skip
    from tracker_core.trackers.builder import tracker_from_network

    theirs = tracker_from_network(config, *copy.deepcopy(networks), device="cpu", runtime="eager")
    mine = tracker_from_network(config, *networks, device=device, runtime=runtime, precision=precision)
    output = _compare_outputs(config, mine.runner, theirs.runner)
    for tracker in (mine, theirs):
        tracker.init(frames[0].image, box_xywh)
    shifts, scores, seconds = [0.0], [0.0], np.zeros(2)
    count = 0
    for frame in frames[1:]:
        if count >= LEAST_FRAMES and time.perf_counter() > stop:
            break
        results = []
        for number, tracker in enumerate((mine, theirs)):
            started = time.perf_counter()
            results.append(tracker.update(frame.image))
            seconds[number] += time.perf_counter() - started
        shifts.append(float(np.abs(results[0].box_xywh - results[1].box_xywh).max()))
        scores.append(abs(results[0].score - results[1].score))
        count += 1
    decides = is_learned and config.anchors.style != "overlap"
    batch_px = _compare_batch(mine, frames, box_xywh)
    is_exact = output <= LARGEST_ERROR and (not decides or max(*shifts, batch_px) <= LARGEST_SHIFT)
    return Verdict(
        name, "own" if is_learned else "random", mine.runtime, count, output,
        max(shifts) if is_learned else None, max(scores) if is_learned else None,
        float(seconds[1] / seconds[0]), is_exact or precision != "fp32",
        batch_px if is_learned else None, count_launches(mine, frames[1].image, box_xywh),
    )  # fmt: skip


def _compare_batch(tracker: NetworkTracker, frames: list[Frame], box_xywh: FloatArray) -> float:
    """Return the largest difference of the boxes of two targets in one batch to those of each of them alone."""
    boxes = [box_xywh, box_xywh * (1, 1, 0.8, 1.1)]

    def start() -> list[NetworkTracker]:
        trackers = [tracker.fork() for _ in boxes]
        for each, box in zip(trackers, boxes, strict=True):
            each.init(frames[0].image, box)
        return trackers

    together, alone, largest = start(), start(), 0.0
    for frame in frames[1:3]:
        results = tracker.update_all(together, frame.image)
        for result, other in zip(results, alone, strict=True):
            largest = max(largest, float(np.abs(result.box_xywh - other.update(frame.image).box_xywh).max()))
    return largest


def _compare_outputs(config: TrackerConfig, mine: Runner, theirs: Runner) -> float:
    """Return the largest difference of two runners' outputs for one pair of crops, over the largest value."""
    random = np.random.default_rng(0)
    exemplar, search = (
        random.integers(0, 256, (size, size, 3)).astype(np.uint8)
        for size in (config.tracking.exemplar_size, config.tracking.search_size)
    )
    answers = [
        runner.search(runner.template(exemplar, (60.0, 60.0)), search, (0.0, 0.0, 60.0, 60.0))
        for runner in (mine, theirs)
    ]
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)) for a, b in zip(*answers, strict=True))
