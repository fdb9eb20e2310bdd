"""The candidates of a network as one object: where they are, which one is taken, what is learned about them.

Only `losses` and `on_device` import torch; a layout asks for them when it is trained, or chooses on a GPU.
"""

from tracker_core.candidates.anchor_grid import ExemplarAnchors, FixedAnchors
from tracker_core.candidates.default_boxes import DefaultBoxes
from tracker_core.candidates.layout import Asking, BoxLayout, Candidates, Choice, Chosen, Favour, Layout
from tracker_core.candidates.overlap import OverlapMap
from tracker_core.candidates.response_map import ResponseMap
from tracker_core.config import TrackerConfig, check_values

__all__ = ["Asking", "BoxLayout", "Candidates", "Choice", "Chosen", "Favour", "Layout", "make_layout"]

# value of `anchors.style`, which stands in every checkpoint → what is laid out
LAYOUTS: dict[str, type[Layout]] = {
    "rpn": FixedAnchors,
    "exemplar": ExemplarAnchors,
    "ssd": DefaultBoxes,
    "none": ResponseMap,
    "overlap": OverlapMap,
}


def make_layout(config: TrackerConfig) -> Layout:
    """Return where the candidates of a tracker's network are; raises `ConfigError` where they cannot be laid out."""
    check_values(config.anchors, "anchors.")
    return LAYOUTS[config.anchors.style](config)
