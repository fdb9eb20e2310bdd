"""What a benchmark's layout on disk is to the rest of the program: find its sequences, load one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tracker_core.errors import DataSetError
from tracker_core.sources.images import list_images
from tracker_core.types import Sequence

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv"})
IMAGE_FOLDERS = ("img", "imgs", "color", "frames", "")


@dataclass(frozen=True)
class SequenceInfo:
    """A sequence found on disk, not read yet.

    Attributes:
        name: as reports call it; a second target of the same clip ends in `-2`.
        layout: the layout's name, such as "otb".
        folder: where its images are.
        annotation: its ground-truth file or folder, None where there is none.
        frame_count: images on disk (None for a video file, whose count needs decoding).
        target: number of the target among several of one clip, from 1.
    """

    name: str
    layout: str
    folder: Path
    annotation: Path | None
    frame_count: int | None
    target: int = 1

    @property
    def has_ground_truth(self) -> bool:
        """Whether there is a file with boxes."""
        return self.annotation is not None


class Layout(Protocol):
    """A benchmark's way to lay out its files; one module each."""

    name: str

    def is_sequence(self, folder: Path) -> bool:
        """Tell from file names alone whether `folder` is one sequence of this layout."""
        ...

    def is_data_set(self, root: Path) -> bool:
        """Tell whether `root` holds sequences of this layout."""
        ...

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences of a data-set root or of a single sequence folder, without reading images."""
        ...

    def load(self, info: SequenceInfo) -> Sequence:
        """Read one sequence; raises `DataSetError` where files do not fit together."""
        ...


def find_images(folder: Path) -> list[Path]:
    """Return the images of a sequence folder: in `img`, `color` and the like, or in the folder itself."""
    for name in IMAGE_FOLDERS:
        place = folder / name
        if place.is_dir() and (images := list_images(place)):
            return images
    return []


def find_video(folder: Path) -> Path | None:
    """Return the one video in a folder that has no images, else None."""
    if find_images(folder):
        return None
    videos = [path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "."]
    return videos[0] if len(videos) == 1 else None


def require_frames(name: str, folder: Path) -> list[Path]:
    """Return the frames of a sequence folder (or its one video); raises `DataSetError` if there are none."""
    frames = find_images(folder)
    if not frames:
        video = find_video(folder)
        frames = [video] if video else []
    if not frames:
        raise DataSetError(f"The sequence '{name}' has no images in '{folder}'; unpack the data set completely.")
    return frames


def is_video(path: Path) -> bool:
    """Tell from its name whether a frame path is a whole video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def count_frames(folder: Path) -> int | None:
    """Return the number of images of a sequence folder, None where it holds a video instead."""
    images = find_images(folder)
    return len(images) if images or find_video(folder) is None else None


def subfolders(root: Path) -> list[Path]:
    """Return the folders directly inside `root`, sorted by name, hidden ones left out."""
    return sorted((path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._"), key=lambda p: p.name)
