"""Benchmark sequences on disk: detect a layout, list what is there, read frames and ground truth."""

from tracker_core.sources.sequences.catalogue import (
    LAYOUTS,
    detect_layout,
    find_sequence,
    is_sequence_folder,
    list_sequences,
    load,
    load_sequence,
    read_annotation,
)
from tracker_core.sources.sequences.layout import Annotation, SequenceInfo

__all__ = [
    "LAYOUTS",
    "Annotation",
    "SequenceInfo",
    "detect_layout",
    "find_sequence",
    "is_sequence_folder",
    "list_sequences",
    "load",
    "load_sequence",
    "read_annotation",
]
