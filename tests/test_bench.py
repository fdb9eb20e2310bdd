"""What `bench` measures and compares: floors, OpenCV's trackers, earlier figures, devices."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from tracker_core import runtime
from tracker_core.cli import bench_command, bench_device, bench_tables
from tracker_core.cli.bench_against import compare_reports, is_other_machine
from tracker_core.cli.bench_crops import verify_crops
from tracker_core.cli.bench_floor import count_flops, describe_floor
from tracker_core.cli.bench_machine import measure_peak
from tracker_core.cli.main import main
from tracker_core.config import NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.models.builder import build_network
from tracker_core.presets.published import PUBLISHED
from tracker_core.runtime import EagerRunner, staging
from tracker_core.trackers.builder import tracker_from_network


def siamfc() -> Any:
    """SiamFC, which searches at three scales."""
    config = TrackerConfig("fc", NetworkConfig("siamfc", "", 1.0, 1), tracking=TrackingConfig(scale_count=3))
    config.anchors.style, config.anchors.stride = "none", 8
    return tracker_from_network(config, build_network(config.network))


def test_the_arithmetic_of_siamfc_is_counted() -> None:
    """SiamFC's layers by hand for a search crop of 255: 2 · outputs · inputs · kernel² · positions."""
    tracker = siamfc()
    # side of the output, outputs, inputs per group, kernel
    layers = [(123, 96, 3, 11), (57, 256, 48, 5), (26, 384, 256, 3), (24, 384, 192, 3), (22, 256, 192, 3)]
    backbone = sum(2 * side**2 * outputs * inputs * kernel**2 for side, outputs, inputs, kernel in layers)
    correlation, adjust = 2 * 17**2 * 256 * 6**2, 2 * 17**2
    assert count_flops(tracker) == backbone + correlation + adjust


def test_a_peak_is_a_speed() -> None:
    assert 1e8 < measure_peak("cpu") < 1e14


def test_the_floor_counts_all_searches_of_a_frame() -> None:
    """Two targets at three scales are six searches; a rate that was reached is one that the machine has."""
    tracker = siamfc()
    gflop = count_flops(tracker) / 1e9
    floor = describe_floor(tracker, 2, [1000.0, 500.0, 1000.0], 1e12)
    assert floor["gflop"] == gflop
    assert floor["gflop_per_second"] == pytest.approx(6 * gflop)
    assert floor["peak_gflop_per_second"] == 1000.0
    assert floor["floor_ms"] == pytest.approx(6 * gflop)
    busy = describe_floor(tracker, 2, [1000.0, 500.0, 1000.0], 1.0)
    assert busy["peak_gflop_per_second"] == pytest.approx(12 * gflop)
    assert busy["floor_ms"] == pytest.approx(500.0)


class NoProgress:
    def advance(self) -> None:
        pass


def test_what_is_compared_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes first has the caches of the one before it: that must not be the same one every time."""
    monkeypatch.setattr(bench_command, "TURN", 2)
    order: list[str] = []

    def turn(name: str) -> Any:
        def take(frame: Any) -> Any:
            order.append(name)
            return [(name, frame)], {"update": 1.0}

        return take

    class Clip:
        def frame(self, index: int) -> int:
            return index

    columns: list[dict[str, list[float]]] = [{"update": []}, {"update": []}]
    turns: Any = [(turn("ours"), columns[0]), (turn("theirs"), columns[1])]
    clip, progress = Clip(), NoProgress()
    results: Any = bench_command._take_turns(turns, clip, 3, progress)  # type: ignore[arg-type]
    warm_up = bench_command.WARM_UP
    assert order == (["ours"] * 2 + ["theirs"] * 4 + ["ours"] * 2) * ((3 + warm_up) // 4)
    assert results == [[("ours", index)] for index in range(1, 4 + warm_up)]
    assert columns == [{"update": [1.0] * 3}] * 2  # the first ones do not count


def figures(median: float, name: str = "light", processor: str = "A") -> dict[str, Any]:
    run = {"runtime": "onnx", "update_ms": {"median": median, "p95": median}}
    return {"trackers": [{"name": name, "runs": [run]}], "machine": {"processor": processor, "cores": 2, "cuda": None}}


def test_figures_are_compared_with_earlier_ones() -> None:
    (row,) = compare_reports(figures(2.0), figures(3.0))
    assert (row["before_ms"], row["now_ms"], row["times_as_fast"]) == (3.0, 2.0, 1.5)
    assert compare_reports(figures(2.0), figures(3.0, name="another")) == []
    assert not is_other_machine(figures(2.0), figures(3.0))
    assert is_other_machine(figures(2.0), figures(3.0, processor="B"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--peers", "nanno"], "Did you mean 'nano'"),
        (["--peers", "nano=one.onnx"], "needs 2 files (backbone, neckhead), not 1"),
        (["--peers", "vit=nowhere.onnx"], "'nowhere.onnx' of the peer 'vit' does not exist"),
        (["--targets", "0"], "give 1 to 100"),
        (["--against", "nowhere.json"], "cannot be read"),
        (["--precision", "fp16", "--device", "cpu"], "needs the runtime 'cuda'"),
        (["--runtime", "cuda", "--device", "cpu"], "needs an NVIDIA GPU"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], message: str, capsys: Any) -> None:
    assert main(["bench", "--frames", "10", "--progress", "none", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"trackers": 3}', '{"trackers": [{"name": "x", "runs": [{}]}]}'])
def test_a_file_without_figures_is_refused(content: str, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "bench.json"
    path.write_text(content)
    assert main(["bench", "--against", str(path), "--progress", "none"]) == 2
    assert "give a file that bench --json wrote" in " ".join(capsys.readouterr().err.split())


def test_a_whole_measurement(tmp_path: Path, capsys: Any) -> None:
    before, now = tmp_path / "before.json", tmp_path / "now.json"
    options = ["bench", "--frames", "10", "--progress", "none"]
    assert main([*options, "--json", str(before)]) == 0
    capsys.readouterr()
    more = ["--targets", "2", "--peers", "mil", "--against", str(before), "--json", str(now)]
    assert main([*options, *more]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("GFLOP a search", "floor", "times as fast as mil", "times as fast as before"):
        assert part in text
    report = json.loads(now.read_text())
    (entry,) = report["trackers"]
    assert entry["targets"] == 2
    assert entry["peers"][0]["name"] == "mil"
    assert entry["runs"][0]["network"]["launches"] is None
    assert len(report["against"]) == 1


def small_network(seed: int) -> tuple[TrackerConfig, list[Any], bool]:
    config = TrackerConfig(
        "one", NetworkConfig("siamrpnpp", "alexnet", 0.1, 5), tracking=TrackingConfig(search_size=287)
    )
    config.anchors.style, config.anchors.stride = "rpn", 8
    config.anchors.ratios, config.anchors.scales = [0.33, 0.5, 1, 2, 3], [8.0]
    torch.manual_seed(seed)
    return config, [build_network(config.network).eval()], True


def wrong_runner(network: Any, config: TrackerConfig, **_: Any) -> EagerRunner:
    """A device that computes with other weights."""
    return EagerRunner(small_network(5)[1][0])


@pytest.mark.parametrize("is_right", [True, False])
def test_a_device_is_held_against_the_cpu(is_right: bool, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr(bench_device, "_networks", lambda: iter([("one", lambda: small_network(1))]))
    monkeypatch.setattr(bench_device, "SECONDS", 0.0)
    if not is_right:
        make = runtime.make_runner
        monkeypatch.setattr(
            runtime, "make_runner", lambda *a, **k: (make if k["runtime"] == "eager" else wrong_runner)(*a, **k)
        )
    code = main(["bench", "--verify-device", "--device", "cpu", "--frames", "10", "--progress", "none"])
    text = " ".join(capsys.readouterr().out.split())
    assert code == (0 if is_right else 1)
    assert f"{int(is_right)} of 1 networks" in text
    assert "% of all pixels of 100 regions are those of OpenCV" in text


def test_crops_of_a_device_that_are_off_are_found(monkeypatch: Any) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    assert verify_crops(image, "cpu").is_good
    cut = staging.cut_regions
    monkeypatch.setattr(staging, "cut_regions", lambda *arguments: cut(*arguments).roll(1, 2))
    assert not verify_crops(image, "cpu").is_good


def test_the_memory_of_as_many_targets_as_are_asked_for(tmp_path: Path, capsys: Any) -> None:
    figures_of = tmp_path / "memory.json"
    options = ["--tracker", "siamfc-small", "--memory", "10", "--targets", "3", "--json", str(figures_of)]
    assert main(["bench", "--progress", "none", *options]) == 0
    (entry,) = json.loads(figures_of.read_text())["memory"]
    assert (entry["targets"], entry["updates"]) == (3, 10) and len(entry["resident_mb"]) == 10
    assert "10 updates of 3 targets" in " ".join(capsys.readouterr().out.split())


def test_every_target_is_updated_while_memory_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    monkeypatch.setattr("tracker_core.cli.bench_command.step", lambda group, frame: groups.append(len(group)))
    assert main(["bench", "--progress", "none", "--tracker", "siamfc-small", "--memory", "10", "--targets", "3"]) == 0
    assert groups == [3] * 10


def test_every_figure_of_the_table_of_devices_is_readable_in_80_columns(monkeypatch: Any) -> None:
    text = io.StringIO()
    monkeypatch.setattr(bench_tables, "output", Console(file=text, width=80, highlight=False))
    longest = max((*PUBLISHED, "x" * 20), key=len)
    good = bench_device.Verdict(longest, "own", "cuda", 90, 1.2e-6, 0.01234, 2e-5, 112.34, True, 12.3456, 1145)
    bad = bench_device.Verdict("lost", "", "cuda", 0, np.nan, None, None, np.nan, False, problem="It fell off.")
    bench_tables.print_verdicts("beside plain PyTorch", [good, bad])
    assert "…" not in text.getvalue() and "nan" not in text.getvalue()
    (row,) = (line.split() for line in text.getvalue().splitlines() if longest in line)
    assert row == [longest, "90", "1e-06", "0.012", "2e-05", "12.346", "1145", "112.3×"]
    assert "lost: It fell off." in text.getvalue()


def test_the_time_is_shared_and_what_one_network_leaves_is_for_the_others(monkeypatch: Any) -> None:
    clock = iter([0.0, 0.0, 10.0, 80.0])  # the first takes a sixth of its share, the second more than its own
    monkeypatch.setattr(bench_device, "SECONDS", 90.0)
    monkeypatch.setattr(bench_device, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(bench_device, "_networks", lambda: iter([(name, lambda: ("", [], True)) for name in "abc"]))
    monkeypatch.setattr(bench_device, "_verify", lambda name, config, networks, is_learned, stop, *_: stop)
    stops = list(bench_device.verify_networks([], np.zeros(4), "cpu", "auto", "fp32"))
    assert stops == [30.0, 10.0 + 80.0 / 2, 90.0]
