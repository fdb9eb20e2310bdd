"""Result boxes on disk in the field's formats; `docs/formats.md` describes each of them."""

from tracker_core.results.formats.formats import (
    BOX_FORMATS,
    BoxFormat,
    box_file_suffix,
    check_format,
    read_boxes,
    write_boxes,
)

__all__ = ["BOX_FORMATS", "BoxFormat", "box_file_suffix", "check_format", "read_boxes", "write_boxes"]
