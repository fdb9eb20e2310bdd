"""Where the runs of a source are kept while several windows have it open: each in files of its own, joined later.

The first window writes the files of the source itself. Another one writes files beside them, so that neither writes
over what the other found; whoever opens the source next, when no other window has it open, takes these in.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from app.session.journal_files import (
    DAMAGE,
    deleted_files,
    deleted_path,
    free_names,
    ghost_path,
    move_run,
    notes_path,
    read_notes,
    read_run,
    remove_run,
    run_files,
    run_path,
)
from app.session.live_run import LiveRun
from tracker_core.errors import InputError, OutputError
from tracker_core.files import write_text
from tracker_core.locks import try_lock
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.recorder import RunRecorder

logger = logging.getLogger(__name__)

_BESIDE = re.compile(r"([0-9a-f]+-\d+)\..*jsonl")


class Place:
    """The files of one source that this window alone writes until `close`; `stem` is what their names begin with.

    `base` is the stem of the source's own files, which are another window's where this one stands `is_beside`.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._locks = contextlib.ExitStack()
        self.stem = next(stem for stem in _stems(base) if self._is_free(stem))

    @property
    def is_beside(self) -> bool:
        """Whether another window has the source open and writes its own files."""
        return self.stem != self.base

    def close(self) -> None:
        """Let other windows have the files."""
        self._locks.close()

    def gather(self, source: SourceIdentity) -> int:
        """Take in what other windows found, and return how many runs came: of those that ended, from files beside.

        A window that stands beside takes in what the first one has, whose files stay.
        """
        if self.is_beside:
            return _take_in(self.base, self.stem, source, stays=True) if run_files(self.stem) else 0
        count = 0
        found = (_BESIDE.fullmatch(path.name) for path in self.base.parent.glob(f"{self.base.name}-*jsonl"))
        for name in sorted({match[1] for match in found if match}):
            stem = self.base.with_name(name)
            with try_lock(_lock_path(stem)) as is_free:
                count += _take_in(stem, self.base, source) if is_free else 0
        return count

    def _is_free(self, stem: Path) -> bool:
        try:
            return self._locks.enter_context(try_lock(_lock_path(stem)))
        except OutputError:
            return True  # where nothing can be written, nothing is written over; saving says so


def _stems(base: Path) -> Iterator[Path]:
    yield base
    for number in itertools.count(2):
        yield base.with_name(f"{base.name}-{number}")


def _lock_path(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.lock")


def _take_in(other: Path, stem: Path, source: SourceIdentity, stays: bool = False) -> int:
    """Put the runs of `other` into the files of `stem` and return how many came; `stays` copies them.

    A run that `stem` holds already does not come, and one that continues a run of `stem` takes its number. Each step
    leaves all runs on the disk, in the one place or the other.
    """
    notes, others = read_notes(stem), read_notes(other)
    notes["length_scale"] = notes.get("length_scale") or others.get("length_scale", "")
    held = {number: run for number, _, run in _read(stem, run_files(stem), source)}
    count = 0
    for number, path, run in _read(other, run_files(other), source, keeps_rest=not stays):
        place = _place_for(run, held, _numbers(stem))
        if place is not None:
            notes[str(place)] = _as_noted(others.get(str(number), {}), notes, place)
            write_text(notes_path(stem), json.dumps(notes))
            (_copy if stays else move_run)(path, run_path(stem, place))
            held[place] = run
            count += 1
        elif not stays:
            remove_run(path)
    if not stays:
        for _, path, run in _read(other, deleted_files(other), source, keeps_rest=True):
            if _place_for(run, held, set()) is None:
                remove_run(path)
            else:
                move_run(path, deleted_path(stem, max(_numbers(stem), default=0) + 1))
        notes_path(other).unlink(missing_ok=True)
    return count


def _read(
    stem: Path, files: Iterable[tuple[int, Path]], source: SourceIdentity, keeps_rest: bool = False
) -> Iterator[tuple[int, Path, LiveRun]]:
    """Yield the runs in files; those of other content or damaged get names of their own where that is to be."""
    for number, path in files:
        try:
            run = read_run(path, number, source, {})
        except (InputError, *DAMAGE) as error:
            if keeps_rest:
                aside = next(free_names(stem))
                path.replace(aside)
                logger.warning("Results of '%s' are not used, but kept as '%s' (%s).", source.name, aside, error)
        else:
            yield number, path, run


def _place_for(run: LiveRun, held: Mapping[int, LiveRun], taken: set[int]) -> int | None:
    """Return the number that a run gets beside those that are taken, None where a run that is held has all of it."""
    mine = _content(run)
    for number, other in held.items():
        theirs = _content(other)
        if mine <= theirs:
            return None
        if theirs <= mine and other.recorder.created == run.recorder.created:
            return number
    return max(taken) + 1 if run.number in taken else run.number


def _numbers(stem: Path) -> set[int]:
    return {number for number, _ in (*run_files(stem), *deleted_files(stem))}


def _as_noted(noted: Mapping[str, Any], notes: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what is noted of a run with a colour that no other run has."""
    of_runs = (row for key, row in notes.items() if key.isdigit() and int(key) != number)
    used = {row.get("color") for row in of_runs if isinstance(row, dict)}
    colors = itertools.chain([noted.get("color", number - 1)], itertools.count())
    return {**noted, "color": next(color for color in colors if color not in used)}


def _content(run: LiveRun) -> set[tuple[object, ...]]:
    """Return everything that a run holds, also what was replaced in it, as values that can be compared."""
    return {(name, *row) for name, held in (("run", run.recorder), ("ghost", run.ghost)) for row in _rows(held)}


def _rows(recorder: RunRecorder) -> Iterable[tuple[object, ...]]:
    yield ("title", recorder.title)
    for number, record in recorder.targets.items():
        yield ("name", number, record.name, record.color)
        for index, result in record.results.items():
            yield ("result", number, index, result.box_xywh.tobytes(), repr(float(result.score)), result.state)
        for key in record.key_frames.values():
            yield ("key frame", number, key.index, *map(float, key.box_xywh))
        yield from (("mark", number, index, mark) for index, mark in record.marks.items())


def _copy(path: Path, to: Path) -> None:
    """Copy a run's file and that of what was replaced in it, in place of those that have their names."""
    remove_run(to)
    if ghost_path(path).exists():
        shutil.copyfile(ghost_path(path), ghost_path(to))
    shutil.copyfile(path, to)
