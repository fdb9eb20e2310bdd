"""The main window: puts canvas, panels and controls together and follows the player; no tracking logic of its own."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QSettings, QSize
from PyQt5.QtGui import QCloseEvent, QGuiApplication, QKeyEvent
from PyQt5.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.canvas.overlays.model import OverlayModel
from app.commands import Command
from app.controls.batch import BatchControls
from app.controls.benchmark import BenchmarkControls
from app.controls.clicking import ClickControls
from app.controls.conditions import Conditions
from app.controls.drawing import DrawingControls
from app.controls.exports import ExportControls
from app.controls.failures import FailureDialogs
from app.controls.gaps import GapControls
from app.controls.images import ImageControls
from app.controls.overlays import PREFIX, HoldToHide, overlay_commands
from app.controls.playback import PlaybackControls
from app.controls.preferences import PreferenceControls
from app.controls.runs import RunControls
from app.controls.saving import SavingControls
from app.controls.sources import SourceControls
from app.controls.training import TrainingControls
from app.controls.view import ViewControls
from app.controls.weights import WeightsControls
from app.jobs.job_bar import JobBar
from app.jobs.jobs import Jobs
from app.jobs.stopping import close_jobs
from app.panels.build import build_panels, offer_trackers, usable_trackers
from app.panels.docks import Docks, Panels
from app.panels.pace import Pace
from app.session.frame_view import Curve, FrameView, SessionSummary, SourceSummary
from app.settings import Settings
from app.window.actions import Actions
from app.window.context_menus import add_context_menus
from app.window.dropping import DropWindow
from app.window.notes import Hints, lost_badge
from app.window.recent import RecentSources, fill_recent_menu
from app.window.status_bar import FrameCosts, StatusReadout
from app.window.theme import apply_theme
from app.window.wiring import PanelWiring
from app.worker.player import Player
from tracker_core.sources.addresses import hide_credentials


class MainWindow(DropWindow):
    """Everything that the user sees.

    `bundled_clip` is what "Open the bundled clip" opens, `kept` is where the layout is remembered (None: nowhere),
    `settings` are the user's preferences.
    """

    def __init__(
        self,
        player: Player,
        bundled_clip: Path | None = None,
        kept: QSettings | None = None,
        settings: Settings | None = None,
        log_file: Path | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle("Siamscope")
        self.setObjectName("main_window")
        self.setDockOptions(QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AnimatedDocks)  # type: ignore[arg-type]
        self.player = player
        self._kept = kept
        self.dropped = 0
        self._offer: SourceSummary | None = None
        self._mail = Pace(self._take_mail, 0, self)  # however quick the worker is, mouse and keyboard have their turn
        self.overlays = OverlayModel(self)
        self.canvas = Canvas(self.overlays)
        self.panels = build_panels(self.overlays)
        self.setCentralWidget(_center(self.canvas, self.panels))
        self.resize(_fitting_size())
        self.docks = Docks(self, self.panels)
        self._make_controls(bundled_clip, settings or Settings(), log_file)
        self.actions_ = Actions(self, self._commands())
        self._hints = Hints(self.canvas, self.drawing, self.actions_.key, Conditions(player).is_live)
        self.docks.complete(self.actions_.menus["view"])
        of_runs = [command.id for command in self.runs.run_commands()]
        add_context_menus(self.actions_, self.canvas, self.panels, of_runs)
        fill_recent_menu(self.actions_.menus["file"], self.actions_["close_source"], self.recent, self.sources.open)
        self.status = StatusReadout(self)
        self.saving = SavingControls(player, self.failures.show, self.status.show_unsaved, self)
        self.job_bar = JobBar(self, self.jobs)
        self.wiring = PanelWiring(
            self.panels, player, self.overlays, self.drawing, self.playback, self.sources, self.recent, self
        )
        self._connect_controls()
        self._connect_worker()
        self.preferences.apply_at_start()
        self._refresh()
        if kept is not None:
            self.docks.restore(kept)
        self._hold_to_hide = HoldToHide(self, self.overlays)

    # --- building -----------------------------------------------------------------------------------------

    def _make_controls(self, bundled_clip: Path | None, settings: Settings, log_file: Path | None) -> None:
        player, canvas, panels, kept = self.player, self.canvas, self.panels, self._kept
        self.jobs = Jobs(self)
        self.recent = RecentSources(kept, self)
        self.failures = FailureDialogs(player, self)
        self.drawing = DrawingControls(canvas, player, self)
        self.clicking = ClickControls(canvas, player, self.drawing, self)
        self.playback = PlaybackControls(canvas, player, self.drawing, self)
        self.gaps = GapControls(player, self.playback, self.drawing, self)
        self.sources = SourceControls(player, self, bundled_clip)
        self.images = ImageControls(canvas, player, self)
        self.runs = RunControls(player, canvas, self.docks, usable_trackers, lambda: self.wiring.active_curve(), self)
        self.exports = ExportControls(player, self.playback, self.drawing, self.jobs, kept, self.curve_of, panels, self)
        self.view = ViewControls(self, canvas, self.docks)
        self.benchmark = BenchmarkControls(panels.benchmark, player, self.jobs, kept, self)
        self.training = TrainingControls(panels.training, player, self.jobs, kept, self)
        self.batch = BatchControls(panels.batch, player, canvas, self.sources, self.docks, self.jobs, kept, self)
        self.weights = WeightsControls(player, self.jobs, self)
        self.weights.changed.connect(lambda: offer_trackers(panels))
        self.preferences = PreferenceControls(
            self, player, self.playback, self.overlays, lambda: self.actions_.commands, settings, log_file
        )

    def _commands(self) -> list[Command]:
        """Return all commands, in each menu in the order in which they stand there."""
        cancel = Command("cancel", "edit", "Ca&ncel", self.cancel, "Esc", "Stop drawing, or leave full screen")
        return [
            *self.sources.commands(),
            *self.runs.import_commands(),
            *self.exports.commands(),
            *self.images.commands(),
            *self.drawing.commands(),
            *self.clicking.commands(),
            cancel,
            *self.playback.commands(),
            *self.runs.commands(),
            *self.gaps.commands(),
            *overlay_commands(self.overlays),
            *self.view.commands(),
            *self.weights.commands(),
            *self.preferences.commands(),
        ]

    def _connect_controls(self) -> None:
        self.drawing.changed.connect(self._hints.update)
        self.canvas.draw_ended.connect(self._mail.ask)  # an image may have waited for that
        self.drawing.active_changed.connect(self._on_active_changed)
        self.player.speed_changed.connect(self.status.show_speed)
        self.images.failed.connect(lambda text: self.failures.show(self.tr("Cannot save"), text, text))
        for controls in (
            self.drawing,
            self.clicking,
            self.runs,
            self.images,
            self.failures,
            self.exports,
            self.benchmark,
            self.preferences,
        ):
            controls.notice.connect(self.status.show_notice)
        for part in (self.exports, self.benchmark, self.training, self.preferences):
            part.failed.connect(self.failures.show)
        self.preferences.applied.connect(self._apply_settings)
        self.canvas.painted.connect(self._on_painted)
        self.overlays.changed.connect(self._update_debug)
        self.overlays.changed.connect(self.actions_.refresh)
        for dock in self.docks.docks.values():
            dock.visibilityChanged.connect(lambda _is_visible: self._update_debug())

    def _connect_worker(self) -> None:
        worker = self.player.worker
        worker.mail_arrived.connect(self._mail.ask)
        worker.summary_changed.connect(self._on_summary)
        worker.playing_changed.connect(self._on_playing)
        worker.tracking_changed.connect(lambda _is_tracking: self.actions_.refresh())
        worker.recording_changed.connect(self.status.show_recording)
        worker.busy.connect(self.status.show_busy)
        worker.notice.connect(self.status.show_notice)
        worker.failed.connect(self.failures.show_failure)
        worker.failed.connect(self._mail.ask)  # so may one where a box that was drawn is refused
        worker.target_lost.connect(self.status.show_lost)

    # --- what the user does -------------------------------------------------------------------------------

    def open(self, spec: str) -> None:
        """Open a source by what the user named: a path, an address or a camera."""
        self.sources.open(spec)

    def keyReleaseEvent(self, event: QKeyEvent | None) -> None:
        """Show the overlays again that a held key hid, wherever the focus is."""
        if event is not None:
            self._hold_to_hide.release(event)
        super().keyReleaseEvent(event)

    def cancel(self) -> None:
        """Stop drawing, or leave full screen if nothing was being drawn."""
        if not self.drawing.cancel() and self.isFullScreen():
            self.view.toggle_full_screen()

    # --- from canvas and worker ---------------------------------------------------------------------------

    def _on_painted(self) -> None:
        view = self.canvas.frame_view
        if view is not None:
            timings = view.timings
            costs = FrameCosts(timings.decode_ms, timings.update_ms, self.canvas.paint_ms, self.canvas.overlay_ms)
            self.status.show_costs(costs, self.player.wants_debug)

    def _take_mail(self) -> None:
        delivery = self.player.take(leaves_view=self.drawing.holds_image)
        if delivery.source_changed:
            self._on_source_changed(delivery.source)
        if delivery.replaced is not None:
            self.wiring.replace_curves(delivery.replaced)
        self.wiring.add_rows(delivery.rows)
        self.dropped += delivery.dropped
        if delivery.view is not None:
            self._show_view(delivery.view)
        self.status.show_dropped(self.dropped)

    def _show_view(self, view: FrameView) -> None:
        self.canvas.badge = lost_badge(view, self.actions_.key("draw"), self.actions_.key("next_target"))
        self.canvas.show_view(view)
        self.wiring.show_view(view)
        if self._offer is not None and not view.targets:
            is_here = self._offer.offered_index == view.frame.index
            self.drawing.offer(self._offer.offered_box_xywh if is_here else None)
        self._offer = None
        self._hints.update()

    def _on_source_changed(self, source: SourceSummary | None) -> None:
        self.dropped = 0
        self.drawing.forget()
        self.playback.forget()
        self.canvas.badge = ""
        self.canvas.show_view(None)
        self._offer = source
        self.status.show_source(source)
        self.wiring.show_source(source)
        if source is not None and source.spec != str(self.sources.bundled_clip):
            self.recent.add(source.spec)
        self.setWindowTitle("Siamscope" if source is None else f"{hide_credentials(source.name)} – Siamscope")
        self._refresh()

    def _on_summary(self, summary: SessionSummary) -> None:
        self._take_mail()
        self.drawing.follow_targets([target.number for target in summary.targets])
        self.status.show_device(summary.tracker_title, summary.device)
        self.wiring.show_summary(summary)
        self.actions_.refresh()

    def _on_active_changed(self, number: int | None) -> None:
        self.wiring.show_target()
        self._refresh()

    def _on_playing(self, is_playing: bool) -> None:
        self._take_mail()
        self.actions_.show_playing(is_playing)
        self.actions_.refresh()

    def curve_of(self, number: int) -> Curve:
        """Return what was found for a target, as far as it is known here."""
        return self.wiring.curve_of(number)

    # --- state of the widgets -----------------------------------------------------------------------------

    def _refresh(self) -> None:
        self.actions_.refresh()
        self._hints.update()
        self._update_debug()

    def _update_debug(self) -> None:
        self.player.set_debug(self.overlays.needs_debug or self.docks.is_seen("thumbnails"), self.drawing.active)

    def _apply_settings(self, settings: Settings) -> None:
        if settings.path is not None:
            apply_theme(_application(), settings.theme)
        self.actions_.set_shortcuts(settings.shortcuts)
        self.panels.overlays.set_keys(self.actions_.keys(PREFIX))
        self.docks.fit_widths()
        self._refresh()

    # --- closing ------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End jobs and the worker before the window goes; where something would be lost, ask or wait."""
        if event is not None and not (self.saving.may_close() and close_jobs(self.jobs, self)):
            event.ignore()
            return
        if self._kept is not None:
            self.docks.save(self._kept)
        self.preferences.save()
        self.clicking.shut_down()
        self.player.shut_down()
        super().closeEvent(event)


def _center(canvas: Canvas, panels: Panels) -> QWidget:
    """Return the image with what stands under it."""
    center = QWidget()
    layout = QVBoxLayout(center)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(canvas, 1)
    for panel in (panels.written, panels.readout, panels.timeline):
        layout.addWidget(panel)
    return center


def _fitting_size() -> QSize:
    """Return a size that leaves room on the screen for the frame around the window."""
    screen = QGuiApplication.primaryScreen()
    return QSize(1360, 860).boundedTo(QSize(1360, 860) if screen is None else screen.availableSize() - QSize(16, 56))


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
