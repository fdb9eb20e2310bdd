"""Worker processes: every task is done once, whatever dies or is asked to stop."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from tracker_core.crew import Crew, Finished


def serve(connection: Connection, factor: int) -> None:
    """Multiply numbers; some tasks are not what one expects."""
    signal.signal(signal.SIGTERM, _stop)
    seen = 0
    try:
        while True:
            task = connection.recv()
            seen += 1
            if task == "die":
                os._exit(7)
            if task == "wait":
                try:
                    connection.send("waiting")
                    time.sleep(60)
                except KeyboardInterrupt:
                    connection.send(Finished("stopped"))
                continue
            connection.send(f"working on {task}")
            connection.send(Finished(seen if task == "busy" else task * factor))
    except (EOFError, OSError):
        return


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def test_everything_is_done_although_a_worker_dies() -> None:
    results: dict[Any, Any] = {}
    said: list[Any] = []
    deaths: list[Any] = []

    def on_result(task: Any, result: Any) -> bool:
        results[task] = result
        return task != "busy" or result > 1  # the first time it is given back

    with Crew([1, "die", 2, "busy", 3], serve, (10,), jobs=2) as crew:
        crew.work(on_result, lambda task, message: said.append(message), lambda task, code: deaths.append((task, code)))
    assert {key: results[key] for key in (1, 2, 3)} == {1: 10, 2: 20, 3: 30} and results["busy"] > 1
    assert deaths == [("die", 7)] and "working on 2" in said


def test_stopping_waits_for_what_is_at_work_and_gives_out_nothing_more() -> None:
    results: dict[Any, Any] = {}

    def on_result(task: Any, result: Any) -> bool:
        results[task] = result
        return True

    def on_message(task: Any, message: Any) -> None:
        if message == "waiting":
            crew.stop()

    with Crew(["wait", 5, 6], serve, (10,), jobs=1) as crew:
        crew.work(on_result, on_message, lambda task, code: None)
    assert results == {"wait": "stopped"}
