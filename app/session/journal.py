"""Results that survive a crash: all runs of a source, one file each, in the user's state folder.

A run that is deleted stays in a file for a while, so that undo can bring it back when the source is opened again.

Every result is appended as it is found, and a change of what is there already (a box drawn again, undo) as one line, so
that a crash leaves either state whole. The results that were replaced in a run stand in a file beside it, and one small
file says which run is active.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.session.journal_files import (
    deleted_path,
    ghost_path,
    move_run,
    notes_path,
    read_deleted,
    read_notes,
    read_runs,
    remove_run,
    run_files,
    run_path,
    set_aside,
)
from app.session.journal_place import Place
from app.session.live_run import LiveRun
from app.session.runs import Runs
from tracker_core.errors import OutputError
from tracker_core.files import describe_write_error, write_text
from tracker_core.results.motion import known_scale
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.unfinished import RunJournal

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedRuns:
    """Runs that were saved for a source, the number of the active one, and those whose eye was closed.

    `deleted` are the runs that were deleted lately, the last one last, `length_scale` is that of the source, `joined`
    says how many of the runs another window found that had the source open at the same time.
    """

    runs: tuple[LiveRun, ...]
    active: int
    hidden: frozenset[int]
    deleted: tuple[LiveRun, ...] = ()
    length_scale: str = ""
    joined: int = 0

    @property
    def result_count(self) -> int:
        """How many results they hold together."""
        return sum(len(record.results) for run in self.runs for record in run.recorder.targets.values())


class _SavedRun:
    """A run's file, that of what was replaced in it, and the revision of the run that they hold.

    With `is_written` they hold it already, as it was read from there just now.
    """

    def __init__(self, path: Path, run: LiveRun, is_written: bool = False) -> None:
        self._ghost = RunJournal(ghost_path(path), run.ghost, is_written)
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
        move_run(self.path, path)
        self.path = self._file.path = path
        self._ghost.path = ghost_path(path)


class Journal:
    """Saves and restores the runs of a source; a live one is another one each time, so that its runs are only saved.

    While another window has the same source open, the runs go into files beside that one's; see `Place`.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = None if folder is None else Path(folder)
        self._place: Place | None = None
        self._stem: Path | None = None  # of the source whose runs are written
        self._owned: Path | None = None  # of the source whose files are known to hold what is in the session
        self._saved: dict[int, _SavedRun] = {}  # by run
        self._deleted: dict[int, _SavedRun] = {}  # runs that undo may bring back
        self._growing: _SavedRun | None = None  # the one whose files are open
        self._listed: object = None
        self._opened = datetime.now().isoformat()  # tells a live source from the same one at another time
        self.is_on = True

    @property
    def is_beside(self) -> bool:
        """Whether another window has the source open, so that its runs and these are joined later."""
        return self._place is not None and self._place.is_beside

    def stem_for(self, source: SourceIdentity) -> Path | None:
        """Return what the paths of a source's files begin with, None if its results are not kept."""
        if self._folder is None or not source.location or not self.is_on:
            return None
        identity = f"{source.location} {self._opened}" if source.is_live else source.location
        base = self._folder / hashlib.sha256(identity.encode()).hexdigest()[:24]
        return base if self._place is None or self._place.base != base else self._place.stem

    def file_of(self, runs: Runs) -> Path | None:
        """Return the file in which the active run is saved, None where nothing was found that is saved."""
        stem = self.stem_for(runs.source)
        path = None if stem is None else run_path(stem, runs.active.number)
        return path if path is not None and path.is_file() and runs.active.has_computed else None

    def save(self, runs: Runs) -> None:
        """Write what changed since the last time.

        Raises `OutputError` where that fails; nothing that is on the disk is lost then, and the next time all is
        written.
        """
        if not runs.is_touched or self.stem_for(runs.source) is None:
            return  # without a change, what an earlier session left stays
        place = self._take_place(runs.source)
        try:
            self._begin(place.stem, runs.source)
            for run in runs:
                self._save_run(place.stem, run)
            self._list(place.stem, runs)
        except (OutputError, OSError) as error:
            self._forget()
            if isinstance(error, OutputError):
                raise
            raise OutputError(describe_write_error(place.stem, error)) from error

    def restore(self, source: SourceIdentity) -> SavedRuns | None:
        """Return the runs that were saved for this very source, None if there are none.

        What other windows found that had it open at the same time is among them. A run whose file is damaged is put
        aside and logged. Raises `InputError`, one sentence, if results were saved but belong to other content or none
        can be read.
        """
        if self.stem_for(source) is None:
            return None
        place = self._take_place(source)
        joined, stem = self._join(place, source), place.stem
        is_own = not place.is_beside or bool(run_files(stem))
        kept_at = stem if is_own else place.base
        notes = read_notes(kept_at)
        found = tuple(run for run in read_runs(kept_at, source, notes, is_own) if run.recorder.targets)
        self._stem = self._owned = stem
        present = [(run, run_path(stem, run.number)) for run in found if run_path(stem, run.number).is_file()]
        self._saved = {run.number: _SavedRun(path, run, is_written=True) for run, path in present}
        numbers = [run.number for run in found]
        active = notes.get("active")
        hidden = frozenset(run.number for run in found if notes.get(str(run.number), {}).get("hidden"))
        deleted = tuple(read_deleted(kept_at, source))
        if not (found or deleted or notes.get("length_scale")):
            return None
        last = numbers[-1] if numbers else 1
        scale = known_scale(str(notes.get("length_scale", "")))
        return SavedRuns(found, active if active in numbers else last, hidden, deleted, scale, joined)

    def close(self) -> None:
        """Write nothing more into the files of the source that was open."""
        self._forget()
        self._owned, self._opened = None, datetime.now().isoformat()
        if self._place is not None:
            self._place.close()
        self._place = None

    def _take_place(self, source: SourceIdentity) -> Place:
        """Return the place of a source that is kept, which no other window writes into from now on."""
        stem = self.stem_for(source)
        assert stem is not None
        if self._place is None or self._place.stem != stem:
            if self._place is not None:
                self._place.close()
            self._place = Place(stem)
        return self._place

    def _join(self, place: Place, source: SourceIdentity) -> int:
        try:
            return place.gather(source)
        except (OutputError, OSError) as error:
            logger.warning("What another window found stays in files of its own for now: %s", error)
            return 0

    def _begin(self, stem: Path, source: SourceIdentity) -> None:
        if self._stem == stem and all(saved.path.is_file() for saved in self._saved.values()):
            return  # else someone removed what was written: all of it is written again
        self._forget()
        if self._owned != stem:  # nothing of it is in the session: it belongs to other content
            set_aside(stem, source)
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
        return _SavedRun(run_path(stem, run.number), run)

    def _bring_back(self, stem: Path, run: LiveRun) -> _SavedRun | None:
        """Give the files of a run that was deleted their names again, None where there are none."""
        saved = self._deleted.pop(run.number, None)
        if saved is None or not saved.path.is_file():
            return None
        saved.move(run_path(stem, run.number))
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
            write_text(notes_path(stem), json.dumps(notes))
        else:
            notes_path(stem).unlink(missing_ok=True)
        for number, path in run_files(stem):
            if path != run_path(stem, number) or number not in [run.number for run in kept]:
                self._remove(number, path, deleted_path(stem, number))
        for run in kept:
            remove_run(deleted_path(stem, run.number))  # it was brought back
        self._listed = notes

    def _remove(self, number: int, path: Path, deleted: Path) -> None:
        """Put a run's file aside, where undo finds it later."""
        saved = self._saved.get(number)
        if saved is not None and saved.path == path:
            saved.move(deleted)
            self._deleted[number] = self._saved.pop(number)
        else:
            move_run(path, deleted)
        deleted.touch()  # from now on it is kept for a while

    def _forget(self) -> None:
        if self._growing is not None:
            self._growing.close()
        self._stem, self._listed, self._growing = None, None, None
        self._saved.clear()
        self._deleted.clear()
