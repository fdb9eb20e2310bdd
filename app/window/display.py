"""Whether a window can open; asked before Qt is loaded."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """Whether a window can open: always on Windows and macOS, else where X11 or Wayland is announced."""
    if sys.platform in ("win32", "darwin"):
        return True
    if os.environ.get("QT_QPA_PLATFORM", "").startswith(("offscreen", "minimal", "vnc")):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
