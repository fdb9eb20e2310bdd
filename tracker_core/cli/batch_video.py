"""One video of a batch: tracked in this process, or in one of several that serve a batch."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from tracker_core.batch.outcomes import FAILED, PRESENT, STOPPED, TRACKED, Outcome
from tracker_core.batch.plan import Task
from tracker_core.boxes import check_start_box
from tracker_core.cli.console import Reporter
from tracker_core.cli.frame_range import FrameRange, size_at
from tracker_core.cli.track_command import boxes_from_truth, build_wanted
from tracker_core.cli.tracking_run import MakeReporter, TrackingRun, truth_of
from tracker_core.crew import Finished, limit_threads
from tracker_core.errors import SiamscopeError
from tracker_core.results.identity import identify_source
from tracker_core.results.run import BoxOrigin
from tracker_core.sources.opening import open_source
from tracker_core.trackers.producers import describe_producer
from tracker_core.types import FrameSource

logger = logging.getLogger(__name__)
REPORT_EVERY_S = 0.25


class VideoTracking:
    """Tracks videos as a batch wants it: `args` of the command, `earlier` outcomes by output, results into `out`."""

    def __init__(self, args: argparse.Namespace, out: Path, earlier: Mapping[str, Outcome]) -> None:
        self.args = argparse.Namespace(**{key: value for key, value in vars(args).items() if key != "run"})
        self.out, self.earlier = out, earlier
        self.summary: dict[str, Any] = {}

    def carry_out(self, task: Task, tracker: Any, make_reporter: MakeReporter) -> Outcome:
        """Track one video, unless an earlier outcome answers it, and return what came of it; it never raises."""
        outcome = Outcome(task.name, task.output, FAILED)
        if task.problem or task.path is None:
            return dataclasses.replace(outcome, error=task.problem)
        began, self.summary = time.perf_counter(), {}
        try:
            source = open_source(task.path)
            try:
                outcome = self._track(task, source, tracker, make_reporter)
            finally:
                source.close()
        except KeyboardInterrupt:
            outcome = self._take_summary(dataclasses.replace(outcome, status=STOPPED))
        except SiamscopeError as error:
            outcome = self._take_summary(dataclasses.replace(outcome, error=str(error)))
        except Exception as error:  # one video must not take the others with it
            logger.exception("The batch goes past '%s'.", task.name)
            outcome = self._take_summary(dataclasses.replace(outcome, error=f"Unexpected error ({error!r})."))
        seconds = outcome.seconds if outcome.status == PRESENT else time.perf_counter() - began
        return dataclasses.replace(outcome, seconds=seconds)

    def _track(self, task: Task, source: FrameSource, tracker: Any, make_reporter: MakeReporter) -> Outcome:
        truth = truth_of(source)
        if task.frame:
            source.seek(task.frame)
        boxes = [box.box_xywh for box in task.boxes] or boxes_from_truth(source, truth, task.frame)
        for box in boxes:
            check_start_box(box, *size_at(source, task.frame))
        made_from = self._made_from(task, source, tracker, boxes)
        earlier = self.earlier.get(task.output)
        if earlier is not None and earlier.is_answer_to(made_from):
            return dataclasses.replace(earlier, status=PRESENT)
        given_by = BoxOrigin.FILE if task.boxes else BoxOrigin.GROUND_TRUTH
        how = argparse.Namespace(source=task.path, resume=None, video=self.args.video, progress="none")
        code = TrackingRun(
            how, source, [tracker.fork() for _ in boxes], boxes, truth, FrameRange(task.frame), self.out,
            task.output, self.args.format, self._note, given_by=given_by,
            target_names=[box.target for box in task.boxes], make_reporter=make_reporter, keeps_unfinished=True,
        ).execute()  # fmt: skip
        status = TRACKED if code == 0 else STOPPED
        return self._take_summary(Outcome(task.name, task.output, status, made_from=made_from))

    def _note(self, summary: dict[str, Any]) -> None:
        self.summary = summary

    def _take_summary(self, outcome: Outcome) -> Outcome:
        """Return `outcome` with what the run reported, if it came so far."""
        if not self.summary:
            return outcome
        summary = self.summary
        # the complete run comes first: it is what opens again
        files = sorted(map(str, map(Path.absolute, map(Path, summary["files"]))), key=lambda path: not _is_run(path))
        return dataclasses.replace(
            outcome, frames=summary["frames"], updates_per_second=summary["updates_per_second"], files=tuple(files),
            targets=tuple(map(_describe_target, summary["targets"])), notes=tuple(summary["warnings"]),
        )  # fmt: skip

    def _made_from(self, task: Task, source: FrameSource, tracker: Any, boxes: Sequence[Any]) -> dict[str, Any]:
        identity = identify_source(source, task.path or "")
        return {
            "tracker": describe_producer(tracker).answers_as,
            "source": [identity.fingerprint, str(identity.location)],
            "frame": task.frame,
            "boxes": [[float(value) for value in box] for box in boxes],
            "targets": [box.target for box in task.boxes],
            "outputs": [self.args.format, self.args.video],
        }


def _describe_target(target: Mapping[str, Any]) -> dict[str, Any]:
    score = target["mean_score"]
    return {
        "label": target["name"],
        "lost_frames": target["lost_frames"],
        "mean_score": None if math.isnan(score) else score,
        "success_auc": target.get("success_auc"),
    }


def _is_run(path: str) -> bool:
    return path.endswith(("-run.json", "-boxes.json"))


class _WorkerReporter(Reporter):
    """Tells the process that a worker serves how far a video is; fails when nobody is there to be told."""

    def __init__(self, connection: Connection, total: int | None) -> None:
        super().__init__("none", "", total)
        self._connection, self._last_s = connection, -math.inf

    def advance(self, steps: int = 1) -> None:
        """Note that `steps` more frames are done."""
        super().advance(steps)
        if time.monotonic() - self._last_s > REPORT_EVERY_S:
            self._last_s = time.monotonic()
            self._connection.send(f"{self.done / self.total:.0%}" if self.total else f"frame {self.done}")


class _Stop:
    """SIGTERM stops the video in progress, once: what was tracked of it is then being saved. Ctrl-C is for others."""

    def __init__(self) -> None:
        self.is_armed = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches every process; the first one decides
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.is_armed:
            self.is_armed = False
            raise KeyboardInterrupt


def serve(connection: Connection, videos: VideoTracking, threads: int) -> None:
    """Be a worker: make the tracker, then track videos until the other side of `connection` is gone."""
    stop = _Stop()
    limit_threads(threads)
    try:
        try:
            tracker = build_wanted(videos.args)
        except SiamscopeError as error:
            connection.send(error)
            return
        while True:
            task = connection.recv()
            stop.is_armed = True
            outcome = videos.carry_out(task, tracker, partial(_WorkerReporter, connection))
            stop.is_armed = False
            connection.send(Finished(outcome))
    except (EOFError, OSError, KeyboardInterrupt):
        return  # nobody is there to work for any more
