"""What the worker's thread and the window's say to each other; exceptions become messages here."""

from __future__ import annotations

import contextlib
import functools
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from PyQt5.QtCore import QCoreApplication, QObject, pyqtSignal

from app.session.frame_view import Curve, FrameView, SourceSummary
from app.worker.mailbox import Mailbox
from tracker_core.errors import SiamscopeError, SourceEnded
from tracker_core.results.run import BoxOrigin
from tracker_core.types import Frame

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoxRequest:
    """A box to start on: in `frame`, for target `number` (None adds one); `track` starts tracking at once.

    `by` says whose box it is.
    `serial` is that of the source which the frame is from: another one may have been opened meanwhile.
    """

    serial: int
    frame: Frame
    box_xywh: tuple[float, float, float, float]
    number: int | None = None
    track: bool = False
    by: BoxOrigin = BoxOrigin.USER


@dataclass(frozen=True)
class Failure:
    """What the window shows of an error: one sentence, and the traceback for "copy details"."""

    title: str
    sentence: str
    details: str
    is_out_of_memory: bool = False


class Messages(QObject):
    """Everything that the window hears of the worker: facts as signals, images and results through `mailbox`."""

    mail_arrived = pyqtSignal()
    opened = pyqtSignal(object)  # SourceSummary
    summary_changed = pyqtSignal(object)  # SessionSummary
    playing_changed = pyqtSignal(bool)
    tracking_changed = pyqtSignal(bool)
    tracker_ready = pyqtSignal(object, bool)  # TrackingConfig, whether it asks a second network
    busy = pyqtSignal(str)  # what takes a moment; empty when done
    notice = pyqtSignal(str)
    failed = pyqtSignal(object)  # Failure
    target_lost = pyqtSignal(str, int)  # name, or number as a text; index
    sequences_found = pyqtSignal(object)  # list[SequenceInfo] of a data set
    cameras_found = pyqtSignal(object)  # list[Camera]
    results_written = pyqtSignal(str)  # path
    saving_changed = pyqtSignal(str)  # why results cannot be saved; empty when they are again
    unsaved = pyqtSignal(str)  # the same, where the source was to be closed
    recording_changed = pyqtSignal(object)  # RecordingStatus, None when it ends
    ended = pyqtSignal()  # playing came to the end of the source or of the range
    recorded = pyqtSignal(str)  # what opens a recording that was completed

    def __init__(self) -> None:
        super().__init__()
        self.mailbox = Mailbox()
        self._remark = ""

    @contextlib.contextmanager
    def busy_with(self, text: str) -> Iterator[None]:
        """Say what takes a moment while the block runs."""
        self.busy.emit(text)
        try:
            yield
        finally:
            self.busy.emit("")

    def post_source(self, source: SourceSummary | None) -> None:
        """Put into the mailbox that another source is open."""
        self._remark = ""
        self._tell(self.mailbox.post_source(source))

    def post_replaced(self, curves: Mapping[int, Curve]) -> None:
        """Put all results, by target, into the mailbox again."""
        self._tell(self.mailbox.post_replaced(curves))

    def post_view(self, view: FrameView, is_new: bool = False) -> None:
        """Put an image and its rows into the mailbox; `is_new` where the rows were computed just now."""
        rows = [replace(target.row, is_new=is_new) for target in view.targets if target.row is not None]
        self._tell(self.mailbox.post_view(view, rows))
        if view.remark not in ("", self._remark):
            self._remark = view.remark
            self.notice.emit(view.remark)

    def fail(self, title: str, error: BaseException) -> None:
        """Say what went wrong, in one sentence and in full."""
        details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        out_of_memory = is_out_of_memory(error)
        if out_of_memory:
            sentence = self.tr("The GPU is out of memory. Results so far are kept.")
        elif isinstance(error, SourceEnded):
            sentence = self.tr("{} Results so far are kept.").format(error)
        elif isinstance(error, SiamscopeError):
            sentence = str(error)
        else:
            sentence = self.tr("Unexpected error ({}). Results so far are kept.").format(type(error).__name__)
        if isinstance(error, SiamscopeError):
            logger.warning("%s: %s", title, error)
        else:
            logger.error("%s\n%s", title, details)
        self.failed.emit(Failure(title, sentence, details, out_of_memory))

    def _tell(self, is_first: bool) -> None:
        """Say once that there is something in the mailbox, until the window has taken it."""
        if is_first:
            self.mail_arrived.emit()


class Answerable(Protocol):
    """Serves requests of the window; what they raise is reported through `messages` after `stop_playing`."""

    messages: Messages

    def stop_playing(self, stops_tracking: bool) -> None:
        """Play no further after an error."""
        ...


Server = TypeVar("Server", bound=Answerable)
Given = ParamSpec("Given")
Request = Callable[Concatenate[Server, Given], None]


def reported(title: str, stops_tracking: bool = False) -> Callable[[Request[Server, Given]], Request[Server, Given]]:
    """Turn what the decorated request raises into the message `failed`, under `title`; results stay.

    `title` is translated when it is shown: mark it with `QT_TRANSLATE_NOOP("worker", …)`.
    """

    def decorate(request: Request[Server, Given]) -> Request[Server, Given]:
        @functools.wraps(request)
        def guarded(server: Server, /, *args: Given.args, **kwargs: Given.kwargs) -> None:
            try:
                request(server, *args, **kwargs)
            except Exception as error:  # a slot that raises would end the process
                server.stop_playing(stops_tracking)
                server.messages.fail(QCoreApplication.translate("worker", title), error)

        return guarded

    return decorate


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or what caused it, is a GPU without memory."""
    while error is not None:
        if type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error).lower():
            return True
        error = error.__cause__
    return False
