"""Looking for a recipe's data in a thread: a folder on a slow drive must not hold up the window."""

from __future__ import annotations

import threading

from PyQt5.QtCore import QObject, pyqtSignal

from tracker_core.errors import SiamscopeError


class DataLookup(QObject):
    """`look` searches in a thread; `found` is the sentence about the latest search, and whether nothing is missing."""

    found = pyqtSignal(str, bool)
    _done = pyqtSignal(int, str, bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._number = 0
        self._done.connect(self._tell)

    def look(self, recipe: str, folder: str) -> None:
        """Search for what `recipe`, a YAML file, names in or around `folder`."""
        self._number += 1
        thread = threading.Thread(target=self._search, args=(self._number, recipe, folder), daemon=True)
        thread.start()

    def _search(self, number: int, recipe: str, folder: str) -> None:
        # only now: reading a configuration takes libraries that the window starts without
        from tracker_core.config import apply_overrides, load_yaml
        from tracker_core.config.training import DataConfig
        from tracker_core.training.locating import find_data

        try:
            found = find_data(apply_overrides(DataConfig(), load_yaml(recipe).get("data") or {}), folder)
            sentence, is_complete = str(found), found.data is not None
        except SiamscopeError as error:
            sentence, is_complete = str(error), False
        try:
            self._done.emit(number, sentence, is_complete)
        except RuntimeError:
            return  # the window is gone

    def _tell(self, number: int, sentence: str, is_complete: bool) -> None:
        if number == self._number:
            self.found.emit(sentence, is_complete)
