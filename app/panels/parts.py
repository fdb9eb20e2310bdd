"""What panels share: numbers as texts, plots in the window's colours, forms that scroll."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PyQt5 import sip
from PyQt5.QtCore import Qt, QTimer
from PyQt5.QtGui import QColor, QPalette, QPen
from PyQt5.QtWidgets import QFrame, QLabel, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.canvas.overlays.base import contrast

LEAST_CONTRAST = 3.0
NEXT_PLOT_MS = 25  # from one plot to the next, of several that are made: an image of a video and its events between
Range = tuple[float, float] | None
END = 0.06  # room at the ends of an axis, as a share of it: a number that does not fit there is not drawn
DASHES = {
    Qt.PenStyle.SolidLine: "━━", Qt.PenStyle.DashLine: "╍╍", Qt.PenStyle.DashDotLine: "━╍", Qt.PenStyle.DotLine: "┅┅",
}  # fmt: skip


def format_value(value: float, digits: int = 2) -> str:
    """Return a number for a read-out, a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def legend_entry(color: QColor | str, style: Qt.PenStyle, text: str) -> str:
    """Return a piece of a curve and its name as rich text, for a legend beside a plot instead of over it."""
    return f'<span style="color:{QColor(color).name()}">{DASHES[style]}</span>&nbsp;{text}'


def legible(color: QColor, background: QColor) -> QColor:
    """Return a colour, darker or lighter where a line of it would not stand out from `background` (WCAG 2: 3 to 1)."""
    pole = QColor("black" if background.lightnessF() > 0.5 else "white")
    shades = (_mixed(color, pole, share / 32) for share in range(33))
    return next(shade for shade in shades if contrast(shade, background) >= LEAST_CONTRAST)


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    pairs = ((one.redF(), other.redF()), (one.greenF(), other.greenF()), (one.blueF(), other.blueF()))
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in pairs))


def enable_buttons(states: Mapping[QWidget, bool]) -> None:
    """Enable some buttons and disable the others; the focus of one that is disabled goes to the first that is not.

    Left alone, Qt passes it on to whatever comes next, which may be in another panel.
    """
    usable = [button for button, is_on in states.items() if is_on]
    for button in usable:
        button.setEnabled(True)
    for button in states.keys() - set(usable):
        if button.hasFocus() and usable:
            usable[0].setFocus(Qt.FocusReason.OtherFocusReason)
        button.setEnabled(False)


def make_plot(title: str, bottom: str) -> Any:
    """Return a pyqtgraph plot without the menus that nobody asked for."""
    import pyqtgraph as pg

    plot = pg.PlotWidget(enableMenu=False)  # a third of the time of making one with menus
    set_title(plot, title, plot.palette())
    plot.setLabel("bottom", bottom)
    plot.hideButtons()
    plot.showGrid(x=True, y=True, alpha=0.2)
    plot.setAccessibleName(title)
    return plot


def show_note(plot: Any, text: str) -> None:
    """Say in the middle of a plot why there is nothing in it yet, without numbers at its axes; "" shows them again."""
    note = plot.findChild(QLabel) or _add_note(plot)
    if note.text() != text:
        note.setText(text)
        for side in ("bottom", "left"):
            plot.getAxis(side).setStyle(showValues=not text)


def _add_note(plot: Any) -> QLabel:
    note = QLabel()
    note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    note.setAlignment(Qt.AlignmentFlag.AlignCenter)
    note.setWordWrap(True)
    QVBoxLayout(plot).addWidget(note)
    return note


def curve_pen(plot: QWidget, color: QColor | str, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """Return a pen for a curve of `plot`, `width` points wide whatever the units of its axes.

    Qt counts the width of such a pen in pixels of the screen: on a fine one a point has two of them.
    """
    pen = QPen(QColor(color), width * plot.devicePixelRatioF(), style)
    pen.setCosmetic(True)
    return pen


def set_home(plot: Any, x: Range = None, y: Range = None) -> None:
    """Show from one value to another, all that is drawn where none are given; a double click comes back to that."""
    box = plot.getPlotItem().getViewBox()

    def go_home() -> None:
        for axis, ends in (("x", x), ("y", y)):
            if ends is None:
                box.enableAutoRange(axis=axis)
            else:
                box.setRange(**{f"{axis}Range": ends}, padding=END)

    plot.scene().sigMouseClicked.connect(lambda event: go_home() if event.double() else None)
    go_home()


def settle(plot: Any) -> None:
    """Fit what a plot shows to what was drawn in it just now; left to its next paint, that would bring another."""
    plot.getPlotItem().getViewBox().prepareForPaint()


class PlotMaker(QTimer):
    """Fills `layout` with the plots that `makers` return, in the colours of `owner`, one after the other.

    Making a plot takes some 10 ms, and as much to paint it for the first time, which happens before the next one is
    made: several at once would hold up the image. Each has its place, its parent, before the first is made, so that
    none is laid out and painted again when the next one comes. `done` gets them all at the end; nothing more happens
    once `owner` is gone. (A method of an object, since a closure that Python collected together with `owner` would
    still be called until Qt has deleted `owner` as well.)
    """

    def __init__(
        self, owner: QWidget, makers: Sequence[Callable[[], Any]], layout: QLayout, done: Callable[[list[Any]], None]
    ) -> None:
        super().__init__(owner)
        self._owner, self._makers, self._done = owner, makers, done
        self._palette = owner.palette()
        self._places = [_add_place(layout) for _ in makers]
        self._plots: list[Any] = []
        self.timeout.connect(self._step)
        self.start(NEXT_PLOT_MS)

    def _step(self) -> None:
        made = len(self._plots)
        if made == len(self._makers):
            self._finish()
            return
        try:
            plot = self._makers[made]()
            color_plot(plot, self._palette)
            self._places[made].addWidget(plot)
        except RuntimeError:
            if not sip.isdeleted(self._owner):
                raise
            return  # Python collected the window while the plot was made
        self._plots.append(plot)

    def _finish(self) -> None:
        self.stop()
        self.deleteLater()
        if self._owner.palette() != self._palette:
            for plot in self._plots:
                color_plot(plot, self._owner.palette())
        self._done(self._plots)


def _add_place(layout: QLayout) -> QLayout:
    """Add an empty widget, as wide as the others, and return the layout in which it takes what comes later."""
    place = QWidget()
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
    policy.setHorizontalStretch(1)  # an empty one would else make room for those that have their plot
    place.setSizePolicy(policy)
    inside = QVBoxLayout(place)
    inside.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(place)
    return inside


def color_plot(plot: Any, palette: QPalette) -> None:
    """Give a plot the colours of the window around it."""
    ink = palette.color(QPalette.ColorRole.WindowText)
    plot.setBackground(palette.color(QPalette.ColorRole.Base))
    for side in ("bottom", "left"):
        plot.getAxis(side).setPen(palette.color(QPalette.ColorRole.Mid))
        plot.getAxis(side).setTextPen(ink)
    set_title(plot, plot.getPlotItem().titleLabel.text, palette)


def set_title(plot: Any, text: str, palette: QPalette) -> None:
    """Give a plot a title in the size of the window's texts."""
    ink = palette.color(QPalette.ColorRole.WindowText)
    plot.setTitle(text, size=f"{plot.font().pointSizeF():g}pt", color=ink)


def scrolled(form: QWidget) -> QScrollArea:
    """Return the form in an area that shows a part of it where the window is low."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(form)
    bar = area.verticalScrollBar()
    assert bar is not None
    area.setMinimumWidth(form.minimumSizeHint().width() + bar.sizeHint().width())
    return area
