"""The curves of a training run: the loss of its steps and the success of its validations."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QEvent
from PyQt5.QtGui import QShowEvent
from PyQt5.QtWidgets import QHBoxLayout, QWidget

from app.canvas.overlays.base import GROUND_TRUTH, PREDICTION
from app.panels.parts import PlotMaker, color_plot, curve_pen, make_plot, set_home, show_note

FEW = 10  # so few losses are points as well: a line through a single one cannot be seen
Curve = list[tuple[int, float]]


class TrainingPlots(QWidget):
    """Two plots beside each other, made when they are seen first."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(240)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._is_made = False
        self.plots: list[Any] = []
        self._losses: Curve = []
        self._scores: Curve = []

    def draw(self, losses: Curve, scores: Curve) -> None:
        """Show (step, loss) and (step, success)."""
        self._losses, self._scores = losses, scores
        if self.plots:
            for plot, curve, note in zip(self.plots, (losses, scores), self._notes(), strict=True):
                show_note(plot, "" if curve else note)
            self.loss_line.setData(*_columns(losses), symbol="o" if len(losses) < FEW else None)
            self.score_line.setData(*_columns(scores))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make the plots when they are seen first."""
        super().showEvent(event)
        layout = self.layout()
        if not self._is_made and layout is not None:
            self._is_made = True
            PlotMaker(self, (self._make_losses, self._make_scores), layout, self._take_plots)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            for plot in self.plots:
                color_plot(plot, self.palette())
        super().changeEvent(event)

    def _make_losses(self) -> Any:
        plot = make_plot(self.tr("Loss"), self.tr("step"))
        set_home(plot)
        self.loss_line = plot.plot(
            [], [], pen=curve_pen(self, PREDICTION, 2), symbolSize=5, symbolBrush=PREDICTION, symbolPen=None
        )
        return plot

    def _make_scores(self) -> Any:
        plot = make_plot(self.tr("Success on validation"), self.tr("step"))
        set_home(plot, y=(0, 1))
        self.score_line = plot.plot(
            [], [], pen=curve_pen(self, GROUND_TRUTH, 2), symbol="o", symbolSize=6, symbolBrush=GROUND_TRUTH
        )
        return plot

    def _notes(self) -> tuple[str, str]:
        return self.tr("No step yet"), self.tr("No validation yet")

    def _take_plots(self, plots: list[Any]) -> None:
        self.plots = plots
        self.draw(self._losses, self._scores)


def _columns(values: Curve) -> tuple[list[int], list[float]]:
    return [step for step, _ in values], [value for _, value in values]
