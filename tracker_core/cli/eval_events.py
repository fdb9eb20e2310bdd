"""What `eval` tells while it runs: one event per finished sequence, with the curves of all that are finished."""

from __future__ import annotations

from typing import Any

from tracker_core.errors import SiamscopeError
from tracker_core.evaluation.runner import Evaluation, Plan


class GrowingScore:
    """The score of one tracker over the sequences that are finished so far."""

    def __init__(self, evaluation: Evaluation, plan: Plan) -> None:
        self._evaluation, self._plan = evaluation, plan
        self._parts: list[Any] = []
        self._done = 0

    def add(self, sequence: str, status: str, reason: str = "") -> dict[str, Any]:
        """Return the event of a sequence: its own numbers, and means and curves with it among the finished ones.

        Keys of all: `event` ("sequence"), `tracker`, `sequence`, `status` ("tracked", "present", "failed"), `reason`,
        `done`, `total`; where it could be scored also the protocol's numbers of the sequence, `frames`, `tags`, and
        `so_far` with the numbers, `sequences` and `curves` of all so far.
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
            (part,) = self._evaluation.score(self._plan.store, only=[sequence]).sequences
        except SiamscopeError as error:
            return event | {"status": "failed", "reason": str(error)}
        self._parts.append(part)
        protocol = self._evaluation.benchmark.protocol
        so_far = {"sequences": len(self._parts), "curves": protocol.curves(self._parts)}
        event["tags"] = list(protocol.tags(part))
        return event | protocol.numbers_of(part) | {"so_far": protocol.numbers(self._parts) | so_far}
