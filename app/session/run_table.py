"""What the list of runs shows: every run of the source with its tracker, changed parameters and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.session.frame_view import Curve, RunSummary, Scoring, Stale
from app.session.live_run import LiveRun
from app.session.measures import GroundTruth
from app.session.runs import Runs
from app.session.trackers import Trackers
from tracker_core.metrics import PRECISION_PIXELS, precision_curve, success_curve
from tracker_core.results.provenance import Producer
from tracker_core.types import FloatArray


@dataclass(frozen=True)
class _Measured:
    """A run's summary and curves as long as the run, the ground truth and what the tracker was tuned with stay."""

    key: tuple[object, ...]
    summary: RunSummary
    curves: dict[int, Curve]


class RunTable:
    """Summarises the runs of a session; a run that did not change since the last time is not measured again."""

    def __init__(self, trackers: Trackers) -> None:
        self._trackers = trackers
        self._measured: dict[int, _Measured] = {}

    def summarise(self, runs: Runs, truth: GroundTruth) -> tuple[RunSummary, ...]:
        """Return every run that holds a target, in the order of their numbers."""
        listed = [run for run in runs if run.recorder.targets]
        found = {run.number: self._measure(run, truth) for run in listed}
        self._measured = found
        return tuple(self._present(found[run.number], run, runs, truth) for run in listed)

    def curves(self, run: LiveRun, truth: GroundTruth) -> Mapping[int, Curve]:
        """Return a run's curves by target; the same object for as long as the run and the truth stay the same."""
        measured = self._measured[run.number] = self._measure(run, truth)
        return measured.curves

    def _present(self, measured: _Measured, run: LiveRun, runs: Runs, truth: GroundTruth) -> RunSummary:
        is_active, is_visible = run is runs.active, run.number not in runs.hidden
        return replace(
            measured.summary,
            is_active=is_active,
            is_visible=is_visible,
            stale=self._staleness(run, is_active, truth),
            curves=measured.curves if is_visible and not is_active else {},
        )

    def _staleness(self, run: LiveRun, is_active: bool, truth: GroundTruth) -> Stale:
        if truth.has_changed_since(run):
            return Stale.TRUTH
        is_other = is_active and self._trackers.is_built and run.is_of_another(self._trackers.producer)
        return Stale.TRACKER if is_other else Stale.NO

    def _measure(self, run: LiveRun, truth: GroundTruth) -> _Measured:
        key = (run.source, run.revision, run.count, id(truth.sequence))
        known = self._measured.get(run.number)
        if known is not None and known.key == key:
            return known
        built = run.recorder.build()
        curves = truth.curves(run, built)
        ious = _joined(curve.ious for curve in curves.values())
        errors = _joined(curve.center_errors for curve in curves.values())
        is_scored, updates_s = np.isfinite(ious), built.update_times_s
        timed = updates_s[np.isfinite(updates_s) & (updates_s > 0)]
        summary = RunSummary(
            run.number,
            run.recorder.title,
            ", ".join(dict.fromkeys(producer.title for producer in built.producers)),
            self._changes(built.producers[-1]) if built.producers else (),
            run.begins_at,
            len(built),
            sum(int(curve.losses.sum()) for curve in curves.values()),
            float(success_curve(ious[is_scored]).mean()),
            float(precision_curve(errors[is_scored], [PRECISION_PIXELS])[0]),
            1 / float(np.median(timed)) if len(timed) else math.nan,
            scoring=_scoring(run, truth),
            created=run.recorder.created,
            color=run.color,
        )
        return _Measured(key, summary, curves)

    def _changes(self, producer: Producer) -> tuple[tuple[str, float, float], ...]:
        """Return the parameters that are not as the tracker was tuned; none where that is not known."""
        tuned, now = _numbers_of(self._trackers.tuned_config(producer)), _numbers_of(producer.config)
        return tuple((name, tuned[name], now[name]) for name in now if name in tuned and tuned[name] != now[name])


def _numbers_of(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the parameters of the tracking loop that are numbers."""
    tracking = config.get("tracking")
    values = tracking.items() if isinstance(tracking, Mapping) else ()
    return {str(name): float(value) for name, value in values if isinstance(value, (int, float))}


def _scoring(run: LiveRun, truth: GroundTruth) -> Scoring:
    if truth.sequence is None:
        return Scoring.NO_TRUTH
    if run.is_scored_anyway:
        return Scoring.ANYWAY
    is_on_truth = any(any(truth.scored_spans(run, target)[1]) for target in run.targets.values())
    return Scoring.ON_TRUTH if is_on_truth else Scoring.ELSEWHERE


def _joined(columns: Iterable[FloatArray]) -> FloatArray:
    return np.concatenate([np.zeros(0), *columns])
