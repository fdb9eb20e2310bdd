"""Importing OpenCV safely: one place that undoes what `import cv2` does to Qt and that silences its chatter.

The `opencv-python` wheel carries a Qt of its own and points two environment variables at it; a PyQt5
application then loads the wrong platform plug-in and aborts. `tracker_core/__init__.py` imports this
module, so `cv2` is safe everywhere once any part of the package was imported, in either import order.
The headless wheel sets neither variable and passes through unchanged.
"""

from __future__ import annotations

import os
from pathlib import Path

# FFmpeg inside OpenCV writes to stderr on its own account; failures reach the user as SourceError instead.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2

QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")


def remove_opencv_qt_paths() -> list[str]:
    """Remove the Qt variables that OpenCV set (they point into its package) and return their names.

    A value that the user set, pointing anywhere else, stays.
    """
    package = Path(cv2.__file__).resolve().parent
    removed = []
    for name in QT_VARIABLES:
        value = os.environ.get(name)
        if value and package in (Path(value).resolve(), *Path(value).resolve().parents):
            del os.environ[name]
            removed.append(name)
    return removed


def silence_opencv() -> None:
    """Keep OpenCV's own log lines off stderr; the variables above only work before its first import."""
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(0)


remove_opencv_qt_paths()
silence_opencv()
