"""The files in which the runs of a source are kept: their names, and what is read from them.

The name of each begins with the same `stem`: one file for a run, one beside it for what was replaced in it, a list with
what the files do not say of their runs, and runs that were deleted lately.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.session.journal_v1 import read_version_1
from app.session.live_run import LiveRun
from tracker_core.errors import InputError
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.unfinished import is_unfinished, parse_unfinished

logger = logging.getLogger(__name__)

DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError)  # what reading a damaged file raises
KEEP_DELETED_S = 30 * 24 * 3600.0
MOST_DELETED = 20  # of one source
_DELETED_FILE = re.compile(r"[0-9a-f-]+\.deleted(\d+)\.jsonl")
_RUN_FILE = re.compile(r"[0-9a-f-]+(?:\.run(\d+))?\.jsonl")  # without a number: of a version that kept one run


def read_runs(stem: Path, source: SourceIdentity, notes: Mapping[str, Any], is_own: bool = True) -> list[LiveRun]:
    """Return the runs in the files that can be read; raises `InputError` where none can.

    Where the files are this window's own, those that are damaged are put aside.
    """
    runs: list[LiveRun] = []
    damaged: dict[Path, Exception] = {}
    for number, path in dict(run_files(stem)).items():
        try:
            runs.append(read_run(path, number, source, notes.get(str(number), {})))
        except DAMAGE as error:
            damaged[path] = error
    if damaged and not runs:
        reason = next(iter(damaged.values()))
        raise InputError(f"The saved results in '{stem}…' cannot be read ({reason}); they are not used.")
    for (path, reason), aside in zip(damaged.items() if is_own else (), free_names(stem), strict=False):
        path.replace(aside)
        logger.warning("A saved run of '%s' cannot be read (%s); its file is kept as '%s'.", source.name, reason, aside)
    return runs


def read_run(path: Path, number: int, source: SourceIdentity, notes: Mapping[str, Any]) -> LiveRun:
    """Return the run in a file, with what is noted of it; raises `InputError` for other content, else `DAMAGE`."""
    text = path.read_text(encoding="utf-8")
    if is_unfinished(text):
        recorder, ghost = _read_recorders(path, text, source)
    else:
        recorder, ghost = read_version_1(path, text, source)
    run = LiveRun.from_recorder(recorder, ghost, number)
    run.color = int(notes.get("color", number - 1))
    run.next_number = max(run.next_number, int(notes.get("next_target", 1)))
    run.begins_at = notes.get("begins_at")
    run.is_scored_anyway = bool(notes.get("scored_anyway", False))
    return run


def _read_recorders(path: Path, text: str, source: SourceIdentity) -> tuple[RunRecorder, RunRecorder | None]:
    recorder = parse_unfinished(text)
    saved = recorder.source
    is_counted = saved.frame_count is not None and source.frame_count is not None
    if (
        saved.size != source.size
        or saved.fingerprint != source.fingerprint
        or (is_counted and saved.frame_count != source.frame_count)
    ):
        raise InputError(f"The saved results of '{source.name}' are of other content; they are not used.")
    return recorder, _read_ghost(ghost_path(path))


def _read_ghost(path: Path) -> RunRecorder | None:
    """Return what was replaced in a run, None where nothing was or where it cannot be read: the run itself is whole."""
    try:
        return parse_unfinished(path.read_text(encoding="utf-8")) if path.is_file() else None
    except DAMAGE as error:
        logger.warning("What was replaced in the run of '%s' cannot be read (%s).", path, error)
        return None


def read_deleted(stem: Path, source: SourceIdentity) -> Iterator[LiveRun]:
    """Yield the runs of this very source that were deleted lately, the last one last; remove what is too old."""
    paths = sorted(((path.stat().st_mtime, number, path) for number, path in deleted_files(stem)), reverse=True)
    kept = [(number, path) for at, number, path in paths if time.time() - at < KEEP_DELETED_S][:MOST_DELETED]
    for _, _, path in paths:
        if path not in [one for _, one in kept]:
            remove_run(path)
    for number, path in reversed(kept):
        try:
            yield read_run(path, number, source, {})
        except (InputError, *DAMAGE):
            logger.info("The deleted run in '%s' is of other content, or cannot be read.", path)


def read_notes(stem: Path) -> dict[str, Any]:
    """Return what is noted of the runs; nothing where that cannot be read: the runs themselves are whole."""
    try:
        notes = json.loads(notes_path(stem).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def set_aside(stem: Path, source: SourceIdentity) -> None:
    """Give the runs in a source's files names of their own: they are of other content and open like any saved run."""
    names = free_names(stem)
    for _, path in run_files(stem):
        earlier = next(names)
        path.replace(earlier)
        ghost_path(path).unlink(missing_ok=True)
        logger.info("Earlier results in '%s' are kept as '%s'.", source.name, earlier)
    notes_path(stem).unlink(missing_ok=True)


def free_names(stem: Path) -> Iterator[Path]:
    """Yield names under which a file can be kept that is not used."""
    for count in itertools.count(1):
        path = stem.with_name(f"{stem.name}.earlier{count}.jsonl")
        if not path.exists():
            yield path


def run_files(stem: Path) -> list[tuple[int, Path]]:
    """Return the files of a source's runs with their numbers, that of the version which kept one run first."""
    found = ((_RUN_FILE.fullmatch(path.name), path) for path in sorted(stem.parent.glob(f"{stem.name}.*jsonl")))
    return sorted((int(match[1] or 1), path) for match, path in found if match)


def deleted_files(stem: Path) -> list[tuple[int, Path]]:
    """Return the files of the runs that were deleted lately, with the numbers that these had."""
    found = ((_DELETED_FILE.fullmatch(path.name), path) for path in stem.parent.glob(f"{stem.name}.deleted*"))
    return sorted((int(match[1]), path) for match, path in found if match)


def run_path(stem: Path, number: int) -> Path:
    """Return the file of a run."""
    return stem.with_name(f"{stem.name}.run{number}.jsonl")


def notes_path(stem: Path) -> Path:
    """Return the file of what is noted of all runs."""
    return stem.with_name(f"{stem.name}.runs.json")


def deleted_path(stem: Path, number: int) -> Path:
    """Return the file of a run that was deleted."""
    return stem.with_name(f"{stem.name}.deleted{number}.jsonl")


def move_run(path: Path, to: Path) -> None:
    """Give a run's file and that of what was replaced in it other names, in place of those that have them."""
    remove_run(to)
    if ghost_path(path).exists():
        ghost_path(path).replace(ghost_path(to))
    path.replace(to)


def remove_run(path: Path) -> None:
    """Remove a run's file and that of what was replaced in it."""
    path.unlink(missing_ok=True)
    ghost_path(path).unlink(missing_ok=True)


def ghost_path(path: Path) -> Path:
    """Return the file of what was replaced in the run of file `path`."""
    return path.with_suffix(".ghost.jsonl")
