"""The pages of the export dialog that say how a run is shown: what is drawn, what is hidden, what is followed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.canvas.overlays.model import OverlayModel
from app.commands import plain
from app.dialogs.export_options import ShownOptions
from app.panels.fields import ComboBox, DecimalField, Slider
from tracker_core.rendering.camera_path import ASPECTS, DEFAULT_CONTEXT
from tracker_core.rendering.effects import STRONGEST, WEAKEST
from tracker_core.rendering.overlays import BESIDE_OVERLAYS, INNER_OVERLAYS

COLUMNS = 3
LINES = 4  # of a list of targets
TargetTitles = Sequence[tuple[int, str]]  # number and what it is called


class TargetList(QListWidget):
    """Targets to tick, at first all but the `hidden` ones; not shown where there is only one."""

    def __init__(self, targets: TargetTitles, name: str, hidden: Collection[int] = ()) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFixedHeight(LINES * self.fontMetrics().lineSpacing() + 2 * self.frameWidth())
        for number, title in targets:
            item = QListWidgetItem(title, self)
            item.setData(Qt.ItemDataRole.UserRole, number)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable)  # type: ignore[arg-type]
            item.setCheckState(Qt.CheckState.Unchecked if number in hidden else Qt.CheckState.Checked)

    def chosen(self) -> tuple[int, ...]:
        """Return the numbers of the ticked targets, () for all of them."""
        items = [item for row in range(self.count()) if (item := self.item(row)) is not None]
        ticked = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        return () if len(ticked) == len(items) else tuple(int(item.data(Qt.ItemDataRole.UserRole)) for item in ticked)

    def is_empty(self) -> bool:
        """Whether there are targets and none of them is ticked."""
        items = [self.item(row) for row in range(self.count())]
        return bool(items) and all(i is not None and i.checkState() != Qt.CheckState.Checked for i in items)


class DrawPage(QWidget):
    """What is drawn: at first what the window shows."""

    def __init__(self, targets: TargetTitles, has_truth: bool, overlays: OverlayModel) -> None:
        super().__init__()
        self._overlays, self._has_truth = overlays, has_truth
        self.boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        for place, (name, title) in enumerate(self._titles()):
            box = self.boxes[name] = QCheckBox(title)
            box.setToolTip(self._tip(name))
            grid.addWidget(box, place // COLUMNS, place % COLUMNS)
        self.boxes["ground_truth"].setEnabled(has_truth)
        as_shown = QPushButton(self.tr("As in the &window"))
        as_shown.setToolTip(self.tr("Draw what the window shows now"))
        as_shown.clicked.connect(self.show_as_window)
        self.lost = ComboBox()
        self.lost.addItem(self.tr("dotted, as in the window"), "dotted")
        self.lost.addItem(self.tr("hidden"), "hidden")
        self.lost.setToolTip(self.tr("Boxes of frames in which the target is lost"))
        hidden = overlays.hidden_targets if len(targets) > 1 else ()  # without a list there is nothing to tick
        self.targets = TargetList(targets, self.tr("Targets to draw"), hidden)
        self.remark = QLabel(self.tr("The tracker runs again for this, which takes as long as tracking."))
        self.remark.setWordWrap(True)
        form = QFormLayout()
        form.addRow(self.tr("Lost boxes:"), self.lost)
        if len(targets) > 1:
            form.addRow(self.tr("Targets:"), self.targets)
        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        layout.addWidget(as_shown, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(form)
        layout.addWidget(self.remark)
        layout.addStretch(1)
        for box in self.boxes.values():
            box.toggled.connect(lambda _is_on: self._update())
        self.show_as_window()
        self._update()

    def show_as_window(self) -> None:
        """Tick what the window shows now."""
        for name, box in self.boxes.items():
            drawn_with = "prediction" if name == "labels" else name
            box.setChecked(drawn_with in self._overlays and self._overlays[drawn_with].is_visible)
        self.boxes["names"].setChecked(False)

    def chosen(self) -> tuple[str, ...]:
        """Return the names of the overlays to draw."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked() and box.isEnabled())

    def _titles(self) -> list[tuple[str, str]]:
        own = {"labels": self.tr("Name, score, state"), "names": self.tr("Name only")}
        names = ("prediction", "ground_truth", "trail", "labels", "names", *BESIDE_OVERLAYS, *INNER_OVERLAYS)
        return [(name, own.get(name) or plain(self._overlays[name].title)) for name in names]

    def _tip(self, name: str) -> str:
        own = {"labels": self.tr("Beside each box, as in the window"), "names": self.tr("Nothing else beside a box")}
        return own.get(name) or self._overlays[name].help

    def _update(self) -> None:
        self.boxes["names"].setEnabled(not self.boxes["labels"].isChecked())
        self.remark.setVisible(any(self.boxes[name].isChecked() for name in INNER_OVERLAYS))


class EffectPage(QWidget):
    """What hides targets, or lights them."""

    def __init__(self, targets: TargetTitles) -> None:
        super().__init__()
        self.effect = ComboBox()
        for kind, text in (
            ("", self.tr("nothing")),
            ("blur", self.tr("blur the targets")),
            ("pixelate", self.tr("pixelate the targets")),
            ("spotlight", self.tr("spotlight: darken all else")),
        ):
            self.effect.addItem(text, kind)
        self.effect.setToolTip(self.tr("What is done to the targets, or to all around them"))
        self.strength = Slider()
        self.strength.setRange(WEAKEST, STRONGEST)
        self.strength.setValue(ShownOptions.strength)
        self.strength.setPageStep(1)
        self.strength.setToolTip(self.tr("From weak to strong, 1 to 10"))
        self.targets = TargetList(targets, self.tr("Targets of the effect"))
        self.remark = QLabel(
            self.tr(
                "While a target is lost, blur and pixelate cover all from where it was last seen to where it is seen "
                "next, and where it is searched for. Look at the result before you publish it."
            )
        )
        self.remark.setWordWrap(True)
        self.remark.setAlignment(Qt.AlignmentFlag.AlignTop)  # else it floats in the room that is left
        form = QFormLayout(self)
        form.addRow(self.tr("Effect:"), self.effect)
        form.addRow(self.tr("Strength:"), self.strength)
        if len(targets) > 1:
            form.addRow(self.tr("Targets:"), self.targets)
        form.addRow(self.remark)
        self.effect.currentIndexChanged.connect(lambda _index: self._update())
        self._update()

    def kind(self) -> str:
        """Return the effect, "" for none."""
        return str(self.effect.currentData())

    def _update(self) -> None:
        for widget in (self.strength, self.targets, self.remark):
            widget.setEnabled(bool(self.kind()))


class FollowPage(QWidget):
    """A crop that follows targets."""

    def __init__(self, targets: TargetTitles) -> None:
        super().__init__()
        self.follows = QCheckBox(self.tr("Crop the image, &following:"))
        self.targets = TargetList(targets, self.tr("Targets to follow"))
        self.target = QLabel(targets[0][1] if len(targets) == 1 else "")
        self.aspect = ComboBox()
        for aspect in ASPECTS:
            self.aspect.addItem(self.tr("as the source") if aspect == "source" else aspect, aspect)
        self.follows.setToolTip(self.tr("A smaller image that moves with the targets"))
        self.aspect.setToolTip(self.tr("Width to height of the crop"))
        self.context = DecimalField()
        self.context.setRange(1.0, 20.0)
        self.context.setSingleStep(0.5)
        self.context.setDecimals(1)
        self.context.setValue(DEFAULT_CONTEXT)
        self.context.setToolTip(self.tr("How high the crop is, in heights of the target (of the highest of several)"))
        form = QFormLayout(self)
        form.addRow(self.follows, self.targets if len(targets) > 1 else self.target)
        form.addRow(self.tr("Shape:"), self.aspect)
        form.addRow(self.tr("Height (× the target's):"), self.context)
        self.remark = QLabel(self.tr("The crop moves smoothly, stays inside the image, and all frames have one size."))
        self.remark.setWordWrap(True)
        self.remark.setAlignment(Qt.AlignmentFlag.AlignTop)
        form.addRow(self.remark)
        self.follows.toggled.connect(lambda _is_on: self._update())
        self._update()

    def chosen(self) -> tuple[int, ...] | None:
        """Return the targets to follow, () for all, None to show the whole image."""
        return self.targets.chosen() if self.follows.isChecked() else None

    def _update(self) -> None:
        for widget in (self.targets, self.target, self.aspect, self.context, self.remark):
            widget.setEnabled(self.follows.isChecked())
