"""Trackers beside one of them, sequence by sequence: how often they are better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tracker_core.errors import InputError, nearest_name
from tracker_core.evaluation.protocols import AnyProtocol, Measure
from tracker_core.evaluation.protocols.protocol import number
from tracker_core.metrics import Gain

FEWEST = 6  # sequences below which even a tracker that wins all may do so by chance: 2 · 2⁻⁵ > 0.05 (sign test)
Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Beside:
    """A tracker beside the one that it is compared with, on the `common` sequences that both have a number for.

    `gain` is its mean difference per sequence with the 95 % interval of a paired bootstrap; None without a sequence.
    """

    tracker: str
    common: int
    won: int
    lost: int
    gain: Gain | None

    @property
    def verdict(self) -> str:
        """Whether the interval leaves zero out: "better", "worse", "a draw", or "too few" sequences to tell."""
        if self.gain is None or self.common < FEWEST:
            return "too few"
        if not self.gain.is_clear:
            return "a draw"
        return "better" if self.gain.mean > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    """One measure of several trackers by sequence.

    Attributes:
        measure: what is compared: the first sequence measure of the protocol's narrow tables.
        against: the tracker that the others are compared with.
        values: sequence → tracker → number, None where it is not known; trackers in the order of the scores.
        others: the other trackers beside it.
    """

    measure: Measure
    against: str
    values: Mapping[str, Values]
    others: tuple[Beside, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "against": self.against,
            "measure": self.measure.key,
            "trackers": {one.tracker: _beside_to_json(one) for one in self.others},
        }


def compare(protocol: AnyProtocol, scores: Mapping[str, Mapping[str, Any]], against: str) -> Comparison:
    """Compare trackers (name → what `Score.to_json` returns) with one of them; raises `InputError` where it is none."""
    check_against(against, scores)
    measure = protocol.columns[0]
    sequences = sorted({name for values in scores.values() for name in values["per_sequence"]}, key=str.casefold)
    values = {
        name: {tracker: found["per_sequence"].get(name, {}).get(measure.key) for tracker, found in scores.items()}
        for name in sequences
    }
    others = tuple(_beside(values, name, against) for name in scores if name != against)
    return Comparison(measure, against, values, others)


def check_against(against: str, names: Iterable[str]) -> None:
    """Raise `InputError` unless the tracker to compare with is one of those that are there."""
    known = list(names)
    if against not in known:
        raise InputError(
            f"--against names '{against}', which is not among the trackers.{nearest_name(against, known)} "
            f"There are: {', '.join(known)}."
        )


def _beside(values: Mapping[str, Values], tracker: str, against: str) -> Beside:
    pairs = [(row[tracker], row[against]) for row in values.values()]
    known = [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]
    if not known:
        return Beside(tracker, 0, 0, 0, None)
    won, lost = (sum(sign * (mine - theirs) > 0 for mine, theirs in known) for sign in (1, -1))
    return Beside(tracker, len(known), won, lost, Gain.over(*zip(*known, strict=True)))


def _beside_to_json(one: Beside) -> dict[str, Any]:
    gain = one.gain
    spread = (None, None, None) if gain is None else (gain.mean, gain.low, gain.high)
    mean, low, high = (number(value) for value in spread)
    counts = {"common": one.common, "won": one.won, "lost": one.lost}
    return {**counts, "gain": mean, "low": low, "high": high, "verdict": one.verdict}
