"""Running sequences, one after another in this process or several at a time in worker processes."""

from __future__ import annotations

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from tracker_core.crew import Crew, Finished, limit_threads
from tracker_core.errors import OutputError, SiamscopeError
from tracker_core.evaluation.benchmarks import open_frames
from tracker_core.evaluation.protocols.protocol import OnFrame
from tracker_core.evaluation.result_store import ResultStore
from tracker_core.sources.sequences import SequenceInfo
from tracker_core.types import Tracker

logger = logging.getLogger(__name__)
TRACKED, PRESENT, BUSY, FAILED, UNWRITABLE = "tracked", "present", "busy", "failed", "unwritable"
BUSY_PAUSE_S = 1.0  # until a sequence that another process is at is looked at again
REPORT_EVERY_S = 0.25
MakeTracker = Callable[[], Tracker]


@dataclass(frozen=True)
class Task:
    """A sequence to be tracked, where its result goes, and what it is made from (see `fingerprint_task`)."""

    info: SequenceInfo
    store: ResultStore
    frames: int
    made_from: str


@dataclass(frozen=True)
class Outcome:
    """What became of a task: TRACKED, PRESENT (another process has done it), BUSY, FAILED or UNWRITABLE, and why."""

    task: Task
    status: str
    reason: str = ""


def carry_out(task: Task, tracker: Tracker, on_frame: OnFrame) -> Outcome:
    """Track one sequence and write its result, unless another process is at it or has done so."""
    with task.store.claim(task.info.name) as claimed:
        if not claimed:
            return Outcome(task, BUSY)
        if task.store.find_flaw(task.info.name, task.frames, task.made_from) is None:
            return Outcome(task, PRESENT)
        try:
            _track(task, tracker, on_frame)
        except OutputError as error:
            return Outcome(task, UNWRITABLE, str(error))
        except (SiamscopeError, OSError) as error:
            return Outcome(task, FAILED, str(error))
        except (RuntimeError, ValueError, ArithmeticError, LookupError, MemoryError) as error:
            # a fault of the tracker in one sequence must not cost the others
            logger.exception("Tracking '%s' failed", task.info.name)
            return Outcome(task, FAILED, f"The tracker failed in '{task.info.name}': {type(error).__name__}: {error}")
    return Outcome(task, TRACKED)


def run_here(
    tasks: Iterable[Task], make_tracker: MakeTracker, on_outcome: Callable[[Outcome], None], on_frames: OnFrames
) -> None:
    """Carry out the tasks one after another; whoever is busy elsewhere comes again at the end."""
    tracker = make_tracker()
    waiting = deque(tasks)
    passed_over = 0
    while waiting:
        task = waiting.popleft()
        outcome = carry_out(task, tracker, lambda: on_frames(1))
        if outcome.status == BUSY:
            waiting.append(task)
            passed_over += 1
            if passed_over >= len(waiting):
                time.sleep(BUSY_PAUSE_S)
                passed_over = 0
        else:
            passed_over = 0
            on_outcome(outcome)


def run_in_workers(
    tasks: Iterable[Task],
    make_tracker: MakeTracker,
    on_outcome: Callable[[Outcome], None],
    on_frames: OnFrames,
    *,
    jobs: int,
    threads: int,
) -> None:
    """Carry out the tasks in `jobs` processes of `threads` threads each; `make_tracker` must be picklable.

    A worker that dies costs the sequence it was at. Workers end when this process does, however it ends. Raises
    `SiamscopeError` if the workers cannot make the tracker.
    """

    def on_result(task: Task, outcome: Outcome) -> bool:
        if outcome.status != BUSY:
            on_outcome(outcome)
        return outcome.status != BUSY

    def on_message(task: Task | None, message: int | SiamscopeError) -> None:
        if isinstance(message, SiamscopeError):
            raise message
        on_frames(message)

    def on_death(task: Task, code: int | None) -> None:
        reason = f"The process that tracked '{task.info.name}' ended unexpectedly (exit code {code})"
        on_outcome(Outcome(task, FAILED, f"{reason}; there may be too little memory, try fewer --jobs."))

    with Crew(tasks, serve, (make_tracker, threads), jobs=jobs) as crew:
        crew.work(on_result, on_message, on_death)


OnFrames = Callable[[int], None]


def serve(connection: Connection, make_tracker: MakeTracker, threads: int) -> None:
    """Be a worker: make the tracker, then carry out tasks until the other side of `connection` is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one decides
    limit_threads(threads)
    try:
        try:
            tracker = make_tracker()
        except SiamscopeError as error:
            connection.send(error)
            return
        while True:
            report = _FrameReport(connection)
            outcome = carry_out(connection.recv(), tracker, report.add)
            report.flush()
            connection.send(Finished(outcome))
    except (EOFError, OSError):
        return  # nobody is there to work for any more


class _FrameReport:
    """Counts frames and tells the other side now and then; that fails when the other side is gone, which is meant."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._count, self._last = connection, 0, time.monotonic()

    def add(self) -> None:
        self._count += 1
        if time.monotonic() - self._last > REPORT_EVERY_S:
            self.flush()

    def flush(self) -> None:
        try:
            self._connection.send(self._count)
        except OSError:
            raise EOFError from None
        self._count, self._last = 0, time.monotonic()


def _track(task: Task, tracker: Tracker, on_frame: OnFrame) -> None:
    source = open_frames(task.info)
    try:
        tracked = task.store.protocol.track(tracker, source, on_frame)
    finally:
        source.close()
    task.store.write(task.info.name, tracked, task.made_from)
