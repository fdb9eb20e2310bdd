"""All keys on one sheet, in the order of the menus, as the user has set them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.commands import HOLD_TO_HIDE_KEY, MENUS, Command, plain, translated
from app.dialogs.buttons import make_buttons, resize_to_text
from app.panels.fields import TextField

LETTERS = 136  # in a line: every sentence is seen whole where the screen is wide enough
_NATIVE = QKeySequence.SequenceFormat.NativeText


class ShortcutSheet(QDialog):
    """A list to read and to search; it may stay open beside the window. `shortcuts` are the user's own keys by id."""

    def __init__(
        self, commands: Sequence[Command], shortcuts: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = TextField()
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Show only actions that contain"))
        self.search.textChanged.connect(self._filter)
        self.search.setToolTip(self.tr("A part of an action, its key or what it does"))
        self.tree = QTreeWidget()
        self.tree.setToolTip(self.tr("The keys can be changed in the preferences"))
        self.tree.setHeaderLabels([self.tr("Action"), self.tr("Keys"), self.tr("What it does")])
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(12)
        self.tree.setAccessibleName(self.tr("Keys"))
        for name, title in MENUS:
            group = QTreeWidgetItem(self.tree, [plain(translated(title))])
            font = group.font(0)
            font.setBold(True)
            group.setFont(0, font)
            group.setFirstColumnSpanned(True)
            for command in commands:
                keys = command.keys_with(shortcuts)
                if command.menu == name and keys:
                    shown = ", ".join(QKeySequence(key).toString(_NATIVE) for key in keys)
                    QTreeWidgetItem(group, [plain(translated(command.text)), shown, translated(command.help)])
            if name == "overlays":
                tip = self.tr("Hide all overlays for as long as the key is held")
                QTreeWidgetItem(group, [self.tr("Hide all"), self.tr("hold {}").format(HOLD_TO_HIDE_KEY), tip])
            if name == "edit":
                for text, key, tip in (
                    (self.tr("Move the box"), "← ↑ → ↓", self.tr("By a pixel; Shift: ten; Ctrl: its size")),
                    (self.tr("Accept the box"), self.tr("Return"), self.tr("Track this box")),
                ):
                    QTreeWidgetItem(group, [text, key, tip])
        for line in self._lines():
            line.setToolTip(2, line.text(2))
        self.tree.expandAll()
        header = self.tree.header()
        assert header is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        buttons = make_buttons(self, QDialogButtonBox.StandardButton.Close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        layout.addWidget(buttons)
        resize_to_text(self, LETTERS, 36)

    def rows(self) -> list[tuple[str, str]]:
        """Return command and keys of every line that is shown."""
        return [(line.text(0), line.text(1)) for line in self._lines() if not line.isHidden()]

    def _lines(self) -> list[QTreeWidgetItem]:
        return [line for group in _children(self.tree.invisibleRootItem()) for line in _children(group)]

    def _filter(self, text: str) -> None:
        wanted = text.lower()
        for group in _children(self.tree.invisibleRootItem()):
            for line in _children(group):
                line.setHidden(not any(wanted in line.text(column).lower() for column in range(3)))
            group.setHidden(all(line.isHidden() for line in _children(group)))


def _children(item: QTreeWidgetItem | None) -> list[QTreeWidgetItem]:
    children = [] if item is None else [item.child(place) for place in range(item.childCount())]
    return [child for child in children if child is not None]
