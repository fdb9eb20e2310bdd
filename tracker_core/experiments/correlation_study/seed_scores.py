"""Scores of several seeds as one per tracker: mean, spread, and the gain over a baseline."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker_core.evaluation.plot_parts import Curve
from tracker_core.evaluation.plots import PRECISION, SUCCESS, CurveKind, curve_of
from tracker_core.evaluation.scoring import Score
from tracker_core.metrics import Gain
from tracker_core.types import FloatArray

MEASURES = ("success_auc", "precision_20", "normalised_precision", "success_rate_50", "fps")


@dataclass(frozen=True)
class Spread:
    """Mean, lowest and highest value over seeds, and their standard deviation (NaN for one seed)."""

    mean: float
    low: float
    high: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Measure one value a seed."""
        array = np.asarray(values, np.float64)
        deviation = float(array.std(ddof=1)) if len(array) > 1 else math.nan
        return cls(float(array.mean()), float(array.min()), float(array.max()), deviation)


@dataclass(frozen=True)
class TrackerSummary:
    """One tracker over its seeds.

    Attributes:
        tracker: its name. seeds: of its runs, empty for the baseline.
        spreads: measure (see `MEASURES`) → spread over seeds; a measure that was not taken is left out.
        curves: "success" and "precision" → mean curve. bands: the same → lowest and highest curve (2, T).
        gain: over the baseline; None for the baseline itself.
        facts: parameters and training pairs, as far as they are known.
    """

    tracker: str
    seeds: tuple[str, ...]
    spreads: Mapping[str, Spread]
    curves: Mapping[str, Curve]
    bands: Mapping[str, FloatArray]
    gain: Gain | None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def summarise(
    tracker: str,
    scores: Mapping[str, Score],
    baseline: Score | None,
    facts: Mapping[str, Any] | None = None,
) -> TrackerSummary:
    """Return the mean and spread of one tracker's scores, seed → score, all on the same sequences as `baseline`."""
    numbers = [score.protocol.numbers(score.sequences) for score in scores.values()]
    spreads = {}
    for measure in MEASURES:
        values = [float(value) for row in numbers if (value := row[measure]) is not None]
        if len(values) == len(numbers):
            spreads[measure] = Spread.of(values)
    curves, bands = {}, {}
    for kind in (SUCCESS, PRECISION):
        curves[kind.key], bands[kind.key] = _average(list(scores.values()), kind)
    gain = None if baseline is None else measure_gain(list(scores.values()), baseline)
    return TrackerSummary(tracker, tuple(scores), spreads, curves, bands, gain, dict(facts or {}))


def measure_gain(scores: Sequence[Score], baseline: Score) -> Gain:
    """Return the gain in success AUC over a baseline, sequence by sequence, each averaged over seeds first."""
    reached = np.mean([_aucs(score) for score in scores], axis=0)
    return Gain.over(reached, _aucs(baseline))


def _aucs(score: Score) -> FloatArray:
    parts = sorted(score.sequences, key=lambda part: part.name)
    return np.array([part.success_auc for part in parts], np.float64)


def _average(scores: Sequence[Score], kind: CurveKind) -> tuple[Curve, FloatArray]:
    curves = [curve_of(score.overall, kind) for score in scores]
    values = np.array([curve.y for curve in curves])
    mean = Curve(curves[0].x, values.mean(axis=0), float(np.mean([curve.score for curve in curves])))
    return mean, np.stack([values.min(axis=0), values.max(axis=0)])
