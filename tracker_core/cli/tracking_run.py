"""One run of `track`, with its outputs; whatever ends it, what was tracked is kept."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.cli.console import INTERRUPTED, Reporter
from tracker_core.cli.frame_range import FrameRange
from tracker_core.cli.result_names import left_behind
from tracker_core.cli.video_pipeline import Pace, VideoPipeline
from tracker_core.errors import InputError, OutputError, SiamscopeError
from tracker_core.metrics import precision_at, success_auc
from tracker_core.pipeline import WAITING
from tracker_core.rendering.overlays import draw_result, looks_of
from tracker_core.rendering.recording import RecordedSource, journal_of, recorded_run
from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.formats import box_file_suffix, write_boxes
from tracker_core.results.identity import exact_count, file_name, identify_source, is_read_from, sound_location
from tracker_core.results.loop import track
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin, Run, TargetTrack
from tracker_core.results.run_file import save_run
from tracker_core.results.unfinished import UNFINISHED_SUFFIX, RunJournal, parse_unfinished
from tracker_core.trackers.producers import describe_producer
from tracker_core.types import (
    FloatArray,
    Frame,
    FrameResult,
    FrameSource,
    Image,
    Sequence,
    TrackingState,
    TrackResult,
    iterate_frames,
)

logger = logging.getLogger(__name__)
OnSummary = Callable[[dict[str, Any]], None]
MakeReporter = Callable[[int | None], Reporter]  # given the count of frames, None where it is not known


class TrackingRun:
    """Tracks, writes the video while it does, and the boxes at the end.

    Every frame's results are on disk at once (`…-run.jsonl`); the file goes when the run is saved as a whole. A run
    that was killed is continued where the same source, boxes and tracker are given again, else put aside.
    With `keeps_unfinished` that holds for a run that was interrupted, too. `on_summary` is told what came out, however
    the run ended.
    """

    def __init__(
        self, args: argparse.Namespace, source: FrameSource, trackers: list[Any], boxes: list[FloatArray],
        truth: list[Sequence], frames: FrameRange, folder: Path, name: str, box_format: str,
        on_summary: OnSummary, *, given_by: BoxOrigin, target_names: Iterable[str] = (),
        make_reporter: MakeReporter | None = None, keeps_unfinished: bool = False,
    ) -> None:  # fmt: skip
        self.given_by = given_by
        self.on_summary, self.keeps_unfinished = on_summary, keeps_unfinished
        self.make_reporter = make_reporter or partial(Reporter, args.progress, f"Tracking {source.name}")
        self.args, self.source, self.trackers, self.boxes = args, source, trackers, boxes
        self.truth = truth if len(truth) == len(boxes) else []
        self.frames, self.folder, self.name, self.box_format = frames, folder, name, box_format
        self.recorder = RunRecorder(identify_source(source, args.source), describe_producer(trackers[0]))
        for number, target_name in enumerate(target_names, 1):
            self.recorder.target(number).name = target_name
        self.pace = Pace()
        self.notes: list[str] = []

    @property
    def draws_afterwards(self) -> bool:
        """Whether the video is written when everything is tracked, rather than meanwhile."""
        return self.frames.is_backwards

    def execute(self) -> int:
        """Track, write, report; return the exit code."""
        failure: BaseException | None = None
        recording = self.source.recording if isinstance(self.source, RecordedSource) else None
        path = self.folder / f"{self.name}-run{UNFINISHED_SUFFIX}" if recording is None else journal_of(recording.path)
        known = self._take_unfinished(path)
        writer = self._open_video()
        written: list[Path] = []
        with RunJournal(path, self.recorder) as journal:
            try:
                self._loop(None if self.draws_afterwards else writer, journal, known)
            except BaseException as error:  # whatever ends a run, what was tracked is kept
                failure = error
            if writer is not None and self.draws_afterwards and len(self.recorder):
                failure = self._draw_forwards(writer) or failure
            if writer is not None:
                failure = self._close_video(writer, written) or failure
            if len(self.recorder):
                try:
                    run = self._build_run(written)
                except SiamscopeError as error:
                    run, failure = self.recorder.build(), error
                written += self._write_results(run, path)
                if earlier := left_behind(self.folder, self.name, written, self.source):
                    self.notes.append(f"Of an earlier run, so not of these boxes: {', '.join(earlier)}.")
                summary = self._summarise(run) | {"files": [str(path) for path in written]}
                self.on_summary(summary | {"interrupted": failure is not None})
            if not (self.keeps_unfinished and isinstance(failure, KeyboardInterrupt)):
                journal.remove()
        if isinstance(failure, KeyboardInterrupt):
            return INTERRUPTED
        if failure is not None:
            raise failure
        return 0

    def _take_unfinished(self, path: Path) -> dict[int, list[TrackResult]]:
        """Return the results, by frame, of a killed run that this one continues; put any other aside."""
        earlier = _read_unfinished(path, self.notes)
        if earlier is not None and self.args.resume is not False and self._is_same(earlier):
            earlier.source, earlier.producer = self.recorder.source, self.recorder.producer
            self.recorder = earlier
            for number in earlier.targets:
                earlier.drop(number, 0, self.frames.first)
                if self.frames.last is not None:
                    earlier.drop(number, self.frames.last)
            frames = earlier.frames()
            reached = frames[0 if self.frames.is_backwards else -1]
            self.notes.append(f"An unfinished run is continued after frame {reached} (--no-resume starts over).")
            return {index: [record.results[index] for record in earlier.targets.values()] for index in frames}
        if self.args.resume:
            raise InputError(f"There is no unfinished run of this source, box and tracker in '{self.folder}'.")
        if earlier is not None:
            aside = _unused(self.folder / f"{self.name}-unfinished.json")
            save_run(aside, earlier.build())
            self.notes.append(f"An unfinished run of {len(earlier)} frames was put aside as '{aside}'.")
        return {}

    def _is_same(self, earlier: RunRecorder) -> bool:
        """Whether continuing `earlier` gives what starting over would give."""
        mine, made = self.recorder.producer, earlier.producer
        starts = [min(record.key_frames.values(), key=lambda key: key.index) for record in earlier.targets.values()]
        first = earlier.frames()[-1 if self.frames.is_backwards else 0]
        return (
            not self.source.is_live
            and mine is not None
            and made is not None
            and mine.answers_as == made.answers_as
            and replace(earlier.source, frame_count=None) == replace(self.recorder.source, frame_count=None)
            and self.frames.has(first)
            and all(key.index == first for key in starts)
            and np.array_equal([key.box_xywh for key in starts], self.boxes)
        )

    def _open_video(self) -> VideoWriter | None:
        if not self.args.video:
            return None
        return VideoWriter(self._video_path(), self.source.fps, sound_of=sound_location(self.source))

    def _build_run(self, written: list[Path]) -> Run:
        """Return the run, with the source's exact length where it is known by now, or as one of what was recorded."""
        self.recorder.source = replace(self.recorder.source, frame_count=exact_count(self.source))
        run = self.recorder.build()
        recording = self.source.finish() if isinstance(self.source, RecordedSource) else None
        if recording is None:
            return run
        run = recorded_run(run, recording)
        written.append(recording.path)
        return run

    def _close_video(self, writer: VideoWriter, written: list[Path]) -> BaseException | None:
        try:
            writer.close() if writer.frames_written else writer.abort()
        except SiamscopeError as error:
            return error
        finally:
            self.notes += writer.notes
            if writer.is_in_place:
                written.append(writer.path)
        return None

    def _video_path(self) -> Path:
        path = self.folder / f"{self.name}.mp4"
        # a video that is tracked in its own folder must not be replaced by the tracked one
        return path.with_stem(f"{path.stem}-tracked") if is_read_from(self.source, path) else path

    def _write_results(self, run: Run, journal: Path) -> list[Path]:
        """Write the boxes as wished, and the complete form, which `export` and the window open again."""
        try:
            written = self._write_boxes("boxes", self.box_format, run)
            return written if self.box_format == "json" else written + self._write_boxes("run", "json", run)
        except OutputError as error:
            resumed = "" if self.source.is_live else ", and the same command resumes it"
            kept = f"What was tracked is kept in '{journal}': 'export --run' opens it{resumed}."
            raise OutputError(f"{error} {kept}") from error

    def _write_boxes(self, kind: str, box_format: str, run: Run) -> list[Path]:
        # with its ending, because the name of a source may hold dots
        path = self.folder / f"{self.name}-{kind}{box_file_suffix(box_format)}"
        return write_boxes(path, box_format, run)

    def _loop(self, writer: VideoWriter | None, journal: RunJournal, known: dict[int, list[TrackResult]]) -> None:
        total = self.frames.count
        if self.source.frame_count is not None:
            left = max(0, self.source.frame_count - self.frames.first)
            total = left if total is None else min(total, left)
        with contextlib.ExitStack() as stack:
            video = None if writer is None else stack.enter_context(VideoPipeline(writer, self._draw))
            outcomes = stack.enter_context(contextlib.closing(self._track(known)))
            progress = stack.enter_context(self.make_reporter(total))
            for produced, outcome in enumerate(outcomes):
                self.pace.pass_frame()
                index = outcome.frame.index
                if self.frames.is_backwards and not self.frames.has(index):
                    break  # damaged frames are not counted
                if index not in known:
                    if produced == 0:
                        self._set_key_frames(index)
                    else:
                        self.pace.add(outcome.timings, len(self.trackers))
                    self.recorder.add(outcome, file_name(self.source, index))
                    journal.add(self.recorder, index)
                if video is not None:
                    video.add(outcome.frame, outcome.results)
                progress.advance()
        self.pace.finish(video)
        if self.pace.stages:
            rates = ", ".join(f"{name} {rate:.0f}" for name, rate in self.pace.stages.items())
            logger.info("Frames per second: %s; side by side %.0f.", rates, self.pace.frames_per_second)

    def _track(self, known: dict[int, list[TrackResult]]) -> Generator[FrameResult, None, None]:
        # a live source is read when a frame is wanted: what was read ahead would be old
        ahead = 0 if self.source.is_live else WAITING
        yield from track(
            self.trackers, self.source, self.boxes, stop_after=self.frames.count, known=known,
            is_backwards=self.frames.is_backwards, read_ahead=ahead,
        )  # fmt: skip

    def _draw(self, frame: Frame, results: list[TrackResult]) -> Image:
        shown = [truth_row(sequence, frame.index) for sequence in self.truth]
        looks = looks_of([record.name for record in self.recorder.targets.values()])
        return draw_result(frame.image, results, shown, looks=looks)

    def _draw_forwards(self, writer: VideoWriter) -> BaseException | None:
        """Write the video of a run that was tracked backwards, from its first frame on."""
        indices = self.recorder.frames()
        try:
            self.source.seek(indices[0])
            with Reporter(self.args.progress, f"Writing {writer.path.name}", len(indices)) as progress:
                for frame in iterate_frames(self.source):
                    if frame.index > indices[-1]:
                        break
                    found = [record.results.get(frame.index) for record in self.recorder.targets.values()]
                    image = self._draw(frame, [result for result in found if result is not None])
                    writer.write(image, frame.time_s)
                    progress.advance()
        except BaseException as error:  # as with tracking: what was written is kept
            return error
        return None

    def _set_key_frames(self, index: int) -> None:
        for number, box in enumerate(self.boxes, 1):
            self.recorder.set_key_frame(number, index, box, self.given_by)

    def _summarise(self, run: Run) -> dict[str, Any]:
        targets = []
        for number, target in enumerate(run.targets):
            entry: dict[str, Any] = {
                "name": target.name,
                "first_box_xywh": _first_box(target),
                "mean_score": float(np.nanmean(target.scores)),
                "lost_frames": sum(state is TrackingState.LOST for state in target.states),
            }
            if self.truth:
                truth = _rows(self.truth[number], run)
                auc, precision = success_auc(target.boxes_xywh, truth), precision_at(target.boxes_xywh, truth)
                entry["success_auc"] = None if math.isnan(auc) else auc
                entry["precision_20"] = None if math.isnan(precision) else precision
            targets.append(entry)
        median = float(np.median(self.pace.update_ms)) if self.pace.update_ms else 0.0
        return {
            "source": self.source.name,
            "tracker": self.trackers[0].name,
            "device": self.trackers[0].device,
            "runtime": self.trackers[0].runtime,
            "frames": len(run),
            "update_ms_median": median,
            "updates_per_second": 1e3 / median if median else None,
            "frames_per_second": self.pace.frames_per_second,
            "stages_per_second": self.pace.stages,
            "targets": targets,
            "warnings": [*getattr(self.source, "warnings", ()), *self.notes],
        }


def truth_of(source: FrameSource) -> list[Sequence]:
    """Return every target's ground truth that the source knows, or an empty list."""
    sequences: tuple[Sequence, ...] = getattr(source, "sequences", ())
    chosen = getattr(source, "sequence", None)
    if chosen is None:
        return []
    # a folder of two targets gives both; naming one (Jogging-2) gives that one
    return list(sequences) if chosen is sequences[0] and len(sequences) > 1 else [chosen]


def truth_row(sequence: Sequence, index: int) -> FloatArray | None:
    """Return the true box (x, y, w, h) of frame `index`, None where the ground truth does not reach."""
    return np.asarray(sequence.boxes_xywh[index]) if 0 <= index < len(sequence.boxes_xywh) else None


def _first_box(target: TargetTrack) -> list[float]:
    """Return the box (x, y, w, h) of a target's first key frame, without one the first that was found."""
    keys = target.key_frames
    box_xywh = keys[0].box_xywh if keys else target.boxes_xywh[int(np.argmax(target.has_box))]
    return [float(value) for value in box_xywh]


def _rows(sequence: Sequence, run: Run) -> FloatArray:
    missing = np.full(4, np.nan)
    rows = [truth_row(sequence, index) for index in run.frame_indices.tolist()]
    return np.array([missing if row is None else row for row in rows], np.float64).reshape(-1, 4)


def _read_unfinished(path: Path, notes: list[str]) -> RunRecorder | None:
    """Return what a killed run left in `path`, None where there is nothing of use; put aside what is damaged."""
    try:
        recorder = parse_unfinished(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        aside = _unused(path.with_stem(f"{path.stem}-damaged"))
        path.replace(aside)
        notes.append(f"An unfinished run that cannot be read was put aside as '{aside}'.")
        return None
    _leave_out_parts(recorder)
    return recorder if len(recorder) and all(record.key_frames for record in recorder.targets.values()) else None


def _leave_out_parts(recorder: RunRecorder) -> None:
    """Drop the frames in which a kill came between two targets."""
    records = recorder.targets.values()
    for index in recorder.frames():
        if not all(index in record.results for record in records):
            for record in records:
                recorder.drop(record.number, index, index + 1)


def _unused(path: Path) -> Path:
    """Return `path`, or with a number where there is such a file."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in range(2, 10_000))
    return next(place for place in (path, *numbered) if not place.exists())
