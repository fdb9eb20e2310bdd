"""Several files at once: images of one folder are a sequence, of other things one can be opened, or all be tracked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt5.QtCore import QObject, Qt, pyqtSignal
from PyQt5.QtWidgets import QMessageBox, QPushButton, QWidget

from tracker_core.sources.images import count_images, is_image

MOST_NAMES = 8  # in a question


class SeveralSources(QObject):
    """Asks what is to become of several files; `open_one` opens one of them, or the folder of images."""

    batch_requested = pyqtSignal(str)  # a folder whose videos are to be tracked one after another

    def __init__(self, open_one: Callable[[str], None], window: QWidget) -> None:
        super().__init__(window)
        self._open, self._window = open_one, window

    def open(self, specs: Sequence[str]) -> None:
        """Open what was named: one thing at once; of several, what the user chooses of what can be done with them."""
        if len(specs) < 2:
            for spec in specs:
                self._open(spec)
            return
        paths = [Path(spec) for spec in specs]
        folder = paths[0].parent if len({path.parent for path in paths}) == 1 else None
        if folder is not None and all(map(is_image, paths)):
            self._open_images(folder, len(paths))
        else:
            self._ask(specs, folder if folder is not None and all(path.exists() for path in paths) else None)

    def _open_images(self, folder: Path, count: int) -> None:
        total = count_images(folder) if folder.is_dir() else count
        if count == total:
            self._open(str(folder))
            return
        text = self.tr("{} of the {} images in '{}' were chosen. They are opened as one sequence, all of them.")
        question = self._question(text.format(count, total, folder.name))
        self._offer(question, self.tr("&Open the folder"), lambda: self._open(str(folder)))
        question.open()

    def _ask(self, specs: Sequence[str], folder: Path | None) -> None:
        names = [Path(spec).name or spec for spec in specs]
        listed = "\n".join([*names[:MOST_NAMES], *(["…"] if len(names) > MOST_NAMES else [])])
        question = self._question(self.tr("{} files were chosen; one can be open at a time.").format(len(specs)))
        question.setInformativeText(listed)
        self._offer(question, self.tr("&Open '{}'").format(names[0]), lambda: self._open(specs[0]))
        if folder is not None:
            batch = self._offer(question, self.tr("&Track as a batch"), lambda: self.batch_requested.emit(str(folder)))
            batch.setToolTip(self.tr("All videos of the folder '{}', one after another").format(folder.name))
        question.open()

    def _question(self, text: str) -> QMessageBox:
        question = QMessageBox(QMessageBox.Icon.Question, self.tr("Several files"), text, parent=self._window)
        question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.addButton(QMessageBox.StandardButton.Cancel)
        return question

    def _offer(self, question: QMessageBox, text: str, do: Callable[[], None]) -> QPushButton:
        button = question.addButton(text, QMessageBox.ButtonRole.AcceptRole)
        assert button is not None
        question.buttonClicked.connect(lambda clicked: do() if clicked is button else None)
        return button
