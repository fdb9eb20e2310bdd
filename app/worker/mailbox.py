"""One image and every result, from the worker to the window: images may be dropped, results never."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from app.session.frame_view import FrameView, ResultRow, SourceSummary


@dataclass
class Delivery:
    """What lay in the mailbox, to be taken in this order.

    Attributes:
        source_changed: whether `source` is new (None: nothing is open any more); all else is of that source.
        replaced: all stored rows, where some of the earlier ones are no longer true; None if none were.
        rows: results since then.
        view: the newest image.
        dropped: how many views it replaced.
    """

    source_changed: bool = False
    source: SourceSummary | None = None
    replaced: list[ResultRow] | None = None
    rows: list[ResultRow] = field(default_factory=list)
    view: FrameView | None = None
    dropped: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return not self.source_changed and self.replaced is None and self.view is None and not self.rows


class Mailbox:
    """A slot for the newest view and a list of rows; safe between two threads.

    Qt's queued signals keep every image alive until a slow receiver comes round; this keeps one. Whatever has to
    be seen in order with images goes this way as well. Each `post` returns True if the mailbox was empty, so that
    the receiver has to be told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivery = Delivery()

    def post_source(self, source: SourceSummary | None) -> bool:
        """Put in that another source is open; what is left of the one before is thrown away."""
        with self._lock:
            was_empty = self._delivery.is_empty
            self._delivery = Delivery(source_changed=True, source=source)
            return was_empty

    def post_replaced(self, rows: list[ResultRow]) -> bool:
        """Replace all rows; those that wait are among them or no longer true."""
        with self._lock:
            was_empty = self._delivery.is_empty
            self._delivery.replaced, self._delivery.rows = rows, []
            return was_empty

    def post_view(self, view: FrameView, rows: list[ResultRow]) -> bool:
        """Put in an image and its rows."""
        with self._lock:
            delivery, was_empty = self._delivery, self._delivery.is_empty
            if delivery.view is not None:
                delivery.dropped += 1
            delivery.view = view
            delivery.rows.extend(rows)
            return was_empty

    def take(self) -> Delivery:
        """Return what is there and leave the mailbox empty."""
        with self._lock:
            delivery, self._delivery = self._delivery, Delivery()
            return delivery
