"""Fields that panels and dialogs share: numbers that read the same in every language, paths, lists, sliders.

A wheel changes a field only while it has the focus; elsewhere it scrolls what lies around the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt
from PyQt5.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QValidator
from PyQt5.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSlider,
    QSpinBox,
    QTabWidget,
    QToolButton,
    QWidget,
)

Browse = Callable[[QWidget, str, str], str]  # (parent, title, path now) to the chosen path, "" for none
Checked = tuple[QValidator.State, str, int]

_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)")
_WHOLE = re.compile(r"[+-]?\d+")


class WheelGuard(QObject):
    """Passes a wheel on to what lies around `field` unless that has the focus, and lets a wheel give it none."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(field)
        self._field = field
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Change the value only where the user is at work."""
        if event is None or event.type() != QEvent.Type.Wheel or self._field.hasFocus():
            return False
        event.ignore()
        return True


class ComboBox(QComboBox):
    """A list to choose from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        WheelGuard(self)

    def showPopup(self) -> None:
        """Open the list, as wide as its longest line."""
        view = self.view()
        bar = None if view is None else view.verticalScrollBar()
        if view is not None and bar is not None:
            needed = view.sizeHintForColumn(0) + 2 * view.frameWidth()
            needed += bar.sizeHint().width() if self.count() > self.maxVisibleItems() else 0
            view.setMinimumWidth(max(self.width(), needed))
        super().showPopup()


class Tabs(QTabWidget):
    """Pages behind tabs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        bar = self.tabBar()
        assert bar is not None
        self._guard = WheelGuard(bar)  # Python forgets one whose widget Qt made, unless it is kept


class Slider(QSlider):
    """A horizontal slider."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOrientation(Qt.Orientation.Horizontal)
        WheelGuard(self)


class WholeField(QSpinBox):
    """A field for whole numbers.

    What is not one ("0.55", "1.000", "1,5") stands while it is typed and gives way to the number before it: reading
    a point as a thousands separator would make 55 of 0.55. A number is taken when it is complete, not digit by digit.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        WheelGuard(self)
        self.setKeyboardTracking(False)

    def validate(self, text: str | None, place: int) -> Checked:
        """Accept whole numbers within the range."""
        return _check(_bare(self, text), _WHOLE, self.minimum(), self.maximum()), text or "", place

    def valueFromText(self, text: str | None) -> int:
        """Return the number that was typed."""
        return int(_bare(self, text))

    def textFromValue(self, value: int) -> str:
        """Return a number in plain digits."""
        return str(value)

    def fixup(self, text: str | None) -> str:
        """Leave a text as it is: Qt would take the separators of the desktop's language out of it."""
        return text or ""


class DecimalField(QDoubleSpinBox):
    """A field for fractions: point and comma both are the decimal separator, whatever the language of the desktop.

    A text with other separators or outside the range gives way to the number before it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        WheelGuard(self)
        self.setKeyboardTracking(False)

    def validate(self, text: str | None, place: int) -> Checked:
        """Accept numbers within the range."""
        return _check(_bare(self, text), _NUMBER, self.minimum(), self.maximum()), text or "", place

    def valueFromText(self, text: str | None) -> float:
        """Return the number that was typed."""
        return round(_number(_bare(self, text)), self.decimals())

    def textFromValue(self, value: float) -> str:
        """Return a number with a decimal point."""
        return f"{value:.{self.decimals()}f}"

    def fixup(self, text: str | None) -> str:
        """Leave a text as it is: Qt would take the separators of the desktop's language out of it."""
        return text or ""


class TextField(QLineEdit):
    """A line of text with room for its placeholder."""

    def minimumSizeHint(self) -> QSize:
        """Room for the placeholder and what stands around it."""
        least, metrics = super().minimumSizeHint(), self.fontMetrics()
        around = least.width() - metrics.maxWidth()  # Qt's own least width is that of one wide letter
        text = metrics.horizontalAdvance(self.placeholderText()) + 2
        return QSize(max(least.width(), text + around), least.height())


class PathField(TextField):
    """A line for a file or a folder; `path` has `~` expanded. Whatever is typed so far, asking it never raises.

    What is dropped on it takes the place of the text.
    """

    @property
    def path(self) -> str:
        """The path that was typed, "" for none."""
        return expand(self.text())

    def set_path(self, path: str | Path) -> None:
        """Show a path."""
        self.setText(str(path))

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and folders too, not only text: else the window behind would open them."""
        super().dragEnterEvent(event)
        if event is not None and _dropped_path(event):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Take files and folders wherever they are let go."""
        super().dragMoveEvent(event)
        if event is not None and _dropped_path(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Show the path of a file or folder that is dropped: Qt would put its address in between the letters."""
        path = "" if event is None else _dropped_path(event)
        if event is None or not path:
            super().dropEvent(event)
            return
        event.acceptProposedAction()
        self.set_path(path)
        self.editingFinished.emit()


def _dropped_path(event: QDropEvent) -> str:
    """Return the first file or folder that is dragged, "" for none."""
    data = event.mimeData()
    addresses = [] if data is None else data.urls()
    return next((address.toLocalFile() for address in addresses if address.isLocalFile()), "")


def expand(text: str) -> str:
    """Return a typed path without surrounding spaces and with `~` expanded where such a user is known."""
    stripped = text.strip()
    try:
        return str(Path(stripped).expanduser()) if stripped else ""
    except RuntimeError:  # no such user, or none yet: it is being typed
        return stripped


def is_folder(path: str | Path) -> bool:
    """Tell whether a folder is there; False for what cannot be a path or must not be looked at."""
    try:
        return bool(str(path)) and Path(path).is_dir()
    except (OSError, ValueError):
        return False


def is_file(path: str | Path) -> bool:
    """Tell whether a file is there; False for what cannot be a path or must not be looked at."""
    try:
        return bool(str(path)) and Path(path).is_file()
    except (OSError, ValueError):
        return False


def browse_folder(parent: QWidget, title: str, path: str) -> str:
    """Let the user choose a folder."""
    return QFileDialog.getExistingDirectory(parent, title, path)


def with_browse(field: PathField, name: str, browse: Browse = browse_folder) -> QWidget:
    """Return `field` with a button beside it that fills it; `name` is read to those who cannot see it."""
    holder = QWidget()
    field.setAccessibleName(name)
    field.setToolTip(field.toolTip() or name)
    button = QToolButton()
    button.setText("…")
    button.setAccessibleName(name)
    button.setToolTip(QCoreApplication.translate("fields", "Choose: {}").format(name[:1].lower() + name[1:]))

    def choose() -> None:
        path = browse(holder, name, field.path)
        if path:
            field.set_path(path)
            field.editingFinished.emit()

    button.clicked.connect(choose)
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(field, 1)
    layout.addWidget(button)
    return holder


def _bare(field: QSpinBox | QDoubleSpinBox, text: str | None) -> str:
    """Return what was typed without the unit behind it, which is there twice where it was typed too."""
    number, unit = (text or "").strip(), field.suffix().strip()
    while unit and number.endswith(unit):
        number = number.removesuffix(unit).strip()
    return number


def _check(text: str, form: re.Pattern[str], low: float, high: float) -> QValidator.State:
    # never "invalid": a swallowed key would turn the text into another number
    is_number = form.fullmatch(text) is not None and low <= _number(text) <= high
    return QValidator.State.Acceptable if is_number else QValidator.State.Intermediate


def _number(text: str) -> float:
    return float(text.replace(",", "."))
