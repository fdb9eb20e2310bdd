"""Plays through the window's scenes and writes what was measured: `siamscope bench --window`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PyQt5.QtWidgets import QApplication

import tracker_core  # noqa: F401  before PyQt5: it makes OpenCV's own Qt harmless
from app.bench import heavy, scenes
from app.bench.pattern import LONG, PATTERN, SIZE, PatternSource
from app.bench.stage import Stage
from app.session.trackers import TrackerFactory
from app.window.application import build_session_tracker, bundled_clip, load_core, open_session_source
from app.window.display import has_display
from app.window.garbage import GarbageCollector
from app.window.heartbeat import STALL_MS, Pause
from app.window.main_window import MainWindow
from app.worker.driver import SourceOpener
from app.worker.player import Player
from tracker_core.types import FrameSource

WINDOW_SIZE = (1500, 940)
BOX_OVERLAYS = ("prediction", "ground_truth", "anchor", "search_window", "ghost", "guide", "proposals")
OTHER_TRACKERS = ("siamrpn-small",)
MOST_PAUSES = 4  # that are told of each phase; the file has all
ROW = "{:42} {:>5} {:>8} {:>8} {:>8} {:>7} {:>7} {:>4}"


def measure_window(
    spec: str,
    tracker_factory: TrackerFactory = build_session_tracker,
    open_source: SourceOpener = open_session_source,
    timeout_s: float = 120.0,
) -> dict[str, Any]:
    """Open `spec` in a real window, play through all scenes, and return what was measured.

    The source needs ground truth to start from. Needs a QApplication; blocks until done.
    """
    with tempfile.TemporaryDirectory(prefix="siamscope_bench_") as folder:
        heavy.write_runs(Path(folder))

        def open_any(wanted: str) -> FrameSource:
            return PatternSource(wanted) if wanted in (PATTERN, LONG) else open_source(wanted)

        load_core()
        player = Player(tracker_factory, open_any, Path(folder))
        collector = GarbageCollector()
        player.worker.mail_arrived.connect(collector.postpone)  # images that are played or looked for
        collector.start()
        window = MainWindow(player)
        window.resize(*WINDOW_SIZE)
        window.show()
        stage = Stage(window, player, timeout_s)
        try:
            _play(stage, spec)
            return _report(stage, spec) | {"paint": _measure_paint(stage)}
        finally:
            window.close()
            collector.stop()


def _play(stage: Stage, spec: str) -> None:
    lines = heavy.benchmark_lines()  # before anything is measured: it takes this thread a while
    scenes.load(stage)
    scenes.track_one(stage, spec)
    scenes.open_panels(stage)
    scenes.add_target(stage)
    scenes.track_two(stage)
    scenes.open_dialogs(stage)
    scenes.change_tracker(stage, OTHER_TRACKERS)
    scenes.export(stage)
    scenes.batch(stage, str(Path(spec).parent))
    heavy.show_benchmark(stage, lines)
    heavy.work_on_long_video(stage)
    stage.heart.end()


def _report(stage: Stage, spec: str) -> dict[str, Any]:
    phases = stage.heart.phases
    return {
        "source": spec,
        "phases": [asdict(phase) | stage.shown.get(phase.name, {}) for phase in phases],
        "longest_pause_ms": round(max(phase.longest_ms for phase in phases), 1),
        "longest_own_ms": round(max(phase.longest_own_ms for phase in phases), 1),
        "stalls": sum(phase.stalls for phase in phases),
        "own_stalls": sum(phase.own_stalls for phase in phases),
    }


def _measure_paint(stage: Stage) -> dict[str, Any]:
    """Paint an image of `SIZE` one to one with all box overlays, then with every overlay."""
    canvas, player = stage.window.canvas, stage.player
    stage.window.docks.docks["curves"].hide()
    canvas.setFixedSize(*SIZE)
    stage.window.adjustSize()
    result: dict[str, Any] = {"size": list(SIZE)}
    for label, names in (("box_overlays", BOX_OVERLAYS), ("all_overlays", tuple(stage.window.overlays))):
        stage.show_overlays(names)
        stage.open(PATTERN)
        stage.wait(lambda: canvas.box is not None)
        stage.paint_ms.clear()
        stage.overlay_ms.clear()
        stage.window.playback.toggle_play()
        stage.wait(lambda: player.is_playing)
        stage.wait(lambda: not player.is_playing)
        paint, overlay = np.array(stage.paint_ms), np.array(stage.overlay_ms)
        result[label] = {
            "frames": len(paint),
            "paint_ms_median": round(float(np.median(paint)), 2),
            "paint_ms_p95": round(float(np.percentile(paint, 95)), 2),
            "overlays_ms_median": round(float(np.median(overlay)), 2),
        }
        player.clear_targets()
        player.close_source()
        stage.wait(lambda: player.source is None)
    return result


def describe(report: dict[str, Any]) -> str:
    """Return a report as a table of the phases, with the stalls of each and what ran in them."""
    lines = [ROW.format("", "s", "shown/s", "slowest", "pause ms", "own ms", "stalls", "own")]
    for phase in report["phases"]:
        shown = [f"{phase[key]:g}" if key in phase else "" for key in ("shown_per_second", "shown_in_slowest_second")]
        pauses = [Pause(**pause) for pause in phase["pauses"]]
        own = sum(pause.own_ms > STALL_MS for pause in pauses)
        longest = [f"{phase[key]:.0f}" for key in ("longest_ms", "longest_own_ms")]
        lines.append(ROW.format(phase["name"], f"{phase['seconds']:.1f}", *shown, *longest, len(pauses), own))
        worst = sorted(pauses, key=lambda pause: (pause.own_ms, pause.wall_ms), reverse=True)
        lines += [f"    {pause}" for pause in worst[:MOST_PAUSES]]
    total, own = report["stalls"], report["own_stalls"]
    lines.append(f"Pauses over {STALL_MS:.0f} ms: {total}, of which {own} by the work of the window's own thread.")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Measure, say what came of it, and write the report as JSON to a file if asked to."""
    parser = argparse.ArgumentParser(prog="bench_window", description="Measure the window.")
    parser.add_argument("source", nargs="?", help="a clip with ground truth (default: the bundled one)")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    options = parser.parse_args(argv)
    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    clip = bundled_clip()
    application = QApplication.instance() or QApplication(["siamscope"])
    report = measure_window(options.source or (str(clip) if clip else PATTERN))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    sys.stdout.write(describe(report) + "\n")
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
