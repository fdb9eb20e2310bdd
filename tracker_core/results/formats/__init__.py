"""Result boxes on disk in the field's formats; `docs/formats.md` describes each of them."""

from tracker_core.results.formats.formats import BOX_FORMATS, box_file_suffix, check_format
from tracker_core.results.formats.reading import read_boxes
from tracker_core.results.formats.writing import write_boxes

__all__ = [
    "BOX_FORMATS",
    "box_file_suffix",
    "check_format",
    "read_boxes",
    "write_boxes",
]
