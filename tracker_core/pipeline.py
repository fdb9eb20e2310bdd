"""Stages that run side by side: each in a thread of its own, with few items waiting between two of them.

What is decoded, tracked, drawn and encoded one after the other takes the sum of the times; side by side it takes as
long as the slowest stage, since all four leave Python's lock while they work.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
WAITING = 4  # items between two stages: enough for one slow item, and little memory


class Stage(Generic[Item]):
    """Does one thing with every item, in a thread, in the order of `put`; use it in a `with` block.

    What `action` returns is handed to the stage `then`. An exception is raised by the next `put`, or by `close`; the
    items after the one that failed are dropped. Leaving the block finishes what was put, whatever ends it. `busy_s` is
    the time that `action` took, `count` for how many items.
    """

    def __init__(
        self, name: str, action: Callable[[Item], Any], then: Stage[Any] | None = None, waiting: int = WAITING
    ) -> None:
        self.name = name
        self.busy_s, self.count = 0.0, 0
        self._action, self._then = action, then
        self._items: queue.Queue[Any] = queue.Queue(waiting)
        self._error: BaseException | None = None
        self._is_closed = False
        # a daemon: where a second Ctrl-C ends the waiting for it, it does not keep the process
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> Stage[Item]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Exception:
            if error is None:  # else what ended the block came first
                raise

    def put(self, item: Item) -> None:
        """Hand over an item, waiting while the queue is full; raises what an earlier item raised."""
        if self._error is not None:
            raise self._error
        self._items.put(item)

    def close(self) -> None:
        """Wait for the items that were put; raises what one of them raised. Calling it twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._items.put(_End)
            self._thread.join()
            if self._error is not None:
                raise self._error

    def _work(self) -> None:
        while (item := self._items.get()) is not _End:
            if self._error is not None:
                continue  # dropped, so that `put` never waits for ever
            try:
                began = time.perf_counter()
                made = self._action(item)
                self.busy_s += time.perf_counter() - began
                self.count += 1
                if self._then is not None:
                    self._then.put(made)
            except BaseException as error:  # it belongs to whoever puts
                self._error = error


class ReadAhead(Iterator[Item]):
    """Takes items from an iterator in a thread, a few ahead of who reads them here; use it in a `with` block.

    Order and exceptions stay as they are. `close` waits until the iterator stands still, so that what it reads from can
    be closed.
    """

    def __init__(self, items: Iterator[Item], waiting: int = WAITING) -> None:
        self._source = items
        self._items: queue.Queue[Any] = queue.Queue(waiting)
        self._is_over = False
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="read ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> ReadAhead[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Item:
        if self._is_over:
            raise StopIteration
        item = self._items.get()
        if isinstance(item, _Failed):
            self._is_over = True
            raise item.error
        if item is _End:
            self._is_over = True
            raise StopIteration
        value: Item = item
        return value

    def close(self) -> None:
        """Stop reading; calling it twice is harmless."""
        self._is_over = True
        self._is_stopped.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):  # makes room for a thread that waits to put
                self._items.get_nowait()
            self._thread.join(0.01)

    def _work(self) -> None:
        try:
            for item in self._source:
                self._items.put(item)
                if self._is_stopped.is_set():
                    return
            self._items.put(_End)
        except BaseException as error:  # it belongs to whoever reads
            self._items.put(_Failed(error))


class _End:
    """The mark after the last item."""


class _Failed:
    """An exception in its place among the items."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
