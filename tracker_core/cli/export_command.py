"""`siamscope export`: a saved run into a video, images, or boxes in another format, without tracking again."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

import cv2

from tracker_core.cli.console import Reporter, add_device_options, add_progress_option, emit, output, print_note
from tracker_core.cli.export_frames import ExportedFrames, choose_frames
from tracker_core.cli.export_look import add_look_options, in_range, parse_look, plan_follow
from tracker_core.cli.frame_range import FrameRange, parse_frames
from tracker_core.cli.run_source import open_run_source
from tracker_core.errors import InputError, OutputError
from tracker_core.files import check_writable, check_writable_file, write_bytes, write_text
from tracker_core.rendering.motion_plot import PLOT_SUFFIXES, plot_motion
from tracker_core.rendering.writers import VIDEO_SUFFIXES, VideoWriter
from tracker_core.results.formats import BOX_FORMATS, check_format, write_boxes
from tracker_core.results.identity import is_read_from, sound_location
from tracker_core.results.motion import parse_length_scale, write_motion
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run

MOTION = "motion"  # not boxes, which it cannot give back


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Turn a saved run (the …-run.json of 'track' or of the window) into a video, images or boxes."
    parser.add_argument("--run", dest="run_file", required=True, metavar="FILE", help="the saved run, JSON")
    parser.add_argument("--source", metavar="S", help="where the images are, if they moved since the run")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="an .mp4 or .gif, a folder (with --images), or a box file"
    )
    parser.add_argument("--frames", default=":", metavar="A:B", help="frames A to B (B excluded)")
    parser.add_argument("--whole", action="store_true", help="also the frames of the source that were not tracked")
    parser.add_argument("--images", action="store_true", help="write PNG images into the folder --out")
    parser.add_argument(
        "--format", metavar="F",
        help=f"write boxes instead: {', '.join(BOX_FORMATS)}; or motion: centres, speeds and paths",
    )  # fmt: skip
    parser.add_argument(
        "--length-scale", metavar="TEXT",
        help="of motion, 'N px = M unit', for example '120 px = 1.8 m' (that of the run)",
    )  # fmt: skip
    parser.add_argument(
        "--smooth-speed",
        type=float,
        default=0.0,
        metavar="S",
        help="of motion, seconds of smoothing, 0 to 10 (0: none)",
    )
    add_look_options(parser)
    add_device_options(parser)
    add_progress_option(parser)
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Carry out `export`."""
    frames = parse_frames(args.frames)
    whole = load_run(args.run_file)
    run = _choose(whole, frames)
    look = parse_look(args, run)
    target = Path(args.out)
    if target.resolve() == Path(args.run_file).resolve():
        raise InputError(f"'{target}' is the run itself; give --out another name, so that it is not replaced.")
    if run.source.location and target.resolve() == Path(run.source.location):
        raise _replacing_source(target)
    if args.format:
        files, remarks = (_write_motion if args.format.strip().lower() == MOTION else _write_boxes)(args, run, target)
        return _finish(args, [str(path) for path in files], remarks)
    notes: list[str] = []
    if run.source.is_live and not args.source:
        raise InputError("Live frames were not recorded, so no video can be made; boxes can be exported (--format).")
    source = open_run_source(run, args.run_file, args.source, notes)
    try:
        if is_read_from(source, target):
            raise _replacing_source(target)
        look = replace(look, camera=plan_follow(args, run, source.size))
        shown = choose_frames(args, source, whole, look, frames)
        if args.images:
            written = _write_images(args, shown, check_writable(target))
        else:
            written = _write_video(args, shown, check_writable_file(target))
        notes += shown.notes
    finally:
        source.close()
    return _finish(args, written, notes)


def _replacing_source(target: Path) -> InputError:
    return InputError(f"'{target}' is what was tracked; give --out another name, so that it is not replaced.")


def _choose(run: Run, frames: FrameRange) -> Run:
    if len(run) == 0:
        raise InputError(f"The run of '{run.source.name}' holds no frame; track something first.")
    last = int(run.frame_indices[-1]) if frames.last is None else frames.last - 1
    chosen = run.select(frames.first, last)
    if len(chosen) == 0:
        first, end = int(run.frame_indices[0]), int(run.frame_indices[-1])
        raise InputError(f"The run holds no frame of that range; it goes from {first} to {end}.")
    return chosen


def _write_boxes(args: argparse.Namespace, run: Run, target: Path) -> tuple[list[Path], list[str]]:
    """Return the files of the boxes, and a note where those of an earlier export with other targets stay beside."""
    box_format = BOX_FORMATS[check_format(args.format)]
    written = write_boxes(check_writable_file(target), args.format, run)
    if not box_format.has_file_per_target:
        return written, []
    name, suffix = target.stem if target.suffix else target.name, written[0].suffix
    numbered = re.compile(rf"{re.escape(name)}(-\d+)?{re.escape(suffix)}")
    others = {path for path in target.parent.iterdir() if numbered.fullmatch(path.name)} - {*written}
    left = sorted(path.name for path in others)
    return written, [f"Of an earlier export, so not of these boxes: {', '.join(left)}."] if left else []


def _write_motion(args: argparse.Namespace, run: Run, target: Path) -> tuple[list[Path], list[str]]:
    """Write centres, speeds and paths as a table, or as a plot where the file's name is that of an image."""
    text = args.length_scale or run.length_scale
    scale = parse_length_scale(text) if text else None
    smooth_s = in_range("--smooth-speed", args.smooth_speed, 0, 10)
    target = check_writable_file(target if target.suffix else target.with_name(f"{target.name}.csv"))
    if target.suffix.lower() in PLOT_SUFFIXES:
        return [plot_motion(target, run, scale, smooth_s)], []
    write_text(target, write_motion(run, scale, smooth_s))
    return [target], []


def _write_video(args: argparse.Namespace, shown: ExportedFrames, target: Path) -> list[str]:
    if target.suffix.lower() not in VIDEO_SUFFIXES:
        raise InputError(
            f"'{target.name}' is not the name of a video; end it in .mp4 or .gif, or add --images or --format."
        )
    with (
        Reporter(args.progress, f"Writing {target.name}", shown.total) as progress,
        VideoWriter(target, shown.source.fps, sound_of=sound_location(shown.source)) as writer,
    ):
        for frame, image in shown.drawn(progress):
            writer.write(image, frame.time_s)
    shown.notes += writer.notes
    return [str(writer.path)]


def _write_images(args: argparse.Namespace, shown: ExportedFrames, folder: Path) -> list[str]:
    written = []
    with Reporter(args.progress, f"Writing images to {folder}", shown.total) as progress:
        for frame, image in shown.drawn(progress):
            path = folder / shown.image_name(frame.index)
            done, data = cv2.imencode(".png", image)
            if not done:
                raise OutputError(f"Frame {frame.index} could not be written as a PNG image.")
            write_bytes(path, data.tobytes())
            written.append(str(path))
    others = sorted({str(path) for path in folder.glob("*.png")} - {*written})
    if others:
        what = f"{len(others)} images are" if len(others) > 1 else "an image is"
        shown.notes.append(f"In '{folder.name}' {what} not of this export: {_span_of(others)}.")
    return written


def _span_of(paths: list[str]) -> str:
    """Name the first and the last of some files, in the order of their names."""
    first, last = Path(paths[0]).name, Path(paths[-1]).name
    return first if first == last else f"{first} to {last}"


def _finish(args: argparse.Namespace, written: list[str], notes: list[str]) -> int:
    if args.progress == "json":
        emit({"event": "result", "files": written, "warnings": notes})
        return 0
    for note in notes:
        print_note(note)
    if len(written) > 4:
        output.print(f"Wrote {len(written)} files, the first is {written[0]}.")
    else:
        output.print("Wrote " + ", ".join(written) + ".")
    return 0
