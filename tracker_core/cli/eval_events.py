"""What `eval` tells while it runs: one event per finished sequence, with the curves of all that are finished."""

from __future__ import annotations

from typing import Any

from tracker_core.errors import SiamscopeError
from tracker_core.evaluation.one_pass import SequenceCurves, average_curves
from tracker_core.evaluation.runner import Evaluation, Plan
from tracker_core.evaluation.scoring import OnePassScore, curves_of, number, one_pass_numbers
from tracker_core.evaluation.supervised import (
    SequenceRuns,
    accuracy,
    expected_average_overlap,
    expected_overlap,
    failures,
    robustness,
)


class GrowingScore:
    """The score of one tracker over the sequences that are finished so far."""

    def __init__(self, evaluation: Evaluation, plan: Plan) -> None:
        self._evaluation, self._plan = evaluation, plan
        self._curves: list[SequenceCurves] = []
        self._runs: list[SequenceRuns] = []
        self._done = 0

    def add(self, sequence: str, status: str, reason: str = "") -> dict[str, Any]:
        """Return the event of a sequence: its own numbers, and means and curves with it among the finished ones.

        Keys of all: `event` ("sequence"), `tracker`, `sequence`, `status` ("tracked", "present", "failed"), `reason`,
        `done`, `total`. One-pass: `success_auc`, `precision_20`, `average_overlap`, `fps`, `frames`, and `so_far` with
        means and `curves`. Supervised: `accuracy`, `robustness`, `failures`, `fps`, `frames`, `so_far` with `eao`.
        """
        self._done += 1
        event: dict[str, Any] = {
            "event": "sequence",
            "tracker": self._plan.candidate.name,
            "sequence": sequence,
            "status": status,
            "done": self._done,
            "total": len(self._evaluation.truths),
        }
        if reason:
            return event | {"reason": reason}
        try:
            score = self._evaluation.score(self._plan.store, only=[sequence])
        except SiamscopeError as error:
            return event | {"status": "failed", "reason": str(error)}
        if isinstance(score, OnePassScore):
            return event | self._add_curves(score.sequences[0])
        return event | self._add_runs(score.sequences[0])

    def _add_curves(self, measured: SequenceCurves) -> dict[str, Any]:
        self._curves.append(measured)
        mean = average_curves("so far", self._curves, by_frame=self._evaluation.benchmark.rules.by_frame)
        so_far = {**one_pass_numbers(mean), "sequences": len(self._curves), "curves": curves_of(mean)}
        return {**one_pass_numbers(measured), "frames": measured.frames, "so_far": so_far}

    def _add_runs(self, measured: SequenceRuns) -> dict[str, Any]:
        self._runs.append(measured)
        curve = expected_overlap(self._runs)
        so_far = {
            "eao": number(expected_average_overlap(curve, self._evaluation.benchmark.interval)),
            "accuracy": number(accuracy(self._runs)),
            "robustness": number(robustness(self._runs)),
            "failures": failures(self._runs),
            "sequences": len(self._runs),
            "curves": {"expected_overlap": [number(value) for value in curve]},
        }
        return {
            "accuracy": number(accuracy([measured])),
            "robustness": number(robustness([measured])),
            "failures": measured.failure_count,
            "fps": number(measured.fps),
            "frames": len(measured),
            "so_far": so_far,
        }
