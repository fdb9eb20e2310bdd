"""The export dialog: what, which part of it, in which form, where to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PyQt5.QtCore import QSettings
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.buttons import make_buttons
from app.panels.fields import ComboBox, PathField, WholeField, is_file, is_folder, with_browse
from tracker_core.errors import SiamscopeError
from tracker_core.rendering.writers import codec_description
from tracker_core.results.formats import BOX_FORMATS, box_file_suffix
from tracker_core.results.identity import output_name

VIDEO, BOXES, IMAGES = "video", "boxes", "images"


@dataclass(frozen=True)
class ExportOptions:
    """What the user wants: `first` and `last` are frames, both included; `scale` is a factor, `path` has no `~`."""

    kind: str
    path: str
    first: int
    last: int
    scale: float = 1.0
    overlays: tuple[str, ...] = field(default=("prediction", "ground_truth", "labels"))
    box_format: str = "otb"

    def arguments(self, run_file: str) -> list[str]:
        """Return the command that carries it out on a saved run."""
        command = ["export", "--run", run_file, "--out", self.path, "--frames", f"{self.first}:{self.last + 1}"]
        if self.kind == BOXES:
            return [*command, "--format", self.box_format, "--progress", "json"]
        command += ["--overlays", ",".join(self.overlays) or "none", "--scale", f"{self.scale:g}"]
        if self.kind == IMAGES:
            command.append("--images")
        return [*command, "--progress", "json"]


class ExportDialog(QDialog):
    """Asks for an export of the frames from `first` to `last`; `marked` is the A–B range, if there is one.

    Of a live source there are boxes only: its frames were not recorded.
    """

    def __init__(
        self,
        name: str,
        span: tuple[int, int],
        marked: tuple[int, int] | None,
        folder: Path,
        has_truth: bool,
        kept: QSettings | None = None,
        parent: QWidget | None = None,
        *,
        is_live: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self._name, self._span, self._marked, self._folder, self._kept = name, span, marked, folder, kept
        self._is_path_own = False
        self._form = form = QFormLayout()
        self.kind = ComboBox()
        for kind, text in (
            (VIDEO, self.tr("Tracked video")),
            (BOXES, self.tr("Boxes")),
            (IMAGES, self.tr("Frames as images (PNG)")),
        ):
            if kind == BOXES or not is_live:
                self.kind.addItem(text, kind)
        form.addRow(self.tr("Export:"), self.kind)
        if is_live:
            form.addRow(QLabel(self.tr("Live frames were not recorded, so no video can be made.")))
        form.addRow(self.tr("Frames:"), self._make_range())
        self.box_format = ComboBox()
        self.box_format.addItems(list(BOX_FORMATS))
        form.addRow(self.tr("Format:"), self.box_format)
        self.scale = WholeField()
        self.scale.setRange(10, 400)
        self.scale.setSingleStep(10)
        self.scale.setValue(100)
        self.scale.setSuffix(" %")
        form.addRow(self.tr("Size:"), self.scale)
        form.addRow(self.tr("Draw:"), self._make_overlays(has_truth))
        form.addRow(self.tr("Write to:"), self._make_path())
        self.codec = QLabel()
        self.codec.setWordWrap(True)
        form.addRow(self.tr("Codec:"), self.codec)
        self.buttons = make_buttons(self, QDialogButtonBox.StandardButton.Save, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._try_accept)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(460)
        self.kind.currentIndexChanged.connect(lambda _index: self._update())
        self.box_format.currentIndexChanged.connect(lambda _index: self._propose_path())
        self._restore()
        self._update()

    def options(self) -> ExportOptions:
        """Return what the user wants."""
        return ExportOptions(
            str(self.kind.currentData()),
            self.path.path,
            self.first.value(),
            self.last.value(),
            self.scale.value() / 100,
            tuple(name for name, box in self.overlays.items() if box.isChecked() and box.isEnabled()),
            self.box_format.currentText(),
        )

    def _make_range(self) -> QWidget:
        self.range = ComboBox()
        self.range.addItem(self.tr("all that was tracked"))
        if self._marked is not None:
            self.range.addItem(self.tr("the range A–B"))
            self.range.setCurrentIndex(1)
        self.range.addItem(self.tr("from – to"))
        self.first, self.last = WholeField(), WholeField()
        for box, text in ((self.first, self.tr("First frame")), (self.last, self.tr("Last frame"))):
            box.setRange(*self._span)
            box.setAccessibleName(text)
            box.setToolTip(text)
        self.range.currentIndexChanged.connect(lambda _index: self._show_range())
        self._show_range()
        return _row(self.range, self.first, QLabel("–"), self.last)

    def _show_range(self) -> None:
        is_own = self.range.currentIndex() == self.range.count() - 1
        if not is_own:
            chosen = self._marked if self._marked is not None and self.range.currentIndex() == 1 else self._span
            self.first.setValue(chosen[0])
            self.last.setValue(chosen[1])
        self.first.setEnabled(is_own)
        self.last.setEnabled(is_own)

    def _make_overlays(self, has_truth: bool) -> QWidget:
        self.overlays = {
            "prediction": QCheckBox(self.tr("prediction")),
            "ground_truth": QCheckBox(self.tr("ground truth")),
            "labels": QCheckBox(self.tr("score and state")),
        }
        for box in self.overlays.values():
            box.setChecked(True)
        self.overlays["ground_truth"].setEnabled(has_truth)
        return _row(*self.overlays.values())

    def _make_path(self) -> QWidget:
        self.path = PathField()
        self.path.textEdited.connect(lambda _text: self._take_own_path())
        return with_browse(self.path, self.tr("File or folder to write"), self._browse)

    def _update(self) -> None:
        kind = self.kind.currentData()
        for widget, is_shown in (
            (self.box_format, kind == BOXES),
            (self.scale, kind != BOXES),
            (self.overlays["prediction"].parentWidget(), kind != BOXES),
            (self.codec, kind == VIDEO),
        ):
            assert widget is not None
            label = self._form.labelForField(widget)
            widget.setVisible(is_shown)
            if label is not None:
                label.setVisible(is_shown)
        self._propose_path()
        self.adjustSize()

    def _propose_path(self) -> None:
        kind = self.kind.currentData()
        if not self._is_path_own:
            box_format = self.box_format.currentText()
            endings = {
                VIDEO: "-tracked.mp4",
                BOXES: f"-{box_format}{box_file_suffix(box_format)}",
                IMAGES: "-frames",
            }
            self.path.set_path(self._folder / f"{output_name(self._name)}{endings[kind]}")
        self._show_codec()

    def _show_codec(self) -> None:
        """Name the codec that the file's name leads to; a name that is not finished has none yet."""
        if self.kind.currentData() == VIDEO:
            try:
                self.codec.setText(codec_description(self.path.path or "video.mp4"))
            except SiamscopeError as error:
                self.codec.setText(str(error))

    def _take_own_path(self) -> None:
        self._is_path_own = True
        self._show_codec()

    def _browse(self, _parent: QWidget, _title: str, here: str) -> str:
        kind = self.kind.currentData()
        if kind == IMAGES:
            path = QFileDialog.getExistingDirectory(self, self.tr("Folder for the images"), str(Path(here).parent))
        elif kind == VIDEO:
            videos = self.tr("Videos (*.mp4 *.mkv *.mov *.avi)")
            path, _ = QFileDialog.getSaveFileName(
                self, self.tr("Video"), here, videos, options=QFileDialog.Option.DontConfirmOverwrite
            )
        else:
            path, _ = QFileDialog.getSaveFileName(
                self, self.tr("Boxes"), here, options=QFileDialog.Option.DontConfirmOverwrite
            )
        if not path:
            return ""
        self.path.set_path(path if kind != VIDEO or Path(path).suffix else path + ".mp4")
        self._take_own_path()
        return self.path.path

    def _try_accept(self) -> None:
        options = self.options()
        problem = ""
        if not options.path:
            problem = self.tr("Choose an output file.")
        elif options.first > options.last:
            problem = self.tr("The first frame ({}) is after the last ({}).").format(options.first, options.last)
        elif not is_folder(Path(options.path).parent):
            problem = self.tr("The folder '{}' does not exist; choose another.").format(Path(options.path).parent)
        if problem:
            QMessageBox.warning(self, self.tr("Export"), problem)
            return
        if is_file(options.path):
            question = self.tr("'{}' already exists. Replace it?").format(options.path)
            if QMessageBox.question(self, self.tr("Export"), question) != QMessageBox.StandardButton.Yes:
                return
        self._keep()
        self.accept()

    def _restore(self) -> None:
        if self._kept is None:
            return
        for key, combo in (("export/kind", self.kind), ("export/format", self.box_format)):
            value = str(self._kept.value(key, ""))
            place = combo.findData(value) if combo is self.kind else combo.findText(value)
            if place >= 0:
                combo.setCurrentIndex(place)

    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.setValue("export/kind", self.kind.currentData())
            self._kept.setValue("export/format", self.box_format.currentText())
            self._kept.setValue("export/folder", str(Path(self.path.path).parent))


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return holder
