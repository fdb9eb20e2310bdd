"""Images in a folder as a source."""

from __future__ import annotations

import os
from collections.abc import Sequence as SequenceOf
from pathlib import Path

from tracker_core.errors import SourceError
from tracker_core.sources.cache import FrameCache
from tracker_core.sources.images import (
    IMAGE_FORMATS,
    OTHER_IMAGE_SUFFIXES,
    count_images_in,
    list_images,
    read_image,
    used_bits,
)
from tracker_core.sources.seekable import SeekableSource
from tracker_core.types import Frame

DEFAULT_FPS = 30.0
GONE_IN_A_ROW = 3  # images that were deleted or whose disk is gone, until the folder counts as gone
CACHE_BYTES = 32 * 1024 * 1024  # reading one image again is cheap, so that little is kept


class ImageListSource(SeekableSource):
    """An ordered list of image files; frame `i` is the i-th of them.

    An image that cannot be decoded is stepped over with an entry in `warnings` (its index stays unused), or
    raises `SourceError` if `strict`, as a benchmark must. Images of another size than the first are delivered
    as they are, with a warning. Frames are uint8 BGR, read-only. Raises `SourceError` if there is no image, or
    none that can be decoded.
    """

    is_count_exact = True  # files can be counted

    def __init__(
        self, name: str, images: SequenceOf[str | Path], *, fps: float = DEFAULT_FPS, strict: bool = False
    ) -> None:
        super().__init__(name)
        self.paths = tuple(str(path) for path in images)  # in order, damaged images included
        self.frame_names = tuple(Path(path).name for path in images)  # once: every tracked frame asks for it
        self.frame_count = len(self.paths)
        self.fps = fps
        self._strict = strict
        self._position = 0
        self._cache = FrameCache(CACHE_BYTES)
        if not self.paths:
            raise SourceError(f"'{name}' holds no images ({IMAGE_FORMATS}); choose another folder.")
        self._bits = used_bits(self.paths)
        if self._bits < 16:
            self._warn(f"The 16-bit images of '{name}' only use {self._bits} bits; they are shown over that range.")
        if self.read() is None:
            raise SourceError(f"None of the {self.frame_count} images in '{name}' can be decoded. {self.warnings[-1]}")
        self._position = 0

    @classmethod
    def from_folder(cls, folder: str | Path, *, name: str = "", fps: float = DEFAULT_FPS) -> ImageListSource:
        """Return a source of the images directly inside `folder`, in natural order; without a `name` it has its."""
        folder = Path(folder)
        try:
            images = list_images(folder)
            others = [path for path in folder.iterdir() if path.suffix.lower() in OTHER_IMAGE_SUFFIXES]
        except OSError as error:
            raise SourceError(f"The folder '{folder}' cannot be read ({error.strerror}).") from error
        endings = ", ".join(sorted({path.suffix.lower() for path in others if not path.name.startswith(".")}))
        if not images and endings:
            raise SourceError(f"The images in '{folder}' ({endings}) cannot be read; convert them to PNG.")
        if not images:
            raise SourceError(f"The folder '{folder}' holds no images ({IMAGE_FORMATS}); choose another one.")
        source = cls(name or folder.name or str(folder), images, fps=fps)
        if endings:
            source._warn(f"Images in '{source.name}' are left out ({endings} cannot be read); convert them to PNG.")
        if count_images_in(images[0]) > 1:
            source._warn(f"The files of '{source.name}' hold several images each; the first of each is read.")
        return source

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end."""
        while self._position < self.frame_count:
            index = self._position
            self._position += 1
            frame = self._cache.get(index)
            if frame is not None:
                return frame
            try:
                image = read_image(self.paths[index], bits=self._bits)
            except SourceError as error:
                self._check_there(index)
                if self._strict:
                    raise
                self._warn(f"{error} It is left out.")
                continue
            frame = Frame(index, index / self.fps, image)
            self._cache.put(frame)
            self._note_size(frame)
            return frame
        return None

    def seek(self, index: int) -> None:
        """Make the next `read` return frame `index`; `SourceError` for one that does not exist."""
        if not 0 <= index <= self.frame_count:
            raise SourceError(
                f"'{self.name}' has {self.frame_count} frames; frame {index} does not exist (they count from 0)."
            )
        self._position = index

    def last_index(self) -> int:
        """Return the index of the last image that can be decoded."""
        for index in range(self.frame_count - 1, 0, -1):
            if index in self._cache or self._is_readable(index):
                return index
        return 0

    def close(self) -> None:
        """Forget the cached images; calling it twice is harmless."""
        self._cache.clear()

    def _check_there(self, index: int) -> None:
        """Raise `SourceError` where neither image `index` nor those after it are there any more; it is read again then.

        One image that was deleted is left out like one that is damaged.
        """
        if not any(map(os.path.lexists, self.paths[index : index + GONE_IN_A_ROW])):
            self._position = index
            raise SourceError(
                f"The images of '{self.name}' are gone from '{self.frame_names[index]}' on. What was found in them is "
                "kept, and they can be used again when they are back."
            )

    def _is_readable(self, index: int) -> bool:
        try:
            read_image(self.paths[index], bits=self._bits)
        except SourceError:
            return False
        return True
