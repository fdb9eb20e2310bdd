"""Worker processes that each do one task at a time; one that dies costs the task that it was at."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")
AGAIN_PAUSE_S = 1.0  # until a task that could not be done yet is given out again


@dataclass(frozen=True)
class Finished:
    """What a worker sends when it has done its task and waits for the next one."""

    result: Any


class Crew(Generic[Work]):
    """Hands out `tasks` to `jobs` processes; use it in a `with` block, at whose end all of them end.

    Each runs `serve(connection, *arguments)`, a function of a module: it receives tasks from the connection, sends
    whatever it has to say while it works, and a `Finished` at the end of each task. It should end when the connection
    does, so that no worker outlives this process, however that ends.
    """

    def __init__(
        self, tasks: Iterable[Work], serve: Callable[..., None], arguments: tuple[Any, ...], *, jobs: int
    ) -> None:
        self._tasks = deque(tasks)
        self._held_back: list[tuple[float, Work]] = []  # when to try again, what
        self._serve, self._arguments = serve, arguments
        # a fresh interpreter each: forking a process that has run PyTorch can hang
        self._context = multiprocessing.get_context("spawn")
        self._at_work: dict[Connection, Work | None] = {}
        self._processes: dict[Connection, Any] = {}
        for _ in range(min(jobs, len(self._tasks))):
            self._hire()

    def __enter__(self) -> Crew[Work]:
        return self

    def __exit__(self, *exception: object) -> None:
        for connection in self._at_work:
            connection.close()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.join()

    def work(
        self,
        on_result: Callable[[Work, Any], bool],
        on_message: Callable[[Work | None, Any], None],
        on_death: Callable[[Work, int | None], None],
    ) -> None:
        """Hand out tasks until all are done.

        `on_result` gets what a `Finished` holds and returns whether the task is done; else it is given out again a
        little later. `on_message` gets everything else that a worker says, `on_death` the exit code of a worker that
        ended in the middle of a task; another one takes its place.
        """
        while self._tasks or self._held_back or any(task is not None for task in self._at_work.values()):
            now = time.monotonic()
            self._tasks.extend(task for due, task in self._held_back if due <= now)
            self._held_back = [(due, task) for due, task in self._held_back if due > now]
            for connection in [c for c, task in self._at_work.items() if task is None]:
                if self._tasks:
                    self._give(connection, self._tasks.popleft())
            ready = wait(list(self._at_work), timeout=AGAIN_PAUSE_S)
            for connection in [c for c in self._at_work if c in ready]:
                self._hear(connection, on_result, on_message, on_death)

    def stop(self) -> None:
        """Give out nothing more, and send SIGTERM to whoever is at work; `work` then waits for their last results."""
        self._tasks.clear()
        self._held_back.clear()
        for connection, task in self._at_work.items():
            if task is not None:
                self._processes[connection].terminate()

    def _hire(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self._serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        self._at_work[ours] = None
        self._processes[ours] = process

    def _give(self, connection: Connection, task: Work) -> None:
        self._at_work[connection] = task
        with contextlib.suppress(OSError):  # a worker that is dead is noticed when it is listened to
            connection.send(task)

    def _hear(
        self,
        connection: Connection,
        on_result: Callable[[Work, Any], bool],
        on_message: Callable[[Work | None, Any], None],
        on_death: Callable[[Work, int | None], None],
    ) -> None:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            self._bury(connection, on_death)
            return
        task = self._at_work[connection]
        if isinstance(message, Finished) and task is not None:
            self._at_work[connection] = None
            if not on_result(task, message.result):
                self._held_back.append((time.monotonic() + AGAIN_PAUSE_S, task))
        else:
            on_message(task, message)

    def _bury(self, connection: Connection, on_death: Callable[[Work, int | None], None]) -> None:
        task, process = self._at_work.pop(connection), self._processes.pop(connection)
        connection.close()
        process.join()
        if task is not None:
            on_death(task, process.exitcode)
        if self._tasks or self._held_back:
            self._hire()


def limit_threads(threads: int) -> None:
    """Let this process compute with so many threads from now on."""
    import cv2

    os.environ["OMP_NUM_THREADS"] = str(threads)  # PyTorch and ONNX Runtime obey this when they are loaded
    cv2.setNumThreads(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
