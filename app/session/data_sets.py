"""Telling a data set of many sequences from something that can be opened."""

from __future__ import annotations

from pathlib import Path

from tracker_core.sources.sequences import SequenceInfo, detect_layout, is_sequence_folder, list_sequences
from tracker_core.sources.sequences.layout import find_images


def sequences_of_data_set(spec: str) -> list[SequenceInfo]:
    """Return the sequences under `spec` if it is the folder of a data set; empty for whatever opens by itself."""
    folder = Path(spec).expanduser()
    if not folder.is_dir() or is_sequence_folder(folder) or find_images(folder) or detect_layout(folder) is None:
        return []
    return list_sequences(folder)
