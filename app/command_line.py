"""The command `siamscope`, and `python main.py …`: the core's command line together with the window."""

from __future__ import annotations

from collections.abc import Sequence

from app.window.display import has_display
from tracker_core.cli.main import Window
from tracker_core.cli.main import main as run_command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; without arguments the window opens, or the demo runs."""
    return run_command_line(argv, Window(has_display, _open, _measure))


def _open(arguments: Sequence[str]) -> int:
    from app.window.application import run_window  # here, because most commands need no Qt

    return run_window(list(arguments))


def _measure(arguments: Sequence[str]) -> int:
    from app.bench.measure import main as measure

    return measure(list(arguments))
