"""Short texts beside each other; where there is too little room, whole ones are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PyQt5.QtCore import QSize
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QWidget


class ValueLine(QWidget):
    """Labels by name, with their tooltips; in a narrow line the least important ones are left out, none is cut.

    `importance` has all names, the most important first. A label without a text takes no room.
    """

    def __init__(self, tips: Mapping[str, str], importance: Iterable[str], spacing: int = 6) -> None:
        super().__init__()
        self._importance = tuple(importance)
        self.labels: dict[str, QLabel] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(spacing)
        for name, tip in tips.items():
            label = self.labels[name] = QLabel()
            label.setToolTip(tip)
            label.setAccessibleName(tip)
            layout.addWidget(label)
        layout.addStretch(1)

    def set_texts(self, texts: Mapping[str, str]) -> None:
        """Show texts by name, "" for none."""
        changed = [name for name, text in texts.items() if text != self.labels[name].text()]
        for name in changed:
            self.labels[name].setText(texts[name])
        if changed:
            self.updateGeometry()
            self.fit()

    def set_text(self, name: str, text: str) -> None:
        """Show one text, "" for none."""
        self.set_texts({name: text})

    def fit(self) -> None:
        """Leave out what there is no room for."""
        room = self.width()
        for name in self._importance:
            needed = self._need(name)
            is_shown = 0 < needed <= room
            room -= needed if is_shown else 0
            self.labels[name].setVisible(is_shown)

    def sizeHint(self) -> QSize:
        """Room for all that has a text."""
        return QSize(sum(map(self._need, self._importance)), self._height())

    def minimumSizeHint(self) -> QSize:
        """As narrow as one likes."""
        return QSize(0, self._height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show what there is room for."""
        super().resizeEvent(event)
        self.fit()

    def _height(self) -> int:
        """The same whether or not something is shown: nothing around the line jumps."""
        return max(label.sizeHint().height() for label in self.labels.values())

    def _need(self, name: str) -> int:
        layout, label = self.layout(), self.labels[name]
        assert layout is not None
        return label.sizeHint().width() + layout.spacing() if label.text() else 0
