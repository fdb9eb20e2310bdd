"""Tables of benchmark scores on the terminal."""

from __future__ import annotations

import math

from rich.table import Table

from tracker_core.cli.console import output
from tracker_core.evaluation.one_pass import NORMALISED_AT
from tracker_core.evaluation.scoring import OnePassScore, SupervisedScore
from tracker_core.evaluation.supervised import accuracy, attributes_of, failures, robustness


def show_one_pass(scores: list[OnePassScore]) -> None:
    """Print success, precision and speed, the best tracker first."""
    headings = ("Success\nAUC", "Precision\n20 px", "Norm.\nprecision", "SR\n0.5", "SR\n0.75", "AO", "fps", "Sequences")
    table = _table("Tracker", *headings)
    for score in sorted(scores, key=lambda score: -score.overall.success_auc):
        mean = score.overall
        table.add_row(
            score.tracker,
            *(
                _digits(value)
                for value in (
                    mean.success_auc,
                    mean.precision_20,
                    float(mean.normalised_precision[NORMALISED_AT]),
                    mean.success_rate_50,
                    mean.success_rate_75,
                    mean.overlap,
                )
            ),
            _digits(mean.fps, 1),
            f"{len(score.sequences)} of {score.total}",
        )
    _print(table)


def show_supervised(scores: list[SupervisedScore]) -> None:
    """Print EAO, accuracy, robustness and failures, the best tracker first."""
    table = _table("Tracker", "EAO", "Accuracy", "Robustness", "Failures", "Sequences")
    eao = {score.tracker: score.eao for score in scores}
    for score in sorted(scores, key=lambda score: -eao[score.tracker] if math.isfinite(eao[score.tracker]) else 1.0):
        parts = score.sequences
        table.add_row(
            score.tracker,
            *(_digits(value) for value in (eao[score.tracker], accuracy(parts), robustness(parts))),
            f"{failures(parts):g}",
            f"{len(parts)} of {score.total}",
        )
    _print(table)


def show_sequences(score: OnePassScore | SupervisedScore) -> None:
    """Print one line per sequence."""
    if isinstance(score, OnePassScore):
        table = _table(score.tracker, "Success AUC", "Precision 20 px", "AO", "fps", "Frames")
        for curves in score.sequences:
            values = (curves.success_auc, curves.precision_20, curves.overlap)
            table.add_row(curves.name, *map(_digits, values), _digits(curves.fps, 1), str(curves.frames))
    else:
        table = _table(score.tracker, "Accuracy", "Robustness", "Failures", "fps", "Frames")
        for runs in score.sequences:
            quality = (accuracy([runs]), robustness([runs]))
            failed = f"{runs.failure_count:g}"
            table.add_row(runs.name, *map(_digits, quality), failed, _digits(runs.fps, 1), str(len(runs)))
    _print(table)
    output.print()


def show_attributes(score: OnePassScore | SupervisedScore) -> None:
    """Print one line per attribute, if there are any."""
    if isinstance(score, OnePassScore):
        means = score.attributes()
        table = _table(f"{score.tracker} by attribute", "Success AUC", "Precision 20 px", "Sequences")
        for name, mean in means.items():
            count = sum(name in part.attributes for part in score.sequences)
            table.add_row(name, _digits(mean.success_auc), _digits(mean.precision_20), str(count))
        count = len(means)
    else:
        parts, tags = score.sequences, attributes_of(score.sequences)
        table = _table(f"{score.tracker} by attribute", "Accuracy", "Robustness", "Failures")
        for tag in tags:
            values = (accuracy(parts, tag), robustness(parts, tag))
            table.add_row(tag, *map(_digits, values), f"{failures(parts, tag):g}")
        count = len(tags)
    if count:
        _print(table)
        output.print()


def _print(table: Table) -> None:
    # what is not a terminal has no width, and numbers must not be cut there
    output.print(table, width=None if output.is_terminal else 200)


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _digits(value: float | None, digits: int = 4) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"
