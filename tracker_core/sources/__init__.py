"""Whatever images are read from: videos, cameras, streams, image folders, benchmark sequences."""

from tracker_core.sources.opening import SequenceSource, open_source

__all__ = ["SequenceSource", "open_source"]
