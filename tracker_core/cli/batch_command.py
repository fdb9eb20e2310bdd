"""`siamscope batch`: track a folder of videos, each from its first boxes."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker_core.batch.clips import find_clips
from tracker_core.batch.outcomes import FAILED, PRESENT, STOPPED, TRACKED, Outcome, read_outcomes, write_outcomes
from tracker_core.batch.plan import Task, find_boxes, plan_batch
from tracker_core.boxes import check_start_box
from tracker_core.cli.batch_table import show_outcomes, show_tasks
from tracker_core.cli.console import INTERRUPTED, add_progress_option, emit, errors, output
from tracker_core.cli.frame_range import FrameRange
from tracker_core.cli.track_command import add_tracker_options, boxes_from_truth
from tracker_core.cli.tracking_run import TrackingRun, truth_of
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.files import check_writable
from tracker_core.results.formats import BOX_FORMATS, check_format
from tracker_core.results.identity import identify_source, output_name
from tracker_core.results.run import BoxOrigin
from tracker_core.results.run_data import producer_to_data
from tracker_core.sources.opening import open_source
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer
from tracker_core.types import FrameSource

logger = logging.getLogger(__name__)
INCOMPLETE = 1  # exit code where a video failed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = (
        "Track every video, image folder and sequence in a folder from its first boxes. Finished ones are not tracked "
        "again; one that fails does not stop the others, but the exit code is 1."
    )
    parser.epilog = "Example: siamscope batch videos --boxes boxes.csv --no-video"
    parser.add_argument("folder", metavar="FOLDER", help="the folder of the videos, with the folders below it")
    parser.add_argument(
        "--boxes", metavar="FILE",
        help="CSV or JSON with name, x, y, w, h and, if wanted, frame and target; or a folder with a text file for "
        "each video (default: boxes.csv or boxes.json in FOLDER, else a text file beside each video)",
    )  # fmt: skip
    parser.add_argument(
        "--init-from-gt", action="store_true", help="start sequences without a box from their ground truth"
    )
    add_tracker_options(parser)
    parser.add_argument("--out", metavar="DIR", help="where results go (default: runs/<folder>-<tracker>)")
    parser.add_argument("--video", action=argparse.BooleanOptionalAction, default=True, help="write the tracked videos")
    parser.add_argument("--format", default="csv", metavar="F", help=f"box format: {', '.join(BOX_FORMATS)} (csv)")
    parser.add_argument("--again", action="store_true", help="track finished videos again")
    parser.add_argument("--list", action="store_true", help="track nothing: list the videos and their first boxes")
    add_progress_option(parser)
    parser.set_defaults(run=run_batch)


def run_batch(args: argparse.Namespace) -> int:
    """Carry out `batch`; what can be refused for all videos is refused before the first one is tracked."""
    check_format(args.format)
    folder = Path(args.folder)
    clips = find_clips(folder, [Path(args.out)] if args.out else ())
    tasks = plan_batch(clips, find_boxes(folder, clips, args.boxes), args.init_from_gt)
    if args.list:
        return _list(args, tasks)
    if all(task.problem for task in tasks):
        raise InputError(
            f"None of the {len(clips)} videos in '{folder}' has a first box; write boxes.csv with a line name,x,y,w,h "
            "for each, or give --boxes."
        )
    tracker = build_tracker(
        args.tracker,
        weights=args.weights,
        device=args.device,
        runtime=args.runtime,
        precision=args.precision,
        overrides=args.overrides,
    )
    name = output_name(folder.resolve().name)
    out = check_writable(args.out or Path("runs") / f"{name}-{tracker.name}")
    return _Batch(args, tasks, tracker, out).execute()


def _list(args: argparse.Namespace, tasks: Sequence[Task]) -> int:
    """Show what would be tracked."""
    if args.progress == "json":
        emit({"event": "plan", "videos": [_describe_task(task) for task in tasks]})
    else:
        show_tasks(tasks)
    return INCOMPLETE if any(task.problem for task in tasks) else 0


def _describe_task(task: Task) -> dict[str, Any]:
    boxes = [{"box": [float(value) for value in box.box_xywh], "target": box.target} for box in task.boxes]
    place = "" if task.path is None else str(task.path)
    return {
        "name": task.name, "path": place, "output": task.output, "frame": task.frame, "boxes": boxes,
        "problem": task.problem,
    }  # fmt: skip


class _Batch:
    """One call of `batch`. The summary is written after every video: a kill loses the one in progress at most."""

    def __init__(self, args: argparse.Namespace, tasks: Sequence[Task], tracker: Any, out: Path) -> None:
        self.args, self.tasks, self.tracker, self.out = args, tasks, tracker, out
        self.earlier = {} if args.again else read_outcomes(out)
        self.outcomes: list[Outcome] = []
        self.summary: dict[str, Any] = {}

    def execute(self) -> int:
        """Track, write, show; return the exit code."""
        if self.args.progress == "json":
            names = [task.name for task in self.tasks]
            emit({"event": "start", "videos": names, "tracker": self.tracker.name, "results": str(self.out)})
        for place, task in enumerate(self.tasks, 1):
            outcome = self._carry_out(task, f"{task.name} ({place} of {len(self.tasks)})")
            self.outcomes.append(outcome)
            self._keep()
            if self.args.progress == "json":
                emit({"event": "video", "done": place, "total": len(self.tasks), **dataclasses.asdict(outcome)})
            elif outcome.error:
                errors.print(f"{task.name}: {outcome.error}", style="yellow")
            if outcome.status == STOPPED:
                break
        return self._end()

    def _keep(self) -> None:
        """Write the summary, with what an earlier call did of the videos that are still to come."""
        done = {outcome.output for outcome in self.outcomes}
        coming = (self.earlier.get(task.output) for task in self.tasks if task.output not in done)
        write_outcomes(self.out, [*self.outcomes, *filter(None, coming)])

    def _end(self) -> int:
        counts = {
            status: sum(outcome.status == status for outcome in self.outcomes)
            for status in (TRACKED, PRESENT, FAILED, STOPPED)
        }
        if self.args.progress == "json":
            emit({"event": "result", "results": str(self.out), **counts})
        else:
            show_outcomes(self.outcomes)
            output.print(f"Results are in {self.out}.")
        if counts[STOPPED]:
            errors.print("Stopped; finished videos are kept, and the same command resumes from there.")
            return INTERRUPTED
        return INCOMPLETE if counts[FAILED] else 0

    def _carry_out(self, task: Task, title: str) -> Outcome:
        outcome = Outcome(task.name, task.output, FAILED)
        if task.problem or task.path is None:
            return dataclasses.replace(outcome, error=task.problem)
        began, self.summary = time.perf_counter(), {}
        try:
            source = open_source(task.path)
            try:
                outcome = self._track(task, source, title)
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

    def _track(self, task: Task, source: FrameSource, title: str) -> Outcome:
        truth = truth_of(source)
        if task.frame:
            source.seek(task.frame)
        boxes = [box.box_xywh for box in task.boxes] or boxes_from_truth(source, truth, task.frame)
        for box in boxes:
            check_start_box(box, *source.size)
        made_from = self._made_from(task, source, boxes)
        earlier = self.earlier.get(task.output)
        if earlier is not None and earlier.is_answer_to(made_from):
            return dataclasses.replace(earlier, status=PRESENT)
        given_by = BoxOrigin.FILE if task.boxes else BoxOrigin.GROUND_TRUTH
        how = argparse.Namespace(source=task.path, resume=None, video=self.args.video, progress=self.args.progress)
        code = TrackingRun(
            how, source, [self.tracker.fork() for _ in boxes], boxes, truth, FrameRange(task.frame), self.out,
            task.output, self.args.format, self._note, given_by=given_by,
            target_names=[box.target for box in task.boxes], title=title,
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

    def _made_from(self, task: Task, source: FrameSource, boxes: Sequence[Any]) -> dict[str, Any]:
        producer = producer_to_data(describe_producer(self.tracker))
        identity = identify_source(source, task.path or "")
        return {
            "tracker": {key: producer.get(key) for key in ("tracker", "config", "weights_sha256")},
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
