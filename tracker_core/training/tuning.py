"""Searching the tracking parameters on validation sequences, by running the tracker: its path depends on them."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.config import TrackingConfig, check_tracking, ranges_of
from tracker_core.errors import ConfigError, DataSetError, nearest_name
from tracker_core.evaluation.curves import SequenceCurves
from tracker_core.metrics import Gain
from tracker_core.trackers.base import NetworkTracker
from tracker_core.training.clips import Clip
from tracker_core.training.images import ImageCache
from tracker_core.training.readers.sequences import read_sequence_clips
from tracker_core.training.validation import summarise, track_sequences

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """One setting of the searched parameters and what the tracker reached with it."""

    parameters: dict[str, float]
    scores: tuple[SequenceCurves, ...]

    @property
    def success_auc(self) -> float:
        """The mean over the sequences, which ranks the trials."""
        return float(np.mean([score.success_auc for score in self.scores]))


def parse_search(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the ranges of `name=low:high` texts, or the usual ones; raises `ConfigError` for a bad one."""
    known = ranges_of(TrackingConfig)
    ranges: dict[str, tuple[float, float]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        name = name.removeprefix("tracking.")
        if name not in known:
            raise ConfigError(
                f"There is no tracking parameter '{name}' to search.{nearest_name(name, known)} "
                f"Known: {', '.join(known)}."
            )
        try:
            low, high = (float(value) for value in values.split(":"))
        except ValueError:
            raise ConfigError(f"'{text}' is not of the form name=low:high, such as window_influence=0.1:0.5.") from None
        if not known[name].low <= low <= high <= known[name].high:
            raise ConfigError(f"The range of '{text}' is empty or outside {known[name].low:g}..{known[name].high:g}.")
        ranges[name] = (low, high)
    return ranges or {name: allowed.tuned for name, allowed in known.items() if allowed.tuned is not None}


def draw_settings(ranges: Mapping[str, tuple[float, float]], trials: int, seed: int) -> Iterator[dict[str, float]]:
    """Yield `trials` settings drawn uniformly from the ranges."""
    rng = np.random.default_rng(seed)
    for _ in range(trials):
        yield {name: round(float(rng.uniform(low, high)), 4) for name, (low, high) in ranges.items()}


def grid_settings(ranges: Mapping[str, tuple[float, float]], points: int) -> Iterator[dict[str, float]]:
    """Yield every combination of `points` equidistant values of each range."""
    lines = [np.linspace(low, high, points) for low, high in ranges.values()]
    for values in itertools.product(*lines):
        yield {name: round(float(value), 4) for name, value in zip(ranges, values, strict=True)}


def apply_setting(tracking: TrackingConfig, setting: Mapping[str, float]) -> TrackingConfig:
    """Return the parameters changed by a setting, whole numbers where the field holds them; checked."""
    kinds = {field.name: type(getattr(tracking, field.name)) for field in dataclasses.fields(tracking)}
    values: dict[str, Any] = {
        name: round(value) if kinds[name] is int else float(value) for name, value in setting.items()
    }
    return check_tracking(dataclasses.replace(tracking, **values))


def run_trials(
    tracker: NetworkTracker,
    sequences: Sequence[Clip],
    settings: Iterator[dict[str, float]],
    cache: ImageCache,
) -> Iterator[Trial]:
    """Yield a trial for the tracker's own parameters, then one for each setting.

    A setting that contradicts another parameter (a low threshold above the high one) is left out.
    """
    start = tracker.tracking
    try:
        for setting in itertools.chain([{}], settings):
            try:
                tracker.set_tracking(apply_setting(start, setting))
            except ConfigError as error:
                logger.warning("The setting %s is left out: %s", setting, error)
                continue
            yield Trial(dict(setting), tuple(track_sequences(tracker, sequences, cache)))
    finally:
        tracker.set_tracking(start)


def describe_trials(trials: Sequence[Trial], tracking: TrackingConfig) -> dict[str, Any]:
    """Return start, best, spread and every trial as plain values; `trials[0]` ran the tracker's own parameters."""
    start, best = trials[0], max(trials, key=lambda trial: trial.success_auc)
    gain = Gain.over([score.success_auc for score in best.scores], [score.success_auc for score in start.scores])
    aucs = np.array([trial.success_auc for trial in trials])
    searched = dict.fromkeys(name for trial in trials for name in trial.parameters)
    setting = dataclasses.asdict(apply_setting(tracking, best.parameters))
    return {
        "tracking": {name: setting[name] for name in searched},
        "best": summarise(best.scores),
        "start": summarise(start.scores),
        "gain": {"mean": gain.mean, "standard_error": gain.standard_error, "is_clear": gain.is_clear},
        "spread": {"lowest": float(aucs.min()), "median": float(np.median(aucs)), "highest": float(aucs.max())},
        "sequences": {score.name: round(score.success_auc, 4) for score in best.scores},
        "trials": [{**trial.parameters, "success_auc": round(trial.success_auc, 4)} for trial in trials],
    }


def read_sequences(root: str | Path, layout: str | None = None) -> list[Clip]:
    """Return the sequences of a data-set folder with ground truth for more than one frame.

    Raises `DataSetError` if there are none.
    """
    clips = [clip for clip in read_sequence_clips(layout, root) if len(clip.usable) > 1]
    if not clips:
        raise DataSetError(f"No sequence with ground truth was found in '{root}'; parameters cannot be searched on it.")
    return clips
