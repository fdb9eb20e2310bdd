"""Smoothing what was measured frame by frame, without delay and at uneven times."""

from __future__ import annotations

import numpy as np

from tracker_core.types import FloatArray

_REACH = 3.0  # of the kernel, in standard deviations


def smooth(times_s: FloatArray, values: FloatArray, sigma_s: float) -> FloatArray:
    """Return `values` (N, C) smoothed over `times_s` (N,) by straight lines fitted with Gaussian weights.

    Local linear regression: even motion stays as it is, at both ends too, where a mean would lag behind (Fan and
    Gijbels, Local Polynomial Modelling, 1996). Times need not be even.
    """
    if sigma_s <= 0 or len(times_s) < 3:
        return values
    reach = _REACH * sigma_s
    before = np.arange(len(times_s)) - np.searchsorted(times_s, times_s - reach)
    after = np.searchsorted(times_s, times_s + reach, side="right") - 1 - np.arange(len(times_s))
    sums = np.zeros((3, len(times_s)))
    weighted = np.zeros((2, *values.shape))
    for offset in range(-int(before.max()), int(after.max()) + 1):
        here = np.arange(max(0, -offset), len(times_s) - max(0, offset))
        there = here + offset
        distance = times_s[there] - times_s[here]
        weight = np.where(np.abs(distance) <= reach, np.exp(-0.5 * (distance / sigma_s) ** 2), 0.0)
        sums[:, here] += weight * distance ** np.arange(3)[:, None]
        weighted[:, here] += (weight * distance ** np.arange(2)[:, None])[..., None] * values[there]
    determinant = sums[0] * sums[2] - sums[1] ** 2
    has_line = determinant > 1e-9 * sums[0] ** 2 * sigma_s**2  # not where one frame alone is near
    lines = (sums[2][:, None] * weighted[0] - sums[1][:, None] * weighted[1]) / np.where(has_line, determinant, 1)[
        :, None
    ]
    return np.asarray(np.where(has_line[:, None], lines, weighted[0] / sums[0][:, None]), np.float64)
