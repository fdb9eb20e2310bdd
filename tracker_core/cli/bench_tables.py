"""What `bench` found, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tracker_core.cli.bench_against import is_other_machine
from tracker_core.cli.console import output

if TYPE_CHECKING:
    from tracker_core.cli.bench_crops import CropVerdict
    from tracker_core.cli.bench_device import Verdict

STAGES = ("decode", "crop", "network", "select", "draw", "encode")


def print_report(report: dict[str, Any]) -> None:
    """Print speeds, or memory, as tables and sentences."""
    machine = report["machine"]
    output.print(
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, torch {machine['torch']}, "
        f"ONNX Runtime {machine['onnxruntime']}"
    )
    for entry in report.get("trackers", ()):
        table = Table(title=entry["name"], title_justify="left")
        table.add_column("milliseconds")
        for run in entry["runs"]:
            table.add_column(f"{run['runtime']} on {run['device']}\nmedian", justify="right")
            table.add_column("\np95", justify="right")
        for stage in (*STAGES, "update"):
            cells = []
            for run in entry["runs"]:
                values = run["update_ms"] if stage == "update" else run["stages_ms"].get(stage)
                cells += [f"{values['median']:.2f}", f"{values['p95']:.2f}"] if values else ["", ""]
            name = "update, as a whole" if stage == "update" else stage
            table.add_row(name, *cells, style="bold" if stage == "update" else None)
        output.print(table)
        for run in entry["runs"]:
            whole = (
                f", {run['frames_per_second']:.0f} frames/s with decoding, drawing and encoding one after the other"
                if "decode" in run["stages_ms"]
                else ""
            )
            output.print(
                f"{run['runtime']}: {run['updates_per_second']:.0f} updates/s{whole}; "
                f"start-up {run['start_up_s']:.1f} s"
            )
            output.print(_describe_network(run))
        for peer in entry["peers"]:
            output.print(
                f"{entry['runs'][0]['runtime']} is {peer['times_as_fast']:.2f} times as fast as "
                f"{peer['name']} ({peer['update_ms']['median']:.2f} ms) on the same frames."
            )
        if "times_as_fast" in entry:
            names = [run["runtime"] for run in entry["runs"]]
            output.print(f"{names[0]} is {entry['times_as_fast']:.2f} times as fast as {names[1]}.")
    for entry in report.get("memory", ()):
        targets = f" of {entry['targets']} targets" if entry["targets"] > 1 else ""
        output.print(
            f"{entry['name']}: {entry['updates']} updates{targets}, memory {entry['resident_mb'][0]} → "
            f"{entry['resident_mb'][-1]} MB ({entry['growth']:+.1%})"
        )


def _describe_network(run: dict[str, Any]) -> str:
    """Return the network's arithmetic beside the machine's, in a line."""
    network = run["network"]
    rate, peak = network["gflop_per_second"], network["peak_gflop_per_second"]
    reached = f", reaches {rate:.0f} GFLOP/s" if rate else ""
    limit = f" of {peak:.0f} measured; floor {network['floor_ms']:.2f} ms" if peak else ""
    launches = f", {network['launches']} launches" if network["launches"] is not None else ""
    return f"The network: {network['gflop']:.3f} GFLOP a search{reached}{limit}{launches}"


def print_against(report: dict[str, Any], earlier: dict[str, Any]) -> None:
    """Print how the figures changed."""
    for row in report["against"]:
        output.print(
            f"{row['name']}, {row['runtime']}: {row['before_ms']:.2f} → {row['now_ms']:.2f} ms, "
            f"{row['times_as_fast']:.2f} times as fast as before."
        )
    if not report["against"]:
        output.print("None of these trackers and runtimes is in the earlier figures.")
    if is_other_machine(report, earlier):
        output.print("The earlier figures are of another machine.")


def print_verdicts(title: str, verdicts: list[Verdict]) -> None:
    """Print how far a device's answers are from the CPU's, network by network."""
    # narrow enough for 80 columns, in which every figure counts
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for heading in ("\nnetwork", "\nframes", "\noutput", "box\npx", "\nscore", "batch\npx", "laun-\nches", "\nspeed"):
        table.add_column(heading, justify="left" if heading == "\nnetwork" else "right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            verdict.name, str(verdict.frames), _shown(verdict.output, ".0e"), _shown(verdict.box_px, ".3f"),
            _shown(verdict.score, ".0e"), _shown(verdict.batch_px, ".3f"), _shown(verdict.launches, "d"),
            _shown(verdict.speedup, ".1f", "×"), style=None if verdict.is_good else "bold red",
        )  # fmt: skip
    output.print(table)
    for verdict in verdicts:
        if not verdict.is_good:
            output.print(f"{verdict.name}: {verdict.problem or 'the answers differ from those of the CPU.'}")
    good = sum(verdict.is_good for verdict in verdicts)
    output.print(f"{good} of {len(verdicts)} networks give the answers of plain PyTorch on the CPU.")


def print_crops(device: str, verdict: CropVerdict) -> None:
    """Print how far crops that a device cuts are from OpenCV's."""
    levels = "1 grey level" if verdict.largest == 1 else f"{verdict.largest} grey levels"
    output.print(
        f"Crops that {device} cuts: {verdict.equal:.2%} of all pixels of {verdict.count} regions are those of OpenCV, "
        f"the furthest is off by {levels}{'' if verdict.is_good else ', which is too much'}."
    )


def _shown(value: float | None, form: str, unit: str = "") -> str:
    """Return a figure as text, nothing for one that there is not."""
    return "" if value is None or value != value else f"{value:{form}}{unit}"
