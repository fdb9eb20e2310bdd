"""The main window: wires actions to the canvas, the panels and the player; it has no tracking logic of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent
from PyQt5.QtWidgets import QFileDialog, QInputDialog, QMainWindow, QMenu, QMessageBox, QToolBar, QVBoxLayout, QWidget

from app.actions import ACTIONS, HOLD_TO_HIDE_KEY, MENUS, TOOLBAR, make_actions, translated
from app.canvas import Canvas
from app.frame_view import FrameView, ResultRow, SessionSummary, SourceSummary
from app.player import Player
from app.status_bar import FrameCosts, StatusReadout
from app.worker import BoxRequest, Failure

logger = logging.getLogger(__name__)

NOTICE_MS = 6000
LAYOUT_VERSION = 1


class MainWindow(QMainWindow):
    """Everything that the user sees. `bundled_clip` is opened by "Open the bundled clip"."""

    def __init__(self, player: Player, bundled_clip: Path | None = None) -> None:
        super().__init__()
        self.player = player
        self._clip = bundled_clip
        self._active: int | None = None
        self._draws_new_target = False
        self._holds_picture = False
        self._error: QMessageBox | None = None
        self._offer: SourceSummary | None = None
        self._lost: set[int] = set()
        self.dropped = 0
        self._range: tuple[int | None, int | None] = (None, None)
        self._rows: dict[int, dict[int, ResultRow]] = {}
        self.setWindowTitle("Siamscope")
        self.setObjectName("main_window")
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.AllowTabbedDocks | QMainWindow.AnimatedDocks)
        self.actions_ = make_actions(self, {})
        self.canvas = Canvas()
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.canvas, 1)
        self.setCentralWidget(center)
        self._make_menus()
        self._make_toolbar()
        self.status = StatusReadout(self)
        self._connect_actions()
        self._connect_canvas()
        self._connect_worker()
        self._update_actions()
        self.resize(1280, 800)
        QGuiApplication.instance().installEventFilter(self)

    # --- building -----------------------------------------------------------------------------------------

    def _make_menus(self) -> None:
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
            self.addAction(self.actions_[spec.id])  # so that keys work in full screen, without the menu bar

    def _make_toolbar(self) -> None:
        toolbar = QToolBar(self.tr("Tools"))
        toolbar.setObjectName("toolbar")
        toolbar.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        for name in TOOLBAR:
            if name:
                toolbar.addAction(self.actions_[name])
            else:
                toolbar.addSeparator()
        self.addToolBar(toolbar)

    def _connect_actions(self) -> None:
        player = self.player
        slots: dict[str, Callable[[], Any]] = {
            "open_file": self.choose_file,
            "open_folder": self.choose_folder,
            "open_clip": self.open_clip,
            "close_source": player.close_source,
            "quit": self.close,
            "undo": self.undo,
            "draw": self.draw,
            "add_target": self.add_target,
            "use_truth": self.use_ground_truth,
            "remove_target": self.remove_target,
            "clear_targets": player.clear_targets,
            "next_target": self.choose_next_target,
            "cancel": self.cancel,
            "track": self.toggle_tracking,
            "track_some": self.ask_track_some,
            "run_again": player.run_again,
            "play": self.toggle_play,
            "step_forward": lambda: player.step(1),
            "step_back": lambda: player.step(-1),
            "skip_forward": lambda: player.step(10),
            "skip_back": lambda: player.step(-10),
            "go_start": lambda: player.seek(self._range[0] or 0),
            "go_end": self.go_to_end,
            "go_to": self.ask_frame,
            "next_key": lambda: self.go_to_key(1),
            "previous_key": lambda: self.go_to_key(-1),
            "slower": lambda: self.change_speed(-1),
            "faster": lambda: self.change_speed(1),
            "normal_speed": lambda: self.set_speed(1.0),
            "zoom_in": lambda: self.canvas.zoom(1.25),
            "zoom_out": lambda: self.canvas.zoom(0.8),
            "zoom_fit": self.canvas.zoom_to_fit,
            "zoom_pixels": self.canvas.zoom_to_pixels,
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

    def _connect_canvas(self) -> None:
        canvas = self.canvas
        canvas.draw_began.connect(self._on_draw_began)
        canvas.box_drawn.connect(lambda _box: self._update_hint())
        canvas.draw_ended.connect(self._on_draw_ended)
        canvas.accepted.connect(self.accept_box)
        canvas.target_clicked.connect(self.set_active_target)
        canvas.painted.connect(self._on_painted)

    def _connect_worker(self) -> None:
        worker = self.player.worker
        worker.mail_arrived.connect(self._on_mail)
        worker.summary_changed.connect(self._on_summary)
        worker.playing_changed.connect(self._on_playing)
        worker.tracking_changed.connect(self._on_tracking)
        worker.busy.connect(self._on_busy)
        worker.notice.connect(self.show_notice)
        worker.failed.connect(self._on_failed)
        worker.target_lost.connect(self._on_target_lost)

    # --- opening ------------------------------------------------------------------------------------------

    def open(self, spec: str) -> None:
        """Open a source by what the user named: a path, an address or a camera."""
        self.player.open(spec)

    def open_clip(self) -> None:
        """Open the clip that comes with the program."""
        if self._clip is not None:
            self.open(str(self._clip))

    def choose_file(self) -> None:
        """Ask for a video file."""
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Open video"))
        if path:
            self.open(path)

    def choose_folder(self) -> None:
        """Ask for a folder of pictures, a sequence or a data set."""
        path = QFileDialog.getExistingDirectory(self, self.tr("Open folder or sequence"))
        if path:
            self.open(path)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and addresses."""
        if event is not None and event.mimeData() is not None and event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped, the first of several."""
        if event is not None and event.mimeData() is not None and event.mimeData().urls():
            url = event.mimeData().urls()[0]
            event.acceptProposedAction()
            self.open(url.toLocalFile() if url.isLocalFile() else url.toString())

    # --- boxes and targets --------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the box of the active target in this frame."""
        self._arm_drawing(new_target=self._active is None)

    def add_target(self) -> None:
        """Draw the box of another target."""
        self._arm_drawing(new_target=True)

    def _arm_drawing(self, new_target: bool) -> None:
        if self.canvas.frame_view is None:
            return
        self._draws_new_target = new_target
        self.canvas.offer_box(None)
        self.canvas.arm_drawing()
        self._on_draw_began()

    def accept_box(self) -> None:
        """Start tracking on the box that was drawn or offered."""
        view, source = self.canvas.frame_view, self.player.source
        box = self.canvas.take_box()
        self._holds_picture = False
        if view is None or source is None or box is None:
            return
        number = None if self._draws_new_target else self._active
        self._draws_new_target = False
        self.player.begin(BoxRequest(source.serial, view.frame, box, number, track=True))
        self._update_hint()

    def use_ground_truth(self) -> None:
        """Start the active target on the true box of this frame."""
        view = self.canvas.frame_view
        if view is None or view.ground_truth_xywh is None:
            self.show_notice(self.tr("This frame has no ground truth."))
            return
        x, y, w, h = (float(value) for value in view.ground_truth_xywh)
        self.canvas.offer_box((x, y, w, h))
        self.accept_box()

    def cancel(self) -> None:
        """Stop drawing; where nothing is drawn, leave full screen."""
        if not self.canvas.cancel_drawing() and self.isFullScreen():
            self.actions_["full_screen"].setChecked(False)

    def undo(self) -> None:
        """Take back the last change of the box being drawn, else the last box that was set."""
        if not self.canvas.undo_drawing():
            self.player.undo()

    def remove_target(self) -> None:
        """Forget the active target."""
        if self._active is not None:
            self.player.remove_target(self._active)

    def choose_next_target(self) -> None:
        """Make the next target the active one."""
        numbers = [target.number for target in self.player.summary.targets]
        if numbers:
            place = numbers.index(self._active) + 1 if self._active in numbers else 0
            self.set_active_target(numbers[place % len(numbers)])

    def set_active_target(self, number: int | None) -> None:
        """Show the inner state and the curves of target `number`."""
        if number != self._active:
            self._active = self.canvas.active_target = number
            self.canvas.update()
            self._update_actions()

    # --- playing ------------------------------------------------------------------------------------------

    def toggle_play(self) -> None:
        """Play or pause; a box that is drawn or offered is accepted and tracked."""
        if self.canvas.box is not None:
            self.accept_box()
        else:
            self.player.play(not self.player.is_playing)
        self.actions_["play"].setChecked(self.player.is_playing)

    def toggle_tracking(self) -> None:
        """Start tracking (on the box that is drawn or offered, if any) or stop it."""
        if self.canvas.box is not None:
            self.accept_box()
        elif not self.player.summary.targets:
            self.draw()
        else:
            self.player.track(not (self.player.is_tracking and self.player.is_playing))
        self.actions_["track"].setChecked(self.player.is_tracking)

    def ask_track_some(self) -> None:
        """Ask how many frames to track, and track them."""
        count, is_given = QInputDialog.getInt(self, self.tr("Track"), self.tr("Frames to track:"), 100, 1, 1_000_000)
        if is_given:
            if self.canvas.box is not None:
                self.accept_box()
            self.player.track_frames(count)

    def go_to_end(self) -> None:
        """Go to the last frame, of the range if there is one."""
        source = self.player.source
        if source is not None and source.frame_count:
            self.player.seek(self._range[1] if self._range[1] is not None else source.frame_count - 1)

    def ask_frame(self) -> None:
        """Ask for a frame number and go there."""
        source, view = self.player.source, self.canvas.frame_view
        if source is None or view is None or not source.frame_count:
            return
        index, is_given = QInputDialog.getInt(
            self, self.tr("Go to frame"), self.tr("Frame:"), view.frame.index, 0, source.frame_count - 1
        )
        if is_given:
            self.player.seek(index)

    def go_to_key(self, direction: int) -> None:
        """Go to the next (1) or the previous (−1) key frame of any target."""
        view = self.canvas.frame_view
        if view is None:
            return
        keys = sorted({key for target in self.player.summary.targets for key in target.key_frames})
        here = view.frame.index
        beyond = [key for key in keys if key > here] if direction > 0 else [key for key in keys if key < here][::-1]
        if beyond:
            self.player.seek(beyond[0])

    def change_speed(self, steps: int) -> None:
        """Play faster or more slowly."""
        self.player.change_speed(steps)
        self.status.show_speed(self.player.speed)

    def set_speed(self, speed: float) -> None:
        """Play at `speed` times the source's rate."""
        self.player.set_speed(speed)
        self.status.show_speed(speed)

    # --- overlays and view --------------------------------------------------------------------------------

    def show_overlay(self, name: str, is_visible: bool) -> None:
        """Show or hide an overlay."""
        self.canvas.set_overlay(name, is_visible, self.canvas.overlays[name].opacity)
        self._update_debug()

    def _update_debug(self) -> None:
        self.player.set_debug(self.canvas.needs_debug())

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
            and event.type() in (QEvent.KeyPress, QEvent.KeyRelease)
            and event.text() == HOLD_TO_HIDE_KEY
            and not event.isAutoRepeat()
            and self.isActiveWindow()
        ):
            self.canvas.set_hidden(event.type() == QEvent.KeyPress)
        return False

    # --- from the canvas ----------------------------------------------------------------------------------

    def _on_draw_began(self) -> None:
        source = self.player.source
        self.player.freeze(True)
        self._holds_picture = source is not None and source.is_live
        self._update_hint()

    def _on_draw_ended(self) -> None:
        self._holds_picture = False
        self._draws_new_target = False
        self.player.freeze(False)
        self._update_hint()

    def _on_painted(self) -> None:
        view = self.canvas.frame_view
        if view is not None:
            timings = view.timings
            costs = FrameCosts(timings.decode_ms, timings.update_ms, self.canvas.paint_ms, self.canvas.overlay_ms)
            self.status.show_costs(costs, self.player.wants_debug)

    # --- from the worker ----------------------------------------------------------------------------------

    def _on_mail(self) -> None:
        delivery = self.player.take()
        if delivery.source_changed:
            self._on_source_changed(delivery.source)
        if delivery.replaced is not None:
            self._on_results_replaced(delivery.replaced)
        self.dropped += delivery.dropped
        for row in delivery.rows:
            self._rows.setdefault(row.number, {})[row.index] = row
        if delivery.view is not None and not self._holds_picture:
            self._show_view(delivery.view)
        self.status.show_dropped(self.dropped, 0)

    def _show_view(self, view: FrameView) -> None:
        self._update_badge(view)
        self.canvas.show_view(view)
        if self._offer is not None:
            offer, self._offer = self._offer, None
            if offer.offered_box_xywh is not None and offer.offered_index == view.frame.index:
                self.canvas.offer_box(offer.offered_box_xywh)
            else:
                self.canvas.arm_drawing()
        self._update_hint()

    def _on_source_changed(self, source: SourceSummary | None) -> None:
        self.dropped = 0
        self._lost.clear()
        self._holds_picture = False
        self.canvas.show_view(None)
        self.set_active_target(None)
        self._offer = source
        self._rows.clear()
        self.status.show_source(source)
        self.setWindowTitle(self.tr("{} – Siamscope").format(source.name) if source is not None else "Siamscope")
        self._update_actions()
        self._update_hint()

    def _on_summary(self, summary: SessionSummary) -> None:
        numbers = [target.number for target in summary.targets]
        if self._active not in numbers:
            self.set_active_target(numbers[0] if numbers else None)
        if numbers:
            self._offer = None
        self.status.show_device(summary.tracker, summary.device)
        self._update_actions()
        self._update_hint()

    def _on_results_replaced(self, rows: list[ResultRow]) -> None:
        self._rows.clear()
        for row in rows:
            self._rows.setdefault(row.number, {})[row.index] = row

    def _on_playing(self, is_playing: bool) -> None:
        self.actions_["play"].setChecked(is_playing)
        self.actions_["play"].setText(self.tr("&Pause") if is_playing else self.tr("&Play"))
        self._update_hint()

    def _on_tracking(self, is_tracking: bool) -> None:
        self.actions_["track"].setChecked(is_tracking)

    def _on_busy(self, text: str) -> None:
        bar = self.statusBar()
        assert bar is not None
        if text:
            bar.showMessage(text + " …")
        else:
            bar.clearMessage()

    def _on_failed(self, failure: Failure) -> None:
        if failure.is_out_of_memory and self.player.choice.device != "cpu":
            self._offer_cpu(failure)
        else:
            self.show_error(failure.title, failure.sentence, failure.details)

    def _offer_cpu(self, failure: Failure) -> None:
        """Ask whether to go on without the GPU; what was tracked so far is kept either way."""
        question = QMessageBox(QMessageBox.Question, failure.title, failure.sentence, QMessageBox.NoButton, self)
        question.setAttribute(Qt.WA_DeleteOnClose)
        question.setInformativeText(self.tr("Go on with the CPU? It is slower, but the results are the same."))
        question.setDetailedText(failure.details)
        accept = question.addButton(self.tr("Go on with the CPU"), QMessageBox.AcceptRole)
        question.addButton(self.tr("Stop"), QMessageBox.RejectRole)
        question.buttonClicked.connect(lambda button: self._go_on_with_cpu() if button is accept else None)
        question.open()

    def _go_on_with_cpu(self) -> None:
        self.player.choose_tracker(replace(self.player.choice, device="cpu"))
        self.player.track(True)

    def show_error(self, title: str, sentence: str, details: str) -> None:
        """Show an error without stopping anything; while one is shown, later ones go to the status bar and the log."""
        if self._error is not None:
            self.show_notice(sentence)
            return
        box = QMessageBox(QMessageBox.Warning, title, sentence, QMessageBox.Ok, self)
        box.setAttribute(Qt.WA_DeleteOnClose)
        box.setDetailedText(details)
        box.finished.connect(self._forget_error)
        self._error = box
        box.open()

    def _forget_error(self) -> None:
        self._error = None

    def _on_target_lost(self, number: int, index: int) -> None:
        self.show_notice(self.tr("Target {} was lost in frame {}.").format(number, index))

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

    def _update_badge(self, view: FrameView) -> None:
        lost = [t.number for t in view.targets if t.result is not None and t.result.state.value == "lost"]
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
            "close_source": has_source, "screenshot": has_source, "copy_picture": has_source, "play": has_source,
            "draw": has_source, "add_target": has_source and has_targets, "track": has_source,
            "use_truth": source is not None and source.has_ground_truth, "export": has_targets,
            "track_some": has_source, "run_again": has_targets and seekable, "remove_target": has_targets,
            "clear_targets": has_targets, "next_target": len(self.player.summary.targets) > 1,
            "open_clip": self._clip is not None,
        }  # fmt: skip
        for name in ("step_forward", "step_back", "skip_forward", "skip_back", "go_start", "go_end", "go_to",
                     "mark_start", "mark_end", "clear_range", "loop", "slower", "faster", "normal_speed"):  # fmt: skip
            enabled[name] = seekable
        for name, is_enabled in enabled.items():
            self.actions_[name].setEnabled(is_enabled)

    # --- closing ------------------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End the worker before the window goes."""
        QGuiApplication.instance().removeEventFilter(self)
        self.player.shut_down()
        super().closeEvent(event)
