"""One image and every result, from the worker to the window: images may be dropped, results never."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.session.frame_view import Curve, FrameView, ResultRow, SourceSummary


@dataclass
class Delivery:
    """What lay in the mailbox, to be taken in this order.

    Attributes:
        source_changed: whether `source` is new (None: nothing is open any more); all else is of that source.
        replaced: all stored results by target, where some of the earlier ones are no longer true; None if none were.
        rows: results since then.
        view: the newest image.
        dropped: how many views it replaced.
    """

    source_changed: bool = False
    source: SourceSummary | None = None
    replaced: Mapping[int, Curve] | None = None
    rows: list[ResultRow] = field(default_factory=list)
    view: FrameView | None = None
    dropped: int = 0


class Mailbox:
    """A slot for the newest view and a list of rows; safe between two threads.

    Qt's queued signals keep every image alive until a slow receiver comes round; this keeps one. Whatever has to
    be seen in order with images goes this way as well. Each `post` returns True if it is the first since something was
    taken, so that the receiver has to be told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivery = Delivery()
        self._is_told = False

    def post_source(self, source: SourceSummary | None) -> bool:
        """Put in that another source is open; what is left of the one before is thrown away."""
        with self._lock:
            self._delivery = Delivery(source_changed=True, source=source)
            return self._tell()

    def post_replaced(self, curves: Mapping[int, Curve]) -> bool:
        """Replace all results by those of each target; rows that wait are among them or no longer true."""
        with self._lock:
            self._delivery.replaced, self._delivery.rows = curves, []
            return self._tell()

    def post_view(self, view: FrameView, rows: list[ResultRow]) -> bool:
        """Put in an image and its rows."""
        with self._lock:
            if self._delivery.view is not None:
                self._delivery.dropped += 1
            self._delivery.view = view
            self._delivery.rows.extend(rows)
            return self._tell()

    def take(self, leaves_view: bool = False) -> Delivery:
        """Return what is there; `leaves_view` leaves an image of the same source, where no other may be shown yet."""
        with self._lock:
            delivery, self._delivery, self._is_told = self._delivery, Delivery(), False
            if leaves_view and not delivery.source_changed:
                delivery.view, self._delivery.view = None, delivery.view
            return delivery

    def _tell(self) -> bool:
        was_told, self._is_told = self._is_told, True
        return not was_told
