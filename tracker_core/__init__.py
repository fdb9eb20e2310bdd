"""Siamscope's core: geometry, networks, trackers, video, evaluation and training, without Qt."""

import os
from typing import Any

# ONNX Runtime 1.29 and later otherwise writes an identifier into the user's home and reports to its maker; it reads
# this when it is first imported, and every process that is started from here inherits it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from tracker_core import opencv as _opencv  # noqa: F401  makes `import cv2` harmless to Qt, see there

__all__ = ["load_published"]


def __getattr__(name: str) -> Any:
    # lazily, so that importing a geometry module does not import torch
    if name == "load_published":
        from tracker_core.trackers.published import load_published

        return load_published
    raise AttributeError(f"module 'tracker_core' has no attribute {name!r}")
