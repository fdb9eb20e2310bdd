"""Results that survive a crash: all runs of a source, one file each, in the user's state folder.

A run that is deleted stays in a file for a while, so that undo can bring it back when the source is opened again.

Every result is appended as it is found, and a change of what is there already (a box drawn again, undo) as one line, so
that a crash leaves either state whole. The results that were replaced in a run stand in a file beside it, and one small
file says which run is active.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.session.journal_v1 import read_version_1
from app.session.live_run import LiveRun
from app.session.runs import Runs
from tracker_core.errors import InputError, OutputError
from tracker_core.files import write_text
from tracker_core.results.motion import known_scale
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.unfinished import RunJournal, is_unfinished, parse_unfinished

logger = logging.getLogger(__name__)

DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError)  # what reading a damaged file raises
KEEP_DELETED_S = 30 * 24 * 3600.0
MOST_DELETED = 20  # of one source
_DELETED_FILE = re.compile(r"[0-9a-f]+\.deleted(\d+)\.jsonl")
_RUN_FILE = re.compile(r"[0-9a-f]+(?:\.run(\d+))?\.jsonl")  # without a number: of a version that kept one run


@dataclass(frozen=True)
class SavedRuns:
    """Runs that were saved for a source, the number of the active one, and those whose eye was closed.

    `deleted` are the runs that were deleted lately, the last one last, `length_scale` is that of the source.
    """

    runs: tuple[LiveRun, ...]
    active: int
    hidden: frozenset[int]
    deleted: tuple[LiveRun, ...] = ()
    length_scale: str = ""

    @property
    def result_count(self) -> int:
        """How many results they hold together."""
        return sum(len(record.results) for run in self.runs for record in run.recorder.targets.values())


class _SavedRun:
    """A run's file, that of what was replaced in it, and the revision of the run that they hold.

    With `is_written` they hold it already, as it was read from there just now.
    """

    def __init__(self, path: Path, run: LiveRun, is_written: bool = False) -> None:
        self._ghost = RunJournal(_ghost_path(path), run.ghost, is_written)
        self._file = RunJournal(path, run.recorder, is_written)
        self.path, self.revision = path, run.revision

    def save(self, run: LiveRun) -> None:
        """Append what changed since the last time: results that were added, or what else is no longer the same."""
        unsaved, replaced = run.take_unsaved()
        if self.revision == run.revision:
            for index in replaced:
                self._ghost.add(run.ghost, index)
            for index in unsaved:
                self._file.add(run.recorder, index)
        else:
            self._ghost.update(run.ghost)
            self._file.update(run.recorder)
            self.revision = run.revision

    def close(self) -> None:
        """Close the files, which stay."""
        self._ghost.close()
        self._file.close()

    def move(self, path: Path) -> None:
        """Give the files other names, in place of those that have them."""
        self.close()
        _move(self.path, path)
        self.path = self._file.path = path
        self._ghost.path = _ghost_path(path)


class Journal:
    """Saves and restores the runs of a source; a live one is another one each time, so that its runs are only saved."""

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._stem: Path | None = None  # of the source whose runs are written
        self._owned: Path | None = None  # of the source whose files are known to hold what is in the session
        self._saved: dict[int, _SavedRun] = {}  # by run
        self._deleted: dict[int, _SavedRun] = {}  # runs that undo may bring back
        self._growing: _SavedRun | None = None  # the one whose files are open
        self._listed: object = None
        self._opened = datetime.now().isoformat()  # tells a live source from the same one at another time
        self.is_on = True

    def stem_for(self, source: SourceIdentity) -> Path | None:
        """Return what the paths of a source's files begin with, None if its results are not kept."""
        if self._folder is None or not source.location or not self.is_on:
            return None
        identity = f"{source.location} {self._opened}" if source.is_live else source.location
        return self._folder / hashlib.sha256(identity.encode()).hexdigest()[:24]

    def file_of(self, runs: Runs) -> Path | None:
        """Return the file in which the active run is saved, None where nothing was found that is saved."""
        stem = self.stem_for(runs.source)
        path = None if stem is None else _run_path(stem, runs.active.number)
        return path if path is not None and path.is_file() and runs.active.has_computed else None

    def save(self, runs: Runs) -> None:
        """Write what changed since the last time; trouble is logged, never raised."""
        stem = self.stem_for(runs.source)
        if stem is None:
            return
        if not runs.is_touched:
            return  # nothing was done in this source: what an earlier session left stays
        try:
            self._begin(stem, runs.source)
            for run in runs:
                self._save_run(stem, run)
            self._list(stem, runs)
        except (OutputError, OSError) as error:
            self._forget()
            logger.warning("Results could not be saved: %s", error)

    def restore(self, source: SourceIdentity) -> SavedRuns | None:
        """Return the runs that were saved for this very source, None if there are none.

        A run whose file is damaged is put aside and logged. Raises `InputError`, one sentence, if results were saved
        but belong to other content or none can be read.
        """
        stem = self.stem_for(source)
        if stem is None:
            return None
        paths, notes = dict(_run_files(stem)), _read_list(stem)
        runs = _read_runs(stem, paths, source, notes)
        found = tuple(run for run in runs if run.recorder.targets)
        self._stem = self._owned = stem
        present = [run for run in found if paths[run.number] == _run_path(stem, run.number)]
        self._saved = {run.number: _SavedRun(paths[run.number], run, is_written=True) for run in present}
        numbers = [run.number for run in found]
        active = notes.get("active")
        hidden = frozenset(run.number for run in found if notes.get(str(run.number), {}).get("hidden"))
        deleted = tuple(_read_deleted(stem, source))
        if not (found or deleted or notes.get("length_scale")):
            return None
        last = numbers[-1] if numbers else 1
        scale = known_scale(str(notes.get("length_scale", "")))
        return SavedRuns(found, active if active in numbers else last, hidden, deleted, scale)

    def close(self) -> None:
        """Write nothing more into the files of the source that was open."""
        self._forget()
        self._owned, self._opened = None, datetime.now().isoformat()

    def _begin(self, stem: Path, source: SourceIdentity) -> None:
        if self._stem == stem:
            return
        self._forget()
        if self._owned != stem:  # nothing of it is in the session: it belongs to other content
            _set_aside(stem, source)
        self._stem = self._owned = stem

    def _save_run(self, stem: Path, run: LiveRun) -> None:
        saved = self._saved.get(run.number)
        if not run.recorder.targets or (saved is not None and saved.revision == run.revision and not run.has_unsaved):
            return
        if saved is None:
            saved = self._bring_back(stem, run) or self._write(stem, run)
            self._saved[run.number] = saved
        if self._growing is not None and self._growing is not saved:
            self._growing.close()
        self._growing = saved
        saved.save(run)

    def _write(self, stem: Path, run: LiveRun) -> _SavedRun:
        run.take_unsaved()
        return _SavedRun(_run_path(stem, run.number), run)

    def _bring_back(self, stem: Path, run: LiveRun) -> _SavedRun | None:
        """Give the files of a run that was deleted their names again, None where there are none."""
        saved = self._deleted.pop(run.number, None)
        if saved is None or not saved.path.is_file():
            return None
        saved.move(_run_path(stem, run.number))
        return saved

    def _list(self, stem: Path, runs: Runs) -> None:
        """Say which run is active and what each run's own file does not, and remove the files of runs that are gone."""
        kept = [run for run in runs if run.recorder.targets]
        notes = {
            "active": runs.active.number,
            "length_scale": runs.length_scale,
            **{
                str(run.number): {
                    "next_target": run.next_number,
                    "begins_at": run.begins_at,
                    "scored_anyway": run.is_scored_anyway,
                    "color": run.color,
                    "hidden": run.number in runs.hidden,
                }
                for run in kept
            },
        }
        if notes == self._listed:
            return
        if kept or runs.length_scale:
            write_text(_list_path(stem), json.dumps(notes))
        else:
            _list_path(stem).unlink(missing_ok=True)
        for number, path in _run_files(stem):
            if path != _run_path(stem, number) or number not in [run.number for run in kept]:
                self._remove(number, path, _deleted_path(stem, number))
        for run in kept:
            _unlink(_deleted_path(stem, run.number))  # it was brought back
        self._listed = notes

    def _remove(self, number: int, path: Path, deleted: Path) -> None:
        """Put a run's file aside, where undo finds it later."""
        saved = self._saved.get(number)
        if saved is not None and saved.path == path:
            saved.move(deleted)
            self._deleted[number] = self._saved.pop(number)
        else:
            _move(path, deleted)
        deleted.touch()  # from now on it is kept for a while

    def _forget(self) -> None:
        if self._growing is not None:
            self._growing.close()
        self._stem, self._listed, self._growing = None, None, None
        self._saved.clear()
        self._deleted.clear()


def _read_runs(
    stem: Path, paths: Mapping[int, Path], source: SourceIdentity, notes: Mapping[str, Any]
) -> list[LiveRun]:
    """Return the runs in the files that can be read and put the others aside; raises `InputError` where none can."""
    runs: list[LiveRun] = []
    damaged: dict[Path, Exception] = {}
    for number, path in paths.items():
        try:
            runs.append(_read_run(path, number, source, notes.get(str(number), {})))
        except DAMAGE as error:
            damaged[path] = error
    if damaged and not runs:
        reason = next(iter(damaged.values()))
        raise InputError(f"The saved results in '{stem}…' cannot be read ({reason}); they are not used.")
    for (path, reason), aside in zip(damaged.items(), _free_names(stem), strict=False):
        path.replace(aside)
        logger.warning("A saved run of '%s' cannot be read (%s); its file is kept as '%s'.", source.name, reason, aside)
    return runs


def _read_run(path: Path, number: int, source: SourceIdentity, notes: Mapping[str, Any]) -> LiveRun:
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
    return recorder, _read_ghost(_ghost_path(path))


def _read_ghost(path: Path) -> RunRecorder | None:
    """Return what was replaced in a run, None where nothing was or where it cannot be read: the run itself is whole."""
    try:
        return parse_unfinished(path.read_text(encoding="utf-8")) if path.is_file() else None
    except DAMAGE as error:
        logger.warning("What was replaced in the run of '%s' cannot be read (%s).", path, error)
        return None


def _read_deleted(stem: Path, source: SourceIdentity) -> Iterator[LiveRun]:
    """Yield the runs of this very source that were deleted lately, the last one last; remove what is too old."""
    found = ((_DELETED_FILE.fullmatch(path.name), path) for path in stem.parent.glob(f"{stem.name}.deleted*"))
    paths = sorted(((path.stat().st_mtime, int(match[1]), path) for match, path in found if match), reverse=True)
    kept = [(number, path) for at, number, path in paths if time.time() - at < KEEP_DELETED_S][:MOST_DELETED]
    for _, _, path in paths:
        if path not in [one for _, one in kept]:
            _unlink(path)
    for number, path in reversed(kept):
        try:
            yield _read_run(path, number, source, {})
        except (InputError, *DAMAGE):
            logger.info("The deleted run in '%s' is of other content, or cannot be read.", path)


def _read_list(stem: Path) -> dict[str, Any]:
    """Return what is noted of the runs; nothing where that cannot be read: the runs themselves are whole."""
    try:
        notes = json.loads(_list_path(stem).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _set_aside(stem: Path, source: SourceIdentity) -> None:
    """Give the runs in a source's files names of their own: they are of other content and open like any saved run."""
    names = _free_names(stem)
    for _, path in _run_files(stem):
        earlier = next(names)
        path.replace(earlier)
        _ghost_path(path).unlink(missing_ok=True)
        logger.info("Earlier results in '%s' are kept as '%s'.", source.name, earlier)
    _list_path(stem).unlink(missing_ok=True)


def _free_names(stem: Path) -> Iterator[Path]:
    for count in itertools.count(1):
        path = stem.with_name(f"{stem.name}.earlier{count}.jsonl")
        if not path.exists():
            yield path


def _run_files(stem: Path) -> list[tuple[int, Path]]:
    """Return the files of a source's runs with their numbers, that of the version which kept one run first."""
    found = ((_RUN_FILE.fullmatch(path.name), path) for path in sorted(stem.parent.glob(f"{stem.name}*.jsonl")))
    return sorted((int(match[1] or 1), path) for match, path in found if match)


def _run_path(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.run{number}.jsonl")


def _list_path(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.runs.json")


def _deleted_path(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}.deleted{number}.jsonl")


def _move(path: Path, to: Path) -> None:
    """Give a run's file and that of what was replaced in it other names, in place of those that have them."""
    _unlink(to)
    if _ghost_path(path).exists():
        _ghost_path(path).replace(_ghost_path(to))
    path.replace(to)


def _unlink(path: Path) -> None:
    """Remove a run's file and that of what was replaced in it."""
    path.unlink(missing_ok=True)
    _ghost_path(path).unlink(missing_ok=True)


def _ghost_path(path: Path) -> Path:
    return path.with_suffix(".ghost.jsonl")
