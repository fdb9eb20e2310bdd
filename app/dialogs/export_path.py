"""Where an export is written: a path that follows what is exported, or the user's own, whose ending follows it."""

from __future__ import annotations

import os
from pathlib import Path

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from app.dialogs.export_options import BOXES, GIF, IMAGES, MOTION, VIDEO
from app.panels.fields import PathField, is_file, is_folder, with_browse
from tracker_core.rendering.motion_plot import PLOT_SUFFIXES
from tracker_core.rendering.writers import VIDEO_SUFFIXES
from tracker_core.results.formats import BOX_FORMATS, box_file_suffix
from tracker_core.results.identity import output_name

MOST_ASKED_TARGETS = 9
_PROPOSALS = {VIDEO: "-tracked.mp4", GIF: "-tracked.gif", IMAGES: "-frames", MOTION: "-motion.csv"}
_ENDINGS = {VIDEO: tuple(set(VIDEO_SUFFIXES) - {".gif"}), GIF: (".gif",), MOTION: (".csv", *PLOT_SUFFIXES)}
_ALL_ENDINGS = {*VIDEO_SUFFIXES, *PLOT_SUFFIXES, *(form.suffix for form in BOX_FORMATS.values())}


class ExportPath(QWidget):
    """The file, or the folder of images, to write; `changed` follows every change of its text."""

    changed = pyqtSignal()

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__()
        self._name, self._folder = output_name(name), folder
        self._kind, self._box_format, self._is_own = VIDEO, "otb", False
        self.field = PathField()
        self.field.textEdited.connect(lambda _text: self._take_own())
        self.field.textChanged.connect(lambda _text: self.changed.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(with_browse(self.field, self.tr("File or folder to write"), self._browse))

    @property
    def path(self) -> str:
        """The path, "" for none."""
        return self.field.path

    def set_kind(self, kind: str, box_format: str) -> None:
        """Propose a path for another kind of export, or give the user's own path its ending."""
        self._kind, self._box_format = kind, box_format
        if self._is_own:
            self.field.set_path(self._with_ending(self.path))
        else:
            ending = _PROPOSALS.get(kind, f"-{box_format}{box_file_suffix(box_format)}")
            self.field.set_path(self._folder / f"{self._name}{ending}")

    def problem(self) -> str:
        """Return one sentence that says why nothing can be written there, "" if it can."""
        if not self.path:
            return self.tr("Choose an output file.")
        folder = Path(self.path).parent
        if not is_folder(folder):
            return self.tr("The folder '{}' does not exist; choose another.").format(folder)
        if not os.access(folder, os.W_OK):
            return self.tr("The folder '{}' cannot be written to; choose another.").format(folder)
        if self._kind != IMAGES and is_folder(self.path):
            return self.tr("'{}' is a folder; give the name of a file.").format(self.path)
        return ""

    def question(self) -> str:
        """Return what to ask before something is replaced, "" if nothing is."""
        present = next((path for path in self._written() if is_file(path)), None)
        if present is not None:
            return self.tr("'{}' already exists. Replace it?").format(present)
        if self._kind == IMAGES and is_folder(self.path) and next(Path(self.path).glob("*.png"), None) is not None:
            question = self.tr("'{}' has images already. Replace those of the same name? All others stay.")
            return question.format(self.path)
        return ""

    def _written(self) -> list[str]:
        """Return the paths of files that may be written: boxes go into a file for each target in some formats."""
        path = Path(self.path)
        if self._kind != BOXES or not BOX_FORMATS[self._box_format].has_file_per_target:
            return [] if self._kind == IMAGES else [self.path]
        numbers = range(1, MOST_ASKED_TARGETS + 1)
        return [self.path, *(str(path.with_name(f"{path.stem}-{number}{path.suffix}")) for number in numbers)]

    def _endings(self) -> tuple[str, ...]:
        return (box_file_suffix(self._box_format),) if self._kind == BOXES else _ENDINGS.get(self._kind, ("",))

    def _with_ending(self, text: str) -> str:
        """Return a path with an ending that goes with what is exported; one that is no known ending is kept."""
        path, endings = Path(text), self._endings()
        if not text or not path.name or path.suffix.lower() in endings:
            return text
        stem = path.with_suffix("") if path.suffix.lower() in _ALL_ENDINGS else path
        preferred = ".mp4" if ".mp4" in endings else endings[0]
        return str(stem) + preferred

    def _take_own(self) -> None:
        self._is_own = True

    def _browse(self, _parent: QWidget, _title: str, here: str) -> str:
        if self._kind == IMAGES:
            start = here if is_folder(here) else str(Path(here).parent)
            path = QFileDialog.getExistingDirectory(self, self.tr("Folder for the images"), start)
        else:
            path, _ = QFileDialog.getSaveFileName(
                self, self.tr("Save as"), here, self._filter(), options=QFileDialog.Option.DontConfirmOverwrite
            )
        if not path:
            return ""
        self._take_own()
        return self._with_ending(path)

    def _filter(self) -> str:
        endings = " ".join(f"*{ending}" for ending in sorted(self._endings()))
        titles = {VIDEO: self.tr("Videos"), GIF: self.tr("Animated GIF"), MOTION: self.tr("Table or plot")}
        return f"{titles.get(self._kind, self.tr('Boxes'))} ({endings})"
