"""`siamscope track`: follow targets and write the tracked video and the boxes."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.boxes import check_start_box, parse_box
from tracker_core.cli.console import (
    add_device_options,
    add_precision_option,
    add_progress_option,
    emit,
    output,
    print_note,
)
from tracker_core.cli.continue_command import add_run_options, continue_run, refuse_run_options
from tracker_core.cli.frame_range import parse_frames, reverse_range, shorten_range, size_at
from tracker_core.cli.result_names import name_for
from tracker_core.cli.tracking_run import TrackingRun, truth_of, truth_row
from tracker_core.errors import InputError
from tracker_core.files import check_writable, write_text
from tracker_core.rendering.parts import parts_folder
from tracker_core.rendering.recording import RecordedSource, recover_recordings
from tracker_core.results.formats import BOX_FORMATS, check_format
from tracker_core.results.identity import output_name
from tracker_core.results.run import BoxOrigin
from tracker_core.sources.opening import open_source
from tracker_core.trackers.base import NetworkTracker
from tracker_core.trackers.builder import build_tracker
from tracker_core.types import FloatArray, FrameSource, Sequence


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Follow one or several targets and write the tracked video and the boxes."
    parser.epilog = "Example: siamscope track --source clip.mp4 --box 120,80,64,48 tracking.window_influence=0.3"
    parser.add_argument(
        "--source", metavar="S",
        help="a video file, a folder of images or a sequence, an address (rtsp, http), or a camera (camera:0)",
    )  # fmt: skip
    parser.add_argument(
        "--box", action="append", default=[], metavar="X,Y,W,H",
        help="what to track in the first frame, in pixels from the top left corner; repeat it for several targets",
    )  # fmt: skip
    parser.add_argument("--init-from-gt", action="store_true", help="start from the sequence's ground truth")
    add_tracker_options(parser)
    parser.add_argument("--out", metavar="DIR", help="where results go (default: runs/<source>-<tracker>)")
    parser.add_argument("--video", action=argparse.BooleanOptionalAction, default=True, help="write the tracked video")
    parser.add_argument("--format", default="csv", metavar="F", help=f"box format: {', '.join(BOX_FORMATS)} (csv)")
    parser.add_argument("--frames", default=":", metavar="A:B", help="frames A to B (B excluded), counted from 0")
    parser.add_argument(
        "--backwards", action="store_true",
        help="start in the last of the frames, where the box is then, and track back to the first",
    )  # fmt: skip
    parser.add_argument("--count", type=int, metavar="N", help="track at most N frames after the first")
    add_run_options(parser)
    parser.add_argument(
        "--record", action="store_true", help="keep the frames of a camera or stream, for 'export' afterwards"
    )
    parser.add_argument(
        "--resume", action=argparse.BooleanOptionalAction, default=None,
        help="continue a run that was killed, if it is the same one (default: yes)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write a summary as JSON")
    add_progress_option(parser)
    parser.set_defaults(run=run_track)


def add_tracker_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a tracker and how it runs; `track` and `bench` share them."""
    parser.add_argument("--tracker", metavar="N", help="a tracker by name (default: the one that ships)")
    parser.add_argument("--weights", metavar="FILE", help="a checkpoint instead of the tracker's own")
    add_device_options(parser)
    add_precision_option(parser)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the tracker's configuration")


def build_wanted(args: argparse.Namespace) -> NetworkTracker:
    """Return the tracker that `add_tracker_options` asked for; raises what `build_tracker` raises."""
    return build_tracker(
        args.tracker,
        weights=args.weights,
        device=args.device,
        runtime=args.runtime,
        precision=args.precision,
        overrides=args.overrides,
    )


def run_track(args: argparse.Namespace) -> int:
    """Carry out `track`; everything that can be refused is refused before anything is written."""
    box_format = check_format(args.format)
    frames = parse_frames(args.frames)
    boxes = [parse_box(text) for text in args.box]
    if boxes and args.init_from_gt:
        raise InputError("Give either --box or --init-from-gt, not both.")
    if args.count is not None and args.count < 1:
        raise InputError(f"--count {args.count} tracks nothing; give 1 or more.")
    if args.run_file:
        return continue_run(args, boxes, box_format, partial(_report, args))
    refuse_run_options(args)
    source: FrameSource = open_source(args.source)
    try:
        if args.record and not source.is_live:
            raise InputError(f"'{source.name}' can be opened again; --record is for cameras and streams.")
        truth = truth_of(source)
        if args.backwards:
            frames = reverse_range(frames, source)
        frames = shorten_range(frames, args.count)
        start = frames.start
        if start:
            source.seek(start)
        if not boxes:
            if not args.init_from_gt:
                hint = " or --init-from-gt" if truth else ""
                raise InputError(f"Say what to track in '{source.name}': --box x,y,w,h{hint}.")
            boxes = boxes_from_truth(source, truth, start)
        for box in boxes:
            check_start_box(box, *size_at(source, start))
        tracker = build_wanted(args)
        name = output_name(source.name)
        folder = check_writable(args.out or Path("runs") / f"{name}-{tracker.name}")
        notes: list[str] = []
        name = name_for(folder, name, source, args.source, notes)
        for note in notes:
            print_note(note)
        trackers = [tracker, *(tracker.fork() for _ in boxes[1:])]
        if args.record:
            for path in recover_recordings(folder):
                print_note(f"A recording that was cut off is complete now: '{path}'.")
            source = RecordedSource(source)
            source.record(_recording_path(folder, name))
        return TrackingRun(
            args, source, trackers, boxes, truth, frames, folder, name, box_format, partial(_report, args),
            given_by=BoxOrigin.USER if args.box else BoxOrigin.GROUND_TRUTH,
        ).execute()  # fmt: skip
    finally:
        source.close()


def _recording_path(folder: Path, name: str) -> Path:
    """Return the video that a source is recorded to: another one while there are parts that a crash left just now."""
    numbered = (
        folder / f"{name}-source{suffix}.mp4" for suffix in ("", *(f"-{number}" for number in range(2, 10_000)))
    )
    return next(path for path in numbered if not parts_folder(path).exists())


def _report(args: argparse.Namespace, summary: dict[str, Any]) -> None:
    if args.json:
        write_text(args.json, json.dumps(summary, indent=1) + "\n")
    if args.progress == "json":
        emit({"event": "result", **summary})
        return
    for warning in summary["warnings"]:
        print_note(warning)
    speed = f", {summary['updates_per_second']:.0f} updates/s" if summary["updates_per_second"] else ""
    output.print(f"Tracked {summary['frames']} frames of {summary['source']} with {summary['tracker']}{speed}.")
    for number, target in enumerate(summary["targets"], 1):
        prefix = f"Target {number}: " if len(summary["targets"]) > 1 else ""
        score = ""
        if target.get("success_auc") is not None:
            score = f"success AUC {target['success_auc']:.3f}, precision {target['precision_20']:.3f}; "
        line = f"{prefix}{score}lost in {target['lost_frames']} frames."
        output.print(line[:1].upper() + line[1:])
    for path in summary["files"]:
        output.print(f"  {path}")


def boxes_from_truth(source: FrameSource, truth: list[Sequence], first: int) -> list[FloatArray]:
    """Return every target's true box in frame `first`; raises `InputError` where there is none."""
    if not truth:
        raise InputError(f"'{source.name}' has no ground truth to start from; give --box x,y,w,h.")
    boxes = []
    for sequence in truth:
        row = truth_row(sequence, first)
        if row is None or not np.isfinite(row).all():
            raise InputError(f"The ground truth of '{sequence.name}' has no box in frame {first}; give --box x,y,w,h.")
        boxes.append(row)
    return boxes
