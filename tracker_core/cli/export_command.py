"""`siamscope export`: a saved run into a video, images, or boxes in another format, without tracking again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2

from tracker_core.cli.console import Reporter, add_progress_option, emit, output, print_note
from tracker_core.cli.track_command import parse_frames
from tracker_core.cli.tracking_run import FrameRange, truth_row
from tracker_core.errors import InputError, OutputError, SiamscopeError, nearest_name
from tracker_core.files import atomic_path, check_writable, check_writable_file
from tracker_core.rendering.drawing import DrawOptions, draw_result
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.formats import BOX_FORMATS, check_format, write_boxes
from tracker_core.results.identity import identify_source, is_read_from, sound_location
from tracker_core.results.run import Run
from tracker_core.results.run_file import load_run
from tracker_core.sources.opening import open_source
from tracker_core.types import FrameSource, Image, Sequence

OVERLAYS = ("prediction", "ground_truth", "labels")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = "Turn a saved run (the …-run.json of 'track' or of the window) into a video, images or boxes."
    parser.add_argument("--run", dest="run_file", required=True, metavar="FILE", help="the saved run, JSON")
    parser.add_argument("--source", metavar="S", help="where the images are, if they moved since the run")
    parser.add_argument("--out", required=True, metavar="FILE", help="an .mp4, a folder (with --images), or a box file")
    parser.add_argument("--frames", default=":", metavar="A:B", help="frames A to B (B excluded)")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="size of the images, 0.1 to 4 (1)")
    parser.add_argument(
        "--overlays",
        default=",".join(OVERLAYS),
        metavar="LIST",
        help=f"what to draw, of {', '.join(OVERLAYS)}; or none",
    )
    parser.add_argument("--images", action="store_true", help="write PNG images into the folder --out")
    parser.add_argument("--format", metavar="F", help=f"write boxes instead: {', '.join(BOX_FORMATS)}")
    add_progress_option(parser)
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Carry out `export`."""
    frames = parse_frames(args.frames)
    options = parse_overlays(args.overlays)
    if not 0.1 <= args.scale <= 4.0:
        raise InputError(f"--scale {args.scale:g} is outside 0.1 to 4.")
    run = _choose(load_run(args.run_file), frames)
    target = Path(args.out)
    if args.format:
        check_format(args.format)
        check_writable_file(target)
        return _finish(args, [str(path) for path in write_boxes(target, args.format, run)], [])
    notes: list[str] = []
    source = _open(args, run, notes)
    try:
        if is_read_from(source, target):
            raise InputError(f"'{target}' is what was tracked; give --out another name, so that it is not replaced.")
        if args.images:
            written = _write_images(args, source, run, options, check_writable(target))
        else:
            written = _write_video(args, source, run, options, check_writable_file(target), notes)
    finally:
        source.close()
    return _finish(args, written, notes)


def parse_overlays(text: str) -> DrawOptions:
    """Return what to draw, from a comma-separated list of `OVERLAYS` or "none"; raises `InputError`."""
    names = [name.strip() for name in text.split(",") if name.strip() and name.strip() != "none"]
    for name in names:
        if name not in OVERLAYS:
            raise InputError(
                f"There is no overlay '{name}'.{nearest_name(name, OVERLAYS)} Known: {', '.join(OVERLAYS)}."
            )
    return DrawOptions(
        prediction="prediction" in names, ground_truth="ground_truth" in names, anchor=False, guide=False,
        labels="labels" in names,
    )  # fmt: skip


def _choose(run: Run, frames: FrameRange) -> Run:
    if len(run) == 0:
        raise InputError(f"The run of '{run.source.name}' holds no frame; track something first.")
    last = int(run.frame_indices[-1]) if frames.last is None else frames.last - 1
    chosen = run.select(frames.first, last)
    if len(chosen) == 0:
        first, end = int(run.frame_indices[0]), int(run.frame_indices[-1])
        raise InputError(f"The run holds no frame of that range; it goes from {first} to {end}.")
    return chosen


def _open(args: argparse.Namespace, run: Run, notes: list[str]) -> FrameSource:
    """Open what the run was tracked in, or what --source names instead; raises `InputError` if it is another."""
    if run.source.is_live and not args.source:
        raise InputError("Live frames were not recorded, so no video can be made; boxes can be exported (--format).")
    place = args.source or run.source.location
    if not place:
        raise InputError(f"'{args.run_file}' does not say where its images are; give --source.")
    try:
        source = open_source(place)
    except SiamscopeError as error:
        if args.source:
            raise
        raise InputError(f"The source of the run cannot be opened; name it again with --source. {error}") from error
    try:
        found = identify_source(source, place)
        run.source.check_size(found)
        if not args.source:
            run.source.check_content(found)
        elif not run.source.has_content_of(found):
            notes.append(f"The content of '{place}' differs from what was tracked; boxes may not fit its images.")
    except InputError:
        source.close()
        raise
    return source


def _drawn(source: FrameSource, run: Run, options: DrawOptions, scale: float, progress: Reporter) -> Any:
    """Yield each frame of the run with its results drawn, scaled: (frame, uint8 H×W×3 BGR)."""
    sequences: tuple[Sequence, ...] = getattr(source, "sequences", ())
    place = -1
    for index in run.frame_indices:
        if place != int(index):
            source.seek(int(index))
        frame = source.read()
        if frame is None:
            raise InputError(f"'{source.name}' ends before frame {int(index)} of the run; give the right --source.")
        place = frame.index + 1
        results = [run.result_at(frame.index, target.number) for target in run.targets]
        truth = [truth_row(sequence, frame.index) for sequence in sequences]
        yield frame, _scaled(draw_result(frame.image, results, truth, options), scale)
        progress.advance()


def _scaled(image: Image, scale: float) -> Image:
    if scale == 1.0:
        return image
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled: Any = cv2.resize(image, None, fx=scale, fy=scale, interpolation=way)
    return scaled  # type: ignore[no-any-return]


def _write_video(
    args: argparse.Namespace, source: FrameSource, run: Run, options: DrawOptions, target: Path, notes: list[str]
) -> list[str]:
    if target.suffix.lower() not in (".mp4", ".mkv", ".mov", ".avi"):
        raise InputError(f"'{target.name}' is not the name of a video; end it in .mp4, or add --images or --format.")
    with (
        Reporter(args.progress, f"Writing {target.name}", len(run)) as progress,
        VideoWriter(target, source.fps, sound_of=sound_location(source)) as writer,
    ):
        for frame, image in _drawn(source, run, options, args.scale, progress):
            writer.write(image, frame.time_s)
    notes += writer.notes
    return [str(writer.path)]


def _write_images(
    args: argparse.Namespace, source: FrameSource, run: Run, options: DrawOptions, folder: Path
) -> list[str]:
    written = []
    with Reporter(args.progress, f"Writing images to {folder}", len(run)) as progress:
        for frame, image in _drawn(source, run, options, args.scale, progress):
            path = folder / run.image_name(frame.index)
            done, data = cv2.imencode(".png", image)
            if not done:
                raise OutputError(f"Frame {frame.index} could not be written as a PNG image.")
            with atomic_path(path) as temporary:
                temporary.write_bytes(data.tobytes())
            written.append(str(path))
    return written


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
