"""Whether a window can open; asked before Qt is loaded, which ends the whole process where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

PROBE = "from PyQt5.QtGui import QGuiApplication; QGuiApplication(['siamscope'])"
TIMEOUT_S = 10


def has_display() -> bool:
    """Whether a window can open: always on Windows and macOS, else where Qt reaches a display that is announced.

    An address that nobody answers any more (`DISPLAY` in a terminal that outlived its desktop), a refused connection
    and a platform whose plug-in is missing all make Qt abort, so another process tries first, in a fifth of a second.
    """
    if sys.platform in ("win32", "darwin"):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform.startswith(("offscreen", "minimal")):
        return True
    if not (platform or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    command = [sys.executable, "-c", PROBE]
    try:
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
