"""`siamscope batch`: track a folder of videos, each from its first boxes."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tracker_core.batch.clips import find_clips
from tracker_core.batch.outcomes import (
    FAILED,
    PRESENT,
    STOPPED,
    TRACKED,
    Outcome,
    has_results_of_another,
    read_outcomes,
    write_outcomes,
)
from tracker_core.batch.plan import Task, find_boxes, plan_batch
from tracker_core.cli.batch_table import show_outcomes, show_tasks
from tracker_core.cli.batch_video import VideoTracking, serve
from tracker_core.cli.console import INTERRUPTED, Reporter, add_progress_option, emit, errors, output
from tracker_core.cli.result_names import numbered
from tracker_core.cli.track_command import add_tracker_options, build_wanted
from tracker_core.crew import Crew, limit_threads
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.runner import choose_jobs
from tracker_core.files import check_writable
from tracker_core.results.formats import BOX_FORMATS, check_format
from tracker_core.results.identity import output_name

logger = logging.getLogger(__name__)
THREADS = 1  # of each tracker: sums over several are rounded otherwise, and --jobs must change no result
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
    parser.add_argument("--jobs", type=int, metavar="N", help="videos at a time (default: one per core)")
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
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs {args.jobs} is not possible; give 1 or more.")
    if args.out and has_results_of_another(Path(args.out), folder):
        raise InputError(
            f"'{args.out}' holds the results of a batch of other videos, which are not replaced; give another --out."
        )
    limit_threads(THREADS)
    tracker = build_wanted(args)
    wanted = f"{output_name(folder.resolve().name)}-{tracker.name}"
    places = (Path("runs") / name for name in numbered(wanted))
    out = check_writable(args.out or next(place for place in places if not has_results_of_another(place, folder)))
    to_do = sum(not task.problem for task in tasks)
    return _Batch(args, tasks, tracker, out, choose_jobs(args.jobs, tracker.device, to_do)).execute()


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
    """One call of `batch`. The summary is written after every video: a kill loses nothing that it says."""

    def __init__(self, args: argparse.Namespace, tasks: Sequence[Task], tracker: Any, out: Path, jobs: int) -> None:
        self.args, self.tasks, self.tracker, self.out, self.jobs = args, tasks, tracker, out, jobs
        self.earlier = {} if args.again else read_outcomes(out)
        self.videos = VideoTracking(args, out, self.earlier)
        self.done: dict[str, Outcome] = {}

    def execute(self) -> int:
        """Track, write, show; return the exit code."""
        if self.args.progress == "json":
            names = [task.name for task in self.tasks]
            emit({"event": "start", "videos": names, "tracker": self.tracker.name, "results": str(self.out)})
        if self.jobs > 1:
            self._track_side_by_side()
        else:
            self._track_one_by_one()
        return self._end()

    @property
    def outcomes(self) -> list[Outcome]:
        """What came of the videos so far, in the order of the tasks."""
        return [self.done[task.output] for task in self.tasks if task.output in self.done]

    def _track_one_by_one(self) -> None:
        for place, task in enumerate(self.tasks, 1):
            title = f"{task.name} ({place} of {len(self.tasks)})"
            make_reporter = partial(Reporter, self.args.progress, title)
            if self._take(task, self.videos.carry_out(task, self.tracker, make_reporter)).status == STOPPED:
                return

    def _track_side_by_side(self) -> None:
        at_work: dict[str, str] = {}
        title = f"Tracking {len(self.tasks)} videos"
        arguments = (self.videos, THREADS)
        with (
            Reporter(self.args.progress, title, len(self.tasks), "videos") as progress,
            Crew(self.tasks, serve, arguments, jobs=self.jobs) as crew,
        ):

            def on_result(task: Task, outcome: Outcome) -> bool:
                at_work.pop(task.output, None)
                self._take(task, outcome)
                progress.advance()
                return True

            def on_message(task: Task | None, message: str | SiamscopeError) -> None:
                if isinstance(message, SiamscopeError):
                    raise message
                if task is not None:
                    at_work[task.output] = f"{task.name} {message}"
                    progress.retitle(f"{len(self.done)} of {len(self.tasks)}: {', '.join(at_work.values())}")

            def on_death(task: Task, code: int | None) -> None:
                error = (
                    f"The process that tracked '{task.name}' ended unexpectedly (exit code {code}); there may be too "
                    "little memory, try fewer --jobs."
                )
                on_result(task, Outcome(task.name, task.output, FAILED, error=error))

            try:
                crew.work(on_result, on_message, on_death)
            except KeyboardInterrupt:
                crew.stop()
                crew.work(on_result, on_message, on_death)

    def _take(self, task: Task, outcome: Outcome) -> Outcome:
        """Keep and tell what came of a video."""
        self.done[task.output] = outcome
        self._keep()
        if self.args.progress == "json":
            emit({
                "event": "video", "done": len(self.done), "total": len(self.tasks), **dataclasses.asdict(outcome)
            })  # fmt: skip
        elif outcome.error:
            errors.print(f"{task.name}: {outcome.error}", style="yellow")
        return outcome

    def _keep(self) -> None:
        """Write the summary, with what an earlier call did of the videos that are still to come."""
        coming = (self.earlier.get(task.output) for task in self.tasks if task.output not in self.done)
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
        if counts[STOPPED] or len(self.done) < len(self.tasks):
            errors.print("Stopped; finished videos are kept, and the same command resumes from there.")
            return INTERRUPTED
        return INCOMPLETE if counts[FAILED] else 0
