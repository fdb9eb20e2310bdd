"""Writing files so that a crash or a full disk never leaves a half-written one behind."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracker_core.errors import OutputError

_tidied: set[Path] = set()  # folders in which this process has removed what dead ones left


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it over `target` if the block ends well, else remove it.

    The temporary name keeps the suffix of `target`, because encoders choose their format from it, and says whose
    it is: what a killed process left is removed when the next one writes into the same folder. Missing parent
    folders are made. Raises `OutputError` for an unwritable folder or a full disk.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _tidy(target.parent)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem[:40]}.{_machine()}-{os.getpid()}.",
            suffix=f".part{target.suffix}",
            dir=target.parent,
        )
        os.close(handle)
    except OSError as error:
        raise OutputError(describe_write_error(target, error)) from error
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a result is an ordinary file of the user's
        temporary.chmod(0o666 & ~_current_umask())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(describe_write_error(target, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files in `folder` whose process, on this machine, does not run any more."""
    pattern = re.compile(rf"\..*\.{_machine()}-(\d+)\.[^.]*\.part.*")
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            match = pattern.fullmatch(path.name)
            if match and not _is_running(int(match[1])):
                path.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write `text` (UTF-8, newlines as they are) to `target` in one step."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8", newline="")


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write `content` to `target` in one step."""
    with atomic_path(target) as path:
        path.write_bytes(content)


@contextlib.contextmanager
def whole_file(target: str | Path) -> Iterator[io.BytesIO]:
    """Give a buffer inside the block, and write what is in it to `target` in one step: for libraries that write files
    themselves, and end in errors of their own, or in none, on a full disk."""
    content = io.BytesIO()
    yield content
    write_bytes(target, content.getvalue())


def check_writable_file(path: str | Path) -> Path:
    """Make the folder of `path` and prove that a file can be written there; raises `OutputError`."""
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; give the name of a file.")
    check_writable(path.parent)
    return path


def check_writable(folder: str | Path) -> Path:
    """Make `folder` and prove that a file can be written in it; raises `OutputError` before any work is done."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(describe_write_error(folder, error)) from error
    return folder


def describe_write_error(target: Path, error: OSError) -> str:
    """Return one sentence that says what could not be written, why, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: '{target}' could not be written. Free some space, or choose another place for it."
    if error.errno == errno.EFBIG:
        return f"'{target}' could not be written: files may not be as large there. Choose another place for it."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"No permission to write '{target}'. Choose a place that you can write to."
    return f"'{target}' could not be written ({error.strerror or error}). Choose another place for it."


def _tidy(folder: Path) -> None:
    place = folder.resolve()
    if place not in _tidied:
        _tidied.add(place)
        remove_abandoned(place)


def _machine() -> str:
    """Return what tells this machine from others that write into the same shared folder."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":
        return pid == os.getpid()  # a file that another process has open cannot be removed there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
