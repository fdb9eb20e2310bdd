"""Reading the number files of benchmarks, and matching their lines with the frames they speak of."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.types import FloatArray

_SEPARATORS = re.compile(r"[,;\s]+")
_DECIMAL_COMMAS = re.compile(r"(\s*-?\d+(,\d+)?\s*;){3,}\s*-?\d+(,\d+)?\s*;?")


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its byte-order mark, as Windows writes it.

    Raises `DataSetError` if it cannot be read.
    """
    try:
        content = path.read_bytes()
        is_wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DataSetError(f"The file '{path}' cannot be read ({reason}).") from error
    # two bytes of anything are a letter of UTF-16, but a text has at least a line break or a digit
    if "\0" in text or (is_wide and not any(letter.isascii() for letter in text)):
        raise DataSetError(f"The file '{path}' cannot be read (it is not text).")
    return text


def split_numbers(line: str) -> list[str]:
    """Return the numbers of a line, separated by commas, semicolons, tabs or spaces, as texts that `float` takes.

    Where four or more semicolons separate numbers, commas between digits are decimal points ("10,5;20,25;30;40").
    """
    if "," in line and _DECIMAL_COMMAS.fullmatch(line.strip()):
        line = line.replace(",", ".")
    return [part for part in _SEPARATORS.split(line.strip()) if part]


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file without trailing blank ones; raises `DataSetError` if it cannot be read."""
    lines = read_text(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def read_number_rows(path: Path, columns: tuple[int, ...] = (4,)) -> FloatArray:
    """Return the rows of a number file as float64 (N, C), C one of `columns` and the same in every row.

    Numbers are separated by commas, semicolons, tabs or spaces; `nan` in any case is a number. A row that holds
    a single `nan` (or nothing) means "no box" and becomes a row of NaN. Raises `DataSetError` with file and line.
    """
    rows: list[list[float]] = []
    width = 0
    for number, line in enumerate(read_lines(path), start=1):
        try:
            values = [float(part) for part in split_numbers(line)]
        except ValueError:
            raise DataSetError(f"Line {number} of '{path}' is not a list of numbers: '{line.strip()[:60]}'.") from None
        if not values or (len(values) == 1 and np.isnan(values[0])):
            rows.append([])
            continue
        if len(values) not in columns or (width and len(values) != width):
            wanted = str(width) if width else " or ".join(str(count) for count in columns)
            raise DataSetError(f"Line {number} of '{path}' has {len(values)} numbers; {wanted} are expected.")
        width = len(values)
        rows.append(values)
    if not width:
        raise DataSetError(f"The file '{path}' holds no box; it may be empty or cut short.")
    return np.array([row or [np.nan] * width for row in rows], np.float64)


def read_flags(path: Path, count: int) -> NDArray[np.bool_] | None:
    """Return a per-frame 0/1 file (one per line, or comma separated in one line) as bool (count,); None if absent.

    Missing trailing flags are false: toolkits leave them out. Raises `DataSetError` for anything but numbers.
    """
    if not path.is_file():
        return None
    parts = [part for line in read_lines(path) for part in split_numbers(line)]
    try:
        values = np.array([float(part) != 0 for part in parts[:count]], np.bool_)
    except ValueError:
        raise DataSetError(f"The flag file '{path}' holds something other than 0 and 1.") from None
    return np.concatenate([values, np.zeros(count - len(values), np.bool_)])


def read_flag_files(paths: Iterable[Path], count: int) -> dict[str, NDArray[np.bool_]]:
    """Return what `read_flags` gives for those of the files that are there, under their names without the ending."""
    return {path.stem: flags for path in paths if (flags := read_flags(path, count)) is not None}


def hide_empty_boxes(boxes_xywh: FloatArray) -> FloatArray:
    """Return the boxes (N, 4) with NaN rows where width or height is not positive: how some sets say "absent"."""
    result: FloatArray = boxes_xywh.copy()
    with np.errstate(invalid="ignore"):
        result[~((boxes_xywh[:, 2] > 0) & (boxes_xywh[:, 3] > 0))] = np.nan
    return result


def match_rows_to_frames(name: str, rows: FloatArray, frame_count: int) -> FloatArray:
    """Return exactly one row per frame.

    One row alone is a start box: the rest becomes NaN. Any other difference raises `DataSetError` with both
    counts, because a shifted ground truth gives numbers that look right and are not.
    """
    if len(rows) == frame_count:
        return rows
    if len(rows) == 1 and frame_count > 1:
        padded = np.full((frame_count, rows.shape[1]), np.nan)
        padded[0] = rows[0]
        return padded
    relation = "more" if len(rows) > frame_count else "fewer"
    raise DataSetError(
        f"The ground truth of '{name}' has {relation} lines than frames ({len(rows)} lines, {frame_count} frames); "
        "make them match, or keep only the first line as a start box."
    )


def bounding_box_of(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> FloatArray:
    """Return the box x, y, w, h that holds all true pixels of a mask (H, W); NaN if there is none."""
    x, y, w, h = cv2.boundingRect(np.asarray(mask, np.uint8)) if mask.size else (0, 0, 0, 0)
    return np.array([x, y, w, h], np.float64) if w and h else np.full(4, np.nan)
