"""Where the panels stand around the canvas, and remembering where the user put them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PyQt5.QtCore import QSettings, Qt
from PyQt5.QtWidgets import QDockWidget, QMainWindow, QMenu, QScrollArea, QTabBar, QToolBar, QWidget

from app.panels.batch import BatchPanel
from app.panels.benchmark import BenchmarkPanel
from app.panels.fields import Tabs
from app.panels.log import LogPanel
from app.panels.overlays import OverlayPanel
from app.panels.plots import PlotsPanel
from app.panels.readout import ReadoutPanel
from app.panels.runs import RunsPanel
from app.panels.sources import SourcesPanel
from app.panels.targets import TargetsPanel
from app.panels.thumbnails import ThumbnailsPanel
from app.panels.timeline import Timeline
from app.panels.tracker import TrackerPanel
from app.panels.training import TrainingPanel
from app.panels.written_bar import WrittenBar

LAYOUT_VERSION = 1
SMALL_WIDTH = 1200  # below this the list of sources starts closed: the image comes first


@dataclass(frozen=True)
class Panels:
    """The widgets around the canvas.

    They are passive: they take data through setters and state facts through signals; `PanelWiring` connects them.
    """

    timeline: Timeline
    readout: ReadoutPanel
    sources: SourcesPanel
    runs: RunsPanel
    targets: TargetsPanel
    overlays: OverlayPanel
    tracker: TrackerPanel
    thumbnails: ThumbnailsPanel
    plots: PlotsPanel
    benchmark: BenchmarkPanel
    batch: BatchPanel
    training: TrainingPanel
    log: LogPanel
    written: WrittenBar


class Docks:
    """The docks of a window: sources and runs left, what is shown and tracked right, curves and jobs below."""

    def __init__(self, window: QMainWindow, panels: Panels) -> None:
        self._window = window
        self.panels = panels
        self.docks: dict[str, QDockWidget] = {}
        self._seen: set[str] = set()
        self._scrollers: list[QScrollArea] = []
        self._areas: dict[str, Qt.DockWidgetArea] = {}
        tr, right = window.tr, Qt.DockWidgetArea.RightDockWidgetArea
        self._add("sources", tr("Sources"), panels.sources, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._add("runs", tr("Runs"), panels.runs, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._add("targets", tr("Targets"), panels.targets, right)
        self._add("overlays", tr("Overlays"), panels.overlays, right)
        self._add("tracker", tr("Tracker"), panels.tracker, right)
        self._add("thumbnails", tr("Crops"), panels.thumbnails, right)
        self.tabs = Tabs()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(panels.plots, tr("Plots"))
        self.tabs.addTab(panels.benchmark, tr("Benchmark"))
        self.tabs.addTab(panels.batch, tr("Batch"))
        self.tabs.addTab(panels.training, tr("Training"))
        self.tabs.addTab(panels.log, tr("Log"))
        self._add("curves", tr("Plots and jobs"), self.tabs, Qt.DockWidgetArea.BottomDockWidgetArea, scrolls=False)
        self.fit_widths()
        self._arrange()

    def complete(self, menu: QMenu) -> None:
        """Add to a menu what shows and hides each dock."""
        menu.addSeparator()
        for dock in self.docks.values():
            menu.addAction(dock.toggleViewAction())

    def show_tab(self, panel: QWidget) -> None:
        """Open the bottom dock at `panel`."""
        self.docks["curves"].show()
        self.tabs.setCurrentWidget(panel)

    def is_seen(self, name: str) -> bool:
        """Tell whether a dock's content can be seen: it is neither closed nor behind another."""
        return name in self._seen

    def reset(self) -> None:
        """Put every dock and tool bar back to where it was at first.

        One by one: `QMainWindow.restoreState` walks over its tab bars while showing one of them can add another, and
        takes the program down with it (seen where docks were closed, floating and tabs at the same time).
        """
        window = self._window
        for bar in window.findChildren(QToolBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            window.addToolBar(bar)
            bar.show()
        for dock in self.docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)  # and hidden: all of them at once can need more room than the window has
        for name, dock in self.docks.items():
            window.addDockWidget(self._areas[name], dock)
        self._arrange()

    def _arrange(self) -> None:
        window = self._window
        right = [self.docks[name] for name in ("overlays", "tracker", "targets", "thumbnails")]
        for one, other in pairwise(right):
            window.tabifyDockWidget(one, other)
        for dock in right:
            dock.show()
        right[0].raise_()
        for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setAccessibleName(window.tr("Panels beside the image"))
        self.docks["curves"].setVisible(False)
        for name in ("sources", "runs"):
            self.docks[name].setVisible(window.width() >= SMALL_WIDTH)
        sized = [self.docks["sources"], self.docks["overlays"]]
        window.resizeDocks(sized, [max(260, self.panels.runs.fitting_width()), 290], Qt.Orientation.Horizontal)

    def fit_widths(self) -> None:
        """Make the panels wide enough beside a vertical scroll bar: nothing is ever cut at the side."""
        for scroller in self._scrollers:
            panel, bar = scroller.widget(), scroller.verticalScrollBar()
            assert panel is not None and bar is not None
            if (layout := panel.layout()) is not None:
                layout.activate()  # texts may have changed since it was last asked
            scroller.setMinimumWidth(panel.minimumSizeHint().width() + bar.sizeHint().width())

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

    def _add(self, name: str, title: str, panel: QWidget, area: Qt.DockWidgetArea, scrolls: bool = True) -> None:
        dock = QDockWidget(title, self._window)
        dock.setObjectName(f"dock_{name}")
        if scrolls:  # a low window shows a part of a panel rather than none
            area_widget = QScrollArea()
            area_widget.setWidgetResizable(True)
            area_widget.setFrameShape(QScrollArea.Shape.NoFrame)
            area_widget.setWidget(panel)
            area_widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self._scrollers.append(area_widget)
            dock.setWidget(area_widget)
        else:
            dock.setWidget(panel)
        # a dock behind another's tab counts as visible for Qt; only this signal knows better
        dock.visibilityChanged.connect(lambda is_seen: self._seen.add(name) if is_seen else self._seen.discard(name))
        self._window.addDockWidget(area, dock)
        self.docks[name], self._areas[name] = dock, area
