"""Tables of benchmark scores on the terminal."""

from __future__ import annotations

import math

from rich.table import Table

from tracker_core.cli.console import output
from tracker_core.evaluation.one_pass import NORMALISED_AT
from tracker_core.evaluation.scoring import OnePassScore, SupervisedScore
from tracker_core.evaluation.supervised import accuracy, failures, robustness


def show_one_pass(scores: list[OnePassScore]) -> None:
    """Print success, precision and speed, the best tracker first."""
    table = _table("Tracker", "Success AUC", "Precision 20 px", "Norm. precision", "SR 0.5", "SR 0.75", "AO", "fps")
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
    output.print(table)


def show_supervised(scores: list[SupervisedScore]) -> None:
    """Print EAO, accuracy, robustness and failures, the best tracker first."""
    table = _table("Tracker", "EAO", "Accuracy", "Robustness", "Failures")
    eao = {score.tracker: score.eao for score in scores}
    for score in sorted(scores, key=lambda score: -eao[score.tracker] if math.isfinite(eao[score.tracker]) else 1.0):
        parts = score.sequences
        table.add_row(
            score.tracker,
            *(_digits(value) for value in (eao[score.tracker], accuracy(parts), robustness(parts))),
            f"{failures(parts):g}",
            f"{len(parts)} of {score.total}",
        )
    output.print(table)


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in (*columns, "Sequences"):
        table.add_column(name, justify="right")
    return table


def _digits(value: float | None, digits: int = 4) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"
