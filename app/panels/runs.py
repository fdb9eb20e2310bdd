"""The list of runs: every run of the source side by side, and the worst moments of the one that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QCoreApplication, QEvent, QPoint, QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QFontMetrics, QIcon, QKeyEvent, QPalette, QPixmap
from PyQt5.QtWidgets import (
    QAction,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.canvas.overlays.base import PREDICTION, run_color
from app.panels.parts import format_value, legible
from app.session.frame_view import RunSummary, Scoring, Stale
from app.session.moments import Moment, MomentKind
from tracker_core.presets import DEFAULT_TRACKER

NUMBER = int(Qt.ItemDataRole.UserRole)
NAME, SUCCESS, TRACKER, PRECISION, FRAMES, LOST, SPEED, CHANGES = range(8)
AROUND_TEXTS = 96  # points beside three texts: box, colour, margins and scroll bar
NUMBERS = (SUCCESS, PRECISION, FRAMES, LOST, SPEED)


class RunTree(QTreeWidget):
    """A row for each run: choosing it makes it active, its check box is its eye, F2 renames it, Delete deletes it."""

    delete_wanted = pyqtSignal()

    def event(self, event: QEvent | None) -> bool:
        """Claim the Delete key before the window's shortcut for a target."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _deletes(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete a run with the key for it; everything else is a list's."""
        if event is not None and _deletes(event):
            self.delete_wanted.emit()
        else:
            super().keyPressEvent(event)


class RunsPanel(QWidget):
    """Runs with their numbers above, worst moments below; numbers that do not say what they seem to are grey."""

    run_chosen = pyqtSignal(int)
    visibility_changed = pyqtSignal(int, bool)
    renamed = pyqtSignal(int, str)
    frame_requested = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runs_panel")
        self._runs: tuple[RunSummary, ...] = ()
        self._shown: list[Moment] = []
        self._menu: QMenu | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._make_tree(), 3)
        self._buttons = QHBoxLayout()
        layout.addLayout(self._buttons)
        layout.addWidget(QLabel(self.tr("Worst moments of this run")))
        self.moments = QListWidget()
        self.moments.setAccessibleName(self.tr("Worst moments"))
        self.moments.setToolTip(self.tr("Click one to go to its frame"))
        self.moments.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.moments.itemClicked.connect(self._go_to)
        self.moments.itemActivated.connect(self._go_to)
        layout.addWidget(self.moments, 2)

    def fitting_width(self) -> int:
        """Return the width in which success and tracker of a run can be read without scrolling, in points."""
        font = self.font()
        font.setBold(True)  # as the active run's
        texts = (self._name_of(10), self.tr("Success"), DEFAULT_TRACKER)
        return sum(QFontMetrics(font).horizontalAdvance(text) for text in texts) + AROUND_TEXTS

    def add_actions(self, menu: QMenu, buttons: Sequence[QAction]) -> None:
        """Offer what can be done with the chosen run: in the menu of a row, and some of it as buttons."""
        self._menu = menu
        for action in buttons:
            button = QPushButton(action.iconText())
            button.setToolTip(action.toolTip())
            button.setEnabled(action.isEnabled())
            button.clicked.connect(action.trigger)
            action.changed.connect(lambda button=button, action=action: button.setEnabled(action.isEnabled()))
            self._buttons.addWidget(button)

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show the runs; the row that was chosen stays where it is."""
        if tuple(runs) == self._runs:
            return
        self._runs = tuple(runs)
        with QSignalBlocker(self.tree):
            while self.tree.topLevelItemCount() > len(runs):
                self.tree.takeTopLevelItem(self.tree.topLevelItemCount() - 1)
            while self.tree.topLevelItemCount() < len(runs):
                QTreeWidgetItem(self.tree)
            for place, run in enumerate(runs):
                item = self.tree.topLevelItem(place)
                if item is not None:
                    self._fill(item, run)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            runs, self._runs = self._runs, ()
            self.set_runs(runs)

    def set_live(self, frame_count: int, success: float, precision: float) -> None:
        """Show the numbers of the active run while it grows."""
        place = next((place for place, run in enumerate(self._runs) if run.is_active), None)
        item = None if place is None else self.tree.topLevelItem(place)
        if item is None:
            return
        with QSignalBlocker(self.tree):
            texts = (format_value(success, 3), format_value(precision, 3), str(frame_count))
            for column, text in zip((SUCCESS, PRECISION, FRAMES), texts, strict=True):
                item.setText(column, text)

    def set_moments(self, moments: Sequence[Moment]) -> None:
        """List the worst moments of the run that is shown."""
        if list(moments) == self._shown:
            return  # what is chosen stays chosen
        self._shown = list(moments)
        self.moments.clear()
        for moment in moments:
            item = QListWidgetItem(self._describe(moment))
            item.setData(NUMBER, moment.index)
            self.moments.addItem(item)

    def table(self) -> str:
        """Return what the list says, as lines with tabs, the titles first."""
        items = [self.tree.topLevelItem(place) for place in range(self.tree.topLevelItemCount())]
        lines = [item for item in (self.tree.headerItem(), *items) if item is not None]
        return "\n".join("\t".join(line.text(column) for column in range(self.tree.columnCount())) for line in lines)

    def edit_name(self) -> None:
        """Let the user type a name for the active run."""
        item = self.tree.currentItem()
        if item is not None:
            self.tree.editItem(item, NAME)

    def _make_tree(self) -> RunTree:
        self.tree = RunTree()
        self.tree.setAccessibleName(self.tr("Runs"))
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setMinimumHeight(6 * self.fontMetrics().lineSpacing())
        self.tree.setEditTriggers(RunTree.EditTrigger.EditKeyPressed)
        self.tree.setHeaderLabels(
            [self.tr("Run"), self.tr("Success"), self.tr("Tracker"), self.tr("Precision"), self.tr("Frames"),
             self.tr("Lost"), self.tr("Speed"), self.tr("Changed parameters")]
        )  # fmt: skip
        self.tree.setToolTip(self.tr("Click: show a run · tick: show it beside · F2: rename · Delete: delete"))
        over = self.tr(
            "over the frames that have a result, the first one too; a benchmark's own rules are in its table"
        )
        titles = self.tree.headerItem()
        assert titles is not None
        titles.setToolTip(SUCCESS, self.tr("Area under the success curve, {}").format(over))
        titles.setToolTip(PRECISION, self.tr("Share of frames at most 20 pixels off, {}").format(over))
        header = self.tree.header()
        assert header is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._open_menu)
        self.tree.currentItemChanged.connect(lambda item, _before: self._choose(item))
        self.tree.itemChanged.connect(self._on_changed)
        return self.tree

    def _fill(self, item: QTreeWidgetItem, run: RunSummary) -> None:
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
        item.setData(NAME, NUMBER, run.number)
        texts = (
            self._name(run), format_value(run.success, 3), run.tracker, format_value(run.precision, 3),
            str(run.frame_count), str(run.lost_count), self._speed(run), self._changes(run),
        )  # fmt: skip
        note = score_note(run)
        tip = "\n".join(filter(None, (f"{texts[NAME]} · {run.tracker}", texts[CHANGES], note)))
        palette = self.palette()
        ink = palette.color(QPalette.ColorRole.Text)
        grey = palette.color(QPalette.ColorRole.PlaceholderText)
        for column, text in enumerate(texts):
            item.setText(column, text)
            item.setToolTip(column, tip)
            item.setForeground(column, grey if note and column in (SUCCESS, PRECISION) else ink)
            if column in NUMBERS:
                item.setTextAlignment(column, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
            font = item.font(column)
            font.setBold(run.is_active)
            item.setFont(column, font)
        color = legible(run_color(run.color), palette.color(QPalette.ColorRole.Base))
        item.setIcon(NAME, _swatch(PREDICTION if run.is_active else color))
        item.setCheckState(NAME, Qt.CheckState.Checked if run.is_visible else Qt.CheckState.Unchecked)
        if run.is_active:
            self.tree.setCurrentItem(item)

    def _name(self, run: RunSummary) -> str:
        return run.title or self._name_of(run.number)

    def _name_of(self, number: int) -> str:
        return self.tr("Run {}").format(number)

    def _speed(self, run: RunSummary) -> str:
        return "–" if run.fps != run.fps else self.tr("{} fps").format(format_value(run.fps, 0))

    def _changes(self, run: RunSummary) -> str:
        parts = [f"{name} {before:g} → {now:g}" for name, before, now in run.changes]
        if run.begins_at is not None:
            parts.append(self.tr("from frame {}").format(run.begins_at))
        return ", ".join(parts)

    def _describe(self, moment: Moment) -> str:
        forms = {
            MomentKind.MISS: self.tr("frame {}: IoU {}"),
            MomentKind.LOST: self.tr("frame {}: lost, score {}"),
            MomentKind.JUMP: self.tr("frame {}: jump of {} sizes"),
            MomentKind.DIP: self.tr("frame {}: score {}"),
        }
        return forms[moment.kind].format(moment.index, format_value(moment.value))

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.run_chosen.emit(int(item.data(NAME, NUMBER)))

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        """Tell an eye from a name: both are changes of the same cell."""
        run = next((run for run in self._runs if run.number == item.data(NAME, NUMBER)), None)
        if run is None or column != NAME:
            return
        is_visible = item.checkState(NAME) == Qt.CheckState.Checked
        if is_visible != run.is_visible:
            self.visibility_changed.emit(run.number, is_visible)
        text = item.text(NAME).strip()
        if text != self._name(run):
            self.renamed.emit(run.number, text)

    def _open_menu(self, where: QPoint) -> None:
        viewport = self.tree.viewport()
        if self._menu is not None and viewport is not None and self.tree.itemAt(where) is not None:
            self._menu.popup(viewport.mapToGlobal(where))

    def _go_to(self, item: QListWidgetItem) -> None:
        self.frame_requested.emit(int(item.data(NUMBER)))


def score_note(run: RunSummary) -> str:
    """Return one sentence on why a run's success and precision do not say what they seem to, "" where they do."""
    notes = {
        Stale.TRACKER: _tr("The tracker or its parameters were changed since; Ctrl+R tracks again with them."),
        Stale.TRUTH: _tr("The ground truth was changed since this run started from it; Ctrl+R tracks again."),
    }
    if run.scoring is Scoring.ELSEWHERE:
        return _tr("Not scored: it did not start on the ground truth. Track → Score anyway measures it all the same.")
    return "" if run.scoring is Scoring.NO_TRUTH else notes.get(run.stale, "")


def _deletes(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Delete and not event.modifiers()


def _tr(text: str) -> str:
    return QCoreApplication.translate("RunsPanel", text)


def _swatch(color: QColor) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(color)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else the colour of the chosen row is mixed in
    return icon
