"""A video in parts of a few seconds: the oldest can be forgotten while it grows, and a crash costs a second.

The parts of `name.mp4` lie in the folder `name.mp4.parts` beside it until they are joined, without encoding again. Each
is a Matroska file, which can be read although its end is missing; its name tells the number of its first image and that
image's time in milliseconds.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from tracker_core.errors import OutputError, SourceError
from tracker_core.files import atomic_path
from tracker_core.rendering.encoder import Encoder
from tracker_core.rendering.writers import read_back
from tracker_core.types import Image

PARTS_SUFFIX = ".parts"
PART_S = 10.0
IN_USE_S = 30.0  # parts that were written more recently belong to a recording that still runs


class PartsWriter:
    """Appends images of one size to the newest part; `forget_oldest` drops the first part as a whole.

    Raises FFmpeg's errors and `OSError` where the disk is full or goes away.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction, crf: int) -> None:
        self.path, self.folder = path, parts_folder(path)
        self._size, self._fps, self._crf = size, fps, crf
        self._parts: list[Path] = []
        self._encoder: Encoder | None = None
        self._part_began_s = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def first_index(self) -> int:
        """The number of the first image that is still kept."""
        return _facts(self._parts[0])[0] if self._parts else 0

    @property
    def first_s(self) -> float:
        """The time of the first image that is still kept."""
        return _facts(self._parts[0])[1] if self._parts else 0.0

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(self._parts)

    @property
    def bytes(self) -> int:
        """How much room all parts take on the disk."""
        return sum(part.stat().st_size for part in self._parts if part.exists())

    def append(self, index: int, image: Image, time_s: float) -> bool:
        """Append one uint8 BGR image of the right size; True where a new part begins with it."""
        begins = self._encoder is None or time_s - self._part_began_s >= PART_S
        if begins:
            self.finish()
            part = self.folder / f"{index:09d}-{round(time_s * 1000):012d}.mkv"
            self._encoder = Encoder(part, self._size, self._fps, self._crf, "veryfast", has_times=True, is_live=True)
            self._parts.append(part)
            self._part_began_s = time_s
        assert self._encoder is not None
        self._encoder.encode(image, time_s)
        return begins

    def forget_oldest(self) -> None:
        """Delete the first part."""
        self._parts.pop(0).unlink(missing_ok=True)

    def second_s(self) -> float:
        """Return the time of the second part's first image: what the first one would leave."""
        return _facts(self._parts[1])[1]

    def finish(self) -> None:
        """Complete the newest part; calling it twice is harmless."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.finish()


def parts_folder(path: Path) -> Path:
    """Return where the parts of the video `path` lie."""
    return path.with_name(path.name + PARTS_SUFFIX)


def join_parts(path: Path) -> int:
    """Make the video `path` of its parts, remove them, and return how many images it has; 0, and no video, for none.

    What a crash left of the last part is used as far as it can be read. Raises `OutputError` where the video cannot be
    written; the parts stay then.
    """
    folder = parts_folder(path)
    parts = sorted(folder.glob("*.mkv"))
    try:
        with atomic_path(path) as temporary:
            count = _copy_parts(parts, temporary)
            if count == 0:
                raise SourceError("no part of it can be read")
            found, _ = read_back(temporary)
            if found != count:
                raise OutputError(f"The video '{path}' holds {found} images instead of {count}; the disk may be full.")
    except SourceError:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    except (av.error.FFmpegError, OSError, OutputError) as error:
        said = error if isinstance(error, OutputError) else f"'{path}' cannot be written ({error})."
        raise OutputError(f"{said} What was recorded is kept in '{folder}' and joined at the next start.") from error
    shutil.rmtree(folder, ignore_errors=True)
    return count


@dataclass(frozen=True)
class JoinedVideo:
    """A video made of parts: how many `images`, and of the first one its number and its time in the recording."""

    path: Path
    images: int
    first_index: int
    first_s: float


def join_cut_off(folder: Path) -> list[JoinedVideo]:
    """Complete the recordings in `folder` that a crash cut off, and return their videos.

    One that is still being written, by another window, is left alone. Raises `OutputError`.
    """
    joined = []
    for parts in sorted(folder.glob(f"*{PARTS_SUFFIX}")) if folder.is_dir() else ():
        path = parts.with_name(parts.name.removesuffix(PARTS_SUFFIX))
        firsts = sorted(parts.glob("*.mkv"))
        if parts.is_dir() and not _is_in_use(parts) and not path.exists() and (images := join_parts(path)):
            joined.append(JoinedVideo(path, images, *_facts(firsts[0])))
    return joined


def has_parts_in_use(folder: Path) -> bool:
    """Tell whether there are parts in `folder` that were written just now: by another window, or before a crash."""
    return any(_is_in_use(parts) for parts in folder.glob(f"*{PARTS_SUFFIX}"))


def _is_in_use(parts: Path) -> bool:
    newest = max((part.stat().st_mtime for part in parts.glob("*")), default=0.0)
    return time.time() - newest <= IN_USE_S


def _facts(part: Path) -> tuple[int, float]:
    """Return the number and the time in seconds of a part's first image."""
    index, _, milliseconds = part.stem.partition("-")
    return int(index), int(milliseconds) / 1000


def _copy_parts(parts: list[Path], target: Path) -> int:
    """Copy the packets of all parts into one file, at their times counted from the first, and count them."""
    count = 0
    last: Fraction | None = None
    with av.open(str(target), "w", container_options={"movflags": "+faststart"}) as container:
        out = None
        for part in parts:
            offset = Fraction(str(_facts(part)[1])) - Fraction(str(_facts(parts[0])[1]))
            for packet in _readable_packets(part):
                if out is None:
                    out = container.add_stream_from_template(packet.stream)
                packet.pts += round(offset / packet.time_base)
                packet.dts = packet.pts  # there are no images out of order
                if last is not None and packet.pts * packet.time_base <= last:
                    packet.pts = packet.dts = int(last / packet.time_base) + 1
                last = packet.pts * packet.time_base
                packet.stream = out
                container.mux(packet)
                count += 1
    return count


def _readable_packets(part: Path) -> Iterator[Any]:
    """Yield the images of a part as packets, up to where a crash cut it off."""
    try:
        with av.open(str(part)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size and packet.pts is not None:
                    yield packet
    except (av.error.FFmpegError, IndexError):
        return
