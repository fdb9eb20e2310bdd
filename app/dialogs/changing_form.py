"""A form whose rows come and go."""

from __future__ import annotations

from collections.abc import Collection

from PyQt5.QtWidgets import QFormLayout, QLabel, QWidget


class ChangingForm(QFormLayout):
    """Rows in the order in which they were added, of which some are shown; Qt 5 leaves a gap where one is hidden."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[tuple[QLabel | None, QWidget]] = []

    def add(self, text: str, field: QWidget) -> None:
        """Add a row; with "" the field takes all of its width."""
        label = QLabel(text) if text else None
        if label is not None:
            label.setBuddy(field)
        self._lines.append((label, field))
        self._put(label, field)

    def show_without(self, hidden: Collection[QWidget]) -> None:
        """Show all rows but those of the `hidden` fields."""
        while self.rowCount():
            self.takeRow(0)
        for label, field in self._lines:
            is_shown = field not in hidden
            if is_shown:
                self._put(label, field)
            for widget in (label, field):
                if widget is not None:
                    widget.setVisible(is_shown)

    def _put(self, label: QLabel | None, field: QWidget) -> None:
        if label is None:
            self.addRow(field)
        else:
            self.addRow(label, field)
