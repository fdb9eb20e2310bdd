"""Benchmark sequences on disk: detect a layout, list what is there, read frames and ground truth."""

from tracker_core.sources.sequences.catalogue import (
    LAYOUTS,
    detect_layout,
    find_sequence,
    is_sequence_folder,
    list_sequences,
    load,
    load_sequence,
)
from tracker_core.sources.sequences.layout import SequenceInfo

__all__ = [
    "LAYOUTS",
    "SequenceInfo",
    "detect_layout",
    "find_sequence",
    "is_sequence_folder",
    "list_sequences",
    "load",
    "load_sequence",
]
