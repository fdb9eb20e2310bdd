"""Result boxes on disk in the field's formats; `docs/formats.md` describes each of them."""

from tracker_core.results.formats.formats import BOX_FORMATS, box_file_suffix, check_format
from tracker_core.results.formats.json_data import from_json_data, to_json_data
from tracker_core.results.formats.reading import read_boxes
from tracker_core.results.formats.writing import write_boxes

__all__ = [
    "BOX_FORMATS",
    "box_file_suffix",
    "check_format",
    "from_json_data",
    "read_boxes",
    "to_json_data",
    "write_boxes",
]
