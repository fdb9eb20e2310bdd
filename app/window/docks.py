"""Where the panels stand around the canvas, and remembering where the user put them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtWidgets import QDockWidget, QMainWindow, QMenu, QScrollArea, QTabWidget, QWidget

LAYOUT_VERSION = 1
SMALL_WIDTH = 1200  # below this the list of sources starts closed: the image comes first


@dataclass
class Panels:
    """The widgets around the canvas; None where a window goes without one.

    They are passive: they take data through setters and state facts through signals; `PanelWiring` connects them.
    """

    timeline: QWidget | None = None
    readout: QWidget | None = None
    sources: QWidget | None = None
    overlays: QWidget | None = None
    tracker: QWidget | None = None
    thumbnails: QWidget | None = None
    plots: QWidget | None = None
    benchmark: QWidget | None = None
    training: QWidget | None = None
    log: QWidget | None = None


class Docks:
    """The docks of a window: sources left, overlays, tracker and thumbnails right, curves and jobs at the bottom."""

    def __init__(self, window: QMainWindow, panels: Panels, view_menu: QMenu) -> None:
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        self._seen: set[str] = set()
        tr = window.tr
        self._add("sources", tr("Sources"), panels.sources, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._add("overlays", tr("Overlays"), panels.overlays, Qt.DockWidgetArea.RightDockWidgetArea)
        self._add("tracker", tr("Tracker"), panels.tracker, Qt.DockWidgetArea.RightDockWidgetArea)
        self._add("thumbnails", tr("Crops"), panels.thumbnails, Qt.DockWidgetArea.RightDockWidgetArea)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for title, panel in (
            (tr("Plots"), panels.plots),
            (tr("Benchmark"), panels.benchmark),
            (tr("Training"), panels.training),
            (tr("Log"), panels.log),
        ):
            if panel is not None:
                self.tabs.addTab(panel, title)
        self._add(
            "curves",
            tr("Plots and jobs"),
            self.tabs if self.tabs.count() else None,
            Qt.DockWidgetArea.BottomDockWidgetArea,
            False,
        )
        view_menu.addSeparator()
        for dock in self.docks.values():
            view_menu.addAction(dock.toggleViewAction())
        self._arrange()
        self._first_state = window.saveState(LAYOUT_VERSION)

    def show_tab(self, panel: QWidget | None) -> None:
        """Open the bottom dock at `panel`."""
        if panel is not None and "curves" in self.docks:
            self.docks["curves"].show()
            self.tabs.setCurrentWidget(panel)

    def is_seen(self, name: str) -> bool:
        """Tell whether a dock's content can be seen: it is neither closed nor behind another."""
        return name in self._seen

    def reset(self) -> None:
        """Put every dock back to where it was at first."""
        self._window.restoreState(self._first_state, LAYOUT_VERSION)

    def _arrange(self) -> None:
        window = self._window
        right = [self.docks[name] for name in ("overlays", "tracker", "thumbnails") if name in self.docks]
        if len(right) > 1:
            for one, other in pairwise(right):
                window.tabifyDockWidget(one, other)
            right[0].raise_()
        if "curves" in self.docks:
            self.docks["curves"].setVisible(False)
        if "sources" in self.docks:
            self.docks["sources"].setVisible(window.width() >= SMALL_WIDTH)
        widths = {"sources": 260, "overlays": 290}
        sized = [self.docks[name] for name in widths if name in self.docks]
        window.resizeDocks(sized, [widths[name] for name in widths if name in self.docks], Qt.Orientation.Horizontal)

    def restore(self, settings: QSettings) -> None:
        """Take up the size and the layout of the last time, if they were kept."""
        geometry, state = settings.value("window/geometry"), settings.value("window/state")
        if geometry is not None:
            self._window.restoreGeometry(geometry)
        if state is not None:
            self._window.restoreState(state, LAYOUT_VERSION)

    def save(self, settings: QSettings) -> None:
        """Keep the size and the layout for the next time."""
        settings.setValue("window/geometry", self._window.saveGeometry())
        settings.setValue("window/state", self._window.saveState(LAYOUT_VERSION))

    def _add(self, name: str, title: str, panel: QWidget | None, area: Qt.DockWidgetArea, scrolls: bool = True) -> None:
        if panel is None:
            return
        dock = QDockWidget(title, self._window)
        dock.setObjectName(f"dock_{name}")
        if scrolls:  # a low window shows a part of a panel rather than none
            area_widget = QScrollArea()
            area_widget.setWidgetResizable(True)
            area_widget.setFrameShape(QScrollArea.Shape.NoFrame)
            area_widget.setWidget(panel)
            area_widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            # wide enough beside a vertical scroll bar: nothing is ever cut at the side
            bar = area_widget.verticalScrollBar()
            width = 0 if bar is None else bar.sizeHint().width()
            area_widget.setMinimumWidth(panel.minimumSizeHint().width() + width)
            dock.setWidget(area_widget)
        else:
            dock.setWidget(panel)
        # a dock behind another's tab counts as visible for Qt; only this signal knows better
        dock.visibilityChanged.connect(lambda is_seen: self._seen.add(name) if is_seen else self._seen.discard(name))
        self._window.addDockWidget(area, dock)
        self.docks[name] = dock
