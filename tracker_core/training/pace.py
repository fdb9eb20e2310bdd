"""How quickly steps of training follow each other: of the last ones, without the validations between them."""

from __future__ import annotations

import time
from collections import deque

WINDOW = 50  # steps; later ones can be slower, as when the backbone is released


class Pace:
    """The rate of the last steps of `batch` pairs each; made when the first one begins."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._seconds: deque[float] = deque(maxlen=WINDOW)
        self._is_first = True
        self.begin()

    def begin(self) -> None:
        """Note that a step begins."""
        self._began = time.perf_counter()

    def note_step(self) -> None:
        """Note that a step ended."""
        if len(self._seconds) == 1 and self._is_first:
            self._seconds.clear()  # the first one waited for the worker processes to start
            self._is_first = False
        self._seconds.append(time.perf_counter() - self._began)

    @property
    def pairs_per_second(self) -> float:
        """Pairs per second over the last steps."""
        return self._batch * len(self._seconds) / max(1e-9, sum(self._seconds))
