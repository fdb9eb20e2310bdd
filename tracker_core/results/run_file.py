"""Saving runs and opening them again; `docs/formats.md` describes the file."""

from __future__ import annotations

import json
from pathlib import Path

from tracker_core.errors import InputError
from tracker_core.files import write_text
from tracker_core.results.run import Run
from tracker_core.results.run_data import run_from_data, run_to_data
from tracker_core.results.unfinished import is_unfinished, parse_unfinished


def save_run(path: str | Path, run: Run) -> Path:
    """Write a run in one step and return its file; raises `OutputError` where it cannot be written."""
    write_text(path, json.dumps(run_to_data(run), allow_nan=False) + "\n")
    return Path(path)


def load_run(path: str | Path) -> Run:
    """Read a saved run of this or an earlier version, or an unfinished one; raises `InputError` that names the file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The run '{path}' cannot be read ({error}).") from error
    return parse_run(text, path)


def parse_run(text: str, path: Path) -> Run:
    """Return the run that `text`, the content of file `path`, holds; raises `InputError`."""
    try:
        return parse_unfinished(text).build() if is_unfinished(text) else run_from_data(json.loads(text))
    except InputError as error:
        raise InputError(f"'{path}' cannot be opened: {error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(f"'{path}' is not a saved run, or it is damaged ({error!r}).") from error
