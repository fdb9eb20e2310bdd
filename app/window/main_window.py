"""The main window: wires actions to the canvas, the panels and the player; it has no tracking logic of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QEvent, QObject, QSettings, QSize, Qt
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PyQt5.QtWidgets import QMainWindow, QMenu, QMessageBox, QToolBar, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.controls.benchmark import BenchmarkControls
from app.controls.drawing import DrawingControls
from app.controls.exports import ExportControls
from app.controls.failures import FailureDialogs
from app.controls.images import ImageControls
from app.controls.playback import SKIP, PlaybackControls
from app.controls.preferences import PreferenceControls
from app.controls.sources import SourceControls
from app.controls.training import TrainingControls
from app.jobs.job_bar import JobBar
from app.jobs.jobs import Jobs
from app.panels.benchmark import BenchmarkPanel
from app.panels.training import TrainingPanel
from app.session.frame_view import FrameView, ResultRow, SessionSummary, SourceSummary
from app.settings import Settings
from app.window.actions import ACTIONS, HOLD_TO_HIDE_KEY, MENUS, TOOLBAR, make_actions, translated
from app.window.docks import Docks, Panels
from app.window.icons import icon
from app.window.recent import RecentSources
from app.window.status_bar import FrameCosts, StatusReadout
from app.window.wiring import PanelWiring
from app.worker.player import Player
from tracker_core.types import TrackingState

logger = logging.getLogger(__name__)

NOTICE_MS = 6000


class MainWindow(QMainWindow):
    """Everything that the user sees.

    `bundled_clip` is what "Open the bundled clip" opens, `panels` are the widgets around the canvas, `kept` is where
    the layout is remembered (None: nowhere), `settings` are the user's preferences.
    """

    def __init__(
        self,
        player: Player,
        bundled_clip: Path | None = None,
        panels: Panels | None = None,
        kept: QSettings | None = None,
        settings: Settings | None = None,
        log_file: Path | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("Siamscope")
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.setDockOptions(
            QMainWindow.DockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks)
        )
        self.player = player
        self.canvas = Canvas()
        self.drawing = DrawingControls(self.canvas, player, self)
        self.playback = PlaybackControls(self.canvas, player, self.drawing, self)
        self.sources = SourceControls(player, self, bundled_clip)
        self.images = ImageControls(self.canvas, self)
        self.failures = FailureDialogs(player, self)
        self.jobs = Jobs(self)
        self.exports = ExportControls(player, self.playback, self.jobs, kept, self.rows_of, self)
        self.dropped = 0
        self._offer: SourceSummary | None = None
        self._rows: dict[int, dict[int, ResultRow]] = {}
        self.actions_ = make_actions(self, {})
        self.panels = panels or Panels()
        self._kept = kept
        self.recent = RecentSources(kept, self)
        self._make_center()
        menus = self._make_menus()
        self._make_toolbar()
        self.status = StatusReadout(self)
        self.job_bar = JobBar(self, self.jobs)
        self._connect_actions()
        self._connect_controls()
        self._take_size()
        self.docks = Docks(self, self.panels, menus["view"])
        self.wiring = PanelWiring(self, self.panels)
        self._connect_worker()
        for dock in self.docks.docks.values():
            dock.visibilityChanged.connect(lambda _is_visible: self._update_debug())
        self.preferences = PreferenceControls(self, settings or Settings(), log_file)
        self._connect_preferences()
        if isinstance(self.panels.benchmark, BenchmarkPanel):
            self.benchmark = BenchmarkControls(self.panels.benchmark, player, self.jobs, kept, self)
            self.benchmark.failed.connect(self.failures.show)
        if isinstance(self.panels.training, TrainingPanel):
            self.training = TrainingControls(self.panels.training, player, self.jobs, kept, self)
            self.training.failed.connect(self.failures.show)
        self._update_actions()
        if kept is not None:
            self.docks.restore(kept)
        QGuiApplication.instance().installEventFilter(self)

    # --- building -----------------------------------------------------------------------------------------

    def _make_center(self) -> None:
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        for panel in (self.panels.readout, self.panels.timeline):
            if panel is not None:
                layout.addWidget(panel)
        self.setCentralWidget(center)

    def _take_size(self) -> None:
        screen = QGuiApplication.primaryScreen()
        room = screen.availableSize() if screen is not None else self.size()
        # the frame around the window takes some of the screen too
        self.resize(min(1360, room.width() - 16), min(860, room.height() - 56))

    def _make_menus(self) -> dict[str, QMenu]:
        bar = self.menuBar()
        assert bar is not None
        menus: dict[str, QMenu] = {}
        for name, text in MENUS:
            menu = bar.addMenu(translated(text))
            assert menu is not None
            menus[name] = menu
        for spec in ACTIONS:
            if spec.menu:
                menus[spec.menu].addAction(self.actions_[spec.id])
            if spec.id == "open_clip":
                self._make_recent_menu(menus["file"])
            self.addAction(self.actions_[spec.id])  # so that keys work in full screen, without the menu bar
        return menus

    def _make_recent_menu(self, file_menu: QMenu) -> None:
        menu = file_menu.addMenu(self.tr("Open &recent"))
        assert menu is not None

        def fill() -> None:
            menu.clear()
            for spec in self.recent.specs:
                action = menu.addAction(spec.replace("&", "&&"))
                assert action is not None
                action.triggered.connect(lambda _checked=False, which=spec: self.open(which))
            menu.setEnabled(bool(self.recent.specs))

        self.recent.changed.connect(lambda _specs: fill())
        fill()

    def _make_toolbar(self) -> None:
        toolbar = QToolBar(self.tr("Tools"))
        toolbar.setObjectName("toolbar")
        toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        toolbar.setIconSize(QSize(22, 22))
        for name in TOOLBAR:
            if name:
                toolbar.addAction(self.actions_[name])
            else:
                toolbar.addSeparator()
        self.addToolBar(toolbar)

    def _connect_actions(self) -> None:
        drawing, playback, player = self.drawing, self.playback, self.player
        slots: dict[str, Callable[[], Any]] = {
            "open_file": self.sources.ask_file,
            "open_folder": self.sources.ask_folder,
            "open_camera": self.sources.ask_camera,
            "open_url": self.sources.ask_address,
            "open_clip": self.sources.open_clip,
            "close_source": player.close_source,
            "export": self.exports.ask,
            "screenshot": self.images.ask_screenshot,
            "copy_image": self.images.copy,
            "quit": self.close,
            "undo": drawing.undo,
            "draw": drawing.draw,
            "add_target": drawing.add_target,
            "use_truth": drawing.use_ground_truth,
            "remove_target": drawing.remove_active,
            "clear_targets": player.clear_targets,
            "next_target": drawing.choose_next,
            "cancel": self.cancel,
            "track": self.toggle_tracking,
            "track_some": playback.ask_track_some,
            "run_again": player.run_again,
            "play": self.toggle_play,
            "step_forward": lambda: playback.step(1),
            "step_back": lambda: playback.step(-1),
            "skip_forward": lambda: playback.step(SKIP),
            "skip_back": lambda: playback.step(-SKIP),
            "go_start": playback.go_to_start,
            "go_end": playback.go_to_end,
            "go_to": playback.ask_frame,
            "next_key": lambda: playback.go_to_key(1),
            "previous_key": lambda: playback.go_to_key(-1),
            "slower": lambda: playback.change_speed(-1),
            "faster": lambda: playback.change_speed(1),
            "normal_speed": lambda: playback.set_speed(1.0),
            "mark_start": playback.mark_start,
            "mark_end": playback.mark_end,
            "clear_range": playback.clear_range,
            "zoom_in": lambda: self.canvas.zoom(1.25),
            "zoom_out": lambda: self.canvas.zoom(0.8),
            "zoom_fit": self.canvas.zoom_to_fit,
            "zoom_pixels": self.canvas.zoom_to_pixels,
            "reset_layout": lambda: self.docks.reset(),
            "benchmark": lambda: self.docks.show_tab(self.panels.benchmark),
            "training": lambda: self.docks.show_tab(self.panels.training),
        }
        for name, slot in slots.items():
            self.actions_[name].triggered.connect(lambda _checked=False, call=slot: call())
        self.actions_["loop"].toggled.connect(player.set_loop)
        self.actions_["pause_on_lost"].toggled.connect(player.set_pause_on_lost)
        self.actions_["full_screen"].toggled.connect(self.set_full_screen)
        for name, overlay in self.canvas.overlays.items():
            action = self.actions_[f"overlay_{name}"]
            action.setChecked(overlay.is_visible)
            action.toggled.connect(lambda shown, which=name: self.show_overlay(which, shown))

    def _connect_controls(self) -> None:
        self.drawing.changed.connect(self._update_hint)
        self.drawing.active_changed.connect(self._on_active_changed)
        self.drawing.notice.connect(self.show_notice)
        self.playback.speed_changed.connect(self.status.show_speed)
        self.images.saved.connect(lambda where: self.show_notice(self.tr("The image went to {}.").format(where)))
        self.images.failed.connect(lambda text: self.failures.show(self.tr("Cannot save"), text, text))
        self.failures.notice.connect(self.show_notice)
        self.exports.notice.connect(self.show_notice)
        self.exports.failed.connect(self.failures.show)
        self.canvas.painted.connect(self._on_painted)

    def _connect_preferences(self) -> None:
        preferences = self.preferences
        for name, slot in (
            ("preferences", preferences.ask),
            ("shortcuts", preferences.show_keys),
            ("about", preferences.show_about),
            ("open_log", preferences.open_log),
        ):
            self.actions_[name].triggered.connect(lambda _checked=False, call=slot: call())
        preferences.apply_at_start()

    def _connect_worker(self) -> None:
        worker = self.player.worker
        worker.mail_arrived.connect(self._on_mail)
        worker.summary_changed.connect(self._on_summary)
        worker.playing_changed.connect(self._on_playing)
        worker.tracking_changed.connect(self.actions_["track"].setChecked)
        worker.busy.connect(self._on_busy)
        worker.notice.connect(self.show_notice)
        worker.failed.connect(self.failures.show_failure)
        worker.target_lost.connect(
            lambda number, index: self.show_notice(self.tr("Target {} was lost in frame {}.").format(number, index))
        )

    # --- what the user does -------------------------------------------------------------------------------

    def open(self, spec: str) -> None:
        """Open a source by what the user named: a path, an address or a camera."""
        self.sources.open(spec)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and addresses."""
        if event is not None and self.sources.can_drop(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        if event is not None:
            self.sources.drop(event.mimeData())
            event.acceptProposedAction()

    def cancel(self) -> None:
        """Stop drawing; where nothing is drawn, leave full screen."""
        if not self.drawing.cancel() and self.isFullScreen():
            self.actions_["full_screen"].setChecked(False)

    def toggle_play(self) -> None:
        """Play or pause; a box that is drawn or offered is accepted and tracked."""
        self.playback.toggle_play()
        self.actions_["play"].setChecked(self.player.is_playing)  # the worker says when it does

    def toggle_tracking(self) -> None:
        """Start or stop tracking."""
        self.playback.toggle_tracking()
        self.actions_["track"].setChecked(self.player.is_tracking)

    def show_overlay(self, name: str, is_visible: bool) -> None:
        """Show or hide an overlay; its menu entry and its check box follow."""
        action = self.actions_[f"overlay_{name}"]
        if action.isChecked() != is_visible:
            action.setChecked(is_visible)  # comes back here
            return
        self.canvas.set_overlay(name, is_visible, self.canvas.overlays[name].opacity)
        self._update_debug()

    def set_full_screen(self, is_full: bool) -> None:
        """Use the whole screen for the window."""
        if is_full:
            self.showFullScreen()
        else:
            self.showNormal()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hide all overlays for as long as a key is held, wherever the focus is in this window."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
            and event.text() == HOLD_TO_HIDE_KEY
            and not event.isAutoRepeat()
            and self.isActiveWindow()
        ):
            self.canvas.set_hidden(event.type() == QEvent.Type.KeyPress)
        return False

    # --- from canvas and worker ---------------------------------------------------------------------------

    def _on_painted(self) -> None:
        view = self.canvas.frame_view
        if view is not None:
            timings = view.timings
            costs = FrameCosts(timings.decode_ms, timings.update_ms, self.canvas.paint_ms, self.canvas.overlay_ms)
            self.status.show_costs(costs, self.player.wants_debug)

    def _on_mail(self) -> None:
        delivery = self.player.take()
        if delivery.source_changed:
            self._on_source_changed(delivery.source)
        if delivery.replaced is not None:
            self._rows.clear()
            self._keep_rows(delivery.replaced)
            self.wiring.replace_rows(delivery.replaced)
        self._keep_rows(delivery.rows)
        self.wiring.add_rows(delivery.rows)
        self.dropped += delivery.dropped
        if delivery.view is not None and not self.drawing.holds_image:
            self._show_view(delivery.view)
        self.status.show_dropped(self.dropped, 0)

    def _keep_rows(self, rows: list[ResultRow]) -> None:
        for row in rows:
            self._rows.setdefault(row.number, {})[row.index] = row

    def _show_view(self, view: FrameView) -> None:
        self._update_badge(view)
        self.canvas.show_view(view)
        self.wiring.show_view(view)
        if self._offer is not None and not view.targets:
            is_here = self._offer.offered_index == view.frame.index
            self.drawing.offer(self._offer.offered_box_xywh if is_here else None)
        self._offer = None

    def _on_source_changed(self, source: SourceSummary | None) -> None:
        self.dropped = 0
        self._rows.clear()
        self.drawing.forget()
        self.playback.forget()
        self.canvas.badge = ""
        self.canvas.show_view(None)
        self._offer = source
        self.status.show_source(source)
        self.wiring.show_source(source)
        if source is not None and source.spec != str(self.sources.bundled_clip):
            self.recent.add(source.spec)
        self.setWindowTitle(self.tr("{} – Siamscope").format(source.name) if source is not None else "Siamscope")
        self._update_actions()
        self._update_hint()

    def _on_summary(self, summary: SessionSummary) -> None:
        self.drawing.follow_targets([target.number for target in summary.targets])
        self.status.show_device(summary.tracker, summary.device)
        self.wiring.show_summary(summary)
        self._update_actions()

    def _on_active_changed(self, number: int | None) -> None:
        self.wiring.replace_rows(sorted(self.rows_of(number or 0).values(), key=lambda row: row.index))
        self._update_actions()

    def _on_playing(self, is_playing: bool) -> None:
        self.actions_["play"].setChecked(is_playing)
        self.actions_["play"].setText(self.tr("&Pause") if is_playing else self.tr("&Play"))
        self.actions_["play"].setIcon(icon("pause" if is_playing else "play"))

    def _on_busy(self, text: str) -> None:
        bar = self.statusBar()
        assert bar is not None
        if text:
            bar.showMessage(text + " …")
        else:
            bar.clearMessage()

    def rows_of(self, number: int) -> dict[int, ResultRow]:
        """Return the plot lines of a target by frame."""
        return self._rows.get(number, {})

    def show_notice(self, text: str) -> None:
        """Show a sentence in the status bar for a while."""
        logger.info("%s", text)
        bar = self.statusBar()
        assert bar is not None
        bar.showMessage(text, NOTICE_MS)

    # --- state of the widgets -----------------------------------------------------------------------------

    def _update_debug(self) -> None:
        self.player.set_debug(self.canvas.needs_debug() or self.docks.is_seen("thumbnails"))

    def _update_badge(self, view: FrameView) -> None:
        lost = [t.number for t in view.targets if t.result is not None and t.result.state is TrackingState.LOST]
        if not lost:
            self.canvas.badge = ""
        elif len(view.targets) == 1:
            self.canvas.badge = self.tr("LOST – press R to draw it again")
        else:
            self.canvas.badge = self.tr("LOST: target {}").format(", ".join(str(number) for number in lost))

    def _update_hint(self) -> None:
        editor = self.canvas.editor
        play = self.actions_["play"].shortcut().toString()
        if self.canvas.frame_view is None:
            hint = ""
        elif editor.box is not None and editor.is_offered:
            hint = self.tr("Press {} to track this box, or drag one around another object").format(play)
        elif editor.box is not None:
            hint = self.tr("{} tracks this box · drag or use arrows to adjust · Esc cancels").format(play)
        elif editor.is_armed:
            hint = self.tr("Drag a box around the object to follow")
        else:
            hint = ""
        if hint != self.canvas.hint:
            self.canvas.hint = hint
            self.canvas.update()

    def _update_actions(self) -> None:
        source = self.player.source
        has_source, has_targets = source is not None, bool(self.player.summary.targets)
        seekable = source is not None and source.is_seekable
        enabled = {
            "close_source": has_source, "screenshot": has_source, "copy_image": has_source, "play": has_source,
            "draw": has_source, "add_target": has_source and has_targets, "track": has_source,
            "use_truth": source is not None and source.has_ground_truth, "export": has_targets,
            "track_some": has_source, "run_again": has_targets and seekable, "remove_target": has_targets,
            "clear_targets": has_targets, "next_target": len(self.player.summary.targets) > 1,
            "open_clip": self.sources.bundled_clip is not None,
        }  # fmt: skip
        for name in ("step_forward", "step_back", "skip_forward", "skip_back", "go_start", "go_end", "go_to",
                     "mark_start", "mark_end", "clear_range", "loop", "slower", "faster", "normal_speed"):  # fmt: skip
            enabled[name] = seekable
        for name, is_enabled in enabled.items():
            self.actions_[name].setEnabled(is_enabled)

    # --- closing ------------------------------------------------------------------------------------------

    def _may_stop_jobs(self) -> bool:
        titles = "\n".join(job.title for job in self.jobs.running)
        answer = QMessageBox.question(
            self,
            self.tr("Close Siamscope"),
            self.tr("There is work in the background:\n{}\n\nStop it and close?").format(titles),
        )
        return answer == QMessageBox.StandardButton.Yes

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End jobs and the worker before the window goes; in the middle of a job, ask once."""
        if event is not None and self.jobs.running and not self._may_stop_jobs():
            event.ignore()
            return
        self.jobs.cancel_all()
        QGuiApplication.instance().removeEventFilter(self)
        if self._kept is not None:
            self.docks.save(self._kept)
        self.preferences.save()
        self.player.shut_down()
        super().closeEvent(event)
