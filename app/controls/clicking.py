"""Click to box: clicks on an object propose a box around it, which further clicks refine."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from PyQt5.QtCore import QObject, pyqtSignal

from app.canvas.box_editing import Box
from app.canvas.canvas import Canvas
from app.commands import Command
from app.controls.conditions import Conditions
from app.controls.drawing import DrawingControls
from app.worker.player import Player
from tracker_core.click_boxes import BoxProposal, Click, propose_box
from tracker_core.types import Frame

UNSURE_BELOW = 0.4  # expected overlap with the object


@dataclass(frozen=True)
class _Answer:
    """What was found for the clicks in a frame; only that to the last `request` counts."""

    request: int
    frame: Frame
    clicks: tuple[Click, ...]
    proposal: BoxProposal


class ClickControls(QObject):
    """Looks for the object under a click in a thread of its own, and hands its box to the canvas."""

    notice = pyqtSignal(str)
    _answered = pyqtSignal(object)  # _Answer; sent by the thread

    def __init__(self, canvas: Canvas, player: Player, drawing: DrawingControls, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas, self._player, self._drawing = canvas, player, drawing
        self._clicks: dict[Box | None, tuple[Click, ...]] = {}  # by the box that was proposed for them
        self._request = 0
        self._thread = ThreadPoolExecutor(1, "click to box")
        self._answered.connect(self._show)
        canvas.clicked.connect(self._on_clicked)
        canvas.draw_ended.connect(self._drop)
        drawing.changed.connect(self._mark)

    def commands(self) -> list[Command]:
        """Return how the user says that clicks shall propose boxes."""
        return [
            Command("click_box", "edit", "Click to &box", self.start, "C",
                    "Click on an object to have a box drawn around it", Conditions(self._player).has_source,
                    icon="click", short="Click"),
        ]  # fmt: skip

    def start(self) -> None:
        """Wait for a click on the object that is to be the active target."""
        self._drawing.draw()
        self.notice.emit(self.tr("Click on the middle of the object; Esc cancels."))

    def shut_down(self) -> None:
        """Wait for the search in progress and start none any more."""
        self._request = -1
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _on_clicked(self, x: float, y: float, is_object: bool) -> None:
        view = self._canvas.frame_view
        if view is None or self._request < 0:
            return
        height, width = view.frame.image.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            return
        known = self._clicks.get(self._canvas.box, ()) if self._canvas.editor.is_proposed else ()
        if not known and not is_object:
            self.notice.emit(self.tr("Click on the object first; a click beside it then cuts the box back."))
            return
        self._search(view.frame, (*known, Click(x, y, is_object)), self._canvas.box if known else None)

    def _search(self, frame: Frame, clicks: tuple[Click, ...], before: Box | None = None) -> None:
        self._request += 1
        request = self._request

        def hand_over(found: Future[BoxProposal]) -> None:
            if not found.cancelled():
                self._answered.emit(_Answer(request, frame, clicks, found.result()))

        self._thread.submit(propose_box, frame.image, clicks, before).add_done_callback(hand_over)

    def _show(self, answer: _Answer) -> None:
        view = self._canvas.frame_view
        if answer.request != self._request or view is None or not self._canvas.takes_clicks:
            return
        if view.frame is not answer.frame:  # it was still playing when the mouse was pressed
            self._search(view.frame, answer.clicks)
            return
        x, y, w, h = (float(value) for value in answer.proposal.box_xywh)
        self._clicks[x, y, w, h] = answer.clicks
        self._canvas.propose_box((x, y, w, h))
        if answer.proposal.expected_overlap < UNSURE_BELOW:
            self.notice.emit(self.tr("Nothing stands out clearly here: check the box, click again or drag one."))
        self._drawing.changed.emit()

    def _drop(self) -> None:
        if self._request >= 0:
            self._request += 1

    def _mark(self) -> None:
        """Show the clicks of the box that is proposed; once none is, they are forgotten."""
        if not self._canvas.takes_clicks:
            self._clicks.clear()
        clicks = self._clicks.get(self._canvas.box, ()) if self._canvas.editor.is_proposed else ()
        self._canvas.click_marks = tuple((click.x, click.y, click.is_object) for click in clicks)
