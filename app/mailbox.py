"""One picture and every result, from the worker to the window: pictures may be dropped, results never."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from app.frame_view import FrameView, ResultRow


@dataclass
class Delivery:
    """What lay in the mailbox: the newest view, all rows since the last delivery, and how many views were replaced."""

    view: FrameView | None = None
    rows: list[ResultRow] = field(default_factory=list)
    dropped: int = 0


class Mailbox:
    """A slot for the newest view and a list of rows; safe between two threads.

    Qt's queued signals keep every picture alive until a slow receiver comes round; this keeps one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivery = Delivery()

    def post(self, view: FrameView | None, rows: list[ResultRow]) -> bool:
        """Put in a view and rows; return True if the mailbox was empty, so that the receiver has to be told."""
        with self._lock:
            delivery = self._delivery
            was_empty = delivery.view is None and not delivery.rows
            if view is not None:
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
