"""Everything that ATOM leaves to chance, in one place, so that a run can be repeated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Draws:
    """Draws that depend on the seed and the frame alone: a resumed run draws the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def shifts(self, count: int) -> FloatArray:
        """Return count×2, uniform in −0.5..0.5, for the first frame's samples."""
        return np.random.default_rng((self.seed, 0)).uniform(-0.5, 0.5, (count, 2))

    def dropped(self, count: int, channels: int, share: float) -> NDArray[np.bool_]:
        """Return count×channels, which channels are left out."""
        return np.asarray(np.random.default_rng((self.seed, 1)).random((count, channels)) < share)

    def start(self, channels: int, features: int, taps: int) -> tuple[FloatArray, FloatArray]:
        """Return standard normal draws for the filter, channels×taps, and for the projection, channels×features."""
        rng = np.random.default_rng((self.seed, 2))
        return rng.standard_normal((channels, taps)), rng.standard_normal((channels, features))

    def jitter(self, frame: int, count: int) -> FloatArray:
        """Return count×4, uniform in −0.5..0.5, for the boxes around the rough one in frame `frame`."""
        return np.random.default_rng((self.seed, 3, frame)).uniform(-0.5, 0.5, (count, 4))
