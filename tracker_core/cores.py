"""How many cores there are to compute with."""

from __future__ import annotations

import os


def own_cores() -> int:
    """Return the number of cores that this process may use; OMP_NUM_THREADS does not count."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def usable_cores() -> int:
    """Return how many threads may compute: what OMP_NUM_THREADS grants, else the cores of this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)  # several processes share the machine, and each was given its part
    return own_cores()
