"""A lock that one process at a time holds, and that the system takes back when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tracker_core.errors import OutputError
from tracker_core.files import describe_write_error


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` inside the block if nobody else does; yields whether it is held.

    The lock is the system's own on the open file, so that a killed process leaves none behind. Raises `OutputError`
    where the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(describe_write_error(path, error)) from error
    try:
        # a holder removes its file when it is done: a lock on a removed file protects nothing
        held = _acquire(handle) and _is_still_there(path, handle)
        try:
            yield held
        finally:
            if held:
                _release(path, handle)
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _acquire(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _is_still_there(path: Path, handle: int) -> bool:
        return True  # an open file cannot be removed

    def _release(path: Path, handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks: results are still written in one step
        return True

    def _is_still_there(path: Path, handle: int) -> bool:
        try:
            return os.path.samestat(path.stat(), os.fstat(handle))
        except OSError:
            return False

    def _release(path: Path, handle: int) -> None:
        with contextlib.suppress(OSError):  # its folder may be gone by now
            path.unlink(missing_ok=True)
