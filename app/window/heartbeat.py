"""Pauses of the window's event loop: how long, whether this program worked meanwhile, and at what.

A heartbeat beats in the window's thread; where two beats lie further apart than they should, nothing else was served
there either. A second thread looks meanwhile where the program is: a busy machine makes pauses too, and in those the
window's thread has used little time of the processor.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from PyQt5.QtCore import QObject, Qt, QTimer

BEAT_MS = 5
STALL_MS = 50.0
LOOK_MS = 10  # between two looks at where the program is
QUIET_MS = 25.0  # a beat that is no later than this is not looked into
ROOT = Path(__file__).resolve().parents[2]
MOST_PLACES = 3
WAITING = ("threading.py", "queue.py", "selectors.py")
LOOPS = ("run_window", "pause")  # the functions that run Qt's event loop in the window's thread
IDLE = ("worker.py", "run")  # the one that runs the worker's, when nothing is asked of it


@dataclass(frozen=True)
class Pause:
    """A time in which the window served nothing.

    Attributes:
        wall_ms: how long it was.
        own_ms: how long the window's thread computed in it; the rest it waited.
        queued_ms: how long it waited for a processor, in a queue behind other threads and programs (Linux); what is
            left after that it waited for threads of this program.
        collected_ms: how long Python collected garbage in it, in whichever thread.
        where: where the window's thread was, the most frequent place first; empty if nobody could look.
        beside: where the other threads were.
    """

    wall_ms: float
    own_ms: float
    queued_ms: float = 0.0
    collected_ms: float = 0.0
    where: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        queued = f", {self.queued_ms:.0f} ms waiting for a processor" if self.queued_ms >= 1 else ""
        collected = f", {self.collected_ms:.0f} ms of it collecting garbage" if self.collected_ms >= 1 else ""
        places = "; ".join(self.where) or "unknown"
        beside = f" (beside it: {'; '.join(self.beside)})" if self.beside else ""
        return f"{self.wall_ms:.0f} ms, of which {self.own_ms:.0f} ms own work{queued}{collected}: {places}{beside}"


@dataclass
class Phase:
    """One thing the window did: how long it took, its longest pause and work without one, and its stalls."""

    name: str
    seconds: float = 0.0
    longest_ms: float = 0.0
    longest_own_ms: float = 0.0
    pauses: list[Pause] = field(default_factory=list)

    @property
    def stalls(self) -> int:
        """How many pauses were longer than `STALL_MS`."""
        return len(self.pauses)

    @property
    def own_stalls(self) -> int:
        """How many of them were longer than that by the work of the window's thread alone."""
        return sum(pause.own_ms > STALL_MS for pause in self.pauses)


class Heartbeat(QObject):
    """Beats every few milliseconds in the thread that made it, and remembers when it came late."""

    def __init__(self, stall_ms: float = STALL_MS) -> None:
        super().__init__()
        self.phases: list[Phase] = []
        self._stall_ms = stall_ms
        self._collected, self._queued = CollectionClock(), QueueClock()
        self._lookout = Lookout()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last_s = self._began_s = self._own_s = 0.0

    def begin(self, name: str) -> None:
        """Count what follows under `name`."""
        self.end()
        self.phases.append(Phase(name))
        self._own_s = time.thread_time()
        self._last_s = self._began_s = time.perf_counter()
        self._collected.start()
        self._queued.start()
        self._lookout.start()
        self._timer.start(BEAT_MS)

    def end(self) -> None:
        """Stop counting."""
        if self._timer.isActive():
            self._beat()
            self._timer.stop()
            self._collected.stop()
            self._queued.stop()
            self._lookout.stop()
            self.phases[-1].seconds = time.perf_counter() - self._began_s

    def _beat(self) -> None:
        now, own_s = time.perf_counter(), time.thread_time()
        late_ms, own_ms = (now - self._last_s) * 1e3 - BEAT_MS, (own_s - self._own_s) * 1e3
        queued_ms, collected_ms, places = self._queued.take_ms(), self._collected.take_ms(), self._lookout.take()
        phase = self.phases[-1]
        phase.longest_ms = max(phase.longest_ms, late_ms)
        phase.longest_own_ms = max(phase.longest_own_ms, own_ms)
        if late_ms > self._stall_ms:
            waited = round(queued_ms, 1), round(collected_ms, 1)
            phase.pauses.append(Pause(round(late_ms, 1), round(own_ms, 1), *waited, *places))
        self._own_s, self._last_s = time.thread_time(), time.perf_counter()


class QueueClock:
    """Adds up the time in which the thread that starts it could run and had no processor (Linux; elsewhere nothing)."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._read_ms = 0.0

    def start(self) -> None:
        """Begin to add up."""
        path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._file = path.open("rb", buffering=0) if path.is_file() else None
        self.take_ms()

    def stop(self) -> None:
        """Add up no more."""
        if self._file is not None:
            self._file.close()

    def take_ms(self) -> float:
        """Return the milliseconds since the last call."""
        if self._file is None:
            return 0.0
        self._file.seek(0)
        before, self._read_ms = self._read_ms, int(self._file.read(100).split()[1]) / 1e6  # after what it computed
        return self._read_ms - before


class CollectionClock:
    """Adds up the time in which Python collects garbage, which stops every thread."""

    def __init__(self) -> None:
        self._ms = self._began_s = 0.0

    def start(self) -> None:
        """Begin to add up."""
        self._ms = 0.0
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        """Add up no more."""
        gc.callbacks.remove(self._note)

    def take_ms(self) -> float:
        """Return the milliseconds since the last call."""
        taken, self._ms = self._ms, 0.0
        return taken

    def _note(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._began_s = time.perf_counter()
        else:
            self._ms += (time.perf_counter() - self._began_s) * 1e3


class Lookout:
    """Looks from a thread of its own where the other threads are, while the watched one does not call `take`."""

    def __init__(self) -> None:
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._taken_s = 0.0
        self._seen: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def start(self) -> None:
        """Begin to look."""
        self._taken_s = time.perf_counter()
        self._ended.clear()
        self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def take(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return where the watched thread was since the last call and where the others were, by frequency."""
        with self._lock:
            seen, self._seen = self._seen, (Counter(), Counter())
            self._taken_s = time.perf_counter()
        mine, others = (tuple(place for place, _ in places.most_common(MOST_PLACES)) for places in seen)
        return mine, others

    def _look(self) -> None:
        while not self._ended.wait(LOOK_MS / 1e3):
            frames = sys._current_frames()  # before the lock: the watched thread may wait for it
            with self._lock:
                if (time.perf_counter() - self._taken_s) * 1e3 < QUIET_MS:
                    continue
                for thread, frame in frames.items():
                    if thread != threading.get_ident() and (place := place_of(frame)):
                        self._seen[thread != self._watched][place] += 1


def place_of(frame: FrameType | None) -> str:
    """Return the innermost place of this program that a frame was called from, and what it called there.

    "" where the thread only waits, or runs nothing of this program.
    """
    if frame is None:
        return ""
    file, called = Path(frame.f_code.co_filename), frame.f_code.co_name
    if file.name in WAITING or (file.name, called) == IDLE:
        return ""
    while frame is not None:
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        if path.is_relative_to(ROOT) and "site-packages" not in path.parts and path != Path(__file__):
            if name in LOOPS:  # what Qt calls by itself has no place of this program
                return "Qt's event loop" if called == name else f"{file.stem}.{called}"
            where = f"{path.relative_to(ROOT)}:{frame.f_lineno} {name}"
            return where if called == name else f"{where} > {called}"
        frame = frame.f_back
    return ""
