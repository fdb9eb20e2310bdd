"""Names for results, so that those of one source never take the place of another's."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from tracker_core.errors import InputError
from tracker_core.results.identity import identify_source, is_read_from
from tracker_core.results.provenance import SourceIdentity
from tracker_core.results.run_file import load_run
from tracker_core.types import FrameSource

RUN_ENDINGS = ("-run.json", "-boxes.json")  # of `--format json` the boxes are the run


def free_name(folder: Path, name: str) -> str:
    """Return `name`, or the first of `name-2`, `name-3`, … of which no results are in `folder`."""
    return next(one for one in numbered(name) if not any(folder.glob(f"{glob.escape(one)}-run.json*")))


def name_for(folder: Path, name: str, source: FrameSource, spec: str, notes: list[str]) -> str:
    """Return what results of `source`, opened by `spec`, are called in `folder`: `name`, or the next that is free.

    Results of the same source are replaced; those of another of its name, and of a live one, stay, and so does a video
    that is no result. `notes` gets a sentence where the name is another one.
    """
    mine: SourceIdentity | None = None
    for one in numbered(name):
        run_file, video = _run_file(folder, one), folder / f"{one}.mp4"
        if run_file is not None:
            mine = mine or identify_source(source, spec)
            is_free = _is_of(run_file, mine)
        else:
            is_free = not video.exists() or is_read_from(source, video)
        if is_free:
            break
    if one != name:
        notes.append(f"'{folder}' holds files of another source of this name; the results are called '{one}'.")
    return one


def left_behind(folder: Path, name: str, written: Iterable[Path], source: FrameSource) -> list[str]:
    """Return the names of results called `name` that an earlier run left in `folder` and this one did not replace."""
    endings = ("-boxes*", "-run.json", ".mp4", "-tracked.mp4")
    found = {path for ending in endings for path in folder.glob(f"{glob.escape(name)}{ending}")}
    return sorted(path.name for path in found - {*written} if path.is_file() and not is_read_from(source, path))


def numbered(name: str) -> Iterator[str]:
    """Yield `name`, `name-2`, `name-3`, …"""
    return (name if number == 1 else f"{name}-{number}" for number in range(1, 10_000))


def _run_file(folder: Path, name: str) -> Path | None:
    found = (folder / f"{name}{ending}" for ending in RUN_ENDINGS)
    return next((path for path in found if path.is_file()), None)


def _is_of(run_file: Path, source: SourceIdentity) -> bool:
    """Tell whether a file's run is one of the very same source; one that cannot be read is not."""
    try:
        known = load_run(run_file).source
    except InputError:
        return False
    if source.is_live or known.is_live:
        return False
    if source.fingerprint and known.fingerprint:
        return source.fingerprint == known.fingerprint
    return source.location == known.location
