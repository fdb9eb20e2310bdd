"""Measures the window: stalls of its event loop, images shown per second, and what painting costs.

A heartbeat timer beats in the window's thread; where two beats lie further apart than they should, nothing else in
that thread was served either. `siamscope bench --window` prints what is measured here.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PyQt5.QtCore import QEventLoop, QObject, Qt, QTimer
from PyQt5.QtWidgets import QApplication

import tracker_core  # noqa: F401  before PyQt5: it makes OpenCV's own Qt harmless
from app.dialogs.export_options import VIDEO, ExportOptions
from app.session.trackers import TrackerFactory
from app.window.application import build_session_tracker, bundled_clip, load_core, open_session_source
from app.window.display import has_display
from app.window.garbage import GarbageCollector
from app.window.main_window import MainWindow
from app.worker.driver import SourceOpener
from app.worker.player import Player
from tracker_core.types import Frame, FrameSource, Image, Sequence

logger = logging.getLogger(__name__)

BEAT_MS = 5
STALL_MS = 50.0
PAINT_SIZE = (1280, 720)
PAINT_FRAMES = 200
PATTERN = "pattern"
BOX_OVERLAYS = ("prediction", "ground_truth", "anchor", "search_window", "ghost", "guide", "proposals")


@dataclass
class PhaseReport:
    """One thing the window did: how long, the longest pause between beats, and how many pauses were stalls."""

    name: str
    seconds: float = 0.0
    longest_ms: float = 0.0
    stalls: int = 0
    stalls_ms: list[float] = field(default_factory=list)


class Heartbeat(QObject):
    """Beats every few milliseconds and remembers when it came late."""

    def __init__(self) -> None:
        super().__init__()
        self.phases: list[PhaseReport] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._last_s = self._began_s = time.perf_counter()

    def begin(self, name: str) -> None:
        """Count what follows under `name`."""
        self.end()
        self.phases.append(PhaseReport(name))
        self._last_s = self._began_s = time.perf_counter()
        self._timer.start(BEAT_MS)

    def end(self) -> None:
        """Stop counting."""
        if self._timer.isActive():
            self._beat()
            self._timer.stop()
            self.phases[-1].seconds = time.perf_counter() - self._began_s

    def _beat(self) -> None:
        now = time.perf_counter()
        late_ms = (now - self._last_s) * 1e3 - BEAT_MS
        self._last_s = now
        phase = self.phases[-1]
        phase.longest_ms = max(phase.longest_ms, late_ms)
        if late_ms > STALL_MS:
            phase.stalls += 1
            phase.stalls_ms.append(round(late_ms, 1))


class PatternSource:
    """A square that wanders over noise, in memory: costs nothing to read and has ground truth."""

    is_live = False
    is_seekable = True
    name = PATTERN
    frame_names = None
    fps = 1000.0

    def __init__(self, size: tuple[int, int] = PAINT_SIZE, count: int = PAINT_FRAMES) -> None:
        self.size = size
        self.frame_count = count
        self._next = 0
        width, height = size
        rng = np.random.default_rng(1)
        ground = rng.integers(60, 140, (height // 8, width // 8, 3), np.uint8)
        self._ground = cv2.resize(ground, size, interpolation=cv2.INTER_CUBIC)
        self._patch = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
        steps = np.arange(count)
        x = (width - 160) * (0.5 + 0.45 * np.sin(steps / 30))
        y = (height - 120) * (0.5 + 0.45 * np.sin(steps / 47))
        boxes = np.stack([x.round(), y.round(), np.full(count, 160.0), np.full(count, 120.0)], axis=1)
        self.sequence = Sequence(PATTERN, (PATTERN,), boxes)

    def read(self) -> Frame | None:
        """Return the next frame."""
        if self._next >= self.frame_count:
            return None
        image: Image = self._ground.copy()
        x, y, w, h = self.sequence.boxes_xywh[self._next].astype(int)
        image[y : y + h, x : x + w] = self._patch
        image.flags.writeable = False
        self._next += 1
        return Frame(self._next - 1, (self._next - 1) / self.fps, image)

    def last_index(self) -> int:
        """Return the index of the last frame."""
        return self.frame_count - 1

    def seek(self, index: int) -> None:
        """Go to a frame."""
        self._next = index

    def close(self) -> None:
        """Nothing to release."""


def measure_window(
    spec: str,
    tracker_factory: TrackerFactory = build_session_tracker,
    open_source: SourceOpener = open_session_source,
    timeout_s: float = 120.0,
) -> dict[str, Any]:
    """Open `spec` in a real window, track it from its offered box to its end, and return what was measured.

    The source needs ground truth to start from. Needs a QApplication; blocks until done.
    """

    def open_any(wanted: str) -> FrameSource:
        return PatternSource() if wanted == PATTERN else open_source(wanted)

    load_core()
    player = Player(tracker_factory, open_any)
    collector = GarbageCollector(lambda: player.is_playing)
    collector.start()
    window = MainWindow(player)
    window.resize(1400, 900)
    window.show()
    bench = _Bench(window, player, timeout_s)
    try:
        return bench.run(spec)
    finally:
        window.close()
        collector.stop()


class _Bench:
    def __init__(self, window: MainWindow, player: Player, timeout_s: float) -> None:
        self.window, self.player, self.timeout_s = window, player, timeout_s
        self.heart = Heartbeat()
        self.painted_at: list[float] = []
        self.paint_ms: list[float] = []
        self.overlay_ms: list[float] = []
        window.canvas.painted.connect(self._note_paint)

    def run(self, spec: str) -> dict[str, Any]:
        report: dict[str, Any] = {"source": spec}
        self.heart.begin("loading the tracker")
        self.player.prepare_tracker()
        self._wait(lambda: self.player.tracking is not None)
        self.heart.begin("opening")
        self.window.open(spec)
        self._wait(lambda: self.window.canvas.box is not None)
        source = self.player.source
        assert source is not None
        last = (source.frame_count or 1) - 1
        self.painted_at.clear()
        self.heart.begin("tracking")
        self.window.playback.toggle_play()
        began = time.perf_counter()
        self._wait(lambda: self.player.is_playing)
        self._wait(lambda: not self.player.is_playing)
        seconds = time.perf_counter() - began
        shown = _per_second(self.painted_at, began)
        rows = len(self.window.rows_of(1))
        report["tracking"] = {
            "frames": last + 1,
            "results": rows,
            "clip_fps": source.fps,
            "seconds": round(seconds, 2),
            "shown_per_second": round(len(self.painted_at) / seconds, 1),
            "shown_in_slowest_second": min(shown, default=0),
            "dropped_images": self.window.dropped,
        }
        self.heart.begin("tracking as fast as possible")
        self.player.set_speed(0.0)
        self.player.run_again()
        began = time.perf_counter()
        self._wait(lambda: self.player.is_playing)
        self._wait(lambda: not self.player.is_playing)
        report["as_fast_as_possible_fps"] = round(last / (time.perf_counter() - began), 1)
        self.heart.begin("seeking")
        for index in np.linspace(0, last, 25).astype(int).tolist():
            self.player.seek(index)
            self._pause(20)
        report["everything_open"] = self._track_with_everything(last)
        with tempfile.TemporaryDirectory(prefix="siamscope_bench_") as folder:
            self._export(Path(folder) / "bench.mp4", last)
        self.heart.end()
        self._show_overlays(())
        report["paint"] = self._measure_paint()
        report["phases"] = [asdict(phase) for phase in self.heart.phases]
        report["longest_pause_ms"] = round(max(p.longest_ms for p in self.heart.phases), 1)
        report["stalls"] = sum(p.stalls for p in self.heart.phases)
        return report

    def _track_with_everything(self, last: int) -> dict[str, Any]:
        """Track again at the clip's rate with every overlay, the crops and the curves in sight."""
        self.heart.begin("opening the panels")
        self._show_overlays(tuple(self.window.overlays))
        self.window.docks.docks["thumbnails"].raise_()
        self.window.docks.show_tab(self.window.panels.plots)
        self.player.set_speed(1.0)
        self._pause(300)
        self.heart.begin("tracking with everything open")
        self.painted_at.clear()
        self.player.run_again()
        began = time.perf_counter()
        self._wait(lambda: self.player.is_playing)
        self._wait(lambda: not self.player.is_playing)
        shown = _per_second(self.painted_at, began)
        self.window.docks.docks["curves"].hide()
        self.window.docks.docks["overlays"].raise_()
        return {
            "shown_per_second": round(len(self.painted_at) / (time.perf_counter() - began), 1),
            "shown_in_slowest_second": min(shown, default=0),
        }

    def _export(self, path: Path, last: int) -> None:
        """Export the tracked video in another process while the window replays it."""
        self.heart.begin("exporting")
        self.window.exports.export(ExportOptions(VIDEO, str(path), 0, last))
        self.window.playback.toggle_play()
        self._wait(lambda: bool(self.window.jobs.running))
        self._wait(lambda: not self.window.jobs.running)
        self.player.play(False)
        if not path.is_file():
            raise RuntimeError("The window's export wrote no video.")

    def _show_overlays(self, names: tuple[str, ...]) -> None:
        for name in self.window.overlays:
            self.window.overlays.show(name, name in names)

    def _measure_paint(self) -> dict[str, Any]:
        """Paint a 1280×720 image one to one with all box overlays, then with every overlay."""
        canvas = self.window.canvas
        canvas.setFixedSize(*PAINT_SIZE)
        self.window.adjustSize()
        result: dict[str, Any] = {"size": list(PAINT_SIZE)}
        for label, names in (("box_overlays", BOX_OVERLAYS), ("all_overlays", tuple(self.window.overlays))):
            self._show_overlays(names)
            self.window.open(PATTERN)
            self._wait(lambda: self.player.source is not None and self.player.source.name == PATTERN)
            self._wait(lambda: canvas.box is not None)
            self.paint_ms.clear()
            self.overlay_ms.clear()
            self.window.playback.toggle_play()
            self._wait(lambda: self.player.is_playing)
            self._wait(lambda: not self.player.is_playing)
            paint, overlay = np.array(self.paint_ms), np.array(self.overlay_ms)
            result[label] = {
                "frames": len(paint),
                "paint_ms_median": round(float(np.median(paint)), 2),
                "paint_ms_p95": round(float(np.percentile(paint, 95)), 2),
                "overlays_ms_median": round(float(np.median(overlay)), 2),
            }
            self.player.close_source()
            self._wait(lambda: self.player.source is None)
        return result

    def _note_paint(self) -> None:
        self.painted_at.append(time.perf_counter())
        self.paint_ms.append(self.window.canvas.paint_ms)
        self.overlay_ms.append(self.window.canvas.overlay_ms)

    def _wait(self, condition: Any) -> None:
        deadline = time.perf_counter() + self.timeout_s
        while not condition():
            if time.perf_counter() > deadline:
                raise TimeoutError("The window did not get there in time.")
            self._pause(5)

    def _pause(self, milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec_()


def _per_second(times_s: list[float], began_s: float) -> list[int]:
    """Return how many of `times_s` fall into each whole second since `began_s`; the last, partial one is left out."""
    if not times_s:
        return []
    seconds = np.floor(np.array(times_s) - began_s).astype(int)
    counts: list[int] = np.bincount(seconds[seconds >= 0])[:-1].tolist()
    return counts


def main(argv: list[str]) -> int:
    """Measure and write the report as JSON to standard output or a file."""
    parser = argparse.ArgumentParser(prog="bench_window", description="Measure the window.")
    parser.add_argument("source", nargs="?", help="a clip with ground truth (default: the bundled one)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    options = parser.parse_args(argv)
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    clip = bundled_clip()
    application = QApplication.instance() or QApplication(["siamscope"])
    report = measure_window(options.source or (str(clip) if clip else PATTERN))
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text + "\n")
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
