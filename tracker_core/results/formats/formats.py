"""The box formats: names, endings, and how each is written and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tracker_core.errors import InputError, nearest_name
from tracker_core.files import write_text
from tracker_core.results.formats import cvat, reading, writing
from tracker_core.results.run import Run
from tracker_core.results.run_data import RUN_FORMAT, run_to_data
from tracker_core.results.run_file import parse_run


@dataclass(frozen=True)
class BoxFormat:
    """How boxes are stored.

    Attributes:
        write: takes the path and the run, and returns the text of every file by its place.
        read: takes the text and the path, and returns a run; None where the format is only written.
        suffix: the usual ending of its files.
        has_file_per_target: whether several targets go into `name-1`, `name-2`, … in place of `name`.
        beside: what the names of the files beside, which not every run has, end with in place of the ending.
    """

    write: Callable[[Path, Run], dict[Path, str]]
    read: Callable[[str, Path], Run] | None = None
    suffix: str = ".txt"
    has_file_per_target: bool = False
    beside: tuple[str, ...] = ()


def _write_run(path: Path, run: Run) -> dict[Path, str]:
    return {path: json.dumps(run_to_data(run), allow_nan=False) + "\n"}


BOX_FORMATS: dict[str, BoxFormat] = {
    "otb": BoxFormat(writing.per_target(writing.write_otb), reading.read_otb, has_file_per_target=True),
    "vot": BoxFormat(
        writing.per_target(writing.write_vot), reading.read_vot, has_file_per_target=True, beside=("_occlusion.tag",)
    ),
    "got10k": BoxFormat(
        writing.per_target(writing.write_got10k), reading.read_got10k, has_file_per_target=True, beside=("_time.txt",)
    ),
    "csv": BoxFormat(writing.write_csv, reading.read_csv, ".csv"),
    "json": BoxFormat(_write_run, parse_run, ".json"),
    "coco": BoxFormat(writing.write_coco, reading.read_coco, ".json"),
    "mot": BoxFormat(writing.write_mot, reading.read_mot, beside=("_names.txt",)),
    "mot-gt": BoxFormat(writing.write_mot_truth, reading.read_mot, beside=("_names.txt",)),
    "lasot": BoxFormat(writing.per_target(writing.write_lasot), reading.read_lasot, has_file_per_target=True),
    "cvat": BoxFormat(cvat.write_cvat, cvat.read_cvat, ".xml"),
}


def check_format(name: str) -> str:
    """Return the known format that `name` means; raises `InputError` that names the nearest one."""
    known = name.strip().lower()
    if known not in BOX_FORMATS:
        hint = nearest_name(known, BOX_FORMATS)
        raise InputError(f"There is no box format '{name}'; known are {', '.join(BOX_FORMATS)}.{hint}")
    return known


def box_file_suffix(fmt: str) -> str:
    """Return the usual ending of a format's files, with the dot."""
    return BOX_FORMATS[check_format(fmt)].suffix


def write_boxes(path: str | Path, fmt: str, run: Run) -> list[Path]:
    """Write `run` in one of `BOX_FORMATS` and return the files that were made.

    Files beside that belonged to what is replaced, and that this run does not have, are removed: its names or times
    would be read as those of this run. A path without an ending gets the format's usual one. Raises `InputError` for an
    unknown format and `OutputError` where a file cannot be written.
    """
    box_format = BOX_FORMATS[check_format(fmt)]
    path = Path(path)
    if not path.suffix:
        path = path.with_name(path.name + box_format.suffix)
    files = box_format.write(path, run)
    for place, text in files.items():
        write_text(place, text)
    for place in list(files):
        for ending in box_format.beside:
            if (beside := place.with_name(f"{place.stem}{ending}")) not in files:
                beside.unlink(missing_ok=True)
    return list(files)


def read_boxes(path: str | Path, fmt: str | None = None) -> Run:
    """Read a file that `write_boxes` (or a tool of the field) wrote; a run from `json` alone knows its producer.

    Without `fmt`, a `.csv`, `.json` or `.xml` is recognised, a `.txt` is not, because OTB (1-based) and GOT-10k look
    the same. Line formats give frames 0, 1, 2, …. Raises `InputError` naming file and line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The box file '{path}' cannot be read ({error}).") from error
    fmt = check_format(fmt) if fmt else _guess_format(path, text)
    read = BOX_FORMATS[fmt].read
    if read is None:
        raise InputError(f"Files in the format '{fmt}' are only written, not read.")
    try:
        return read(text, path)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(f"'{path}' is not a box file in the format '{fmt}' ({error}).") from error


def _guess_format(path: Path, text: str) -> str:
    if path.suffix.lower() in (".csv", ".xml"):
        return "csv" if path.suffix.lower() == ".csv" else "cvat"
    if path.suffix.lower() == ".json":
        return "json" if RUN_FORMAT in text[:200] else "coco"
    raise InputError(
        f"The format of '{path}' cannot be told from its name; say which of {', '.join(BOX_FORMATS)} it is."
    )
