"""The status bar: what is open and, honestly, where the time goes."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QWIDGETSIZE_MAX, QLabel, QMainWindow, QSizePolicy, QWidget

from app.panels.pace import Pace
from app.panels.value_line import ValueLine
from app.session.frame_view import SourceSummary
from tracker_core.rendering.recording import RecordingStatus
from tracker_core.sources.addresses import hide_credentials

logger = logging.getLogger(__name__)

NOTICE_MS = 6000  # at least; a long sentence takes longer to read
READING_MS = 90  # for a letter
SPACING = 6  # between widgets
MARGIN = 24  # around a sentence, in pixels
REFRESH_MS = 250
WINDOW = 30  # frames over which times are averaged
NAME_LETTERS = 40  # of the source and its size that stay where there is little room; names often differ at their ends
IMPORTANCE = ("source", "device", "times", "speed", "dropped", "overlays")


@dataclass(frozen=True)
class FrameCosts:
    """Milliseconds of one frame: reading it, the tracker, painting, and the overlays' share of the painting."""

    capture_ms: float
    inference_ms: float
    paint_ms: float
    overlay_ms: float


class StatusReadout:
    """A window's status bar: passing sentences, and permanent labels; `show_costs` averages over the last frames."""

    def __init__(self, window: QMainWindow) -> None:
        self._costs: deque[FrameCosts] = deque(maxlen=WINDOW)
        self._has_debug = False
        self._pace = Pace(self._show_costs, REFRESH_MS, window)
        bar = window.statusBar()
        assert bar is not None
        self._bar = bar
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(0, 0, 8, 0)
        self.recording = _label(window, window.tr("How long the recording has run, and how much of it is kept"))
        self.recording.setTextFormat(Qt.TextFormat.RichText)
        self.unsaved = _label(window, window.tr("Why results cannot be saved"))
        self.unsaved.setTextFormat(Qt.TextFormat.RichText)
        self.unsaved.setText(f'<span style="color:#d02020">●</span> {window.tr("not saved")}')
        self.unsaved.hide()
        tips = {
            "source": window.tr("Source and image size"),
            "times": window.tr("Milliseconds per frame: capture, inference, paint"),
            "overlays": window.tr("Milliseconds per frame for the visible overlays"),
            "dropped": window.tr("Frames that were tracked but not displayed; no result is skipped"),
            "speed": window.tr("Playback speed"),
            "device": window.tr("Tracker and device"),
        }
        self._figures = ValueLine(tips, IMPORTANCE, SPACING, {"source": NAME_LETTERS})
        self.source, self.times = self._figures.labels["source"], self._figures.labels["times"]
        bar.addPermanentWidget(self.unsaved)
        bar.addPermanentWidget(self.recording)
        # Qt would give it half of the bar, at whose left it would stand
        self._figures.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        bar.addPermanentWidget(self._figures)
        bar.messageChanged.connect(self._make_room)
        self._notice, self._notice_ends = "", 0.0
        self._tr = window.tr
        self.clear()

    def clear(self) -> None:
        """Show that nothing is open."""
        self._costs.clear()
        self.recording.hide()
        for name in ("source", "times", "overlays", "dropped"):
            self._figures.set_text(name, "")

    def show_notice(self, text: str) -> None:
        """Show a sentence for a while."""
        logger.info("%s", text)
        duration = max(NOTICE_MS, READING_MS * len(text))
        self._notice, self._notice_ends = text, time.monotonic() + duration / 1e3
        self._bar.showMessage(text, duration)

    def show_lost(self, name: str, index: int) -> None:
        """Say where a target was lost; `name` is its number where it has none."""
        self.show_notice(self._tr("Target {} was lost in frame {}.").format(name, index))

    def show_busy(self, text: str) -> None:
        """Show what is being done, until it is ""; a notice that was covered comes back for the rest of its time."""
        rest = self._notice_ends - time.monotonic()
        if text:
            self._bar.showMessage(text + " …")
        elif rest > 0:
            self._bar.showMessage(self._notice, round(rest * 1e3))
        else:
            self._bar.clearMessage()

    def _make_room(self, text: str | None) -> None:
        """Shorten the figures, and hide them while a sentence would be cut off beside them."""
        others = self._bar.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
        shown = [other for other in others if other.isVisible() and other is not self._figures]
        beside = self._bar.width() - sum(widget.sizeHint().width() + SPACING for widget in shown) - SPACING - MARGIN
        room = beside - self._bar.fontMetrics().horizontalAdvance(text or "")
        self._figures.setMaximumWidth(max(0, room) if text else QWIDGETSIZE_MAX)
        self._figures.setVisible(not text or self._figures.least_width() <= room)

    def show_source(self, source: SourceSummary | None) -> None:
        """Name the source and its image size."""
        self.clear()
        if source is None:
            return
        name = hide_credentials(source.name)
        self._figures.set_text("source", f"{name} · {source.size[0]}×{source.size[1]}")
        self.source.setToolTip(hide_credentials(source.spec))

    def show_recording(self, status: RecordingStatus | None) -> None:
        """Say how long a recording has run and how much of it is kept; None where there is none."""
        self.recording.setVisible(status is not None)
        if status is None:
            return
        text = f'<span style="color:#d02020">●</span> REC {_clock(status.seconds)}'
        if status.limits.seconds is not None:
            text += self._tr(", last {:g} min kept").format(status.limits.seconds / 60)
        self.recording.setText(text)
        kept = self._tr("Recording to {}; the last {} are there").format(status.path, _clock(status.kept_s))
        self.recording.setToolTip(kept)

    def show_unsaved(self, trouble: str) -> None:
        """Say that results cannot be saved, and why; "" where they are."""
        self.unsaved.setVisible(bool(trouble))
        self.unsaved.setToolTip(trouble)

    def show_costs(self, costs: FrameCosts, has_debug: bool) -> None:
        """Take the times of one more frame."""
        self._costs.append(costs)
        self._has_debug = has_debug
        self._pace.ask()

    def _show_costs(self) -> None:
        if not self._costs:
            return
        capture, inference, paint, overlay = (
            float(np.mean([getattr(c, name) for c in self._costs]))
            for name in ("capture_ms", "inference_ms", "paint_ms", "overlay_ms")
        )
        times = self._tr("{:.1f} | {:.1f} | {:.1f} ms").format(capture, inference, paint)
        self._figures.set_text("times", times)
        text = self._tr("overlays {:.1f} ms").format(overlay)
        self._figures.set_text("overlays", text + (self._tr(" + inner state") if self._has_debug else ""))

    def show_dropped(self, count: int) -> None:
        """Count images that were not shown."""
        form = self._tr("{} frame not displayed") if count == 1 else self._tr("{} frames not displayed")
        self._figures.set_text("dropped", form.format(count) if count else "")

    def show_speed(self, speed: float) -> None:
        """Show the playing speed; 0 is as fast as possible."""
        self._figures.set_text("speed", self._tr("max") if speed == 0 else f"{speed:g}×")

    def show_device(self, tracker: str, device: str) -> None:
        """Name the tracker and where it runs."""
        self._figures.set_text("device", " · ".join(part for part in (tracker, device) if part))


def _clock(seconds: float) -> str:
    """Return a length of time as 00:12, or 1:02:03 from an hour on."""
    hours, rest = divmod(int(seconds), 3600)
    minutes = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{minutes}" if hours else minutes


def _label(window: QMainWindow, tip: str) -> QLabel:
    label = QLabel()
    label.setToolTip(tip)
    label.setAccessibleName(tip)
    label.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
    return label
