"""`siamscope tune`: search the tracking parameters of a tracker on validation sequences."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from rich.table import Table

from tracker_core.cli.console import INTERRUPTED, Reporter, add_progress_option, emit, output
from tracker_core.errors import InputError
from tracker_core.files import write_text

MEGABYTE = 1 << 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = (
        "Run the tracker with many settings of its parameters and report the best one, with the spread. "
        "Ctrl-C ends the search and reports what was found."
    )
    parser.epilog = "Example: siamscope tune --weights runs/light/best.safetensors --sequences DATA/val --trials 60"
    parser.add_argument("--weights", metavar="FILE", help="a checkpoint; without it the default tracker's")
    parser.add_argument("--tracker", metavar="NAME", help="a tracker by name instead of a file")
    parser.add_argument("--sequences", required=True, action="append", metavar="DIR", help="a data set; repeatable")
    parser.add_argument("--trials", type=int, default=40, help="settings to draw (default 40)")
    parser.add_argument("--grid", type=int, metavar="N", help="instead of drawing, N values of every parameter")
    parser.add_argument(
        "--search", action="append", default=[], metavar="NAME=LOW:HIGH", help="what to search; repeatable"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides the settings that are drawn")
    parser.add_argument("--out", metavar="FILE", help="write the best parameters as YAML")
    parser.add_argument("--json", metavar="FILE", help="write everything as JSON")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--cache-mb", type=int, default=2000, help="memory for decoded frames, in megabytes")
    add_progress_option(parser)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes, such as tracking.size_lr=0.4")
    parser.set_defaults(run=_tune)


def _tune(args: argparse.Namespace) -> int:
    from tracker_core.trackers.builder import build_tracker
    from tracker_core.training.images import ImageCache
    from tracker_core.training.tuning import (
        Trial,
        describe_trials,
        draw_settings,
        grid_settings,
        parse_search,
        read_sequences,
        run_trials,
    )

    if args.trials < 1 or (args.grid is not None and args.grid < 2) or args.cache_mb < 0:
        raise InputError("--trials must be at least 1, --grid at least 2 and --cache-mb at least 0.")
    ranges = parse_search(args.search)
    settings = grid_settings(ranges, args.grid) if args.grid else draw_settings(ranges, args.trials, args.seed)
    total = 1 + (args.grid ** len(ranges) if args.grid else args.trials)
    clips = [clip for root in args.sequences for clip in read_sequences(root)]
    tracker = build_tracker(args.tracker, weights=args.weights, device=args.device, overrides=args.overrides)
    trials: list[Trial] = []
    code = 0
    with Reporter(args.progress, "Searching", total, "trials") as reporter:
        try:
            for trial in run_trials(tracker, clips, settings, ImageCache(args.cache_mb * MEGABYTE)):
                trials.append(trial)
                reporter.advance()
                if args.progress == "json":
                    emit({"event": "trial", "parameters": trial.parameters, "success_auc": trial.success_auc})
        except KeyboardInterrupt:
            code = INTERRUPTED
    if not trials:
        return code
    found = describe_trials(trials, tracker.tracking)
    if args.out:
        write_text(args.out, _as_yaml(found, tracker.name))
    if args.json:
        write_text(args.json, json.dumps(_finite(found), indent=1) + "\n")
    if args.progress == "json":
        emit({"event": "end", **_finite(found)})
    else:
        _print(found)
    return code


def _finite(found: dict[str, Any]) -> dict[str, Any]:
    """Return the findings with None for an error that one sequence cannot have."""
    gain = found["gain"]
    error = gain["standard_error"]
    return {**found, "gain": {**gain, "standard_error": error if math.isfinite(error) else None}}


def _as_yaml(found: dict[str, Any], name: str) -> str:
    from omegaconf import OmegaConf

    best, start = found["best"]["success_auc"], found["start"]["success_auc"]
    head = (
        f"# {name}: success AUC {best:.4f} on {len(found['sequences'])} sequences, {start:.4f} before the search;\n"
        f"# {len(found['trials'])} trials, lowest {found['spread']['lowest']:.4f}, "
        f"median {found['spread']['median']:.4f}\n"
    )
    return head + OmegaConf.to_yaml(OmegaConf.create({"tracking": found["tracking"]}))


def _print(found: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 2))
    for heading in ("", "success AUC", "precision", "lost"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in ("start", "best"):
        row = found[name]
        table.add_row(name, f"{row['success_auc']:.4f}", f"{row['precision_20']:.4f}", f"{row['lost_sequences']:.0f}")
    output.print(table)
    spread, gain = found["spread"], found["gain"]
    output.print(
        f"{len(found['trials'])} trials: lowest {spread['lowest']:.4f}, median {spread['median']:.4f}, "
        f"highest {spread['highest']:.4f}"
    )
    clear = "a clear gain" if gain["is_clear"] else "within the sequences' own spread: no clear gain"
    output.print(f"best over start: {gain['mean']:+.4f} ± {gain['standard_error']:.4f} ({clear})")
    for name, value in found["tracking"].items():
        output.print(f"  tracking.{name}={value:g}")
