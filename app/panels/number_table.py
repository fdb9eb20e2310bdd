"""A table of numbers: sorted by any column, its first columns always in sight, long names elided in the middle."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from PyQt5.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt5.QtGui import QFont, QIcon, QResizeEvent
from PyQt5.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from app.panels.parts import format_value

ROW_PADDING = 5
MEASURED_ROWS = 60  # whose texts decide how wide a column is at first: all of a thousand take half a second
WIDEST_NAME = 20  # letters
BESIDE_NAME = 30  # pixels: a box to tick, or the piece of a curve
PADDING = 8  # the mark of the order takes place from the title
NUMBER_ALIGNMENT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
MOST_FROZEN = 0.6  # of the width: the numbers must stay in sight too


@dataclass(frozen=True)
class Column:
    """A column of numbers: its title, digits after the point, a sign of whose it is, and a tooltip."""

    title: str
    digits: int = 3
    icon: QIcon | None = None
    tip: str = ""


@dataclass(frozen=True)
class Row:
    """A line: texts of the first columns, numbers (NaN where unknown) of the others.

    Attributes:
        key: what the row stands for; it stays chosen while it is there.
        tip: tooltip, "" for the whole name.
        icon: before the second text.
        is_summary: stands on top, whatever the table is sorted by.
        is_on: whether its box is ticked; None: it has no box.
        best: places of the numbers that stand out.
    """

    texts: tuple[str, ...]
    numbers: tuple[float, ...]
    key: Hashable = None
    tip: str = ""
    icon: QIcon | None = None
    is_summary: bool = False
    is_on: bool | None = None
    best: frozenset[int] = field(default_factory=frozenset)


class NumbersModel(QAbstractTableModel):
    """The rows of a table, in the order that the user chose."""

    ticked = pyqtSignal(object, bool)  # a row's key, whether its box is ticked now

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._columns: tuple[Column, ...] = ()
        self.rows: list[Row] = []
        self._bold = QFont()
        self._bold.setBold(True)
        self._answers: dict[int, Callable[[Row, int, int], Any]] = {
            Qt.ItemDataRole.DisplayRole: self._text,
            Qt.ItemDataRole.ToolTipRole: self._tip,
            Qt.ItemDataRole.TextAlignmentRole: self._alignment,
            Qt.ItemDataRole.DecorationRole: self._icon,
            Qt.ItemDataRole.FontRole: self._font,
            Qt.ItemDataRole.CheckStateRole: self._tick,
        }
        self._order = (0, Qt.SortOrder.AscendingOrder)

    def set_rows(self, names: Sequence[str], columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Show other rows; `names` are the titles of the columns of texts."""
        self.beginResetModel()
        self._names, self._columns, self.rows = tuple(names), tuple(columns), list(rows)
        self._arrange()
        self.endResetModel()

    def name_lengths(self) -> list[int]:
        """Return how many letters the longest text of each column of texts has."""
        return [max((len(row.texts[place]) for row in self.rows), default=0) for place in range(len(self._names))]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self._names) + len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return titles, and the signs before them."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        place = section - len(self._names)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole) and place < 0:
            return self._names[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._columns[place].tip or self._columns[place].title
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[place].title
        return self._columns[place].icon if role == Qt.ItemDataRole.DecorationRole and place >= 0 else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Say that boxes can be ticked."""
        flags = super().flags(index)
        is_box = index.isValid() and index.column() == 0 and self.rows[index.row()].is_on is not None
        return flags | Qt.ItemFlag.ItemIsUserCheckable if is_box else flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what a cell shows: Qt asks ten questions of every cell in sight, and most are not answered here."""
        answer = self._answers.get(role)
        if answer is None or not index.isValid():
            return None
        column = index.column()
        return answer(self.rows[index.row()], column, column - len(self._names))

    def _text(self, row: Row, column: int, place: int) -> str:
        return row.texts[column] if place < 0 else format_value(row.numbers[place], self._columns[place].digits)

    def _tip(self, row: Row, column: int, place: int) -> str | None:
        return row.tip or row.texts[column] if place < 0 else None

    def _alignment(self, _row: Row, _column: int, place: int) -> int | None:
        return NUMBER_ALIGNMENT if place >= 0 else None

    def _icon(self, row: Row, column: int, _place: int) -> QIcon | None:
        return row.icon if column == min(1, len(self._names) - 1) else None

    def _font(self, row: Row, _column: int, place: int) -> QFont | None:
        return self._bold if row.is_summary or place in row.best else None

    def _tick(self, row: Row, column: int, _place: int) -> Qt.CheckState | None:
        if column > 0 or row.is_on is None:
            return None
        return Qt.CheckState.Checked if row.is_on else Qt.CheckState.Unchecked

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Report a box that was ticked."""
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.ticked.emit(self.rows[index.row()].key, value == Qt.CheckState.Checked)
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column; what has no number comes last either way."""
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        keys = [self.rows[index.row()] for index in before]
        self._order = (column, order)
        self._arrange()
        after = [self.index(self.rows.index(row), index.column()) for row, index in zip(keys, before, strict=True)]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, order = self._order
        is_down = order == Qt.SortOrder.DescendingOrder
        place = column - len(self._names)
        if place < 0:
            self.rows.sort(key=lambda row: [text.casefold() for text in row.texts[max(0, column) :]], reverse=is_down)
        elif place < len(self._columns):
            sign = -1 if is_down else 1
            self.rows.sort(key=lambda row: (math.isnan(row.numbers[place]), sign * row.numbers[place]))
        self.rows.sort(key=lambda row: not row.is_summary)


class NumberTable(QTableView):
    """Shows a `NumbersModel`; the first `frozen` columns (fewer in a narrow table) stay while the others are scrolled.

    No column is wider than `widest` letters where that leaves too little room for the others. As in Qt's example
    "Frozen Column", a second view of the same model lies over the first columns.
    """

    row_activated = pyqtSignal(object)  # its key; a double-click, or Return
    row_chosen = pyqtSignal(object)

    def __init__(self, frozen: int, name: str, parent: QWidget | None = None, *, widest: int = WIDEST_NAME) -> None:
        super().__init__(parent)
        self._frozen, self._widest = frozen, widest * self.fontMetrics().averageCharWidth() + BESIDE_NAME
        self._needed: list[int] = []  # widths in which nothing is elided
        self._given: list[int] = []  # widths that were chosen here: others are the user's
        self._is_filling = False
        self.numbers = NumbersModel(self)
        self._front = QTableView(self)
        self.setModel(self.numbers)
        self._front.setModel(self.numbers)
        self.setAccessibleName(name)
        for view in (self, self._front):
            _prepare(view)
            view.activated.connect(self._tell_activated)
        self._front.setSelectionModel(self.selectionModel())
        self._front.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._front.setFrameShape(QFrame.Shape.NoFrame)
        self._front.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._front.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._connect_views()
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    @property
    def chosen(self) -> Hashable:
        """The key of the row that is chosen, None without one."""
        index = self.currentIndex()
        return self.numbers.rows[index.row()].key if index.isValid() else None

    def set_rows(self, names: Sequence[str], columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Show other rows; the chosen one stays chosen, and the table where it is."""
        chosen, bar = self.chosen, self.verticalScrollBar()
        assert bar is not None
        place = bar.value()
        is_other = not self.numbers.rows or self.numbers.columnCount() != len(names) + len(columns)
        before = self.numbers.name_lengths()
        self._is_filling = True
        self.numbers.set_rows(names, columns, rows)
        if chosen is not None:
            self.choose(chosen, scrolls=False)
        self._is_filling = False
        bar.setValue(place)
        if is_other:
            self.fit_columns()
        else:
            self._widen(before)
        self._place_front()

    def _widen(self, before: Sequence[int]) -> None:
        """Make room for names that are longer than those `before`; what the user made narrow stays so till then."""
        is_own = self._widths() == self._given
        for column, (was, now) in enumerate(zip(before, self.numbers.name_lengths(), strict=True)):
            if now > was:
                self._needed[column] = self.sizeHintForColumn(column) + PADDING
                wanted = min(self._widest, self._needed[column])
                self.setColumnWidth(column, max(self.columnWidth(column), wanted))
        if is_own:
            self._share_room()

    def choose(self, key: Hashable, scrolls: bool = True) -> None:
        """Choose the row of a key, if it is there."""
        places = [place for place, row in enumerate(self.numbers.rows) if row.key == key]
        if places:
            index = self.numbers.index(places[0], 0)
            self.setCurrentIndex(index)
            if scrolls:
                self.scrollTo(index)

    def fit_columns(self) -> None:
        """Make the columns as wide as their texts, names not too wide."""
        self.resizeColumnsToContents()
        names = len(self.numbers.name_lengths())
        self._needed = [width + (PADDING if column < names else 0) for column, width in enumerate(self._widths())]
        self._share_room()

    def _widths(self) -> list[int]:
        return [self.columnWidth(column) for column in range(self.numbers.columnCount())]

    def _share_room(self) -> None:
        viewport = self.viewport()
        assert viewport is not None
        names = len(self.numbers.name_lengths())
        for column, width in enumerate(share_room(self._needed, names, self._widest, viewport.width())):
            self.setColumnWidth(column, width)
        self._given = self._widths()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the first columns where they are, and the chosen row in sight; give names the room that there is."""
        super().resizeEvent(event)
        if self._widths() == self._given:
            self._share_room()
        self._place_front()
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def scrollTo(
        self, index: QModelIndex, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Scroll to a cell; the frozen ones are in sight already."""
        if index.column() >= self._frozen or hint != QAbstractItemView.ScrollHint.EnsureVisible:
            super().scrollTo(index, hint)
        else:
            super().scrollTo(self.numbers.index(index.row(), max(self._frozen, self._first_in_sight())), hint)

    def _first_in_sight(self) -> int:
        return self.columnAt(self._front.width() + 1)

    def _connect_views(self) -> None:
        head, front_head = self.horizontalHeader(), self._front.horizontalHeader()
        bar, front_bar = self.verticalScrollBar(), self._front.verticalScrollBar()
        assert head is not None and front_head is not None and bar is not None and front_bar is not None
        head.sectionResized.connect(self._take_width)
        front_head.sectionResized.connect(self._hand_width)
        front_head.setSectionsClickable(True)
        front_head.setSortIndicatorShown(True)
        front_head.sortIndicatorChanged.connect(self._take_order)
        head.sortIndicatorChanged.connect(self._take_order)
        bar.valueChanged.connect(front_bar.setValue)
        front_bar.valueChanged.connect(bar.setValue)
        selection = self.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._tell_chosen)

    def _tell_activated(self, index: QModelIndex) -> None:
        self.row_activated.emit(self.numbers.rows[index.row()].key)

    def _tell_chosen(self, index: QModelIndex) -> None:
        if index.isValid() and not self._is_filling:
            self.row_chosen.emit(self.numbers.rows[index.row()].key)

    def _take_order(self, column: int, order: Qt.SortOrder) -> None:
        """Show in both headers by what the rows are ordered."""
        for view in (self, self._front):
            head = view.horizontalHeader()
            assert head is not None
            if (head.sortIndicatorSection(), head.sortIndicatorOrder()) != (column, order):
                head.setSortIndicator(column, order)

    def _take_width(self, column: int, _old: int, width: int) -> None:
        if column < self._frozen:
            self._front.setColumnWidth(column, width)
            self._place_front()

    def _hand_width(self, column: int, _old: int, width: int) -> None:
        if column < self._frozen and width:  # hiding a column makes it nothing wide
            self.setColumnWidth(column, width)

    def _place_front(self) -> None:
        head, viewport = self.horizontalHeader(), self.viewport()
        assert head is not None and viewport is not None
        widths = [self.columnWidth(column) for column in range(min(self._frozen, self.numbers.columnCount()))]
        while len(widths) > 1 and sum(widths) > MOST_FROZEN * viewport.width():
            widths.pop()
        for column in range(self.numbers.columnCount()):
            self._front.setColumnHidden(column, column >= len(widths))
        edge, front_head = self.frameWidth(), self._front.horizontalHeader()
        assert front_head is not None
        front_head.setFixedHeight(head.height())  # a sign in a title makes one higher than the other
        width = min(sum(widths), viewport.width())
        self._front.setGeometry(edge, edge, width, viewport.height() + head.height())


def share_room(needed: Sequence[int], names: int, widest: int, room: int) -> list[int]:
    """Return the widths of columns: as `needed` up to `widest`, and beyond it where there is `room` left.

    The first `names` columns give way, down to half of `widest`, where the main number beside them, the first, would
    be out of sight.
    """
    widths = [min(width, widest) for width in needed]
    spare = [max(0, width - widest // 2) for width in widths[:names]]
    missing = min(sum(spare), max(0, sum(widths[: names + 1]) - room))
    for place, part in enumerate(spare):
        widths[place] -= math.ceil(part * missing / sum(spare)) if missing else 0
    for place, width in enumerate(needed):
        widths[place] += max(0, min(width - widths[place], room - sum(widths)))
    return widths


def _prepare(view: QTableView) -> None:
    rows, head = view.verticalHeader(), view.horizontalHeader()
    assert rows is not None and head is not None
    rows.hide()
    rows.setDefaultSectionSize(view.fontMetrics().lineSpacing() + ROW_PADDING)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    head.setHighlightSections(False)
    head.setResizeContentsPrecision(MEASURED_ROWS)
    head.setStretchLastSection(False)
    head.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
