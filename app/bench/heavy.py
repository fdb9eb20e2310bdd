"""What a long day leaves behind: a video of ten thousand frames with several runs, a benchmark's many results."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import numpy as np
from PyQt5.QtCore import Qt

from app.bench.pattern import LONG, MANY_FRAMES, PatternSource
from app.bench.stage import Stage
from app.jobs.jobs import Job
from app.session.journal import Journal
from app.session.runs import Runs
from app.worker.messages import BoxRequest
from tracker_core.evaluation.benchmarks import BENCHMARKS
from tracker_core.results.identity import identify_source
from tracker_core.results.provenance import Producer, SourceIdentity
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run import BoxOrigin
from tracker_core.types import TrackResult

RUNS, TARGETS = 5, 2
TRACKERS, SEQUENCES = 10, 100
LOOK_MS = 300
BOX = (200.0, 150.0, 80.0, 60.0)


def write_runs(folder: Path) -> None:
    """Save several whole runs of the long pattern, as an earlier session would have left them."""
    source = PatternSource(LONG)
    runs = Runs(identify_source(source, LONG))
    for number in range(1, RUNS + 1):
        runs.add(_recorder(runs.source, source, number))
    runs.rename(runs.active.number, "the last one")
    Journal(folder).save(runs)


def work_on_long_video(stage: Stage) -> None:
    """Open the video of `write_runs`, and do to its runs and targets whatever can be done."""
    player = stage.player
    stage.begin("long video: opening")
    stage.open(LONG)
    stage.wait(lambda: len(player.summary.runs) == RUNS)
    stage.pause(LOOK_MS)
    stage.begin("long video: another run")
    first, *others = [run.number for run in player.summary.runs]
    player.activate_run(first)
    stage.wait(lambda: player.summary.runs[0].is_active)
    stage.pause(LOOK_MS)
    stage.begin("long video: hiding and showing runs")
    for is_visible in (False, True):
        for number in others:
            player.show_run(number, is_visible)
            stage.pause(LOOK_MS // 3)
    stage.begin("long video: seeking")
    for index in np.linspace(0, stage.last, 25).astype(int).tolist():
        player.seek(index)
        stage.pause(40)
    stage.begin("long video: a box drawn again")
    view, source = stage.window.canvas.frame_view, player.source
    assert view is not None and source is not None
    player.begin(BoxRequest(source.serial, view.frame, BOX, 1))
    stage.wait(lambda: bool(player.summary.undo_text))
    stage.pause(LOOK_MS)
    stage.begin("long video: the other target")
    stage.window.drawing.choose(2)
    stage.pause(LOOK_MS)
    stage.window.drawing.choose(1)
    stage.pause(LOOK_MS)
    stage.begin("long video: undo and redo")
    for change in (player.undo, player.redo, player.undo):
        change()
        stage.pause(2 * LOOK_MS)
    stage.begin("long video: playing")
    player.seek(100)
    player.set_range(None, 400)
    stage.play_to_end(stage.window.playback.toggle_play)
    player.set_range(None, None)
    stage.begin("long video: deleting a run")
    player.delete_run(others[0])
    stage.pause(2 * LOOK_MS)
    stage.begin("long video: closing")
    player.close_source()
    stage.wait(lambda: player.source is None)


def show_benchmark(stage: Stage, lines: bytes) -> None:
    """Open the benchmark page with the results in `benchmark_lines`, and sort, filter and hide them."""
    panel, job = stage.window.panels.benchmark, _ToldJob("Benchmark", lines)
    stage.begin("benchmark page: results come")
    stage.window.docks.show_tab(panel)
    job.message.connect(panel.take)
    stage.window.jobs.start(job)
    stage.wait(lambda: not stage.window.jobs.running)
    stage.pause(2 * LOOK_MS)
    stage.begin("benchmark page: sorting, filtering, hiding")
    for column in (2, 0):
        panel.sequences.table.sortByColumn(column, Qt.SortOrder.AscendingOrder)
        stage.pause(LOOK_MS)
    for text in ("s", "se", "seq 01", ""):
        panel.sequences.filter.setText(text)
        stage.pause(LOOK_MS)
    for is_shown in (False, True):
        panel.sequences.tracker_shown.emit("tracker 3", is_shown)
        stage.pause(LOOK_MS)
    stage.begin("benchmark page: attributes and back")
    for number in (1, 0):
        panel.tabs.setCurrentIndex(number)
        stage.pause(LOOK_MS)
    stage.window.docks.show_tab(stage.window.panels.plots)
    stage.pause(LOOK_MS)


class _ToldJob(Job):
    """A job whose process is a text: what it tells comes as fast as it can be read."""

    def __init__(self, title: str, lines: bytes) -> None:
        super().__init__(title, ())
        self._lines = lines

    def start(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        self._follow(io.BytesIO(self._lines), self._output_came)
        self._exited.emit(0)


def _recorder(identity: SourceIdentity, source: PatternSource, number: int) -> RunRecorder:
    rng = np.random.default_rng(number)
    recorder = RunRecorder(identity, Producer(f"tracker {number}"))
    boxes = source.sequence.boxes_xywh
    for index in range(MANY_FRAMES):
        recorder.note_frame(index, index / source.fps, update_s=0.01)
    for target in range(1, TARGETS + 1):
        noise = rng.normal(0, 3 * target, boxes.shape)
        recorder.set_key_frame(target, 0, boxes[0], BoxOrigin.USER)
        for index, box in enumerate(boxes + noise):
            recorder.put(index, target, TrackResult(box, float(rng.uniform(0.3, 1))))
    return recorder


def benchmark_lines() -> bytes:
    """Return what `eval --progress json` says of many trackers on many sequences that are finished already."""
    protocol, rng = next(iter(BENCHMARKS.values())).protocol, np.random.default_rng(1)
    curves = {"success": np.linspace(1, 0, 21).tolist(), "precision": np.linspace(0, 1, 51).tolist()}
    trackers = [f"tracker {number}" for number in range(TRACKERS)]
    events: list[dict[str, object]] = [
        {"event": "start", "total": TRACKERS * SEQUENCES, "folders": dict.fromkeys(trackers, "results")}
    ]
    for tracker in trackers:
        for place in range(SEQUENCES):
            numbers = {measure.key: float(rng.uniform()) for measure in protocol.columns}
            so_far = numbers | {"sequences": place + 1, "curves": curves}
            told = {"event": "sequence", "tracker": tracker, "sequence": f"seq {place:03d}", "tags": ["OCC", "SV"]}
            done = {"done": len(events), "total": TRACKERS * SEQUENCES, "status": "present", "reason": ""}
            progress = {"event": "progress", "done": len(events), "total": TRACKERS * SEQUENCES}
            events += [told | done | numbers | {"so_far": so_far}, progress]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)
