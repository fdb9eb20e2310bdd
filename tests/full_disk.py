"""A disk without room, for tests: files may not grow beyond some bytes while a block runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest

needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files per process")


@contextlib.contextmanager
def room_for(count: int) -> Iterator[None]:
    """Let no file of this process grow beyond `count` bytes inside the block; Python gets an `OSError` (EFBIG)."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
