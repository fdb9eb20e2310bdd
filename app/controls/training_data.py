"""Looking for a recipe's data in a thread: a folder on a slow drive must not hold up the window."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from tracker_core.errors import SiamscopeError

ASK_MS = 50


class DataLookup(QObject):
    """`look` searches in a thread; `found` is the sentence about the latest search, and whether nothing is missing.

    The thread touches no Qt object, so that a window may close while a large disk is still being searched.
    """

    found = pyqtSignal(str, bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._answers: SimpleQueue[tuple[int, str, bool]] = SimpleQueue()
        self._timer = QTimer(self)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self._collect)

    def look(self, recipe: str, folder: str) -> None:
        """Search for what `recipe`, a YAML file, names in or around `folder`."""
        self._number += 1
        arguments = (self._answers, self._number, recipe, folder)
        threading.Thread(target=_search, args=arguments, daemon=True).start()
        self._timer.start()

    def _collect(self) -> None:
        while not self._answers.empty():
            number, sentence, is_complete = self._answers.get()
            if number == self._number:
                self._timer.stop()
                self.found.emit(sentence, is_complete)


def _search(answers: SimpleQueue[tuple[int, str, bool]], number: int, recipe: str, folder: str) -> None:
    # only now: reading a configuration takes libraries that the window starts without
    from tracker_core.config import apply_overrides, load_yaml
    from tracker_core.config.training import DataConfig
    from tracker_core.training.locating import find_data

    try:
        found = find_data(apply_overrides(DataConfig(), load_yaml(recipe).get("data") or {}), folder)
        answers.put((number, str(found), found.data is not None))
    except SiamscopeError as error:
        answers.put((number, str(error), False))
