"""`siamscope eval`: run trackers on a benchmark, keep every result, and score them."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from tracker_core.cli.console import (
    INTERRUPTED,
    Reporter,
    add_device_options,
    add_precision_option,
    add_progress_option,
    emit,
    errors,
    output,
)
from tracker_core.cli.eval_candidates import check_folder_name, choose_candidates
from tracker_core.cli.eval_events import GrowingScore
from tracker_core.cli.score_command import (
    INCOMPLETE,
    add_scoring_options,
    choose_trackers,
    compare_scores,
    write_scores,
)
from tracker_core.cli.score_tables import show_attributes, show_comparison, show_scores, show_sequences
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.evaluation.benchmarks import BENCHMARKS, Benchmark, open_benchmark
from tracker_core.evaluation.comparison import Comparison, check_against
from tracker_core.evaluation.result_files import ResultFolder, gather_results
from tracker_core.evaluation.runner import Evaluation, Plan, choose_jobs, describe_run
from tracker_core.evaluation.score_tables import check_table, write_tables
from tracker_core.evaluation.scoring import Score
from tracker_core.evaluation.workers import TRACKED, Outcome
from tracker_core.trackers.peers import USAGE

TERMINATED = 128 + signal.SIGTERM


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command line takes after the command's name."""
    parser.description = (
        "Run trackers on a benchmark and score them. Existing results are reused, and an interrupted "
        "run resumes when the same command is called again."
    )
    parser.epilog = "Example: siamscope eval --dataset otb --root OTB100/ --sequences Deer,Jogging --json scores.json"
    parser.add_argument("--dataset", required=True, choices=tuple(BENCHMARKS), help="the benchmark")
    parser.add_argument("--root", required=True, metavar="DIR", help="the folder that holds its sequences")
    parser.add_argument(
        "--tracker", action="append", default=[], metavar="N", help="a tracker by name (default: the one that ships); "
        "repeatable",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", help="a checkpoint instead of the tracker's own")
    parser.add_argument("--name", metavar="N", help="name of the results instead of the tracker's")
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME:key=value,…",
        help="the tracker once more with these changes, its results under this name; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--peers", action="append", default=[], metavar="KIND=FILES",
        help=f"a tracker of others in the same benchmark, from files of yours; repeatable: {USAGE}",
    )  # fmt: skip
    parser.add_argument("--sequences", default="", metavar="A,B", help="only these; a clip's name is all its targets")
    parser.add_argument("--out", default="results", metavar="DIR", help="where results go (results)")
    parser.add_argument(
        "--compare", action="append", default=[], metavar="DIR",
        help="score anyone's result files beside: a tracker's folder, or a folder of such folders; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--only-score",
        action="store_true",
        help="track nothing: score the results that are there (of --tracker, or all)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", help="write all numbers as JSON")
    parser.add_argument("--table", metavar="FILE", help="write the tables: .csv, .md or .tex")
    add_scoring_options(parser)
    parser.add_argument("--jobs", type=int, metavar="N", help="sequences at a time (default: one per core)")
    add_device_options(parser)
    add_precision_option(parser)
    parser.add_argument("--again", action="store_true", help="track these sequences again, whatever results there are")
    add_progress_option(parser)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the tracker's configuration")
    parser.set_defaults(run=run_eval)


def run_eval(args: argparse.Namespace) -> int:
    """Carry out `eval`; what can be refused is refused before the first frame is tracked."""
    from tracker_core.runtime.devices import resolve_device

    names: list[str | None] = [] if args.only_score else list(dict.fromkeys(args.tracker)) or [None]
    if args.table:
        check_table(args.table)
    if len(names) > 1 and (args.weights or args.name or args.variant):
        raise InputError("--weights, --name and --variant belong to one tracker; give them with one --tracker.")
    if args.only_score and (args.variant or args.peers):
        raise InputError("--only-score tracks nothing; leave out --variant and --peers, or --only-score.")
    if args.name:
        check_folder_name(args.name)
    device = resolve_device(args.device)
    benchmark = open_benchmark(
        args.dataset, args.root, sequences=args.sequences.split(","), year=args.year, thresholds=args.thresholds
    )
    jobs = choose_jobs(args.jobs, device, len(benchmark.infos))
    return _Command(args, benchmark, names, device, jobs).execute()


class _Command:
    """One call of `eval`: the plans of all trackers, one after another, then the scores."""

    def __init__(
        self, args: argparse.Namespace, benchmark: Benchmark, names: list[str | None], device: str, jobs: int
    ) -> None:
        self.args, self.device, self.jobs = args, device, jobs
        candidates = choose_candidates(args, names, device)
        # the results folder is made here, when no name is wrong
        self.evaluation = Evaluation(benchmark, args.out)
        self.plans = [
            (self.evaluation.plan(candidate, tracker, again=args.again), tracker) for candidate, tracker in candidates
        ]
        self.others = self._find_others()
        if args.against is not None:
            check_against(args.against, self._folders())
        self.problems: list[str] = []  # with the results of others
        self.failed: dict[str, dict[str, str]] = {}
        self.tracked = {plan.candidate.name: 0 for plan, _ in self.plans}

    def execute(self) -> int:
        """Track, score, show; return the exit code."""
        self._announce()
        code = 0
        total = sum(plan.frames for plan, _ in self.plans)
        with _terminable(), Reporter(self.args.progress, f"Running {self.evaluation.benchmark.title}", total) as bar:
            try:
                for plan, tracker in self.plans:
                    self._run(plan, tracker, bar)
            except _TerminatedError:
                code = TERMINATED
            except KeyboardInterrupt:
                code = INTERRUPTED
        scores = self._score(interrupted=code != 0)
        runs = {
            plan.candidate.name: {**describe_run(plan, self.jobs, self.device), "sequences_tracked": count}
            for (plan, _), count in zip(self.plans, self.tracked.values(), strict=True)
        }
        head: dict[str, Any] = {"benchmark": self.evaluation.benchmark.title, "interrupted": code != 0, "runs": runs}
        if self.problems:
            head["problems"] = self.problems
        # a run that was stopped may not have come to the tracker that the others are compared with
        is_there = self.args.against in {score.tracker for score in scores}
        comparison = compare_scores(scores, self.args.against if is_there else None)
        if comparison:
            head["comparison"] = comparison.to_json()
        if self.args.json:
            write_scores(self.args.json, self.evaluation.benchmark.protocol.name, scores, head)
        if self.args.table:
            found = {one.tracker: one.to_json() for one in scores}
            write_tables(self.args.table, self.evaluation.benchmark.protocol, found, comparison)
        if self.args.progress == "json":
            emit({"event": "result", **head, "trackers": {score.tracker: score.to_json() for score in scores}})
        else:
            self._show(scores, comparison)
        if code:
            errors.print("Stopped; finished sequences are kept, and the same command resumes from there.")
            return code
        partial = not all(score.is_complete for score in scores)
        return INCOMPLETE if any(self.failed.values()) or self.problems or (self.args.strict and partial) else 0

    def _find_others(self) -> list[ResultFolder]:
        """Return the result folders that are scored beside what is tracked, under names of their own."""
        protocol, own = self.evaluation.benchmark.protocol, self.evaluation.folder
        folders = [Path(folder) for folder in self.args.compare]
        if self.args.only_score and (any(own.iterdir()) or not folders):
            folders.insert(0, own)
        tracked = [ResultFolder(plan.candidate.name, plan.store.folder, {}) for plan, _ in self.plans]
        found = (results for folder in folders for results in protocol.find_results(folder))
        others = gather_results([*tracked, *found])[len(tracked) :]
        return choose_trackers(others, self.args.tracker) if self.args.only_score else others

    def _announce(self) -> None:
        benchmark = self.evaluation.benchmark
        if self.args.progress == "json":
            emit(
                {
                    "event": "start",
                    "benchmark": benchmark.title,
                    "protocol": benchmark.protocol.name,
                    "trackers": [plan.candidate.name for plan, _ in self.plans],
                    "folders": {name: str(folder) for name, folder in self._folders().items()},
                    "sequences": list(self.evaluation.truths),
                    "sequences_total": benchmark.total,
                    "jobs": self.jobs,
                    "results": str(self.evaluation.folder),
                }
            )
            return
        for plan, _ in self.plans:
            if plan.present:
                errors.print(
                    f"{plan.candidate.name}: {len(plan.present)} of {len(self.evaluation.truths)} sequences have "
                    f"results in {plan.store.folder} and are not tracked again."
                )
            for name, flaw in plan.replaced.items():
                errors.print(f"{plan.candidate.name}: the result of {name} {flaw}; it is tracked again.")

    def _folders(self) -> dict[str, Path]:
        """Return where each tracker's results lie."""
        tracked = {plan.candidate.name: plan.store.folder for plan, _ in self.plans}
        return tracked | {results.tracker: results.folder for results in self.others}

    def _run(self, plan: Plan, tracker: Any, bar: Reporter) -> None:
        place = [one.candidate.name for one, _ in self.plans].index(plan.candidate.name) + 1
        if len(self.plans) > 1:
            bar.retitle(f"Running {self.evaluation.benchmark.title}, tracker {place} of {len(self.plans)}")
        grown = GrowingScore(self.evaluation, plan)
        as_json = self.args.progress == "json"
        if as_json:
            for name in plan.present:
                emit(grown.add(name, "present"))

        def tell(outcome: Outcome) -> None:
            self.tracked[plan.candidate.name] += outcome.status == TRACKED
            if as_json:
                emit(grown.add(outcome.task.info.name, outcome.status, outcome.reason))

        self.failed[plan.candidate.name] = {}
        self.failed[plan.candidate.name] = self.evaluation.carry_out(
            plan, jobs=self.jobs, tracker=tracker, on_outcome=tell, on_frames=bar.advance
        )

    def _score(self, interrupted: bool) -> list[Score]:
        scores = []
        for plan, _ in self.plans:
            failed = self.failed.get(plan.candidate.name, {})
            try:
                scores.append(self.evaluation.score(plan.store, failed=failed))
            except SiamscopeError as error:
                # stopped before this tracker had a result is not an error; nothing scored although it ran is one
                if not interrupted and len(self.plans) == 1:
                    if failed:
                        raise InputError(f"No sequence could be tracked. {next(iter(failed.values()))}") from error
                    raise
                errors.print(f"{plan.candidate.name}: {error}", style="yellow")
        return scores + self._score_others()

    def _score_others(self) -> list[Score]:
        scores = []
        for results in self.others:
            try:
                scores.append(self.evaluation.score_others(results))
            except SiamscopeError as error:
                if len(self.others) == 1 and not self.plans:
                    raise
                self.problems.append(f"{results.tracker}: {error}")
                errors.print(self.problems[-1], style="yellow")
        return scores

    def _show(self, scores: list[Score], comparison: Comparison | None) -> None:
        for score in scores:
            show_sequences(score)
        for score in scores:
            show_attributes(score)
        show_scores(scores)
        if comparison:
            show_comparison(comparison)
        output.print(f"Results are in {self.evaluation.folder}.")


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM came: the window cancels so, and batch systems do."""


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Take SIGTERM like Ctrl-C inside the block, so that workers are ended and what is done is scored."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
