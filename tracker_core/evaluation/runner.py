"""Running trackers on a benchmark: what is done is kept, what is missing is tracked, and everything is scored."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker_core.cores import own_cores
from tracker_core.errors import InputError, OutputError, SiamscopeError
from tracker_core.evaluation.benchmarks import Benchmark
from tracker_core.evaluation.result_files import ResultFolder
from tracker_core.evaluation.result_store import ResultStore, describe_tracker, fingerprint_task
from tracker_core.evaluation.scoring import Score, score_results
from tracker_core.evaluation.workers import FAILED, UNWRITABLE, MakeTracker, Outcome, Task, run_here, run_in_workers
from tracker_core.files import check_writable
from tracker_core.trackers.producers import describe_producer
from tracker_core.types import Tracker

logger = logging.getLogger(__name__)
GPU_MEMORY_PER_JOB = 2 << 30
MOST_GPU_JOBS = 8


@dataclass(frozen=True)
class Candidate:
    """A tracker that takes part: the name of its results, and how it is made (picklable, to be made in workers)."""

    name: str
    make: MakeTracker


@dataclass(frozen=True)
class Plan:
    """What one tracker has to do: sequences to track, those with results, those whose results are replaced."""

    candidate: Candidate
    store: ResultStore
    tasks: tuple[Task, ...]
    present: tuple[str, ...]
    replaced: Mapping[str, str]

    @property
    def frames(self) -> int:
        """Frames to be tracked."""
        return sum(task.frames for task in self.tasks)


class Evaluation:
    """One benchmark, its ground truth, and the folder of results `out/<benchmark>/<tracker>`.

    A sequence whose ground truth cannot be read is named in `unreadable` (sequence → reason) and left out of every
    score. Raises `SiamscopeError` where no sequence can be read.
    """

    def __init__(self, benchmark: Benchmark, out: str | Path) -> None:
        self.benchmark = benchmark
        self.folder = check_writable(Path(out) / benchmark.rules.name)
        self.truths: dict[str, Any] = {}  # as the protocol has them
        self.unreadable: dict[str, str] = {}
        for info in benchmark.infos:
            try:
                self.truths[info.name] = benchmark.protocol.truth_of(info)
            except SiamscopeError as error:
                self.unreadable[info.name] = f"{info.name}: {error}"
        if not self.truths:
            raise InputError(f"No sequence could be read. The first one: {next(iter(self.unreadable.values()))}")

    def plan(self, candidate: Candidate, tracker: Tracker, *, again: bool = False) -> Plan:
        """Look which results of a tracker are there, or remove them if it shall run `again`.

        Raises `InputError` if those that are there were made by other weights or settings than `tracker`'s.
        """
        store = ResultStore(self.folder / candidate.name, self.benchmark.protocol)
        settings = {"benchmark": self.benchmark.title, **describe_tracker(tracker)}
        store.check_settings(settings, describe_producer(tracker), self.truths if again else ())
        if again:
            store.clear(self.truths)
        tasks, present, replaced = [], [], {}
        for info in self.benchmark.infos:
            if info.name not in self.truths:
                continue
            truth = self.truths[info.name]
            task = Task(info, store, len(truth), fingerprint_task(info, truth))
            flaw = store.find_flaw(info.name, task.frames, task.made_from)
            if flaw is None:
                present.append(info.name)
                continue
            if store.result_path(info.name).exists():
                replaced[info.name] = flaw
            tasks.append(task)
        return Plan(candidate, store, tuple(tasks), tuple(present), replaced)

    def carry_out(
        self,
        plan: Plan,
        *,
        jobs: int = 1,
        tracker: Tracker | None = None,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        on_frames: Callable[[int], None] = lambda count: None,
    ) -> dict[str, str]:
        """Track what a plan says, `jobs` sequences at a time, and return why sequences failed.

        `tracker` is used where everything runs in this process. Interrupting it keeps every finished sequence. Raises
        `OutputError` as soon as a result cannot be written.
        """
        failed: dict[str, str] = {}

        def note(outcome: Outcome) -> None:
            if outcome.status == UNWRITABLE:  # nor could the others be written: hours of tracking for nothing
                raise OutputError(f"{outcome.reason} Finished sequences are kept; the same command resumes from there.")
            if outcome.status == FAILED:
                failed[outcome.task.info.name] = f"{outcome.task.info.name}: {outcome.reason}"
            on_outcome(outcome)

        make = (lambda: tracker) if tracker is not None else plan.candidate.make
        if jobs > 1 and len(plan.tasks) > 1:
            # the longest first, so that no worker is left with it at the end
            tasks = sorted(plan.tasks, key=lambda task: -task.frames)
            threads = threads_per_job(jobs)
            run_in_workers(tasks, plan.candidate.make, note, on_frames, jobs=jobs, threads=threads)
        elif plan.tasks:
            run_here(plan.tasks, make, note, on_frames)
        return failed

    def score(
        self, store: ResultStore, *, failed: Mapping[str, str] | None = None, only: Iterable[str] | None = None
    ) -> Score:
        """Score the results in a tracker's folder: of all chosen sequences, or of those in `only`.

        Raises `InputError` if there is none that can be scored.
        """
        wanted = list(self.truths) if only is None else list(only)
        return self._score(store.results(wanted), wanted, failed or {})

    def score_others(self, results: ResultFolder) -> Score:
        """Score anyone's result files on all chosen sequences; raises `InputError` if none can be scored."""
        return self._score(results, list(self.truths), {})

    def _score(self, results: ResultFolder, wanted: list[str], failed: Mapping[str, str]) -> Score:
        benchmark = self.benchmark
        score = score_results(benchmark.protocol, results, {name: self.truths[name] for name in wanted})
        reasons = {**self.unreadable, **failed}
        remarks = dataclasses.replace(
            score.remarks,
            missing=[name for name in score.remarks.missing if name not in reasons],
            left_out={**reasons, **score.remarks.left_out},
            absent=list(benchmark.absent),
            benchmark=benchmark.title,
        )
        return dataclasses.replace(score, total=benchmark.total, remarks=remarks)


def choose_jobs(wanted: int | None, device: str, sequences: int) -> int:
    """Return how many sequences to track at a time: as wanted, else one per core or as the GPU's memory allows.

    Raises `InputError` for less than one.
    """
    if wanted is not None:
        if wanted < 1:
            raise InputError(f"--jobs {wanted} is not possible; give 1 or more.")
        return min(wanted, max(1, sequences))
    jobs = own_cores()
    if device != "cpu":
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        jobs = min(jobs, MOST_GPU_JOBS, int(free) // GPU_MEMORY_PER_JOB)
    return max(1, min(jobs, sequences))


def threads_per_job(jobs: int) -> int:
    """Return the threads that each of `jobs` processes may use."""
    return max(1, own_cores() // jobs)


def describe_run(plan: Plan, jobs: int, device: str) -> dict[str, Any]:
    """Return how a tracker was run, for the output."""
    return {
        "device": device,
        "jobs": jobs,
        "threads_per_job": threads_per_job(jobs),
        "results": str(plan.store.folder),
        "sequences_present_before": len(plan.present),
    }
