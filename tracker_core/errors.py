"""The project's own exceptions: each says what was wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SiamscopeError(Exception):
    """Base of every error that a user can cause or fix; its text is one clear sentence.

    The command line prints the text and exits with `exit_code`; the window shows it in a dialog.
    """

    exit_code = 2


class InputError(SiamscopeError):
    """A box, a range, an option or a file of the user's cannot be used as given."""


class ConfigError(InputError):
    """A configuration has an unknown key, a wrong type or a value out of range."""


class SourceError(SiamscopeError):
    """A camera, video, stream or image folder cannot be opened or read."""


class SourceEnded(SourceError):
    """A live source disappeared or stalled in mid-run; what was tracked so far is kept."""


class DataSetError(SiamscopeError):
    """A data set or a sequence on disk is not laid out as its format says."""


class CheckpointError(SiamscopeError):
    """A weights file is damaged, of another network, or not a safe file to load."""


class DeviceError(SiamscopeError):
    """The device that was asked for is absent or cannot run a kernel."""


class OutputError(SiamscopeError):
    """A result cannot be written: no permission, no space, or the read-back check failed."""


class TrackerStateError(SiamscopeError):
    """A tracker was updated before it was initialised, or with an image that it cannot take."""


def nearest_name(wrong: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the known name closest to `wrong`, or `""` if none is close."""
    match = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{match[0]}'?" if match else ""
