"""Whether everything in a window can be read: texts that are cut off, and texts that are too pale.

The widgets are walked as they are, so that what is added later is held to the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPoint, QRect, QSize, Qt
from PyQt5.QtGui import QImage, QTextDocument
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListView,
    QRadioButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
    QStyleOptionSpinBox,
    QTabBar,
    QTableView,
    QToolBar,
    QToolButton,
    QTreeView,
    QWidget,
)

LETTER = re.compile(r"\w")  # a dash alone is thinner than a pixel
MARK = re.compile(r"&(?!&)")
LEAST_CONTRAST = 4.5  # of the Web Content Accessibility Guidelines 2.1, level AA
LEAST_CONTRAST_OFF = 2.5  # what cannot be used now is grey on purpose


def widgets(root: QWidget) -> Iterator[QWidget]:
    """Every widget that is shown, and that is not a part of what Qt made."""
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisible() and not widget.visibleRegion().isEmpty() and not widget.objectName().startswith("qt_"):
            yield widget


def describe(widget: QWidget, text: str) -> str:
    place: list[str] = []
    parent = widget.parentWidget()
    while parent is not None and len(place) < 3:
        place.append(parent.objectName() or type(parent).__name__)
        parent = parent.parentWidget()
    return f"{type(widget).__name__} '{text}' in {' < '.join(place)}"


def cut_texts(root: QWidget) -> list[str]:
    """Every text in `root` for which there is too little room, with how much is missing in pixels."""
    found = []
    for widget in widgets(root):
        for text, needed, given in (*_rooms(widget), *_overhang(widget)):
            if needed.width() > given.width() or needed.height() > given.height():
                sizes = f"{needed.width()}×{needed.height()} in {given.width()}×{given.height()}"
                found.append(f"{describe(widget, text)}: {sizes}")
    return found


def _rooms(widget: QWidget) -> Iterator[tuple[str, QSize, QSize]]:
    """Texts of a widget, the room that each needs, and the room that it has."""
    metrics = widget.fontMetrics()
    if isinstance(widget, QLabel) and widget.text():
        yield widget.text(), _label_need(widget), widget.contentsRect().size()
    elif isinstance(widget, (QCheckBox, QRadioButton)):
        yield widget.text(), widget.sizeHint(), widget.size()
    elif isinstance(widget, QToolButton) and not widget.text():
        return
    elif isinstance(widget, QAbstractButton) and not isinstance(widget.parentWidget(), QTabBar):
        margin = QSize(2, 2)  # a style's own hints round up
        yield widget.text(), widget.sizeHint() - margin, widget.size()
    elif isinstance(widget, QComboBox):
        yield from _combo_rooms(widget)
    elif isinstance(widget, QAbstractSpinBox):
        option = QStyleOptionSpinBox()
        widget.initStyleOption(option)
        room = widget.style().subControlRect(QStyle.CC_SpinBox, option, QStyle.SC_SpinBoxEditField, widget)
        yield widget.text(), QSize(metrics.horizontalAdvance(widget.text()), metrics.height()), room.size()
    elif isinstance(widget, QLineEdit) and not isinstance(widget.parentWidget(), (QComboBox, QAbstractSpinBox)):
        if not widget.text() and widget.placeholderText():
            need = QSize(metrics.horizontalAdvance(widget.placeholderText()) + 4, metrics.height())
            yield widget.placeholderText(), need, widget.contentsRect().size()
    elif isinstance(widget, QTabBar):
        yield from _tab_rooms(widget)
    elif isinstance(widget, QHeaderView):
        yield from _header_rooms(widget)
    elif isinstance(widget, (QTableView, QTreeView)):
        yield from _row_rooms(widget)


def _label_need(label: QLabel) -> QSize:
    if label.wordWrap():
        return QSize(_longest_word(label), label.heightForWidth(label.width()) - 2 * label.frameWidth())
    return label.sizeHint() - QSize(2 * label.frameWidth(), 2 * label.frameWidth())


def _longest_word(label: QLabel) -> int:
    document = QTextDocument()
    document.setHtml(label.text()) if Qt.mightBeRichText(label.text()) else document.setPlainText(label.text())
    words = document.toPlainText().split()
    return max((label.fontMetrics().horizontalAdvance(word) for word in words), default=0)


def _combo_rooms(combo: QComboBox) -> Iterator[tuple[str, QSize, QSize]]:
    metrics, option = combo.fontMetrics(), QStyleOptionComboBox()
    combo.initStyleOption(option)
    room = combo.style().subControlRect(QStyle.CC_ComboBox, option, QStyle.SC_ComboBoxEditField, combo)
    text = combo.currentText()
    if not combo.isEditable():
        yield text, QSize(metrics.horizontalAdvance(text), metrics.height()), room.size()
    entries = [combo.itemText(place) for place in range(combo.count())]
    longest = max(entries, key=metrics.horizontalAdvance, default="")
    if metrics.horizontalAdvance(longest) + 12 > combo.width():
        combo.showPopup()
        need = QSize(metrics.horizontalAdvance(longest), 0)
        yield f"{longest} (in the list)", need, combo.view().viewport().size()
        combo.hidePopup()


def _tab_rooms(bar: QTabBar) -> Iterator[tuple[str, QSize, QSize]]:
    for place in range(bar.count()):
        text = MARK.sub("", bar.tabText(place))
        yield (
            text,
            QSize(bar.fontMetrics().horizontalAdvance(text), bar.fontMetrics().height()),
            bar.tabRect(place).size(),
        )
        if bar.count() < 6:
            inside = bar.rect().contains(bar.tabRect(place))
            yield f"{text} (the tab)", QSize(0 if inside else 1, 0), QSize(0, 0)


def _header_rooms(header: QHeaderView) -> Iterator[tuple[str, QSize, QSize]]:
    if header.orientation() != Qt.Horizontal:
        return
    for place in range(header.count()):
        text = str(header.model().headerData(place, Qt.Horizontal) or "")
        if not header.isSectionHidden(place) and text:
            need = QSize(header.fontMetrics().horizontalAdvance(text), header.fontMetrics().height())
            yield text, need, QSize(header.sectionSize(place), header.height())


def _row_rooms(view: QTableView | QTreeView) -> Iterator[tuple[str, QSize, QSize]]:
    if view.model() is None or not view.model().rowCount():
        return
    index = view.model().index(0, 0)
    height = view.rowHeight(0) if isinstance(view, QTableView) else view.visualRect(index).height()
    if height:  # it is not filtered out
        yield str(index.data()), QSize(0, view.fontMetrics().height()), QSize(0, height)


def _overhang(widget: QWidget) -> Iterator[tuple[str, QSize, QSize]]:
    """Whether a scroll area that cannot be scrolled sideways shows only a part of a widget's width."""
    area = widget.parentWidget()
    while area is not None and not isinstance(area, (QScrollArea, QAbstractScrollArea)):
        area = area.parentWidget()
    if not isinstance(area, QScrollArea) or not area.viewport().isAncestorOf(widget):
        return
    if area.horizontalScrollBarPolicy() == Qt.ScrollBarAlwaysOff:
        left = widget.mapTo(area.viewport(), QPoint(0, 0)).x()
        yield "its right edge", QSize(left + widget.width(), 0), QSize(area.viewport().width(), 0)


# --- contrast ---------------------------------------------------------------------------------------------

LISTS = (QTableView, QTreeView, QListView)
PARTS = (QComboBox, QAbstractSpinBox, QToolBar)
TEXTUAL = (QLabel, QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit, QTabBar, QHeaderView)


def pale_texts(root: QWidget) -> list[str]:
    """Every text in `root` whose ink is too near to its ground, measured in what is on the screen."""
    image = root.grab().toImage().convertToFormat(QImage.Format_RGB32)
    found = []
    for widget in widgets(root):
        for text, place, is_enabled in _cells(widget, root) if isinstance(widget, LISTS) and widget.model() else ():
            if (contrast := contrast_in(_pixels(image, place))) < (
                LEAST_CONTRAST if is_enabled else LEAST_CONTRAST_OFF
            ):
                found.append(f"{describe(widget, text)}: {contrast:.1f}")
        if not isinstance(widget, TEXTUAL) or isinstance(
            widget.parentWidget(), (QComboBox, QAbstractSpinBox, QToolBar)
        ):
            continue
        text = _shown_text(widget)
        if not text.strip():
            continue
        corner = widget.mapTo(root, QPoint(0, 0)) if widget is not root else QPoint(0, 0)
        seen = widget.visibleRegion().boundingRect().translated(corner).intersected(QRect(QPoint(0, 0), root.size()))
        if seen.width() < 6 or seen.height() < widget.height():
            continue  # only a part of it is in sight
        least = LEAST_CONTRAST if widget.isEnabled() else LEAST_CONTRAST_OFF
        if (contrast := contrast_in(_pixels(image, seen))) < least:
            found.append(f"{describe(widget, text)}: {contrast:.1f}")
    return found


def _cells(view: QAbstractItemView, root: QWidget) -> Iterator[tuple[str, QRect, bool]]:
    """Text, place in `root` and whether it can be used, of the cells that are wholly in sight."""
    model, area = view.model(), view.viewport().rect()
    rows = [model.index(row, 0, view.rootIndex()) for row in range(model.rowCount(view.rootIndex()))]
    rows += [model.index(row, 0, parent) for parent in rows for row in range(model.rowCount(parent))]
    for first in rows:
        columns = 1 if isinstance(view, QListView) else model.columnCount(first.parent())
        for column in range(columns):
            index = first.siblingAtColumn(column)
            place = view.visualRect(index)
            if LETTER.search(str(index.data() or "")) and not place.isEmpty() and area.contains(place):
                corner = view.viewport().mapTo(root, place.topLeft())
                yield str(index.data()), QRect(corner, place.size()), bool(index.flags() & Qt.ItemIsEnabled)


def _shown_text(widget: QWidget) -> str:
    if isinstance(widget, (QLabel, QAbstractButton, QAbstractSpinBox)):
        return widget.text()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QLineEdit):
        return widget.text() or widget.placeholderText()
    return "its texts"


def _pixels(image: QImage, area: QRect) -> NDArray[np.uint8]:
    ratio = image.devicePixelRatio()
    scaled = QRect(*(round(value * ratio) for value in area.getRect()))
    part = image.copy(scaled)
    bits = part.constBits()
    bits.setsize(part.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(part.height(), part.bytesPerLine() // 4, 4)
    return rows[:, : part.width(), 2::-1].copy()  # the image is gone after this


def contrast_in(pixels: NDArray[np.uint8]) -> float:
    """The contrast between the most frequent colour of an image (H, W, 3; RGB) and what differs most from it."""
    packed = pixels.reshape(-1, 3).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colors, counts = np.unique(packed, return_counts=True)
    light = luminance(np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.uint8))
    ground = light[int(np.argmax(counts))]
    return float(np.max((np.maximum(light, ground) + 0.05) / (np.minimum(light, ground) + 0.05)))


def luminance(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Relative luminance of sRGB colours (N, 3), by the definition of the same guidelines."""
    linear = colors / 255
    linear = np.where(linear <= 0.03928, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])
