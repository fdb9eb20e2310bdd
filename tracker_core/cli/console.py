"""What every sub-command shares: the console, logging, errors as one sentence, progress as a bar or as JSON lines."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from tracker_core.errors import SiamscopeError

INTERRUPTED = 130
# texts hold names of files and sources: "[x]" and ":x:" in them are no styles and no emoji
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
output = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


def add_progress_option(parser: argparse.ArgumentParser) -> None:
    """Add --progress, which `Reporter` carries out."""
    parser.add_argument(
        "--progress", choices=("bar", "json", "none"), default="bar", help="progress output: bar, json or none"
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add --device and --runtime: on what a tracker's network runs, and by what."""
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda or cuda:N (auto)")
    parser.add_argument("--runtime", default="auto", metavar="R", help="auto, onnx, cuda or eager (auto)")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Add --precision: with how many bits a tracker's network computes."""
    parser.add_argument(
        "--precision", default="fp32", metavar="P", help="fp32, fp16 on a GPU, or int8 on the CPU (fp32)"
    )


def set_up_logging(verbose: bool) -> None:
    """Show warnings (or everything, if `verbose`) on standard error."""
    handler = RichHandler(console=errors, show_time=False, show_path=verbose, show_level=True, markup=False)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING, format="%(message)s", handlers=[handler])
    logging.getLogger("matplotlib").setLevel(logging.WARNING)


def run_safely(action: Callable[[], int]) -> int:
    """Run a command; an error of the project becomes one sentence and its exit code, Ctrl-C exits with 130."""
    try:
        return action()
    except SiamscopeError as error:
        errors.print(Text.assemble(("Error:", "bold red"), f" {error}"))
        return error.exit_code
    except KeyboardInterrupt:
        errors.print("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (head, less) went away; that is no error of ours
        sys.stderr.close()
        return 0


def print_note(text: str) -> None:
    """Print what the user should know of a result, on standard error."""
    errors.print(Text.assemble(("Note:", "yellow"), f" {text}"))


class RateColumn(ProgressColumn):
    """Steps per second, in the unit that the task names."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:6.1f} {task.fields.get('unit', 'frames')}/s" if speed else "", style="progress.data.speed")


class Reporter:
    """Progress of one piece of work; a context manager.

    "bar" draws a bar with rate and remaining time on standard error, "json" writes one object a line on standard
    output (`{"event": "progress", "done": …, "total": …}`, at most ten a second), "none" says nothing.
    """

    def __init__(self, kind: str, title: str, total: int | None, unit: str = "frames") -> None:
        self.kind, self.title, self.total, self.unit = kind, title, total, unit
        self.done = 0
        self._last_line = 0.0
        self._bar: Progress | None = None

    def __enter__(self) -> Reporter:
        if self.kind == "bar":
            self._bar = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), RateColumn(),
                TimeRemainingColumn(), console=errors, transient=False,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total, unit=self.unit)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if kind is None and self.total != self.done:
                self._bar.update(self._task, total=self.done)  # a video's frame count is an estimate
            self._bar.stop()
        elif self.kind == "json":
            self._write()

    def retitle(self, title: str) -> None:
        """Say what the work has come to."""
        self.title = title
        if self._bar is not None:
            self._bar.update(self._task, description=title)

    def advance(self, steps: int = 1) -> None:
        """Note that `steps` more are done."""
        self.done += steps
        if self._bar is not None:
            if self.total is not None and self.done > self.total:
                self._bar.update(self._task, total=self.done)
            self._bar.advance(self._task, steps)
        elif self.kind == "json" and time.monotonic() - self._last_line > 0.1:
            self._write()

    def _write(self) -> None:
        self._last_line = time.monotonic()
        emit({"event": "progress", "title": self.title, "done": self.done, "total": self.total, "unit": self.unit})


def emit(message: dict[str, Any]) -> None:
    """Write one JSON object as a line on standard output, at once."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
