"""Short texts beside each other; where there is too little room, whole ones are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QWidget


class ValueLine(QWidget):
    """Labels by name, with their tooltips; in a narrow line the least important ones are left out, none is cut.

    `importance` has all names, the most important first. A label without a text takes no room. Only the texts of those
    in `shortened` are cut, in the middle, before anything is left out, to so many letters at least.
    """

    def __init__(
        self,
        tips: Mapping[str, str],
        importance: Iterable[str],
        spacing: int = 6,
        shortened: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self._importance, self._shortened = tuple(importance), shortened
        self._texts: dict[str, str] = {}
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
        changed = [name for name, text in texts.items() if text != self._texts.get(name, "")]
        for name in changed:
            self._texts[name] = texts[name]
            self.labels[name].setText(texts[name])
        if changed:
            self.updateGeometry()
            self.fit()

    def set_text(self, name: str, text: str) -> None:
        """Show one text, "" for none."""
        self.set_texts({name: text})

    def fit(self) -> None:
        """Shorten, and leave out, what there is no room for."""
        room = self.width()
        for name in self._shortened:
            others = sum(self._need(other) for other in self._importance if other != name)
            text, width = self._texts.get(name, ""), max(self._least(name), room - others) - self._spacing()
            self.labels[name].setText(self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, width))
        for name in self._importance:
            needed = self._need(name)
            is_shown = 0 < needed <= room
            room -= needed if is_shown else 0
            self.labels[name].setVisible(is_shown)

    def sizeHint(self) -> QSize:
        """Room for all that has a text."""
        return QSize(sum(max(self._need(name), self._whole(name)) for name in self._importance), self._height())

    def least_width(self) -> int:
        """Return how wide the line must be for nothing to be left out."""
        return sum(self._least(name) if name in self._shortened else self._need(name) for name in self._importance)

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
        label = self.labels[name]
        return label.sizeHint().width() + self._spacing() if label.text() else 0

    def _whole(self, name: str) -> int:
        """How much room a text that may be shortened needs to be whole, 0 for any other."""
        text = self._texts.get(name, "") if name in self._shortened else ""
        return self.fontMetrics().horizontalAdvance(text) + 1 + self._spacing() if text else 0

    def _least(self, name: str) -> int:
        letters = self._shortened[name] * self.fontMetrics().averageCharWidth()
        return min(self._whole(name), letters + self._spacing())

    def _spacing(self) -> int:
        layout = self.layout()
        assert layout is not None
        return layout.spacing()
