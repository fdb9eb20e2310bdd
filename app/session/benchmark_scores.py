"""What a benchmark's trackers came to, from the events of `eval`: complete, or as it grows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tracker_core.evaluation.protocols import AnyProtocol, Measure

NOT_NUMBERS = ("event", "tracker", "sequence", "status", "reason", "done", "total", "so_far", "tags")


class BenchmarkScores:
    """The scores of every tracker, each in the form of `Score.to_json`.

    Attributes:
        protocol: how they are measured.
        trackers: scores by tracker, in the order in which they came.
        folders: where each tracker's result files lie.
        reasons: (sequence, tracker) → why there is no result, or what is odd about it.
        tags: sequence → its attributes.
    """

    def __init__(self, protocol: AnyProtocol) -> None:
        self.protocol = protocol
        self.trackers: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, str] = {}
        self.reasons: dict[tuple[str, str], str] = {}
        self.tags: dict[str, tuple[str, ...]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Take one event of `eval`."""
        if event.get("event") == "start":
            self.folders.update(event.get("folders") or {})
        elif event.get("event") == "sequence":
            self._take_sequence(event)
        elif event.get("event") == "result":
            for tracker, data in (event.get("trackers") or {}).items():
                self._take_tracker(tracker, data)

    def _take_sequence(self, event: Mapping[str, Any]) -> None:
        tracker, sequence = str(event["tracker"]), str(event["sequence"])
        data = self.trackers.setdefault(tracker, {"per_sequence": {}, "attributes": {}})
        data["per_sequence"][sequence] = {key: value for key, value in event.items() if key not in NOT_NUMBERS}
        if event.get("reason"):
            self.reasons[sequence, tracker] = str(event["reason"])
        if event.get("tags"):
            self.tags[sequence] = tuple(event["tags"])
        data.update(event.get("so_far") or {})

    def _take_tracker(self, tracker: str, data: Mapping[str, Any]) -> None:
        earlier = self.trackers.get(tracker, {}).get("per_sequence", {})
        failed = {name: values for name, values in earlier.items() if (name, tracker) in self.reasons}
        self.trackers[tracker] = {**data, "per_sequence": {**failed, **data.get("per_sequence", {})}}
        self.tags.update({name: tuple(tags) for name, tags in (data.get("tags") or {}).items()})
        remarks = data.get("remarks") or {}
        for name, text in {**(remarks.get("left_out") or {}), **(remarks.get("notes") or {})}.items():
            self.reasons[name, tracker] = text
            if name in (remarks.get("left_out") or {}):
                self.trackers[tracker]["per_sequence"].setdefault(name, {})

    def attributes(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the numbers of each tracker by attribute: attribute → tracker → numbers."""
        names = sorted({name for data in self.trackers.values() for name in data.get("attributes", {})})
        return {
            name: {tracker: data.get("attributes", {}).get(name, {}) for tracker, data in self.trackers.items()}
            for name in names
        }

    def attribute_values(self, measure: Measure) -> dict[str, dict[str, float]]:
        """Return a number of each tracker by attribute, NaN where it is not known: attribute → tracker."""
        return {
            attribute: {tracker: _number(values.get(measure.key)) for tracker, values in by_tracker.items()}
            for attribute, by_tracker in self.attributes().items()
        }

    def worst_sequence(self, tracker: str) -> str | None:
        """Return the sequence in which a tracker did worst by the protocol's first column, None without any."""
        best = self.protocol.columns[0]
        sign = 1 if best.higher_is_better else -1
        known = {
            name: sign * values[best.key]
            for name, values in self.trackers.get(tracker, {}).get("per_sequence", {}).items()
            if values.get(best.key) is not None
        }
        return min(known, key=lambda name: (known[name], name), default=None)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
