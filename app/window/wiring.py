"""Connects the panels with the canvas, the player and the controls; knows every panel, while none knows another."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from PyQt5.QtCore import QObject

from app.canvas.overlays.candidates import ProposalsOverlay
from app.canvas.overlays.heat_map import HeatMapOverlay, HeatMode
from app.panels.benchmark import worst_moments
from app.panels.overlays import anchor_ratios
from app.session.frame_view import FrameView, ResultRow, SessionSummary, SourceSummary
from app.session.live_scores import RunningScores
from app.session.tracking_runs import TrackerChoice
from app.window.docks import Panels

if TYPE_CHECKING:
    from app.window.main_window import MainWindow

RATE_WINDOW = 30  # images over which the shown rate is averaged


class PanelWiring(QObject):
    """Hands every panel what it shows, and what it says to whom it concerns."""

    def __init__(self, window: MainWindow, panels: Panels) -> None:
        super().__init__(window)
        self._window, self._player, self._canvas = window, window.player, window.canvas
        # panels are used through the signals and setters that were agreed on, which QWidget does not declare
        self._panels: Any = panels
        self._scores = RunningScores()
        self._shown_at: deque[float] = deque(maxlen=RATE_WINDOW)
        self._connect()

    def _connect(self) -> None:
        panels, window = self._panels, self._window
        if panels.timeline is not None:
            panels.timeline.seek_requested.connect(self._player.seek)
            panels.timeline.range_changed.connect(lambda bounds: window.playback.set_range(*(bounds or (None, None))))
            window.playback.range_changed.connect(panels.timeline.set_range)
        if panels.overlays is not None:
            self._connect_overlays()
            panels.overlays.overlay_changed.connect(self._set_overlay)
            panels.overlays.heat_mode_changed.connect(self._set_heat_mode)
            panels.overlays.top_k_changed.connect(self._set_top_k)
        if panels.tracker is not None:
            panels.tracker.tracker_chosen.connect(self._choose_tracker)
            panels.tracker.tracking_changed.connect(self._player.set_tracking_config)
            panels.tracker.reset_requested.connect(self._reset_tracking)
            self._player.worker.tracker_ready.connect(panels.tracker.set_tracking)
        if panels.sources is not None:
            panels.sources.source_chosen.connect(window.open)
            panels.sources.folder_wanted.connect(window.sources.ask_folder)
            panels.sources.cameras_wanted.connect(self._player.find_cameras)
            panels.sources.set_clip(window.sources.bundled_clip)
            panels.sources.set_recent(window.recent.specs)
            window.recent.changed.connect(panels.sources.set_recent)
            self._player.worker.sequences_found.connect(panels.sources.set_sequences)
            self._player.worker.cameras_found.connect(panels.sources.set_cameras)

    def _connect_overlays(self) -> None:
        panel, window = self._panels.overlays, self._window
        for name in self._canvas.overlays:
            action = window.actions_[f"overlay_{name}"]
            action.toggled.connect(lambda shown, which=name: panel.set_visible(which, shown))
        proposals = self._canvas.overlays["proposals"]
        if isinstance(proposals, ProposalsOverlay):
            panel.set_top_k(proposals.top_k)
        self.show_overlays()
        self.show_keys()

    def show_overlays(self) -> None:
        """Show in their panel which overlays are on, and how opaque."""
        panel = self._panels.overlays
        for name, overlay in self._canvas.overlays.items():
            if panel is not None:
                panel.set_overlay(name, overlay.is_visible, overlay.opacity)

    def show_keys(self) -> None:
        """Name the overlays' keys in their panel, after the user changed them too."""
        panel, actions = self._panels.overlays, self._window.actions_
        if panel is not None:
            keys = {name: actions[f"overlay_{name}"].shortcut().toString() for name in self._canvas.overlays}
            panel.set_keys(keys)

    def show_source(self, source: SourceSummary | None) -> None:
        """Show another source: empty curves, its length."""
        self._scores = RunningScores()
        self._shown_at.clear()
        if self._panels.timeline is not None:
            self._panels.timeline.clear()
            self._panels.timeline.set_length(None if source is None else source.frame_count)
            self._panels.timeline.setVisible(source is not None and not source.is_live)
        if self._panels.plots is not None:
            self._panels.plots.clear()
        if self._panels.thumbnails is not None:
            self._panels.thumbnails.set_debug(None)

    def show_summary(self, summary: SessionSummary) -> None:
        """Mark key frames; take over a frame count that became exact."""
        if self._panels.tracker is not None:
            choice = self._player.choice
            self._panels.tracker.set_choice(summary.tracker, choice.weights or "", choice.device)
        timeline = self._panels.timeline
        if timeline is not None:
            keys = sorted({key for target in summary.targets for key in target.key_frames})
            timeline.set_key_frames(keys)
            if self._player.source is not None:
                timeline.set_length(self._player.source.frame_count)

    def replace_rows(self, rows: list[ResultRow]) -> None:
        """Draw all curves anew from the rows of the active target."""
        self._scores = RunningScores()
        if self._panels.benchmark is not None:
            mine = [row for row in rows if row.number == (self._window.drawing.active or row.number)]
            moments = worst_moments([row.index for row in mine], [row.iou for row in mine])
            self._panels.benchmark.set_moments(moments)
        if self._panels.timeline is not None:
            self._panels.timeline.clear()
            self.show_summary(self._player.summary)
        if self._panels.plots is not None:
            self._panels.plots.clear()
        self.add_rows(rows)

    def add_rows(self, rows: list[ResultRow]) -> None:
        """Append rows of the active target to the curves."""
        for row in rows:
            if row.number != (self._window.drawing.active or row.number):
                continue
            self._scores.add(row.index, row.iou, row.center_error)
            if self._panels.timeline is not None:
                self._panels.timeline.append_result(row.index, row.score, row.iou, row.state)
            if self._panels.plots is not None and row.is_new:
                self._panels.plots.append(row.index, row.score, row.iou, row.center_error)

    def show_view(self, view: FrameView) -> None:
        """Follow the frame that is shown."""
        self._shown_at.append(time.perf_counter())
        target = view.target(self._window.drawing.active) if self._window.drawing.active is not None else None
        if self._panels.timeline is not None:
            self._panels.timeline.set_position(view.frame.index)
        if self._panels.thumbnails is not None and self._panels.thumbnails.isVisible():
            result = None if target is None else target.result
            self._panels.thumbnails.set_debug(None if result is None else result.debug)
        if self._panels.overlays is not None and target is not None and target.result is not None:
            debug = target.result.debug
            if debug is not None:
                self._panels.overlays.set_anchor_ratios(anchor_ratios(debug))
        if self._panels.readout is not None:
            self._panels.readout.set_values(self._readout(view))

    def _readout(self, view: FrameView) -> dict[str, Any]:
        source = self._player.source
        values: dict[str, Any] = {
            "frame": view.frame.index,
            "frame_count": None if source is None else source.frame_count,
            "time_s": view.frame.time_s,
            "state": "",
            "score": math.nan,
            "iou": math.nan,
            "center_error": math.nan,
            "success": self._scores.success,
            "precision": self._scores.precision,
            "fps": self._rate(),
        }
        target = view.target(self._window.drawing.active) if self._window.drawing.active is not None else None
        if target is not None and target.row is not None:
            row = target.row
            values |= {"state": row.state, "score": row.score, "iou": row.iou, "center_error": row.center_error}
        return values

    def _rate(self) -> float:
        if len(self._shown_at) < 2 or not self._player.is_playing:
            return math.nan
        return (len(self._shown_at) - 1) / max(1e-6, self._shown_at[-1] - self._shown_at[0])

    def _set_overlay(self, name: str, is_visible: bool, opacity: float) -> None:
        self._canvas.overlays[name].opacity = float(np.clip(opacity, 0.0, 1.0))
        self._window.actions_[f"overlay_{name}"].setChecked(is_visible)
        self._window.show_overlay(name, is_visible)

    def _set_heat_mode(self, mode: str, anchor: int) -> None:
        overlay = self._canvas.overlays["heat_map"]
        if isinstance(overlay, HeatMapOverlay):
            overlay.mode, overlay.anchor = HeatMode(mode), anchor
            self._canvas.update()

    def _set_top_k(self, count: int) -> None:
        overlay = self._canvas.overlays["proposals"]
        if isinstance(overlay, ProposalsOverlay):
            overlay.top_k = count
            self._canvas.update()

    def _choose_tracker(self, name: str, weights: str, device: str) -> None:
        self._player.choose_tracker(TrackerChoice(name or None, weights or None, device or "auto"))

    def _reset_tracking(self) -> None:
        self._player.choose_tracker(self._player.choice)
