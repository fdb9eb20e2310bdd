"""`track --run`: the options that track further in a saved run, and carrying them out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracker_core.cli.console import print_note
from tracker_core.cli.continued_run import FILLINGS, ContinuedRun, Wish
from tracker_core.cli.frame_range import parse_frames
from tracker_core.cli.result_names import free_name
from tracker_core.cli.run_source import choose_targets, open_run_source
from tracker_core.cli.tracking_run import OnSummary, truth_of
from tracker_core.config import TrackerConfig, apply_overrides, config_from_mapping, config_to_mapping
from tracker_core.errors import InputError
from tracker_core.files import check_writable
from tracker_core.results.identity import output_name
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import rebuild_tracker
from tracker_core.types import FloatArray

ONLY_WITH_RUN = {"--targets": "targets", "--to-key": "to_key", "--fill": "fill"}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what is only said of a saved run."""
    parser.add_argument(
        "--run", dest="run_file", metavar="FILE",
        help="track further in a saved run, whose source and tracker are used unless others are named",
    )  # fmt: skip
    parser.add_argument("--targets", default="", metavar="LIST", help="of --run, targets by number or name (all)")
    parser.add_argument("--to-key", action="store_true", help="of --run, stop at the next key frame on the way")
    parser.add_argument(
        "--fill", default="", choices=FILLINGS,
        help="of --run, fill gaps by tracking from both sides or by a straight line: all, or those within --frames",
    )  # fmt: skip


def refuse_run_options(args: argparse.Namespace) -> None:
    """Raise `InputError` for an option that goes with `--run`, which was not given, or where there is no source."""
    for option, name in ONLY_WITH_RUN.items():
        if getattr(args, name):
            raise InputError(f"{option} is about a saved run; name it with --run.")
    if args.source is None:
        raise InputError("Say what to track in: --source, or --run for a saved run.")


def continue_run(
    args: argparse.Namespace, boxes_xywh: Sequence[FloatArray], box_format: str, on_summary: OnSummary
) -> int:
    """Carry out `track --run`; everything that can be refused is refused before anything is written."""
    _refuse_contradictions(args, boxes_xywh)
    run = load_run(args.run_file)
    wish = _read_wish(args, run, boxes_xywh)
    if run.source.is_live and not args.source:
        raise InputError(f"'{run.source.name}' was live and its frames were not recorded; nothing more can be tracked.")
    notes: list[str] = []
    source = open_run_source(run, args.run_file, args.source, notes)
    try:
        for note in notes:
            print_note(note)
        folder = check_writable(args.out or Path(args.run_file).absolute().parent)
        args.source = args.source or run.source.location
        return ContinuedRun(
            args, source, _tracker_of(args, run), run, wish, truth_of(source), folder,
            free_name(folder, output_name(run.source.name)), box_format, on_summary,
        ).execute()  # fmt: skip
    finally:
        source.close()


def _refuse_contradictions(args: argparse.Namespace, boxes_xywh: Sequence[FloatArray]) -> None:
    for name in ("init_from_gt", "record"):
        if getattr(args, name):
            raise InputError(f"--{name.replace('_', '-')} does not go with --run, which has its boxes and its frames.")
    if args.fill and (boxes_xywh or args.backwards or args.to_key or args.count is not None):
        raise InputError("--fill goes with --frames and --targets only; draw boxes and track in a call of their own.")


def _read_wish(args: argparse.Namespace, run: Run, boxes_xywh: Sequence[FloatArray]) -> Wish:
    frames, is_named = parse_frames(args.frames), args.frames.strip() != ":"
    first = frames.first if is_named and args.frames.strip()[0] != ":" else None
    if boxes_xywh and (frames.last if args.backwards else first) is None:
        end = "B" if args.backwards else "A"
        raise InputError(f"Say in which frame the box is: {end} of --frames A:B.")
    numbers = choose_targets(run, args.targets)
    return Wish(first, frames.last, args.count, args.backwards, args.to_key, args.fill, numbers, tuple(boxes_xywh))


def _tracker_of(args: argparse.Namespace, run: Run) -> Any:
    """Return the tracker that made the newest results of the run, or another that was named."""
    if args.tracker or args.weights or run.producer is None:
        return build_tracker(
            args.tracker, weights=args.weights, device=args.device, runtime=args.runtime, precision=args.precision,
            overrides=args.overrides,
        )  # fmt: skip
    config = apply_overrides(config_from_mapping(TrackerConfig, run.producer.config), args.overrides)
    producer = replace(run.producer, config=config_to_mapping(config))
    try:
        # the run's own precision, unless another one is asked for
        precision = None if args.precision == "fp32" else args.precision
        return rebuild_tracker(producer, device=args.device, runtime=args.runtime, precision=precision)
    except InputError as error:
        raise InputError(f"{error} Or name another tracker with --tracker.") from error
