"""The sources panel: what can be opened with a double-click."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PyQt5.QtCore import QEvent, QPoint, Qt, pyqtSignal
from PyQt5.QtGui import QIcon, QPainter, QPixmap, QPolygon
from PyQt5.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.panels.fields import TextField
from tracker_core.sources.cameras import Camera
from tracker_core.sources.sequences import SequenceInfo

FRAMES, TRUTH = 1, 2
SPEC = int(Qt.ItemDataRole.UserRole)


class SourcesPanel(QWidget):
    """The bundled clip, cameras, recent sources, and the sequences of the folder that was opened."""

    source_chosen = pyqtSignal(str)
    folder_wanted = pyqtSignal()
    cameras_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._open = ""
        self._groups: dict[str, QTreeWidgetItem] = {}
        self.setObjectName("sources_panel")
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([self.tr("Source"), self.tr("Frames"), self.tr("Truth")])
        self.tree.setAccessibleName(self.tr("Sources"))
        self.tree.setIndentation(12)
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names often differ only at their ends
        header = self.tree.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (FRAMES, TRUTH):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemActivated.connect(self._on_activated)
        self.filter = TextField()
        self.filter.setPlaceholderText(self.tr("Filter"))
        self.filter.setAccessibleName(self.tr("Show only sources whose name contains"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._apply_filter)
        folder, cameras = QPushButton(self.tr("Folder …")), QPushButton(self.tr("Find cameras"))
        folder.setToolTip(self.tr("Open a folder of images, a sequence, or a data set of sequences"))
        cameras.setToolTip(self.tr("Try which cameras are connected, and list them"))
        folder.clicked.connect(self.folder_wanted)
        cameras.clicked.connect(self.cameras_wanted)
        line = QHBoxLayout()
        line.addWidget(folder)
        line.addWidget(cameras)
        layout = QVBoxLayout(self)
        self.filter.setToolTip(self.tr("A part of the name of a source"))
        self.tree.setToolTip(self.tr("Double-click a source, or press Return, to open it"))
        layout.addWidget(self.filter)
        layout.addWidget(self.tree, 1)
        layout.addLayout(line)
        for name, text in (
            ("clip", self.tr("Bundled")),
            ("cameras", self.tr("Cameras")),
            ("recent", self.tr("Recent")),
            ("sequences", self.tr("Sequences")),
        ):
            group = QTreeWidgetItem(self.tree, [text])
            group.setFirstColumnSpanned(True)
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            group.setExpanded(True)
            group.setHidden(True)
            self._groups[name] = group
        self._hide_columns()

    def set_clip(self, path: Path | None) -> None:
        """Offer the clip that comes with the program."""
        self._fill("clip", [] if path is None else [(self.tr("Ladybird clip"), str(path), "", True)])

    def set_cameras(self, cameras: Sequence[Camera]) -> None:
        """Offer cameras; an empty list says so."""
        rows = [(camera.name or self.tr("Camera {}").format(camera.index), f"camera:{camera.index}", "", None)
                for camera in cameras]  # fmt: skip
        self._fill("cameras", rows or [(self.tr("no camera found"), "", "", None)])

    def set_recent(self, specs: Sequence[str]) -> None:
        """Offer what was opened before, the newest first."""
        self._fill("recent", [(Path(spec).name or spec, spec, "", None) for spec in specs])

    def set_sequences(self, sequences: Sequence[SequenceInfo]) -> None:
        """List the sequences of a data set with frame counts and whether there is ground truth."""
        rows = [
            (info.name, spec_of(info), "" if info.frame_count is None else str(info.frame_count), info.has_ground_truth)
            for info in sequences
        ]
        self._fill("sequences", rows)
        self._groups["sequences"].setText(0, self.tr("Sequences ({})").format(len(rows)))
        self.tree.scrollToItem(self._groups["sequences"])

    def set_open(self, spec: str) -> None:
        """Mark what is open, "" for nothing."""
        self._open = spec
        self._mark_open()

    def names(self, group: str) -> list[str]:
        """Return the names in one group that are not filtered out."""
        item = self._groups[group]
        children = [item.child(i) for i in range(item.childCount())]
        return [child.text(0) for child in children if child is not None and not child.isHidden()]

    def _fill(self, group: str, rows: Sequence[tuple[str, str, str, bool | None]]) -> None:
        parent = self._groups[group]
        parent.takeChildren()
        for name, spec, frames, has_truth in rows:
            item = QTreeWidgetItem(parent, [name, frames, "" if has_truth is None else ("✓" if has_truth else "–")])
            item.setData(0, SPEC, spec)
            item.setTextAlignment(1, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter))
            item.setTextAlignment(2, int(Qt.AlignmentFlag.AlignCenter))
            if not spec:
                item.setDisabled(True)
        parent.setHidden(not rows)
        self._hide_columns()
        parent.setExpanded(True)
        self._mark_open()
        self._apply_filter(self.filter.text())

    def _hide_columns(self) -> None:
        """Leave the room to the names where there is nothing to compare: columns are there for sequences."""
        sequences = [item for item in self._items() if item.parent() is self._groups["sequences"]]
        for column in (FRAMES, TRUTH):
            self.tree.setColumnHidden(column, not any(item.text(column) for item in sequences))

    def _mark_open(self) -> None:
        for item in self._items():
            is_open = bool(self._open) and item.data(0, SPEC) == self._open
            font = item.font(0)
            font.setBold(is_open)
            item.setFont(0, font)
            item.setIcon(0, self._open_sign() if is_open else QIcon())
            item.setToolTip(0, self.tr("{} (open)").format(item.data(0, SPEC)) if is_open else item.data(0, SPEC))

    def _open_sign(self) -> QIcon:
        """Return a triangle in the colour of the text, which a theme's own sign does not follow."""
        image = QPixmap(32, 32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().text())
        painter.drawPolygon(QPolygon([QPoint(8, 4), QPoint(26, 16), QPoint(8, 28)]))
        painter.end()
        return QIcon(image)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take up new colours."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange:
            self._mark_open()

    def _items(self) -> Iterator[QTreeWidgetItem]:
        for group in self._groups.values():
            for place in range(group.childCount()):
                child = group.child(place)
                if child is not None:
                    yield child

    def _apply_filter(self, text: str) -> None:
        for item in self._items():
            item.setHidden(text.lower() not in item.text(0).lower())

    def _on_activated(self, item: QTreeWidgetItem, _column: int) -> None:
        spec = item.data(0, SPEC)
        if spec:
            self.source_chosen.emit(str(spec))


def spec_of(info: SequenceInfo) -> str:
    """Return what opens a sequence: its folder, or the name beside it for a further target of the same clip."""
    return str(info.folder.parent / info.name) if info.target > 1 else str(info.folder)
