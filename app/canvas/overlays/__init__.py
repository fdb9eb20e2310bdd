"""What can be painted over the image: one class per overlay, pure painters over a scene."""

from app.canvas.overlays.base import Overlay, OverlayScene
from app.canvas.overlays.model import OverlayModel
from app.canvas.overlays.registry import OVERLAY_NAMES, build_overlays

__all__ = ["OVERLAY_NAMES", "Overlay", "OverlayModel", "OverlayScene", "build_overlays"]
