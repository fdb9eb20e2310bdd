"""`siamscope bench`: how fast this machine tracks, stage by stage, and how flat memory stays."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.cli.bench_against import compare_reports, read_earlier
from tracker_core.cli.bench_crops import verify_crops
from tracker_core.cli.bench_device import as_report, verify_networks
from tracker_core.cli.bench_floor import count_launches, describe_floor
from tracker_core.cli.bench_machine import describe_machine, measure_peak, resident_bytes
from tracker_core.cli.bench_tables import STAGES, print_against, print_crops, print_report, print_verdicts
from tracker_core.cli.console import Reporter, add_progress_option, print_note
from tracker_core.cli.track_command import add_tracker_options
from tracker_core.config import NetworkConfig
from tracker_core.errors import InputError
from tracker_core.files import write_text
from tracker_core.packaged import CLIP
from tracker_core.presets.published import PUBLISHED, find_published
from tracker_core.rendering.overlays import draw_result
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.loop import step
from tracker_core.sources.opening import open_source
from tracker_core.trackers.base import NetworkTracker
from tracker_core.trackers.builder import build_tracker, tracker_from_network
from tracker_core.trackers.peers import USAGE, build_peer
from tracker_core.types import FloatArray, Frame, Tracker, TrackResult

WARM_UP = 5
TURN = 10  # frames


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = (
        "Measure median and 95th percentile of each stage, in milliseconds, on the bundled clip (640×480)."
    )
    parser.epilog = "Times on a busy machine wander; compare runtimes within one run: bench --compare eager"
    add_tracker_options(parser)
    parser.add_argument(
        "--network", action="append", default=[], metavar="NAME",
        help="measure a published network with random weights instead (repeatable): " + ", ".join(PUBLISHED),
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="R", help="run this runtime, in fp32, in turn with the chosen one and print the ratio"
    )
    parser.add_argument(
        "--peers", action="append", default=[], metavar="KIND=FILES",
        help=f"run a tracker of others on the same frames in turn and print the ratio (repeatable): {USAGE}",
    )  # fmt: skip
    parser.add_argument("--targets", type=int, default=1, metavar="N", help="follow N targets at once (1)")
    parser.add_argument("--against", metavar="FILE", help="print ratios to the figures that --json wrote earlier")
    parser.add_argument(
        "--verify-device", action="store_true",
        help="compare every network on the device with plain PyTorch on the CPU; exit code 1 where they differ",
    )  # fmt: skip
    parser.add_argument("--source", metavar="S", help="another clip, with --box")
    parser.add_argument("--box", metavar="X,Y,W,H", help="what to track in the first frame of --source")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="updates to measure (200)")
    parser.add_argument("--memory", type=int, metavar="N", help="run N updates instead and report the memory in use")
    parser.add_argument("--window", action="store_true", help="measure the window: stalls, images per second, painting")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    add_progress_option(parser)
    parser.set_defaults(run=run_bench)


def run_bench(args: argparse.Namespace) -> int:
    """Carry out `bench`."""
    if args.window:
        if args.measure_window is None:
            raise InputError("This command line has no window to measure; use 'siamscope bench --window'.")
        options = [*([args.source] if args.source else []), *(["--json", args.json] if args.json else [])]
        code: int = args.measure_window(options)
        return code
    if args.frames < 10:
        raise InputError(f"--frames {args.frames} is too few to measure; give at least 10.")
    if args.memory is not None and args.memory < 10:
        raise InputError(f"--memory {args.memory} is too few updates to see memory grow; give at least 10.")
    if not 1 <= args.targets <= 100:
        raise InputError(f"--targets {args.targets} is out of range; give 1 to 100.")
    earlier = read_earlier(args.against) if args.against else None
    clip = _read_clip(args)
    if args.verify_device:
        return _verify_device(clip, args)
    builders = _builders(args)
    if args.memory:
        report: dict[str, Any] = {"memory": [_measure_memory(name, build, clip, args) for name, build in builders]}
    else:
        report = {"trackers": [_measure(name, build, clip, args) for name, build in builders]}
    report["machine"] = describe_machine()
    if earlier is not None:
        report["against"] = compare_reports(report, earlier)
    if args.json:
        write_text(args.json, json.dumps(report, indent=1) + "\n")
    print_report(report)
    if earlier is not None:
        print_against(report, earlier)
    return 0


def _verify_device(clip: _Clip, args: argparse.Namespace) -> int:
    """Print how far the device's answers are from the CPU's, network by network."""
    from tracker_core.runtime.devices import resolve_device  # it loads torch

    place = resolve_device(args.device)
    if place == "cpu":
        print_note("There is no GPU in use: what is compared is the CPU's own runtime with plain PyTorch.")
    crops = verify_crops(clip.frames[0].image, place)
    verdicts = []
    with Reporter(args.progress, "Comparing", None, "networks") as progress:
        for verdict in verify_networks(clip.frames[:91], clip.box_xywh, place, args.runtime, args.precision):
            verdicts.append(verdict)
            progress.advance()
    if args.json:
        networks = [as_report(each) for each in verdicts]
        report = {"device": place, "machine": describe_machine(), "crops": asdict(crops), "networks": networks}
        write_text(args.json, json.dumps(report, indent=1) + "\n")
    print_verdicts(f"{args.runtime} on {place}, {args.precision}, beside plain PyTorch on the CPU", verdicts)
    print_crops(place, crops)
    return 0 if crops.is_good and all(verdict.is_good for verdict in verdicts) else 1


class _Clip:
    """Decoded frames, how long each took to decode, and the box in the first."""

    def __init__(self, frames: list[Frame], decode_ms: list[float], box_xywh: FloatArray, fps: float) -> None:
        self.frames, self.decode_ms, self.box_xywh, self.fps = frames, decode_ms, box_xywh, fps

    def frame(self, index: int) -> Frame:
        """Return frame `index`, to the end and back again without a jump."""
        last = len(self.frames) - 1
        return self.frames[last - abs(index % (2 * last) - last)] if last else self.frames[0]


def _read_clip(args: argparse.Namespace) -> _Clip:
    from tracker_core.boxes import check_start_box, parse_box

    source = open_source(args.source or CLIP)
    try:
        frames: list[Frame] = []
        decode_ms: list[float] = []
        while len(frames) < min(args.frames, 300) + 1:
            began = time.perf_counter()
            frame = source.read()
            if frame is None:
                break
            decode_ms.append((time.perf_counter() - began) * 1e3)
            frames.append(frame)
        sequence = getattr(source, "sequence", None)
        if args.box:
            box = parse_box(args.box)
        elif sequence is not None:
            box = sequence.boxes_xywh[0]
        else:
            raise InputError(f"'{source.name}' has no ground truth to start from; give --box x,y,w,h.")
        return _Clip(frames, decode_ms, check_start_box(box, *source.size), source.fps)
    finally:
        source.close()


Build = Callable[[str, str], NetworkTracker]  # by runtime and precision


def _builders(args: argparse.Namespace) -> list[tuple[str, Build]]:
    if not args.network:

        def build(runtime: str, precision: str) -> NetworkTracker:
            return build_tracker(
                args.tracker, weights=args.weights, device=args.device, runtime=runtime,
                precision=precision, overrides=args.overrides,
            )  # fmt: skip

        return [(args.tracker or "default", build)]
    return [(name, _random_builder(name, args.device)) for name in args.network]


def _random_builder(name: str, device: str) -> Build:
    config = find_published(name).config

    def build(runtime: str, precision: str) -> NetworkTracker:
        import torch

        from tracker_core.models.builder import build_network

        torch.manual_seed(0)
        network_config: NetworkConfig = config.network
        return tracker_from_network(
            config, build_network(network_config), device=device, runtime=runtime, precision=precision
        )

    return build


def _measure(name: str, build: Build, clip: _Clip, args: argparse.Namespace) -> dict[str, Any]:
    trackers: list[tuple[str, NetworkTracker, float]] = []
    compared = [(args.compare, "fp32")] if args.compare else []  # what is compared with is exact
    for runtime, precision in dict.fromkeys([(args.runtime, args.precision), *compared]):
        began = time.perf_counter()
        tracker = build(runtime, precision)
        tracker.init(clip.frames[0].image, clip.box_xywh)
        tracker.update(clip.frames[0].image)
        trackers.append((tracker.runtime, tracker, time.perf_counter() - began))
    groups = [[tracker, *_start_others(tracker, clip, args.targets - 1)] for _, tracker, _ in trackers]
    peers = [build_peer(text) for text in args.peers]
    peer_ms: list[dict[str, list[float]]] = [{"update": []} for _ in peers]
    for peer in peers:
        peer.init(clip.frames[0].image, clip.box_xywh)
    columns: list[dict[str, list[float]]] = [{stage: [] for stage in (*STAGES, "update")} for _ in trackers]
    turns = [(_ours(group), column) for group, column in zip(groups, columns, strict=True)]
    turns += [(_of_others(peer), times) for peer, times in zip(peers, peer_ms, strict=True)]
    peaks = [_peak_of(tracker) for _, tracker, _ in trackers]
    with Reporter(args.progress, f"Measuring {name}", args.frames + WARM_UP) as progress:
        results = _take_turns(turns, clip, args.frames, progress)
    peaks = [max(peak, _peak_of(tracker)) for peak, (_, tracker, _) in zip(peaks, trackers, strict=True)]
    _measure_writing(results, clip, columns[0])
    columns[0]["decode"] = clip.decode_ms[1:]
    runs = [
        _summarise(runtime, tracker, start_up, column, clip, args.targets, peak)
        for (runtime, tracker, start_up), column, peak in zip(trackers, columns, peaks, strict=True)
    ]
    entry: dict[str, Any] = {"name": trackers[0][1].name, "targets": args.targets, "runs": runs}
    mine = runs[0]["update_ms"]["median"]
    entry["peers"] = [
        {"name": peer.name, "update_ms": _spread(times), "times_as_fast": statistics.median(times) / mine}
        for peer, times in ((peer, column["update"]) for peer, column in zip(peers, peer_ms, strict=True))
    ]
    if len(runs) > 1:
        entry["times_as_fast"] = runs[1]["update_ms"]["median"] / runs[0]["update_ms"]["median"]
    return entry


# finds the targets in a frame: results, and milliseconds by stage
Turn = Callable[[Frame], tuple[list[TrackResult], dict[str, float]]]


def _ours(group: Sequence[NetworkTracker]) -> Turn:
    def turn(frame: Frame) -> tuple[list[TrackResult], dict[str, float]]:
        began = time.perf_counter()
        outcome = step(group, frame)
        whole_ms = (time.perf_counter() - began) * 1e3
        spent = outcome.timings
        stages = {"crop": spent.crop_ms, "network": spent.network_ms, "select": spent.select_ms}
        return list(outcome.results), stages | {"update": whole_ms}

    return turn


def _of_others(peer: Tracker) -> Turn:
    def turn(frame: Frame) -> tuple[list[TrackResult], dict[str, float]]:
        began = time.perf_counter()
        result = peer.update(frame.image)
        return [result], {"update": (time.perf_counter() - began) * 1e3}

    return turn


def _take_turns(
    turns: Sequence[tuple[Turn, dict[str, list[float]]]], clip: _Clip, count: int, progress: Reporter
) -> list[list[TrackResult]]:
    """Measure in turn, a few frames at a time, and return what the first one found.

    A busy moment of the machine strikes all alike so, and each of them is first as often as the others. What one leaves
    behind, other contents of the caches and threads that still wait for work, strikes the first frame of a turn only.
    """
    results: list[list[TrackResult]] = []
    for start in range(0, count + WARM_UP, TURN):
        for offset in range(len(turns)):
            number = (start // TURN + offset) % len(turns)
            turn, column = turns[number]
            for index in range(start, min(start + TURN, count + WARM_UP)):
                found, spent = turn(clip.frame(index + 1))
                if number == 0:
                    results.append(found)
                    progress.advance()
                if index >= WARM_UP:
                    for stage, milliseconds in spent.items():
                        column[stage].append(milliseconds)
    return results


def _measure_writing(results: list[list[TrackResult]], clip: _Clip, column: dict[str, list[float]]) -> None:
    """Draw and encode what was found, after the updates: an encoder's threads still work when it has returned."""
    with tempfile.TemporaryDirectory() as folder, VideoWriter(Path(folder) / "bench.mp4", clip.fps) as writer:
        for index, found in enumerate(results):
            frame = clip.frame(index + 1)
            began = time.perf_counter()
            drawn = draw_result(frame.image, found)
            middle = time.perf_counter()
            writer.write(drawn)
            ended = time.perf_counter()
            if index >= WARM_UP:
                column["draw"].append((middle - began) * 1e3)
                column["encode"].append((ended - middle) * 1e3)


def _start_others(tracker: NetworkTracker, clip: _Clip, count: int) -> list[NetworkTracker]:
    """Return `count` more trackers that share the network and start on the same box."""
    others = [tracker.fork() for _ in range(count)]
    for other in others:
        other.init(clip.frames[0].image, clip.box_xywh)
    return others


def _peak_of(tracker: NetworkTracker) -> float:
    return measure_peak(tracker.device, tracker.precision)


def _summarise(
    runtime: str, tracker: NetworkTracker, start_up: float, column: dict[str, list[float]], clip: _Clip,
    targets: int, peak: float,
) -> dict[str, Any]:  # fmt: skip
    updates = column["update"]
    stages = {stage: column[stage] for stage in STAGES if column[stage]}
    # drawing, encoding and decoding are measured beside the first only
    whole = statistics.median(updates) + sum(
        statistics.median(stages[stage]) for stage in ("decode", "draw", "encode") if stage in stages
    )
    return {
        "runtime": runtime,
        "device": tracker.device,
        "start_up_s": start_up,
        "stages_ms": {stage: _spread(values) for stage, values in stages.items()},
        "update_ms": _spread(updates),
        "network": describe_floor(tracker, targets, column["network"], peak)
        | {"launches": count_launches(tracker, clip.frames[1].image, clip.box_xywh)},
        "updates_per_second": 1e3 / statistics.median(updates),
        "frames_per_second": 1e3 / whole,
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))}


def _measure_memory(name: str, build: Build, clip: _Clip, args: argparse.Namespace) -> dict[str, Any]:
    """Run many updates; compare the memory in use after the first tenth with that at the end."""
    tracker = build(args.runtime, args.precision)
    tracker.init(clip.frames[0].image, clip.box_xywh)
    group = [tracker, *_start_others(tracker, clip, args.targets - 1)]
    samples = []
    with Reporter(args.progress, f"Memory of {name}", args.memory, "updates") as progress:
        for index in range(args.memory):
            step(group, clip.frame(index + 1))
            progress.advance()
            if (index + 1) % max(1, args.memory // 10) == 0:
                gc.collect()
                samples.append(resident_bytes())
    return {
        "name": tracker.name,
        "targets": args.targets,
        "updates": args.memory,
        "resident_mb": [round(value / 1e6, 1) for value in samples],
        "growth": samples[-1] / samples[0] - 1,
    }
