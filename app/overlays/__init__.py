"""What can be painted over the picture: one class per overlay, pure painters over a scene."""

from app.overlays.base import Overlay, OverlayScene
from app.overlays.registry import OVERLAY_NAMES, build_overlays

__all__ = ["OVERLAY_NAMES", "Overlay", "OverlayScene", "build_overlays"]
