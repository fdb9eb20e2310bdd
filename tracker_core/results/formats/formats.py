"""The names of the box formats."""

from __future__ import annotations

from tracker_core.errors import InputError, nearest_name

BOX_FORMATS = ("otb", "vot", "got10k", "csv", "json", "coco", "mot")
CSV_COLUMNS = ("frame", "time_s", "target", "label", "x", "y", "w", "h", "score", "state", "file")
_SUFFIXES = {"csv": ".csv", "json": ".json", "coco": ".json"}


def check_format(name: str) -> str:
    """Return the known format that `name` means; raises `InputError` that names the nearest one."""
    known = name.strip().lower()
    if known not in BOX_FORMATS:
        hint = nearest_name(known, BOX_FORMATS)
        raise InputError(f"There is no box format '{name}'; known are {', '.join(BOX_FORMATS)}.{hint}")
    return known


def box_file_suffix(fmt: str) -> str:
    """Return the usual ending of a format's files, with the dot."""
    return _SUFFIXES.get(check_format(fmt), ".txt")
