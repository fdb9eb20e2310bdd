"""The export dialog: what, which part of it, in which form, where to."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import QEvent, QSettings, QSize
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from app.canvas.overlays.model import OverlayModel
from app.dialogs.buttons import make_buttons, resize_to_text
from app.dialogs.changing_form import ChangingForm
from app.dialogs.export_look import DrawPage, EffectPage, FollowPage, TargetList, TargetTitles
from app.dialogs.export_options import BOXES, GIF, IMAGES, MOTION, RENDERED, VIDEO, ExportOptions, ShownOptions
from app.dialogs.export_path import ExportPath
from app.panels.fields import ComboBox, DecimalField, Tabs, TextField, WholeField
from tracker_core.errors import InputError, SiamscopeError
from tracker_core.rendering.effects import Effect
from tracker_core.rendering.overlays import DrawOptions
from tracker_core.rendering.run_renderer import RunLook
from tracker_core.rendering.writers import codec_description
from tracker_core.results.formats import BOX_FORMATS
from tracker_core.results.motion import parse_length_scale

ALL, MARKED, WHOLE, OWN = "all", "marked", "whole", "own"  # frames


class ExportDialog(QDialog):
    """Asks for an export of the frames from `first` to `last`; `marked` is the A–B range, if there is one.

    Of a live source there are boxes and motion only, unless it `is_recorded`: its recording, which counts its own
    frames, is exported as a whole. `targets` are numbers and titles, `active` is the one whose heat map the window
    shows; `overlays` say what the window shows, `length_scale` how long a pixel is.
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
        is_recorded: bool = False,
        targets: TargetTitles = ((1, "1"),),
        active: int | None = None,
        overlays: OverlayModel | None = None,
        length_scale: str = "",
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self._span, self._marked, self._kept, self._active = span, marked, kept, active
        self._overlays = overlays or OverlayModel(self)
        self._form = form = ChangingForm()
        self._add_kinds(has_images=not is_live or is_recorded)
        form.add(self.tr("Frames:"), self._make_range(is_live, is_recorded))
        self.box_format = ComboBox()
        self.box_format.addItems(list(BOX_FORMATS))
        self.box_format.setToolTip(self.tr("In which form the boxes are written"))
        form.add(self.tr("Format:"), self.box_format)
        self._add_motion(length_scale)
        self.scale = WholeField()
        self.scale.setRange(10, 400)
        self.scale.setSingleStep(10)
        self.scale.setValue(100)
        self.scale.setSuffix(" %")
        self.scale.setToolTip(self.tr("Size of the written images, 100 % is that of the source"))
        form.add(self.tr("Size:"), self.scale)
        self.draw = DrawPage(targets, has_truth, self._overlays)
        self.effect, self.follow = EffectPage(targets), FollowPage(targets)
        self.pages = Tabs()
        self.pages.addTab(self.draw, self.tr("&Draw"))
        self.pages.addTab(self.effect, self.tr("&Hide or light up"))
        self.pages.addTab(self.follow, self.tr("F&ollow"))
        form.add("", self.pages)
        self.path = ExportPath(name, folder)
        form.add(self.tr("Write to:"), self.path)
        self.codec = QLabel()
        self.codec.setWordWrap(True)
        form.add(self.tr("Codec:"), self.codec)
        self.buttons = make_buttons(self, QDialogButtonBox.StandardButton.Save, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._try_accept)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        resize_to_text(self, 76, 30)
        self.kind.currentIndexChanged.connect(lambda _index: self._update())
        self.box_format.currentIndexChanged.connect(lambda _index: self._update())
        self.path.changed.connect(self._show_codec)
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
            self.draw.chosen(),
            self.box_format.currentText(),
            self.range.currentData() == WHOLE and self.kind.currentData() in RENDERED,
            self._shown(),
            self.length_scale.text().strip(),
            self.smooth.value(),
            self.range.currentData() == ALL,
        )

    def _shown(self) -> ShownOptions:
        heat_map, proposals = self._overlays["heat_map"], self._overlays["proposals"]
        drawn = self.draw.targets.chosen()
        return ShownOptions(
            drawn,
            str(self.draw.lost.currentData()),
            self._active if self._active is not None and (not drawn or self._active in drawn) else None,
            str(heat_map.values["mode"]),
            heat_map.opacity,
            int(proposals.values["top_k"]),
            self.effect.kind(),
            self.effect.strength.value(),
            self.effect.targets.chosen(),
            self.follow.chosen(),
            str(self.follow.aspect.currentData()),
            self.follow.context.value(),
            int(heat_map.values["anchor"]),
        )

    def _add_kinds(self, has_images: bool) -> None:
        self.kind = ComboBox()
        for kind, text in (
            (VIDEO, self.tr("Tracked video")),
            (GIF, self.tr("Animated GIF")),
            (IMAGES, self.tr("Frames as images (PNG)")),
            (BOXES, self.tr("Boxes")),
            (MOTION, self.tr("Centre, speed and path")),
        ):
            if kind not in RENDERED or has_images:
                self.kind.addItem(text, kind)
        self.kind.setToolTip(self.tr("What is written"))
        self._form.add(self.tr("Export:"), self.kind)
        if not has_images:
            self._form.add("", QLabel(self.tr("Live frames were not recorded, so no video can be made.")))

    def _add_motion(self, length_scale: str) -> None:
        self.length_scale = TextField(length_scale)
        self.length_scale.setPlaceholderText(self.tr("pixels; or 120 px = 1.8 m"))
        self.length_scale.setToolTip(self.tr("How long something in the image is: N px = M unit"))
        self._form.add(self.tr("Length:"), self.length_scale)
        self.smooth = DecimalField()
        self.smooth.setRange(0.0, 10.0)
        self.smooth.setSingleStep(0.1)
        self.smooth.setSuffix(" s")
        self.smooth.setToolTip(self.tr("Seconds over which centres are smoothed; 0 leaves them as they are"))
        self._form.add(self.tr("Smoothing:"), self.smooth)

    def _make_range(self, is_live: bool, is_recorded: bool) -> QWidget:
        self.range = ComboBox()
        self.range.addItem(self.tr("all that was tracked"), ALL)
        if self._marked is not None:
            self.range.addItem(self.tr("the range A–B"), MARKED)
            self.range.setCurrentIndex(1)
        if not is_live or is_recorded:
            self.range.addItem(self.tr("the whole source, tracked or not"), WHOLE)
        if not is_recorded:
            self.range.addItem(self.tr("from – to"), OWN)
        self.first, self.last = WholeField(), WholeField()
        for box, text in ((self.first, self.tr("First frame")), (self.last, self.tr("Last frame"))):
            box.setRange(*self._span)
            box.setAccessibleName(text)
            box.setToolTip(text)
        self.range.setToolTip(self.tr("Which frames are written"))
        self.range.currentIndexChanged.connect(lambda _index: self._show_range())
        self._show_range()
        return _row(self.range, self.first, QLabel("–"), self.last)

    def _show_range(self) -> None:
        is_own = self.range.currentData() == OWN
        if not is_own:
            is_marked = self._marked is not None and self.range.currentData() == MARKED
            chosen = self._marked if is_marked and self._marked is not None else self._span
            self.first.setValue(chosen[0])
            self.last.setValue(chosen[1])
        self.first.setEnabled(is_own)
        self.last.setEnabled(is_own)

    def _update(self) -> None:
        kind = self.kind.currentData()
        shown_for: list[tuple[QWidget, tuple[str, ...]]] = [
            (self.box_format, (BOXES,)),
            (self.length_scale, (MOTION,)),
            (self.smooth, (MOTION,)),
            (self.scale, RENDERED),
            (self.pages, RENDERED),
            (self.codec, (VIDEO, GIF)),
        ]
        self._form.show_without([widget for widget, kinds in shown_for if kind not in kinds])
        self.path.set_kind(str(kind), self.box_format.currentText())
        self._show_codec()
        self.resize(self._needed_size())

    def event(self, event: QEvent | None) -> bool:
        """Grow where a text that has changed needs more room."""
        is_done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.resize(self._needed_size().expandedTo(self.size()))
        return is_done

    def _needed_size(self) -> QSize:
        """Return the width as it is, where it is enough, with the height of what is shown now."""
        layout = self.layout()
        assert layout is not None
        layout.activate()
        width = max(self.width(), layout.totalMinimumSize().width())
        return QSize(width, max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height()))

    def _show_codec(self) -> None:
        """Name the codec that the file's name leads to; a name that is not finished has none yet."""
        if self.kind.currentData() in (VIDEO, GIF):
            try:
                self.codec.setText(codec_description(self.path.path or "video.mp4"))
            except SiamscopeError as error:
                self.codec.setText(str(error))

    def _problem(self, options: ExportOptions) -> str:
        """Return one sentence that says what is wrong, "" if nothing is."""
        if options.first > options.last:
            return self.tr("The first frame ({}) is after the last ({}).").format(options.first, options.last)
        try:
            _check(options)
        except InputError as error:
            return str(error)
        if options.kind in RENDERED:
            lists: list[tuple[bool, TargetList]] = [
                (bool(options.shown.effect), self.effect.targets),
                (options.shown.follow is not None, self.follow.targets),
                (bool(options.overlays), self.draw.targets),
            ]
            if any(is_used and targets.is_empty() for is_used, targets in lists):
                return self.tr("No target is ticked; tick one, or choose nothing to draw, to hide and to follow.")
        return self.path.problem()

    def _try_accept(self) -> None:
        problem = self._problem(self.options())
        if problem:
            QMessageBox.warning(self, self.tr("Export"), problem)
            return
        question = self.path.question()
        if question and QMessageBox.question(self, self.tr("Export"), question) != QMessageBox.StandardButton.Yes:
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


def _check(options: ExportOptions) -> None:
    """Raise the `InputError` that the export would end with, when nobody can change the options any more."""
    if options.kind == MOTION and options.length_scale:
        parse_length_scale(options.length_scale)
    if options.kind in RENDERED and options.shown.effect:
        RunLook(DrawOptions(memory="memory" in options.overlays), effect=Effect(options.shown.effect))


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch(1)
    return holder
