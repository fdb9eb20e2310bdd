"""The targets of the active run: names and colours to be changed, what is shown, and how each of them fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QPoint, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QIcon, QKeyEvent, QPixmap
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QAction,
    QHeaderView,
    QLabel,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

SEEN, COLOR, NAME, STATE, LOST, REMOVE = range(6)
SWATCH = 14
READ_ONLY = Qt.ItemFlags(Qt.ItemFlag.ItemIsEnabled) | Qt.ItemFlag.ItemIsSelectable


@dataclass(frozen=True)
class TargetLine:
    """One line: a target's number, name ("" for none), colour, and whether it is shown."""

    number: int
    name: str
    color: QColor
    is_visible: bool = True


class TargetsPanel(QWidget):
    """A line for each target. Changes are asked for through signals, and shown when `set_targets` brings them."""

    target_chosen = pyqtSignal(int)
    name_given = pyqtSignal(int, str)
    color_wanted = pyqtSignal(int)
    visibility_wanted = pyqtSignal(int, bool)
    removal_wanted = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[TargetLine, ...] = ()
        self._is_filling = self._is_stale = False
        self._menu: QMenu | None = None
        self.table = _Table(0, 6, self)
        self.table.setAccessibleName(self.tr("Targets"))
        self.table.setToolTip(self.tr("Click a target to make it the active one"))
        self.table.setHorizontalHeaderLabels([self.tr(text) for text in ("Show", "", "Target", "State", "Lost", "")])
        _prepare(self.table)
        self.table.itemChanged.connect(self._tell_changed)
        self.table.cellClicked.connect(self._tell_clicked)
        self.table.currentCellChanged.connect(self._tell_chosen)
        self.empty = QLabel(self.tr("Draw a box, or click on an object (C): every target gets a line here."))
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.addWidget(self.empty)
        layout.addWidget(self.table, 1)
        self.set_targets((), None)

    def set_targets(self, lines: Sequence[TargetLine], active: int | None) -> None:
        """Show other targets, or others of their facts; `active` is the one that is chosen."""
        self.empty.setVisible(not lines)
        self.table.setVisible(bool(lines))
        if tuple(lines) != self._lines or self._is_stale:
            self._lines, self._is_stale = tuple(lines), False
            self._fill()
        self.choose(active)

    def choose(self, number: int | None) -> None:
        """Choose the line of a target."""
        places = [place for place, line in enumerate(self._lines) if line.number == number]
        if places and self.table.currentRow() != places[0]:
            self._is_filling = True
            self.table.setCurrentCell(places[0], NAME)
            self._is_filling = False

    def set_menu(self, menu: QMenu) -> None:
        """Make `menu` that of a line, with what is done in the line itself before its own commands."""
        rename, recolor = QAction(self.tr("Re&name"), self), QAction(self.tr("&Colour…"), self)
        rename.triggered.connect(lambda _checked=False: self._do_in_line(NAME))
        recolor.triggered.connect(lambda _checked=False: self._do_in_line(COLOR))
        first = menu.actions()[0]
        menu.insertActions(first, [rename, recolor])
        menu.insertSeparator(first)
        self._menu = menu
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._open_menu)

    def _open_menu(self, where: QPoint) -> None:
        viewport = self.table.viewport()
        if self._menu is not None and viewport is not None and self.table.itemAt(where) is not None:
            self._menu.popup(viewport.mapToGlobal(where))

    def _do_in_line(self, column: int) -> None:
        row = self.table.currentRow()
        item = self.table.item(row, column)
        if item is not None and column == NAME:
            self.table.setCurrentItem(item)
            self.table.editItem(item)
        elif item is not None:
            self._tell_clicked(row, column)

    def set_states(self, states: Mapping[int, str], losses: Mapping[int, tuple[int, int]]) -> None:
        """Show, by number, each target's state in the frame that is shown, and how often and for how many frames it
        was lost."""
        self._is_filling = True
        for row, line in enumerate(self._lines):
            times, frames = losses.get(line.number, (0, 0))
            tip = self.tr("Lost {} times, in {} frames").format(times, frames)
            for column, text in (
                (STATE, states.get(line.number, "–")),
                (LOST, f"{times}× ({frames})" if times else "–"),
            ):
                item = self.table.item(row, column)
                if item is not None and item.text() != text:
                    item.setText(text)
                    item.setToolTip(tip if column == LOST else text)
        self._is_filling = False

    def _fill(self) -> None:
        self._is_filling = True
        self.table.setRowCount(len(self._lines))
        for row, line in enumerate(self._lines):
            eye = QTableWidgetItem()
            eye.setFlags(READ_ONLY | Qt.ItemFlag.ItemIsUserCheckable)
            eye.setCheckState(Qt.CheckState.Checked if line.is_visible else Qt.CheckState.Unchecked)
            eye.setToolTip(self.tr("Show what is drawn of this target"))
            self.table.setItem(row, SEEN, eye)
            name = QTableWidgetItem(line.name or self._unnamed(line.number))
            name.setToolTip(f"{name.text()}\n" + self.tr("Double-click or F2 renames"))
            self.table.setItem(row, NAME, name)
            for column, text, tip in (
                (COLOR, "", self.tr("Choose another colour")), (STATE, "–", ""), (LOST, "–", ""),
                (REMOVE, "✕", self.tr("Remove this target and its results; undo brings them back")),
            ):  # fmt: skip
                item = QTableWidgetItem(text)
                item.setFlags(READ_ONLY)
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                item.setToolTip(tip)
                self.table.setItem(row, column, item)
            swatch = self.table.item(row, COLOR)
            assert swatch is not None
            swatch.setIcon(_swatch(line.color))
        self._is_filling = False

    def _tell_changed(self, item: QTableWidgetItem) -> None:
        if self._is_filling:
            return
        line = self._lines[item.row()]
        if item.column() == SEEN:
            self.visibility_wanted.emit(line.number, item.checkState() == Qt.CheckState.Checked)
        elif item.column() == NAME:
            typed, self._is_stale = item.text().strip(), True  # whatever comes of it, the line is written again
            self.name_given.emit(line.number, "" if typed == self._unnamed(line.number) else typed)

    def _tell_clicked(self, row: int, column: int) -> None:
        if column == REMOVE:
            self.removal_wanted.emit(self._lines[row].number)
        elif column == COLOR:
            self.color_wanted.emit(self._lines[row].number)

    def _tell_chosen(self, row: int, _column: int, before: int, _before_column: int) -> None:
        if not self._is_filling and row != before and 0 <= row < len(self._lines):
            self.target_chosen.emit(self._lines[row].number)

    def _unnamed(self, number: int) -> str:
        return self.tr("Target {}").format(number)


class _Table(QTableWidget):
    """A table in which Return on a cell that cannot be edited does what a click does."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Take Return on colours and crosses."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event is not None and event.key() in keys and self.currentColumn() in (COLOR, REMOVE):
            self.cellClicked.emit(self.currentRow(), self.currentColumn())
        else:
            super().keyPressEvent(event)


def _prepare(table: QTableWidget) -> None:
    head, rows = table.horizontalHeader(), table.verticalHeader()
    assert head is not None and rows is not None
    rows.hide()
    head.setHighlightSections(False)
    head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    table.setWordWrap(False)  # rows are one line high
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)


def _swatch(color: QColor) -> QIcon:
    pixmap = QPixmap(SWATCH, SWATCH)
    pixmap.fill(color)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
    return icon
