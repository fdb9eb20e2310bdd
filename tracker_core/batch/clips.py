"""The videos, image folders and sequences in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker_core.batch.outcomes import SUMMARY
from tracker_core.errors import InputError
from tracker_core.results.identity import OTHER_VIDEO_SUFFIXES
from tracker_core.sources.sequences import is_sequence_folder
from tracker_core.sources.sequences.layout import VIDEO_SUFFIXES, find_images

SUFFIXES = VIDEO_SUFFIXES | OTHER_VIDEO_SUFFIXES - {".gif"}


@dataclass(frozen=True)
class Clip:
    """A source found in a folder: its path, and its `name`, which is the path below the folder with `/` between."""

    name: str
    path: Path


def find_clips(folder: str | Path, apart_from: Sequence[Path] = ()) -> list[Clip]:
    """Return the videos, folders of images and sequences below `folder`, by name.

    Left out are `apart_from`, hidden files, and the results of earlier batches. Raises `InputError` for a folder that
    is absent, cannot be read, or holds nothing to track.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"'{folder}' is not a folder; give the folder that holds the videos.")
    if is_sequence_folder(root):
        raise InputError(f"'{folder}' is one sequence; 'track --source' takes it, a batch takes the folder above.")
    try:
        paths = list(_search(root, {path.resolve() for path in apart_from}))
    except OSError as error:
        raise InputError(f"The folder '{folder}' cannot be read ({error.strerror or error}).") from error
    if not paths:
        hint = " It is a folder of images; 'track --source' takes it." if find_images(root) else ""
        raise InputError(f"There are no videos, image folders or sequences in '{folder}'.{hint}")
    clips = [Clip(path.relative_to(root).as_posix(), path) for path in paths]
    return sorted(clips, key=lambda clip: clip.name.casefold())


def output_names(clips: Sequence[Clip], taken: Sequence[str]) -> list[str]:
    """Return `taken` made different where two are alike: by their endings, else by numbers."""
    alike = {name.casefold() for name in taken if sum(name.casefold() == other.casefold() for other in taken) > 1}
    suffixes = [clip.path.suffix.lstrip(".") for clip in clips]
    return number_alike(
        [f"{name}-{suffix}" if name.casefold() in alike and suffix else name
         for name, suffix in zip(taken, suffixes, strict=True)]
    )  # fmt: skip


def number_alike(names: Sequence[str]) -> list[str]:
    """Return `names` with a number where one was before, also on a disk that does not tell capitals from others."""
    different: list[str] = []
    used: set[str] = set()
    for name in names:
        numbered = (f"{name}-{number}" for number in range(2, len(names) + 2))
        different.append(next(choice for choice in (name, *numbered) if choice.casefold() not in used))
        used.add(different[-1].casefold())
    return different


def _search(place: Path, apart_from: set[Path]) -> Iterator[Path]:
    entries = sorted(entry for entry in place.iterdir() if entry.name[0] != ".")
    videos = [entry for entry in entries if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    yield from videos
    for entry in entries:
        if not entry.is_dir() or entry.is_symlink() or entry.resolve() in apart_from or (entry / SUMMARY).exists():
            continue
        if not os.access(entry, os.R_OK | os.X_OK):
            yield entry  # opening it says what is wrong
        elif is_sequence_folder(entry) or (find_images(entry) and not _has_video(entry)):
            yield entry
        else:
            yield from _search(entry, apart_from)


def _has_video(folder: Path) -> bool:
    return any(entry.suffix.lower() in SUFFIXES for entry in folder.iterdir())
