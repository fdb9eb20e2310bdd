"""All keys on one sheet, in the order of the menus; it says what the keys are now, not what they once were."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt5.QtCore import Qt
from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QAction,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.window.actions import ACTIONS, HOLD_TO_HIDE_KEY, MENUS, translated


class ShortcutSheet(QDialog):
    """A list to read and to search; it may stay open beside the window."""

    def __init__(self, actions: Mapping[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Show only actions that contain"))
        self.search.textChanged.connect(self._filter)
        self.tree = QTreeWidget()
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
            for spec in ACTIONS:
                if spec.menu == name and actions[spec.id].shortcuts():
                    keys = ", ".join(
                        key.toString(QKeySequence.SequenceFormat.NativeText) for key in actions[spec.id].shortcuts()
                    )
                    QTreeWidgetItem(group, [plain(actions[spec.id].text()), keys, translated(spec.tip)])
            if name == "overlays":
                tip = self.tr("Hide all overlays for as long as the key is held")
                QTreeWidgetItem(group, [self.tr("Hide all"), self.tr("hold {}").format(HOLD_TO_HIDE_KEY), tip])
            if name == "edit":
                for text, keys, tip in (
                    (self.tr("Move the box"), "← ↑ → ↓", self.tr("By a pixel; Shift: ten; Ctrl: its size")),
                    (self.tr("Accept the box"), self.tr("Return"), self.tr("Keep the box that is drawn")),
                ):
                    QTreeWidgetItem(group, [text, keys, tip])
        self.tree.expandAll()
        header = self.tree.header()
        assert header is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        layout.addWidget(buttons)
        self.resize(680, 560)

    def rows(self) -> list[tuple[str, str]]:
        """Return action and keys of every line that is shown."""
        found = []
        for place in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(place)
            for i in range(group.childCount() if group is not None else 0):
                item = group.child(i)
                if not item.isHidden():
                    found.append((item.text(0), item.text(1)))
        return found

    def _filter(self, text: str) -> None:
        wanted = text.lower()
        for place in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(place)
            shown = 0
            for i in range(group.childCount() if group is not None else 0):
                item = group.child(i)
                is_shown = any(wanted in item.text(column).lower() for column in range(3))
                item.setHidden(not is_shown)
                shown += is_shown
            if group is not None:
                group.setHidden(not shown)


def plain(text: str) -> str:
    """Return a menu text without its mark for the keyboard."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")
