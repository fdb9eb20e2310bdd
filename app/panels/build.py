"""One of every panel, filled with what the core knows."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import torch

from app.canvas.overlays.model import OverlayModel
from app.panels.batch import BatchPanel
from app.panels.benchmark import BenchmarkPanel
from app.panels.docks import Panels
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
from tracker_core.checkpoints.weights import list_weights
from tracker_core.packaged import CONFIGS
from tracker_core.presets import DEFAULT_TRACKER, list_trackers


def list_recipes() -> list[Path]:
    """Return the training configurations that ship, that of the default weights first."""
    return sorted(CONFIGS.glob("*.yaml"), key=lambda path: (path.stem != DEFAULT_RECIPE, path.stem))


DEFAULT_RECIPE = "light"


def build_panels(overlays: OverlayModel) -> Panels:
    """Return the panels of a main window; `overlays` is what their canvas paints."""
    tracker = TrackerPanel()
    tracker.set_trackers(usable_trackers(), DEFAULT_TRACKER)
    tracker.set_devices(usable_devices())
    data = Path(platformdirs.user_data_dir("siamscope", appauthor=False))
    training = TrainingPanel(list_recipes(), data / "training")
    training.set_devices(["auto", *usable_devices()])
    benchmark = BenchmarkPanel(data / "results")
    benchmark.set_trackers([name for name, _ in usable_trackers()])
    return Panels(
        timeline=Timeline(),
        readout=ReadoutPanel(),
        sources=SourcesPanel(),
        runs=RunsPanel(),
        targets=TargetsPanel(),
        overlays=OverlayPanel(overlays),
        tracker=tracker,
        thumbnails=ThumbnailsPanel(),
        plots=PlotsPanel(),
        benchmark=benchmark,
        batch=BatchPanel(),
        training=training,
        log=LogPanel(),
        written=WrittenBar(),
    )


def offer_trackers(panels: Panels) -> None:
    """Offer the trackers whose weights are here now; what was chosen stays chosen."""
    trackers = usable_trackers()
    panels.tracker.set_trackers(trackers, str(panels.tracker.tracker.currentData() or DEFAULT_TRACKER))
    panels.benchmark.set_trackers([name for name, _ in trackers])


def usable_trackers() -> list[tuple[str, str]]:
    """Return name and description of every tracker whose weights are here, the default one first."""
    descriptions = {entry.name: entry.description for entry in list_trackers()}
    found = [
        (entry.name, descriptions.get(entry.used_by.removeprefix("tracker "), entry.network))
        for entry in list_weights()
        if not entry.problem
    ]
    return sorted(found, key=lambda one: (one[0] != DEFAULT_TRACKER, one[0]))


def usable_devices() -> list[str]:
    """Return the devices that PyTorch names; whether one really computes is tried when it is chosen."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *cuda]
