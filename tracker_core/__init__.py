"""Siamscope's core: geometry, networks, trackers, video, evaluation and training, without Qt."""

import importlib
import os
from typing import Any

# ONNX Runtime 1.29 and later otherwise writes an identifier into the user's home and reports to its maker; it reads
# this when it is first imported, and every process that is started from here inherits it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from tracker_core import opencv as _opencv  # noqa: F401  makes `import cv2` harmless to Qt, see there

# The names that a user of the library starts from, and where each is at home.
_HOMES = {
    "RunRecorder": "tracker_core.results.recorder",
    "build_tracker": "tracker_core.trackers.builder",
    "describe_producer": "tracker_core.trackers.producers",
    "identify_source": "tracker_core.results.identity",
    "load_published": "tracker_core.trackers.published",
    "open_source": "tracker_core.sources.opening",
    "track": "tracker_core.results.loop",
    "write_boxes": "tracker_core.results.formats",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    # lazily, so that importing a geometry module does not import torch
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tracker_core' has no attribute {name!r}")
