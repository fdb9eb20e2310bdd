"""Connects the panels with the player and the controls; knows every panel, while none knows another."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from PyQt5.QtCore import QObject

from app.canvas.overlays.base import run_color
from app.canvas.overlays.heat_map import ANY_ANCHOR
from app.canvas.overlays.model import OverlayModel
from app.controls.drawing import DrawingControls
from app.controls.playback import PlaybackControls
from app.controls.sources import SourceControls
from app.controls.targets import TargetControls
from app.panels.docks import Panels
from app.panels.overlays import anchor_choices
from app.panels.pace import Pace
from app.panels.runs import score_note
from app.panels.timeline_painting import FrameValues
from app.session.frame_view import (
    KEY_STATE,
    STATES,
    Curve,
    FrameView,
    ResultRow,
    SessionSummary,
    SourceSummary,
    TargetView,
)
from app.session.growing_curve import GrowingCurve
from app.session.live_scores import RunningScores
from app.session.moments import worst_moments
from app.session.trackers import TrackerChoice
from app.window.recent import RecentSources
from app.worker.player import Player
from tracker_core.results.motion import parse_length_scale

RATE_WINDOW = 30  # images over which the shown rate is averaged
LIVE_MS = 250  # between two looks at the numbers of a run that grows
MOMENTS_MS = 400  # between two looks for the worst moments of a run that grows


class PanelWiring(QObject):
    """Hands every panel what it shows, and what it says to whom it concerns."""

    def __init__(
        self,
        panels: Panels,
        player: Player,
        overlays: OverlayModel,
        drawing: DrawingControls,
        playback: PlaybackControls,
        sources: SourceControls,
        recent: RecentSources,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._panels, self._player, self._overlays, self._drawing = panels, player, overlays, drawing
        self._curves: dict[int, GrowingCurve] = {}  # by target
        self._frames: set[int] = set()  # in which any target has a result
        self._scores = RunningScores()
        self._shown_at: deque[float] = deque(maxlen=RATE_WINDOW)
        self._view: FrameView | None = None
        self._live = Pace(self._show_live, LIVE_MS, self)
        self._moments = Pace(self._show_moments, MOMENTS_MS, self)
        worker = player.worker
        panels.timeline.seek_requested.connect(player.seek)
        panels.plots.frame_requested.connect(player.seek)
        panels.timeline.range_changed.connect(lambda bounds: playback.set_range(*(bounds or (None, None))))
        playback.range_changed.connect(panels.timeline.set_range)
        panels.tracker.tracker_chosen.connect(self._choose_tracker)
        panels.tracker.tracking_changed.connect(player.set_tracking_config)
        panels.tracker.reset_requested.connect(lambda: player.choose_tracker(player.choice))
        worker.tracker_ready.connect(panels.tracker.set_tracker)
        worker.failed.connect(lambda _failure: self._show_parameters())
        panels.sources.source_chosen.connect(sources.open)
        panels.sources.folder_wanted.connect(sources.ask_folder)
        panels.sources.cameras_wanted.connect(player.find_cameras)
        panels.sources.set_clip(sources.bundled_clip)
        panels.sources.set_recent(recent.specs)
        recent.changed.connect(panels.sources.set_recent)
        worker.playing_changed.connect(lambda _is_playing: self._shown_at.clear())  # a pause is not time of playing
        worker.sequences_found.connect(panels.sources.set_sequences)
        worker.sequences_found.connect(panels.benchmark.form.propose)
        worker.cameras_found.connect(panels.sources.set_cameras)
        self.targets = TargetControls(panels.targets, player, drawing, overlays)
        self.show_source(None)

    def show_source(self, source: SourceSummary | None) -> None:
        """Show another source: empty curves, its length."""
        self._curves.clear()
        self._frames.clear()
        self._scores = RunningScores()
        self._shown_at.clear()
        self._view = None
        self._panels.sources.set_open("" if source is None else source.spec)
        self._panels.timeline.clear()
        self._panels.timeline.set_length(None if source is None else source.frame_count)
        self._panels.timeline.setVisible(source is not None and not source.is_live)
        self._panels.plots.clear()
        self._panels.thumbnails.set_debug(None)
        self.targets.forget()

    def show_summary(self, summary: SessionSummary) -> None:
        """Mark key frames; take over a frame count that became exact."""
        choice = self._player.choice
        self._panels.tracker.set_choice(summary.tracker, choice.weights or "", choice.device)
        keys = sorted({key for target in summary.targets for key in target.key_frames})
        self._panels.timeline.set_key_frames(keys)
        self._show_runs(summary)
        scale = summary.length_scale
        self._panels.plots.set_length_scale(parse_length_scale(scale) if scale else None)
        shown = [target for target in summary.targets if self._drawing.active in (target.number, None)]
        marks, ways = ([span for target in shown for span in getattr(target, name)] for name in ("marks", "ways"))
        self._panels.timeline.set_spans(marks, ways)
        if self._player.source is not None:
            self._panels.timeline.set_length(self._player.source.frame_count)

    def _show_runs(self, summary: SessionSummary) -> None:
        self._panels.runs.set_runs(summary.runs)
        beside = {
            run.title or self.tr("Run {}").format(run.number): (run_color(run.color), curve)
            for run in summary.runs
            if (curve := run.curves.get(self._drawing.active or 1)) is not None
        }
        self._panels.plots.set_beside(beside)
        self._panels.readout.set_note(next((score_note(run) for run in summary.runs if run.is_active), ""))
        self._moments.ask()

    def active_curve(self) -> Curve:
        """Return what was found for the active target."""
        return self.curve_of(self._drawing.active or 1)

    def curve_of(self, number: int) -> Curve:
        """Return what was found for a target, as far as it is known here."""
        known = self._curves.get(number) or GrowingCurve()  # its arrays are made only where it is needed
        return known.curve()

    def _show_moments(self) -> None:
        self._panels.runs.set_moments(worst_moments(self.active_curve()))

    def replace_curves(self, curves: Mapping[int, Curve]) -> None:
        """Forget all results, take others by target, and draw the curves of the active one."""
        self._curves = {number: GrowingCurve(curve) for number, curve in curves.items()}
        self._frames = set().union(*(curve.frames.tolist() for curve in curves.values()))
        self.targets.replace_curves(curves)
        self._draw()
        self._moments.ask()

    def show_target(self) -> None:
        """Draw the curves of the active target, which is another one."""
        self._draw()
        self.show_summary(self._player.summary)

    def _draw(self) -> None:
        curve, strips = self.active_curve(), FrameValues()
        self._scores = RunningScores(curve)
        strips.put_all(curve)
        self._panels.timeline.set_results(strips)
        self._panels.plots.set_curve(curve)
        self._show_target()

    def add_rows(self, rows: list[ResultRow]) -> None:
        """Take more rows, and append those of the active target to the curves."""
        self.targets.add_rows(rows)
        self._keep(rows)
        self._append(rows)
        if any(row.is_new for row in rows) and self._panels.runs.isVisible():
            self._live.ask()
            self._moments.ask()

    def _show_live(self) -> None:
        self._panels.runs.set_live(len(self._frames), self._scores.success, self._scores.precision)

    def _keep(self, rows: list[ResultRow]) -> None:
        for row in rows:
            if row.number not in self._curves:
                self._curves[row.number] = GrowingCurve()
            self._curves[row.number].put(row)
            self._frames.add(row.index)

    def _append(self, rows: list[ResultRow]) -> None:
        for row in filter(self._is_active, rows):
            self._scores.add(row.index, row.iou, row.center_error)
            self._panels.timeline.append_result(row.index, row.score, row.iou, row.state)
            is_set = row.state == STATES[KEY_STATE]
            if row.is_new or is_set:
                self._panels.plots.append(row.index, (row.score, row.iou, row.center_error, row.speed), is_set)

    def show_view(self, view: FrameView) -> None:
        """Follow the frame that is shown."""
        self._shown_at.append(time.perf_counter())
        self._view = view
        self._panels.timeline.set_position(view.frame.index)
        self.targets.show_view(view)
        self._show_target()

    def _show_target(self) -> None:
        """Show what is known of the active target in the frame that is shown."""
        view = self._view
        if view is None:
            return
        target = view.target(self._drawing.active) if self._drawing.active is not None else None
        debug = None if target is None or target.result is None else target.result.debug
        if self._panels.thumbnails.isVisible():
            self._panels.thumbnails.set_debug(debug)
        if debug is not None:
            self._overlays.set_choices("heat_map", "anchor", (ANY_ANCHOR, *anchor_choices(debug)))
        self._panels.readout.set_values(self._readout(view, target))

    def _is_active(self, row: ResultRow) -> bool:
        return row.number == (self._drawing.active or row.number)

    def _readout(self, view: FrameView, target: TargetView | None) -> dict[str, Any]:
        source = self._player.source
        row = None if target is None else target.row
        return {
            "frame": view.frame.index,
            "frame_count": None if source is None else source.frame_count,
            "time_s": view.frame.time_s,
            "state": "" if row is None else row.state,
            "mark": "" if target is None else self._mark_of(target.number, view.frame.index),
            "score": math.nan if row is None else row.score,
            "iou": math.nan if row is None else row.iou,
            "center_error": math.nan if row is None else row.center_error,
            "success": self._scores.success,
            "precision": self._scores.precision,
            "fps": self._rate(),
        }

    def _mark_of(self, number: int, index: int) -> str:
        """Return what a target is marked as in a frame, "" where it is not."""
        marks = (mark for target in self._player.summary.targets if target.number == number for mark in target.marks)
        return next((self.tr("marked {}").format(mark.word) for mark in marks if mark.first <= index <= mark.last), "")

    def _rate(self) -> float:
        if len(self._shown_at) < 2 or not self._player.is_playing:
            return math.nan
        return (len(self._shown_at) - 1) / max(1e-6, self._shown_at[-1] - self._shown_at[0])

    def _show_parameters(self) -> None:
        """Show the parameters that are in use: a tracker that was chosen may have been refused."""
        if self._player.tracking is not None:
            self._panels.tracker.set_tracking(self._player.tracking)

    def _choose_tracker(self, name: str, weights: str, device: str) -> None:
        self._player.choose_tracker(TrackerChoice(name or None, weights or None, device or "auto"))
