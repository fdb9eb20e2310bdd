"""The table of a batch on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracker_core.batch.outcomes import FAILED, PRESENT, Outcome
from tracker_core.batch.plan import Task
from tracker_core.cli.console import errors, output

STYLES = {FAILED: "red", PRESENT: "dim"}


def show_tasks(tasks: Sequence[Task]) -> None:
    """Print a line per video and first box."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for title in ("Video", "Frame", "Target", "First box"):
        table.add_column(title, overflow="fold")
    for task in tasks:
        for box in task.boxes:
            shown = ", ".join(f"{value:g}" for value in box.box_xywh)
            table.add_row(*map(Text, (task.name, str(task.frame), box.target, shown)))
        if not task.boxes:
            table.add_row(*map(Text, (task.name, "", "", task.problem or "ground truth")), style=task.problem and "red")
    _print(table)


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print a line per video and target, then the notes."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for title in ("Video", "Status", "Target"):
        table.add_column(title, overflow="fold")
    for title in ("Frames", "Lost", "Score", "Success", "Seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    for outcome in outcomes:
        for row in outcome.rows():
            table.add_row(*map(Text, _cells(row)), style=STYLES.get(outcome.status))
    _print(table)
    for outcome in outcomes:
        for note in outcome.notes:
            errors.print(f"{outcome.name}: {note}", style="yellow")


def _print(table: Table) -> None:
    # what is not a terminal has no width, and nothing must be cut off there
    (output if output.is_terminal else Console(file=output.file, width=200, markup=False, emoji=False)).print(table)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    target = str(row.get("target", ""))
    label = row.get("label", "")
    share = f"{row['lost_share']:.0%}" if "lost_share" in row else "–"
    return (
        row["name"], row["status"], f"{target} {label}".strip(), str(row["frames"]), share,
        _number(row.get("mean_score")), _number(row.get("success_auc")), f"{row['seconds']:.1f}",
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
