"""Curves of the sequence so far: score and overlap by frame, centre error, speed, and the success curve."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QColor, QHideEvent, QPalette, QShowEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.canvas.overlays.base import GROUND_TRUTH, PREDICTION
from app.panels.parts import (
    PlotMaker,
    color_plot,
    curve_pen,
    legend_entry,
    legible,
    make_plot,
    set_home,
    set_title,
    settle,
)
from app.session.frame_view import KEY_STATE, Curve
from tracker_core.metrics import PRECISION_PIXELS, SUCCESS_THRESHOLDS, success_curve
from tracker_core.results.motion import LengthScale

REFRESH_MS = 50  # one plot in each: all together would hold up the image
FEW_FRAMES = 8192
MOST_POINTS = 800  # of a curve
DASHED_WIDTH = 1  # Qt makes a shape of every dash of a wider line: seconds for a restless one of ten thousand frames
WIDEST_NAME = 17  # letters
LONGEST_STEP = 2  # frames between neighbours of a curve: where a person set the box it has no value
Values = tuple[float, float, float, float]  # score, overlap, centre error in pixels, pixels per second; NaN: not known
MOST_ERROR = 100.0  # pixels; what is farther off is drawn at the border


def outline(
    frames: NDArray[np.int64], values: NDArray[np.float64], most: int = MOST_POINTS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the frames and values of a curve (N,) with about `most` points at most: the ends of stretches of frames.

    A long run has many frames in each pixel, and Qt paints every one. A stretch is drawn from its lowest value to its
    highest, so that no dip is lost; it is NaN where no value of it is known. Where frames were not tracked, a NaN
    parts what is before from what is after.
    """
    gaps = np.flatnonzero(np.diff(frames) > LONGEST_STEP) + 1
    if len(frames) > most:
        starts = np.union1d(np.linspace(0, len(frames), most // 2, endpoint=False).astype(np.int64), gaps)
        lowest, highest = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        frames, values = np.repeat(frames[starts], 2), np.stack([lowest, highest], axis=1).ravel()
        gaps = 2 * np.searchsorted(starts, gaps)
    return (np.insert(frames, gaps, frames[gaps]), np.insert(values, gaps, np.nan)) if len(gaps) else (frames, values)


class Series:
    """Score, overlap, centre error and speed by frame, in arrays that grow; NaN where they are not known."""

    def __init__(self) -> None:
        self._values = np.empty((FEW_FRAMES, 4))
        self._is_known = np.zeros(FEW_FRAMES, np.bool_)
        self._is_set = np.zeros(FEW_FRAMES, np.bool_)  # by a person: the box counts, and the curves leave it out

    def put(self, index: int, values: Values, is_set: bool = False) -> None:
        """Set the values of one frame; `is_set` where a person set the box."""
        self._make_room(index)
        self._values[index], self._is_known[index], self._is_set[index] = values, not is_set, is_set

    def put_all(self, curve: Curve) -> None:
        """Set the values of many frames."""
        self._make_room(int(curve.frames.max(initial=0)))
        columns = (curve.scores, curve.ious, curve.center_errors, curve.speeds)
        self._values[curve.frames] = np.stack(columns, axis=1)
        self._is_set[curve.frames] = curve.states == KEY_STATE
        self._is_known[curve.frames] = curve.states != KEY_STATE

    def _make_room(self, index: int) -> None:
        while index >= len(self._values):
            self._values = np.concatenate((self._values, np.empty_like(self._values)))
            self._is_known = np.concatenate((self._is_known, np.zeros_like(self._is_known)))
            self._is_set = np.concatenate((self._is_set, np.zeros_like(self._is_set)))

    def known(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the frames (N,) that a tracker found, in order, and score, overlap, centre error and speed (N, 4)."""
        frames = np.flatnonzero(self._is_known)
        return frames, self._values[frames]

    def overlaps(self) -> NDArray[np.float64]:
        """Return the overlaps with ground truth (N,) of all frames that have one, as a run is scored by."""
        ious: NDArray[np.float64] = self._values[self._is_known | self._is_set, 1]
        return ious[np.isfinite(ious)]


class PlotsPanel(QWidget):
    """Four plots that follow the chosen target; each is drawn a few times per second and only while visible.

    Those of what is measured against ground truth are there where something was measured. A click on a curve over the
    frames asks for the frame there.
    """

    frame_requested = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plots_panel")
        self.setMinimumHeight(120)
        self._series = Series()
        self.length_scale = LengthScale()
        self._stale: deque[Callable[[], None]] = deque()  # what draws the plots that are to be drawn again
        self._is_made = False
        self._plots: list[Any] = []
        self._beside: dict[str, tuple[QColor, Curve]] = {}  # of other runs, by name
        self._beside_due: list[tuple[QColor, Curve]] = []  # those of them that are still to be drawn
        self._titles: dict[int, tuple[str, QColor]] = {}
        self._drawn: list[tuple[Any, Any]] = []  # each of those curves with the plot that it is in
        self._spare: list[tuple[Any, Any]] = []  # curves of before, which are used again
        self._layout = QHBoxLayout()
        self.legend_line = QLabel()  # a long title would make its plot wider than the others
        self.legend_line.setWordWrap(True)
        self.legend_line.setTextFormat(Qt.TextFormat.RichText)
        self.legend_line.setAccessibleName(self.tr("Legend of the curves"))
        self.legend_line.hide()
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(2)
        around.addLayout(self._layout, 1)
        around.addWidget(self.legend_line)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._draw_next)

    def append(self, index: int, values: Values, is_set: bool = False) -> None:
        """Take the values of a frame; where a person set the box (`is_set`), only the success counts it."""
        self._series.put(index, values, is_set)
        self._outdate()

    def set_curve(self, curve: Curve) -> None:
        """Show many frames in place of all others."""
        self._series = Series()
        self._series.put_all(curve)
        self._outdate()

    def set_beside(self, curves: Mapping[str, tuple[QColor, Curve]]) -> None:
        """Draw the curves of other runs beside, each in its colour under its name."""
        if dict(curves) != self._beside:
            self._beside = dict(curves)
            self._draw_beside()

    def clear(self) -> None:
        """Forget all values."""
        self._series = Series()
        self._outdate()

    def set_length_scale(self, scale: LengthScale | None) -> None:
        """Show speeds in another unit, None for pixels."""
        wanted = scale or LengthScale()
        if wanted != self.length_scale:
            self.length_scale = wanted
            self._outdate()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Begin to follow; the plots are made when they are seen first."""
        super().showEvent(event)
        if not self._is_made:
            self._is_made = True
            makers = (self._make_values, self._make_errors, self._make_speeds, self._make_success)
            PlotMaker(self, makers, self._layout, self._take_plots)
        self._timer.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stop following."""
        self._timer.stop()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._plots:
            self._color_plots()
        super().changeEvent(event)

    def series(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return frames (N,) in order and their score, overlap, centre error and speed (N, 4)."""
        return self._series.known()

    def _make_values(self) -> Any:
        plot = self._make_over_frames(self.tr("Score and overlap"))
        set_home(plot, y=(0, 1))
        self._score = plot.plot([], [], pen=curve_pen(self, PREDICTION, 1.5))
        self._iou = plot.plot([], [], pen=_dashed_pen(GROUND_TRUTH))
        return plot

    def _make_errors(self) -> Any:
        plot = self._make_over_frames(self.tr("Centre error (px, cut at {:.0f})").format(MOST_ERROR))
        self._error = plot.plot([], [], pen=curve_pen(self, PREDICTION, 1.5))
        plot.addItem(_limit_line())
        return _from_zero(plot)

    def _make_speeds(self) -> Any:
        plot = self._make_over_frames(self.tr("Speed"))
        self._speed = plot.plot([], [], pen=curve_pen(self, PREDICTION, 1.5))
        return _from_zero(plot)

    def _make_success(self) -> Any:
        plot = make_plot(self.tr("Success so far"), self.tr("overlap threshold"))
        set_home(plot, x=(0, 1), y=(0, 1))
        self._success = plot.plot([], [], pen=curve_pen(self, PREDICTION, 2))
        return plot

    def _make_over_frames(self, title: str) -> Any:
        plot = make_plot(title, self.tr("frame"))
        plot.setToolTip(self.tr("Click: go to a frame · drag: move · wheel: zoom · double-click: show all"))
        plot.scene().sigMouseClicked.connect(lambda event: self._ask_frame(plot, event))
        return plot

    def _take_plots(self, plots: list[Any]) -> None:
        self._plots = plots
        self._draw_beside()
        self._outdate()

    def _ask_frame(self, plot: Any, event: Any) -> None:
        frame = _frame_at(plot, event, self.series()[0])
        if frame is not None:
            self.frame_requested.emit(frame)

    def _draw_beside(self) -> None:
        """Draw the curves of the other runs again, in turn."""
        if not self._plots:
            return
        self._spare += self._drawn
        self._drawn.clear()
        self._beside_due = list(self._beside.values())
        self._remove_spare()
        self._show_legend()

    def _remove_spare(self) -> None:
        """Take away the lines that nobody needs, once all runs are drawn: to make one and to take one away is slow."""
        if not self._beside_due:
            for plot, line in self._spare:
                plot.removeItem(line)
            self._spare.clear()

    def _line_in(self, plot: Any) -> Any:
        """Return a line of a plot whose run is no longer shown as it was, a new one where there is none."""
        place = next((place for place, (other, _line) in enumerate(self._spare) if other is plot), None)
        return plot.plot([], []) if place is None else self._spare.pop(place)[1]

    def _draw_run(self, color: QColor, curve: Curve) -> None:
        values, errors, _speeds, success = self._plots
        pen = _dashed_pen(self._seen(color))
        known = curve.ious[np.isfinite(curve.ious)]
        self._show_measured()
        # a run without ground truth is compared by its scores
        heights = curve.ious if len(known) else curve.scores
        lines: list[tuple[Any, Any, Any]] = [
            (values, *outline(curve.frames, heights)),
            (errors, *outline(curve.frames, np.minimum(curve.center_errors, MOST_ERROR))),
        ]
        if len(known):
            lines.append((success, SUCCESS_THRESHOLDS, success_curve(known)))
        for plot, x, y in lines:
            line = self._line_in(plot)
            line.setData(x, y, pen=pen, connect="finite")
            self._drawn.append((plot, line))
        self._remove_spare()

    def legend(self) -> str:
        """Return what the lines of the first plot are, as rich text for the line below, where it hides no curve."""
        widest = WIDEST_NAME * self.fontMetrics().averageCharWidth()
        solid, dashed = Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine
        parts = [(PREDICTION, solid, self.tr("score"))]
        if len(self._series.overlaps()):
            parts.append((GROUND_TRUTH, dashed, self.tr("overlap")))
        for name, (color, curve) in self._beside.items():
            what = self.tr("overlap") if np.isfinite(curve.ious).any() else self.tr("score")
            short = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, widest)
            parts.append((self._seen(color), dashed, self.tr("{}: {}").format(short, what)))
        return " &nbsp; ".join(legend_entry(color, style, html.escape(text)) for color, style, text in parts)

    def _seen(self, color: QColor) -> QColor:
        """Return the colour of a curve beside, as it stands out from the plots' background."""
        return legible(color, self.palette().color(QPalette.ColorRole.Base))

    def _color_plots(self) -> None:
        for plot in self._plots:
            color_plot(plot, self.palette())
        self._draw_beside()

    def _show_legend(self) -> None:
        self.legend_line.setText(self.legend())
        self.legend_line.show()

    def _outdate(self) -> None:
        """Have every plot drawn again, in turn."""
        for draw in (self._draw_values, self._draw_errors, self._draw_speeds, self._draw_success):
            if draw not in self._stale:
                self._stale.append(draw)

    def _draw_next(self) -> None:
        if self._beside_due:
            self._draw_run(*self._beside_due.pop(0))
        elif self._stale and self._plots:
            self._stale.popleft()()
        for plot in self._plots:
            settle(plot)

    # pyqtgraph joins over a gap unless it is told where values are missing

    def _show_measured(self) -> None:
        """Show the plots of errors and of success where there is something to see in them."""
        curves = (curve for _color, curve in self._beside.values())
        is_shown = len(self._series.overlaps()) > 0 or any(np.isfinite(curve.ious).any() for curve in curves)
        places = [plot.parentWidget() for plot in (self._plots[1], self._plots[-1])]
        if is_shown == places[-1].isHidden():
            for place in places:  # which leaves its room to the other plots
                place.setVisible(is_shown)
        self._show_legend()

    def _draw_values(self) -> None:
        self._show_measured()
        frames, values = self.series()
        self._score.setData(*outline(frames, values[:, 0]), connect="finite")
        self._iou.setData(*outline(frames, values[:, 1]), connect="finite")

    def _draw_errors(self) -> None:
        frames, values = self.series()
        self._error.setData(*outline(frames, np.minimum(values[:, 2], MOST_ERROR)), connect="finite")

    def _draw_speeds(self) -> None:
        frames, values = self.series()
        self._speed.setData(*outline(frames, values[:, 3] * self.length_scale.per_pixel), connect="finite")
        self._title(2, self.tr("Speed ({}/s)").format(self.length_scale.unit))

    def _draw_success(self) -> None:
        known, text = self._series.overlaps(), self.tr("Success so far")
        curve = success_curve(known) if len(known) else np.empty(0)
        self._success.setData(SUCCESS_THRESHOLDS[: len(curve)], curve)
        self._title(3, f"{text}: {curve.mean():.3f}" if len(known) else text)

    def _title(self, place: int, text: str) -> None:
        title = (text, self.palette().color(QPalette.ColorRole.WindowText))
        if title != self._titles.get(place):
            self._titles[place] = title
            set_title(self._plots[place], text, self.palette())


def _frame_at(plot: Any, event: Any, frames: NDArray[np.int64]) -> int | None:
    """Return which of the `frames` of a plot is nearest to a click, None for what is no click in it."""
    box, where = plot.getPlotItem().getViewBox(), event.scenePos()
    is_click = event.button() == Qt.MouseButton.LeftButton and not event.double()
    if not is_click or not len(frames) or not box.sceneBoundingRect().contains(where):
        return None
    return int(frames[np.abs(frames - box.mapSceneToView(where).x()).argmin()])


def _dashed_pen(color: QColor) -> Any:
    import pyqtgraph as pg

    return pg.mkPen(color, width=DASHED_WIDTH, style=Qt.PenStyle.DashLine)


def _limit_line() -> Any:
    import pyqtgraph as pg

    return pg.InfiniteLine(PRECISION_PIXELS, 0, pen=pg.mkPen("#888888", style=Qt.PenStyle.DotLine))


def _from_zero(plot: Any) -> Any:
    """Return a plot that shows nothing below zero and as much as there is above."""
    plot.setLimits(yMin=0)
    set_home(plot)
    return plot
