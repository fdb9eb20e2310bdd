"""All overlays in the order in which they are painted, the first one lowest."""

from __future__ import annotations

from app.canvas.overlays.base import Overlay
from app.canvas.overlays.boxes import (
    AnchorOverlay,
    GhostOverlay,
    GroundTruthOverlay,
    GuideOverlay,
    PredictionOverlay,
    RunsOverlay,
    SearchWindowOverlay,
)
from app.canvas.overlays.candidates import AnchorsAtMouseOverlay, ProposalsOverlay
from app.canvas.overlays.heat_map import HeatMapOverlay
from app.canvas.overlays.online import MemoryOverlay, RefinementOverlay
from app.canvas.overlays.trail import TrailOverlay

PAINT_ORDER: list[type[Overlay]] = [
    HeatMapOverlay,
    SearchWindowOverlay,
    TrailOverlay,
    GhostOverlay,
    RunsOverlay,
    ProposalsOverlay,
    RefinementOverlay,
    MemoryOverlay,
    AnchorsAtMouseOverlay,
    AnchorOverlay,
    GuideOverlay,
    GroundTruthOverlay,
    PredictionOverlay,
]
OVERLAY_NAMES = tuple(overlay.name for overlay in PAINT_ORDER)


def build_overlays() -> dict[str, Overlay]:
    """Return a fresh set of overlays by name, in the order in which they are painted."""
    return {kind.name: kind() for kind in PAINT_ORDER}
