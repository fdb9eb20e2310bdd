"""Searching at several sizes, as SiamFC does (Bertinetto et al. 2016, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker_core.config import TrackingConfig


def scale_factors(tracking: TrackingConfig) -> NDArray[np.float64]:
    """Return how much larger than usual each searched region is; the middle one is 1."""
    steps = np.arange(tracking.scale_count) - tracking.scale_count // 2
    return np.asarray(tracking.scale_step**steps, np.float64)


def best_scale(peaks: Sequence[float], penalty: float) -> int:
    """Return which search has the highest peak, once those of changed sizes have lost `penalty` of theirs."""
    middle = len(peaks) // 2
    changed = np.arange(len(peaks)) != middle
    penalised = np.array(peaks) - changed * penalty * np.abs(peaks)
    return int(np.argmax(penalised)) if np.isfinite(penalised).all() else middle
