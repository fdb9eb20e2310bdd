"""What a user would miss: a book beside the window, in which everything that was found or made stands once it existed.

It is kept in the worker's thread, after every action of the monkey and whenever a source is left or opened, so that
nothing changes while it looks. What it finds wrong stands in `faults`, a sentence each.
"""

from __future__ import annotations

import json
import math
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import av
from PyQt5.QtWidgets import QApplication

from app.session.journal import Journal
from app.session.live_run import LiveRun
from app.session.runs import Runs
from app.session.summary import summarise
from tracker_core.results.run_data import producer_to_data
from tracker_core.results.run_file import load_run

Entry = tuple[object, ...]  # what kind of thing, run, target, where, and what it says
VIDEOS = {".mp4", ".gif"}
ATTEMPTS = 5


@dataclass(frozen=True)
class Kept:
    """All runs of a source at one moment: what stands in each, by number, and which one is active."""

    entries: dict[int, frozenset[Entry]]
    active: int

    @classmethod
    def of(cls, runs: Iterable[LiveRun], active: int) -> Kept:
        """What has to come back from a disk: runs without targets hold nothing."""
        return cls({run.number: entries_of(run) for run in runs if run.recorder.targets}, active)

    def difference(self, other: Kept) -> str:
        """What the other one has less, more, or otherwise; "" for nothing."""
        told = []
        for number in sorted(self.entries.keys() | other.entries.keys()):
            mine, others = (kept.entries.get(number, frozenset()) for kept in (self, other))
            told += [f"run {number} lacks {_some(mine - others)}"] if mine - others else []
            told += [f"run {number} has besides {_some(others - mine)}"] if others - mine else []
        if self.active in self.entries and self.active != other.active:
            told.append(f"run {other.active} is active, not {self.active}")
        return "; ".join(told)


class Ledger:
    """Checks that nothing is lost that `window` and the worker behind its player ever held or told to have written."""

    def __init__(self, window, player, journal_folder: Path) -> None:
        self.faults: list[str] = []
        self.looks = 0
        self._window, self._player, self._folder = window, player, journal_folder
        self._session, self._driver = player.worker.session, player.worker.driver
        self._runs: Runs | None = None
        self._known: set[Entry] = set()
        self._only_redo: set[Entry] = set()  # a new change ends what could be done again: the user took it back
        self._left: dict[str, Kept] = {}  # by location, what every source was left with
        self._seen: dict[int, tuple[LiveRun, tuple[int, ...], frozenset[Entry]]] = {}
        self._on_disk: tuple[object, ...] = ()
        self._written: set[Path] = set()
        self._surround("_leave_source", self._before_leaving, self._after_leaving)
        self._surround("_restore", lambda: None, self._after_restoring)
        player.worker.recorded.connect(lambda path: self._note_written([path]))
        show_written = window.panels.written.show_written
        window.panels.written.show_written = lambda paths, remarks: (
            self._note_written(paths), show_written(paths, remarks)
        )  # fmt: skip

    # --- in the window's thread ---------------------------------------------------------------------------

    def look(self) -> None:
        """Have the worker's thread look when it has served what was asked so far."""
        self._player._asked.emit(lambda: self._guarded(self._check))
        self.faults += [f"'{path}' was written and is gone" for path in self._written if not path.exists()]

    def compare_window(self) -> None:
        """Hold the window's figures against the session's, until they agree.

        Between the session's answer and the look at the window either may have gone on: only what stays is a fault.
        """
        differences: list[str] = []
        for _ in range(ATTEMPTS):
            differences = self._compare_figures(self._ask_figures())
            if not differences:
                return
        self.faults += differences

    def _ask_figures(self) -> dict:
        """Wait until everything that was asked is served, and return what the window should show then."""
        told, served = {}, threading.Event()

        def tell() -> None:
            self._guarded(lambda: told.update(self._figures()))
            served.set()

        self._player._asked.emit(tell)
        while not served.wait(0.002):
            QApplication.processEvents()
        QApplication.processEvents()
        return told

    def _compare_figures(self, told: dict) -> list[str]:
        if not told:
            return []
        differences = []
        for name in ("targets", "runs", "undo_text", "redo_text", "next_number"):
            shown, true = (repr(getattr(summary, name)) for summary in (self._player.summary, told["summary"]))
            if shown != true:
                differences.append(f"the window has {name} {shown}, not {true}")
        view = self._window.canvas.frame_view
        if not self._window.drawing.holds_image and (view is None or view.frame.index != told["frame"]):
            differences.append(f"the window shows frame {view and view.frame.index}, the session is at {told['frame']}")
        wiring = self._window.wiring
        rows = {(number, index) for number in wiring._curves for index in wiring.curve_of(number).frames.tolist()}
        if rows != told["rows"]:
            differences.append(f"the window lacks rows {_some(told['rows'] - rows)}, has {_some(rows - told['rows'])}")
        return differences

    def _note_written(self, paths: Iterable[str]) -> None:
        for path in map(Path, paths):
            self._written.add(path)
            self._guarded(lambda path=path: self._check_written(path))

    def _check_written(self, path: Path) -> None:
        if not path.is_file() or not path.stat().st_size:
            self.faults.append(f"'{path}' was said to be written, but is not there or empty")
        elif path.suffix in VIDEOS:
            with av.open(str(path)) as video:
                count = sum(1 for _ in video.decode(video=0))
                if not count or video.streams.video[0].frames not in (0, count):
                    self.faults.append(f"'{path}' has {count} images of {video.streams.video[0].frames}")
        elif path.name.endswith("-run.json") and not len(load_run(path)):
            self.faults.append(f"'{path}' holds no results")

    # --- in the worker's thread ---------------------------------------------------------------------------

    def _surround(self, name: str, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Look before and after what the driver does under `name`."""
        original = getattr(self._driver, name)

        def surrounded() -> None:
            self._guarded(before)
            original()
            self._guarded(after)

        setattr(self._driver, name, surrounded)

    def _guarded(self, check: Callable[[], None]) -> None:
        try:
            check()
        except Exception:  # an exception here would look like one of the program's
            self.faults.append(traceback.format_exc())

    def _check(self) -> None:
        self.looks += 1
        if self._session.source is None:
            return
        runs = self._session.runs
        if runs is not self._runs:
            self._runs, self._known, self._only_redo = runs, set(), set()
            self._seen.clear()
        now_or_undone, only_redo = self._reach(runs)
        missing = self._known - now_or_undone - only_redo
        if missing - self._only_redo:
            self.faults.append(f"lost, and no undo brings it back: {_some(missing - self._only_redo)}")
        self._known = now_or_undone | only_redo
        self._only_redo = only_redo - now_or_undone
        self._check_disk()

    def _reach(self, runs: Runs) -> tuple[set[Entry], set[Entry]]:
        """Return all that stands in the runs or comes back by undo, and by redo; everything is put back as it was."""
        active, edits, begin = runs._active, runs._edits, self._entries(runs)
        back, forth = set(begin), set()
        history = runs.history
        for found, step, return_step in ((back, history.undo, history.redo), (forth, history.redo, history.undo)):
            way = 0
            while step():
                found |= self._entries(runs)
                way += 1
            for _ in range(way):
                return_step()
        runs._active, runs._edits = active, edits
        end = self._entries(runs)
        if end != begin:
            self.faults.append(f"undo and redo of all changes lost {_some(begin - end)}, made {_some(end - begin)}")
        return back, forth

    def _entries(self, runs: Runs) -> set[Entry]:
        found: set[Entry] = set()
        for run in runs:
            # a run that stands in the history is not changed any more: it is read once
            state = (run.revision, run.count, run.frames_since_change)
            kept = self._seen.get(id(run))
            if kept is None or kept[0] is not run or kept[1] != state:
                kept = self._seen[id(run)] = run, state, entries_of(run)
            found |= kept[2]
        return found

    def _check_disk(self) -> None:
        """While nothing goes on, a crash must cost nothing: what is on disk is what is in the session."""
        runs = self._session.runs
        is_idle = not self._driver.playback.is_playing and self._driver.gaps._filling is None
        state = (id(runs), runs._active, *((run.number, run.revision, run.count, run.recorder.title) for run in runs))
        if is_idle and runs.is_touched and state != self._on_disk and self._stem() is not None:
            self._on_disk = state
            difference = Kept.of(runs, runs.active.number).difference(
                self._read_disk(runs.source, self._driver._journal._opened)
            )
            if difference:
                self.faults.append(f"a crash now would cost: {difference}")

    def _before_leaving(self) -> None:
        self._leaving, runs = None, self._session.runs
        if self._session.source is None or not runs.is_touched:
            return
        if self._stem() is None:
            self._left.pop(runs.source.location, None)  # nothing is kept now; what was kept before is not known
            return
        self._check()
        self._leaving = runs.source, self._driver._journal._opened, Kept.of(runs, runs.active.number)

    def _after_leaving(self) -> None:
        if self._leaving is not None:
            source, opened, kept = self._leaving
            self._left[source.location] = kept
            difference = kept.difference(self._read_disk(source, opened))
            if difference:
                self.faults.append(f"leaving '{source.name}' cost: {difference}")

    def _after_restoring(self) -> None:
        runs = self._session.runs
        kept = None if runs.source.is_live or self._stem() is None else self._left.get(runs.source.location)
        if kept is not None:
            difference = kept.difference(Kept.of(runs, runs.active.number))
            if difference:
                self.faults.append(f"opening '{runs.source.name}' again cost: {difference}")

    def _stem(self) -> Path | None:
        if self._driver.recorder.is_recording:
            return None  # it is saved beside the video, with which it comes back
        return self._driver._journal.stem_for(self._session.runs.source)

    def _read_disk(self, source, opened: str) -> Kept:
        """Read as after a crash; `opened` is when a live source was, which alone tells it from others."""
        journal = Journal(self._folder)
        journal._opened = opened
        saved = journal.restore(source)
        return Kept({}, 0) if saved is None else Kept.of(saved.runs, saved.active)

    def _figures(self) -> dict:
        """What the window should show now; nothing while it may change at any moment."""
        if self._driver.playback.is_playing or self._driver.gaps._filling is not None or self._session.source is None:
            return {}
        rows = {(number, index) for number, curve in self._session.curves().items() for index in curve.frames.tolist()}
        return {"summary": summarise(self._session), "rows": rows, "frame": self._session.position}


def entries_of(run: LiveRun) -> frozenset[Entry]:
    """Everything that stands in a run, also what was replaced in it: each as one entry."""
    number, found = run.number, [("title", run.number, run.recorder.title)]
    for recorder in (run.recorder, run.ghost):
        for record in recorder.targets.values():
            about = (number, record.number)
            for index, result in record.results.items():
                box = tuple(map(float, result.box_xywh))
                score = None if math.isnan(result.score) else float(result.score)
                by = _name_of(recorder.producer_of(index, record.number))
                found.append(("result", *about, index, box, score, result.state, result.origin, by))
            for key in record.key_frames.values():
                found.append(("key frame", *about, key.index, tuple(map(float, key.box_xywh)), key.by))
            found += [("mark", *about, index, mark) for index, mark in record.marks.items()]
            found += [("name", *about, record.name, record.color)] if record.name or record.color else []
    return frozenset(found)


_producers: dict[int, tuple[object, str]] = {}


def _name_of(producer) -> str:
    """All that is kept of a producer, as one text; made once for each."""
    if producer is None:
        return ""
    if id(producer) not in _producers or _producers[id(producer)][0] is not producer:
        _producers[id(producer)] = producer, json.dumps(producer_to_data(producer), sort_keys=True)
    return _producers[id(producer)][1]


def _some(entries: Iterable[object]) -> str:
    told = sorted(str(entry)[:160] for entry in entries)
    return f"{len(told)}: {', '.join(told[:3])}{' …' if len(told) > 3 else ''}"
