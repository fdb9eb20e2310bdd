"""Siamscope's core: geometry, networks, trackers, video, evaluation and training, without Qt."""
