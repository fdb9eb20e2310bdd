"""What a benchmark's layout on disk is to the rest of the program: find its sequences, load one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker_core.errors import DataSetError
from tracker_core.sources.images import count_images, has_images, list_images
from tracker_core.sources.sequences.annotation import hide_empty_boxes, match_rows_to_frames
from tracker_core.types import FloatArray, Sequence

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
        group: the part of the data set that it belongs to, where names may come again in another part.
    """

    name: str
    layout: str
    folder: Path
    annotation: Path | None
    frame_count: int | None
    target: int = 1
    group: str = ""

    @property
    def has_ground_truth(self) -> bool:
        """Whether there is a file with boxes."""
        return self.annotation is not None


@dataclass(frozen=True)
class Annotation:
    """What is on disk of one sequence: its images, and what is said of them. The two need not fit each other.

    Attributes:
        info: the sequence.
        frames: paths of its images in order, or of its one video; empty where they are absent.
        boxes_xywh: float64 (N, 4), 0-based, one row per frame that the files speak of; NaN where the target is absent.
        regions: float64 (N, M, 2), the corners of its polygons, NaN where a row is none; None without any.
        first_number: number in the name of the image that the first row belongs to.
        category: kind of the object, "" if unknown.
        attributes: tags of the sequence; `frame_attributes` tags per row, bool (N,).
        visible: the share of the target that is visible, one per row, None where that is not said.
        hides_empty: a box without area says that the target is absent.
        image_size: width and height, where the files say so.
        first_index: number of the first frame in the clip. fps: nominal frames per second.
    """

    info: SequenceInfo
    frames: tuple[Path, ...]
    boxes_xywh: FloatArray
    regions: FloatArray | None = None
    first_number: int = 1
    category: str = ""
    attributes: tuple[str, ...] = ()
    frame_attributes: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    visible: FloatArray | None = None
    hides_empty: bool = True
    image_size: tuple[int, int] | None = None
    first_index: int = 0
    fps: float = 30.0

    @property
    def truth_xywh(self) -> FloatArray:
        """The boxes (N, 4) that count: NaN also where a box without area means that the target is absent."""
        return hide_empty_boxes(self.boxes_xywh) if self.hides_empty else self.boxes_xywh

    def fit(self) -> Sequence:
        """Return the sequence, if its annotation fits its frames: one row each, or a start box alone.

        Raises `DataSetError` otherwise: a shifted ground truth gives numbers that look right and are not.
        """
        name = self.info.name
        if not self.frames:
            raise DataSetError(
                f"The sequence '{name}' has no images in '{self.info.folder}'; unpack the data set completely."
            )
        count = len(self.boxes_xywh) if is_video(self.frames[0]) else len(self.frames)
        polygons = None
        if self.regions is not None and self.regions.shape[1] == 4:
            polygons = match_rows_to_frames(name, self.regions.reshape(len(self.regions), 8), count).copy()
            polygons[(polygons[:, 4:6] == polygons[:, 6:8]).all(axis=1)] = np.nan  # a triangle, padded
        flags = {tag: np.pad(values, (0, max(0, count - len(values)))) for tag, values in self.frame_attributes.items()}
        if self.visible is not None:
            visible = match_rows_to_frames(name, self.visible[:, None], count)[:, 0]
            flags |= {"occluded": visible < 1, "hidden": visible == 0}
        return Sequence(
            name,
            tuple(str(path) for path in self.frames),
            match_rows_to_frames(name, self.truth_xywh, count),
            polygons=polygons,
            attributes=self.attributes,
            frame_attributes=flags,
            first_index=self.first_index,
            fps=self.fps,
        )

    def pair(self) -> list[tuple[Path, int]]:
        """Return the images that have a row of the annotation, each with its row.

        As many images as rows go in order. Otherwise the number in an image's name says which row is its: with an
        image missing, every later one would get a wrong box.
        """
        if len(self.frames) == len(self.boxes_xywh):
            return list(zip(self.frames, range(len(self.frames)), strict=True))
        numbered = ((path, number) for path in self.frames if (number := last_number(path)) is not None)
        rows = ((path, number - self.first_number) for path, number in numbered)
        return [(path, row) for path, row in rows if 0 <= row < len(self.boxes_xywh)]


class Layout(Protocol):
    """A data set's way to lay out its files; one module each.

    `title` is its name for people, `origin` the coordinate of the first pixel in its files; boxes are read as 0-based.
    """

    name: str
    title: str
    origin: int

    def is_sequence(self, folder: Path) -> bool:
        """Tell from file names alone whether `folder` is one sequence of this layout."""
        ...

    def is_data_set(self, root: Path) -> bool:
        """Tell whether `root` holds sequences of this layout."""
        ...

    def find(self, root: Path) -> list[SequenceInfo]:
        """Return the sequences of a data-set root or of a single sequence folder, without reading images."""
        ...

    def read(self, info: SequenceInfo) -> Annotation:
        """Read what is on disk of one sequence; raises `DataSetError` for files that are absent or damaged."""
        ...


def find_images(folder: Path) -> list[Path]:
    """Return the images of a sequence folder: in `img`, `color` and the like, or in the folder itself."""
    place = next(image_places(folder), None)
    return [] if place is None else list_images(place)


def image_places(folder: Path) -> Iterator[Path]:
    """Yield where a sequence folder has images, the first one counts: `img`, `color` and the like, or itself."""
    places = (folder / name for name in IMAGE_FOLDERS)
    return (place for place in places if place.is_dir() and has_images(place))


def find_video(folder: Path) -> Path | None:
    """Return the one video in a folder that has no images, else None."""
    if find_images(folder):
        return None
    videos = [path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES and path.name[0] != "."]
    return videos[0] if len(videos) == 1 else None


def list_frames(folder: Path) -> tuple[Path, ...]:
    """Return the frames of a sequence folder, or its one video; empty if there are none."""
    frames = find_images(folder) if folder.is_dir() else []
    video = find_video(folder) if folder.is_dir() and not frames else None
    return (video,) if video else tuple(frames)


def last_number(path: Path) -> int | None:
    """Return the last number in a file's name, None if there is none."""
    match = re.search(r"(\d+)\D*$", path.stem)
    return int(match.group(1)) if match else None


def is_video(path: Path) -> bool:
    """Tell from its name whether a frame path is a whole video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def count_frames(folder: Path) -> int | None:
    """Return the number of images of a sequence folder, None where it holds a video instead."""
    places = (folder / name for name in IMAGE_FOLDERS)
    count = next((count for place in places if place.is_dir() and (count := count_images(place))), 0)
    return count if count or find_video(folder) is None else None


def subfolders(root: Path) -> list[Path]:
    """Return the folders directly inside `root`, sorted by name, hidden ones left out."""
    return sorted((path for path in root.iterdir() if path.is_dir() and path.name[0] not in "._"), key=lambda p: p.name)
