"""What a reader had to leave out: counted by reason, named once."""

from __future__ import annotations

import logging
from collections import Counter

logger = logging.getLogger(__name__)


class Skipped:
    """Counts what is left out of a data set; `report` says how often each thing happened and where first."""

    def __init__(self, data_set: str) -> None:
        self.data_set = data_set
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def note(self, reason: str, where: str, count: int = 1) -> None:
        """Count `count` things left out for `reason`, a phrase such as "boxes without area"."""
        if count:
            self.counts[reason] += count
            self.first.setdefault(reason, where)

    @property
    def total(self) -> int:
        """How many things were left out in all."""
        return sum(self.counts.values())

    def describe(self) -> str:
        """Return one phrase per reason, the most frequent first."""
        ranked = self.counts.most_common()
        return "; ".join(f"{count} {reason} (first: '{self.first[reason]}')" for reason, count in ranked)

    def report(self) -> None:
        """Log one warning, if anything was left out."""
        if self.counts:
            logger.warning("Left out of '%s': %s.", self.data_set, self.describe())
