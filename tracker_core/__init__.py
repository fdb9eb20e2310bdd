"""Siamscope's core: geometry, networks, trackers, video, evaluation and training, without Qt."""

from tracker_core.video import opencv as _opencv  # noqa: F401  makes `import cv2` harmless to Qt, see there
