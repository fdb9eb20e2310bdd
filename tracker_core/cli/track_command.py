"""`siamscope track`: follow targets and write the tracked video and the boxes."""

from __future__ import annotations

import argparse
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.boxes import check_start_box, parse_box
from tracker_core.cli.console import INTERRUPTED, PROGRESS_CHOICES, Reporter, emit, errors, output
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.files import check_writable, write_text
from tracker_core.metrics import precision_at, success_auc
from tracker_core.packaged import CLIP
from tracker_core.rendering.drawing import draw_result
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.formats import BOX_FORMATS, box_file_suffix, check_format, write_boxes
from tracker_core.results.identity import file_name, identify_source
from tracker_core.results.loop import track
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, Run
from tracker_core.sources.opening import open_source
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer
from tracker_core.types import FloatArray, FrameSource, Sequence, TrackingState


@dataclass(frozen=True)
class FrameRange:
    """Frames `first` to `last`, counted from 0, `last` excluded; None is the end."""

    first: int = 0
    last: int | None = None

    @property
    def count(self) -> int | None:
        """How many frames, None for all."""
        return None if self.last is None else self.last - self.first


def add_parser(subparsers: Any) -> None:
    """Add the sub-command to the command line."""
    parser = subparsers.add_parser(
        "track",
        help="follow targets in a video, camera, stream, folder or sequence",
        description="Follow one or several targets and write the tracked video and the boxes.",
        epilog="Example: siamscope track --source clip.mp4 --box 120,80,64,48 tracking.window_influence=0.3",
    )
    parser.add_argument(
        "--source", required=True, metavar="S",
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
    parser.add_argument(
        "--frames", default=":", metavar="A:B", help="from frame A up to, but without, frame B; counted from 0"
    )
    parser.add_argument("--json", metavar="FILE", help="write a summary as JSON")
    parser.add_argument("--progress", choices=PROGRESS_CHOICES, default="bar", help="bar, JSON lines, or nothing")
    parser.set_defaults(run=run_track)


def add_tracker_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a tracker and how it runs; `track` and `bench` share them."""
    parser.add_argument("--tracker", metavar="N", help="a tracker by name (default: the one that ships)")
    parser.add_argument("--weights", metavar="FILE", help="a checkpoint instead of the tracker's own")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda or cuda:N (auto)")
    parser.add_argument("--runtime", default="auto", metavar="R", help="auto, onnx or eager (auto)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the tracker's configuration")


def parse_frames(text: str) -> FrameRange:
    """Return the range written as `A:B`, `A:`, `:B` or `:`; raises `InputError`."""
    match = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", text)
    if match is None:
        raise InputError(f"The frame range '{text}' is not of the form A:B, for example 100:250 or 100: .")
    first = int(match.group(1) or 0)
    last = int(match.group(2)) if match.group(2) else None
    if last is not None and last <= first:
        raise InputError(f"The frame range '{text}' is empty; the second number must be greater than the first.")
    return FrameRange(first, last)


def run_demo(source: str | None = None) -> int:
    """Track the bundled clip (or `source`, from its ground truth) with the default tracker, results under runs/."""
    chosen = source or str(CLIP)
    if source is None and not CLIP.is_file():
        raise InputError(f"The bundled clip '{CLIP}' is missing; run 'make clip' to draw it again.")
    args = argparse.Namespace(
        source=chosen, box=[], init_from_gt=True, tracker=None, weights=None, device="auto", runtime="auto",
        overrides=[], out=None, video=True, format="csv", frames=":", json=None, progress="bar",
    )  # fmt: skip
    return run_track(args)


def run_track(args: argparse.Namespace) -> int:
    """Carry out `track`; everything that can be refused is refused before anything is written."""
    box_format = check_format(args.format)
    frames = parse_frames(args.frames)
    boxes = [parse_box(text) for text in args.box]
    if boxes and args.init_from_gt:
        raise InputError("Give either --box or --init-from-gt, not both.")
    source = open_source(args.source)
    try:
        truth = _truth_of(source)
        if frames.first:
            source.seek(frames.first)
        if not boxes:
            boxes = _boxes_from_truth(source, truth, frames.first, args.init_from_gt)
        for box in boxes:
            check_start_box(box, *source.size)
        tracker = build_tracker(
            args.tracker, weights=args.weights, device=args.device, runtime=args.runtime, overrides=args.overrides
        )
        name = _file_name(source.name)
        folder = check_writable(args.out or Path("runs") / f"{name}-{tracker.name}")
        trackers = [tracker, *(tracker.fork() for _ in boxes[1:])]
        run = _Run(args, source, trackers, boxes, truth, frames, folder, name, box_format)
        return run.execute()
    finally:
        source.close()


class _Run:
    """One tracking run with its outputs; whatever ends it, what was tracked is written."""

    def __init__(
        self, args: argparse.Namespace, source: FrameSource, trackers: list[Any], boxes: list[FloatArray],
        truth: list[Sequence], frames: FrameRange, folder: Path, name: str, box_format: str,
    ) -> None:  # fmt: skip
        self.args, self.source, self.trackers, self.boxes = args, source, trackers, boxes
        self.truth = truth if len(truth) == len(boxes) else []
        self.frames, self.folder, self.name, self.box_format = frames, folder, name, box_format
        self.recorder = RunRecorder(identify_source(source, args.source), describe_producer(trackers[0]))
        self.update_ms: list[float] = []

    def execute(self) -> int:
        """Track, write, report; return the exit code."""
        failure: BaseException | None = None
        writer = VideoWriter(self._video_path(), self.source.fps) if self.args.video else None
        try:
            self._loop(writer)
        except BaseException as error:  # whatever ends a run, what was tracked is kept
            failure = error
        written: list[Path] = []
        if writer is not None:
            try:
                writer.close() if writer.frames_written else writer.abort()
            except SiamscopeError as error:
                failure = failure or error
            if writer.is_in_place:
                written.append(writer.path)
        if len(self.recorder):
            self.recorder.source = identify_source(self.source, self.args.source)  # a count may be exact by now
            run = self.recorder.build()
            written += self._write_boxes("boxes", self.box_format, run)
            if self.box_format != "json":
                # the complete form, which `export` and the window open again
                written += self._write_boxes("run", "json", run)
            self._report(run, written, interrupted=failure is not None)
        if isinstance(failure, KeyboardInterrupt):
            return INTERRUPTED
        if failure is not None:
            raise failure
        return 0

    def _video_path(self) -> Path:
        path = self.folder / f"{self.name}.mp4"
        # a video that is tracked in its own folder must not be replaced by the tracked one
        is_source = path.exists() and Path(self.args.source).exists() and path.samefile(self.args.source)
        return path.with_stem(f"{path.stem}-tracked") if is_source else path

    def _write_boxes(self, kind: str, box_format: str, run: Run) -> list[Path]:
        # with its ending, because the name of a source may hold dots
        path = self.folder / f"{self.name}-{kind}{box_file_suffix(box_format)}"
        return write_boxes(path, box_format, run)

    def _loop(self, writer: VideoWriter | None) -> None:
        total = self.frames.count
        if self.source.frame_count is not None:
            left = max(0, self.source.frame_count - self.frames.first)
            total = left if total is None else min(total, left)
        by = BoxOrigin.USER if self.args.box else BoxOrigin.GROUND_TRUTH
        for number, box in enumerate(self.boxes, 1):
            self.recorder.set_key_frame(number, self.frames.first, box, by)
        with Reporter(self.args.progress, f"Tracking {self.source.name}", total) as progress:
            for outcome in track(self.trackers, self.source, self.boxes, stop_after=self.frames.count):
                self.recorder.add(outcome, file_name(self.source, outcome.frame.index))
                if outcome.frame.index > self.frames.first:
                    self.update_ms.append(outcome.timings.update_ms / len(self.trackers))
                if writer is not None:
                    shown = [_row(sequence, outcome.frame.index) for sequence in self.truth]
                    writer.write(draw_result(outcome.frame.image, outcome.results, shown))
                progress.advance()

    def _report(self, run: Run, written: list[Path], interrupted: bool) -> None:
        summary = self._summarise(run)
        summary |= {"files": [str(path) for path in written], "interrupted": interrupted}
        if self.args.json:
            write_text(self.args.json, json.dumps(summary, indent=1) + "\n")
        if self.args.progress == "json":
            emit({"event": "result", **summary})
            return
        for warning in getattr(self.source, "warnings", ()):
            errors.print(f"[yellow]Note:[/yellow] {warning}")
        speed = f", {summary['updates_per_second']:.0f} updates/s" if summary["updates_per_second"] else ""
        output.print(f"Tracked {summary['frames']} frames of {self.source.name} with {self.trackers[0].name}{speed}.")
        for number, target in enumerate(summary["targets"], 1):
            prefix = f"Target {number}: " if len(summary["targets"]) > 1 else ""
            score = ""
            if target.get("success_auc") is not None:
                score = f"success AUC {target['success_auc']:.3f}, precision {target['precision_20']:.3f}; "
            line = f"{prefix}{score}lost in {target['lost_frames']} frames."
            output.print(line[:1].upper() + line[1:])
        for path in written:
            output.print(f"  {path}")

    def _summarise(self, run: Run) -> dict[str, Any]:
        targets = []
        for number, target in enumerate(run.targets):
            entry: dict[str, Any] = {
                "first_box_xywh": [float(value) for value in self.boxes[number]],
                "mean_score": float(np.nanmean(target.scores)),
                "lost_frames": sum(state is TrackingState.LOST for state in target.states),
            }
            if self.truth:
                truth = _rows(self.truth[number], run)
                auc, precision = success_auc(target.boxes_xywh, truth), precision_at(target.boxes_xywh, truth)
                entry["success_auc"] = None if math.isnan(auc) else auc
                entry["precision_20"] = None if math.isnan(precision) else precision
            targets.append(entry)
        median = float(np.median(self.update_ms)) if self.update_ms else 0.0
        return {
            "source": self.source.name,
            "tracker": self.trackers[0].name,
            "device": self.trackers[0].device,
            "runtime": self.trackers[0].runner.name,
            "frames": len(run),
            "update_ms_median": median,
            "updates_per_second": 1e3 / median if median else None,
            "targets": targets,
            "warnings": list(getattr(self.source, "warnings", ())),
        }


def _truth_of(source: FrameSource) -> list[Sequence]:
    """Return every target's ground truth that the source knows, or an empty list."""
    sequences: tuple[Sequence, ...] = getattr(source, "sequences", ())
    chosen = getattr(source, "sequence", None)
    if chosen is None:
        return []
    # a folder of two targets gives both; naming one (Jogging-2) gives that one
    return list(sequences) if chosen is sequences[0] and len(sequences) > 1 else [chosen]


def _boxes_from_truth(source: FrameSource, truth: list[Sequence], first: int, wanted: bool) -> list[FloatArray]:
    if not wanted:
        hint = " or --init-from-gt" if truth else ""
        raise InputError(f"Say what to track in '{source.name}': --box x,y,w,h{hint}.")
    if not truth:
        raise InputError(f"'{source.name}' has no ground truth to start from; give --box x,y,w,h.")
    boxes = []
    for sequence in truth:
        row = _row(sequence, first)
        if row is None or not np.isfinite(row).all():
            raise InputError(f"The ground truth of '{sequence.name}' has no box in frame {first}; give --box x,y,w,h.")
        boxes.append(row)
    return boxes


def _row(sequence: Sequence, index: int) -> FloatArray | None:
    return np.asarray(sequence.boxes_xywh[index]) if 0 <= index < len(sequence.boxes_xywh) else None


def _rows(sequence: Sequence, run: Run) -> FloatArray:
    rows = np.full((len(run), 4), np.nan)
    for place, index in enumerate(run.frame_indices):
        row = _row(sequence, int(index))
        if row is not None:
            rows[place] = row
    return rows


def _file_name(name: str) -> str:
    """Return `name` as a harmless file name: an address or a path has characters that a folder must not have."""
    stem = Path(name).stem if not re.match(r"[a-z]+://", name) else name
    return re.sub(r"[^\w.-]+", "_", stem).strip("_.") or "source"
