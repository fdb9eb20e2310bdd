"""Video files with exact random access."""

from __future__ import annotations

from pathlib import Path

from tracker_core.errors import SourceError
from tracker_core.sources.addresses import hide_credentials
from tracker_core.sources.cache import DEFAULT_CACHE_BYTES, FrameCache
from tracker_core.sources.indexed_decoder import SHORT_HOP, IndexedDecoder
from tracker_core.sources.seekable import SeekableSource
from tracker_core.types import Frame

SCAN_WAIT_S = 0.2  # opening waits this long for the packets of a small file; a large one is read in the background


class VideoFileSource(SeekableSource):
    """A video file (or a finite video behind an address) read through FFmpeg: sequentially, or at any frame exactly.

    Frames are uint8 BGR, read-only, as they are meant to be seen: turned and mirrored as the file says, with square
    pixels (`keeps_pixels` leaves them as they are stored, where boxes were annotated on those). `time_s` counts from
    the first frame. `warnings` collects what the user should know (a file cut short, damaged packets, a changing
    image size). An image whose size changes in mid-video is delivered as it is. `frame_count` is an estimate until
    the packets were read, in the background, or the end was seen. Not for use from several threads at once.

    Raises `SourceError` if the file is absent, empty, not a video, or holds no image that can be decoded.
    """

    frame_names = None

    def __init__(
        self, location: str | Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES, keeps_pixels: bool = False
    ) -> None:
        self._location = str(location)
        shown_location = hide_credentials(self._location)
        super().__init__(Path(shown_location).name or shown_location)
        self._keeps_pixels = keeps_pixels
        self._cache = FrameCache(cache_bytes)
        self._is_closed = False
        self._position = 0  # index of the image that `read` returns next
        self._decoder = IndexedDecoder(self._location, shown_location, self._cache.clear)
        self._duration_s = self._decoder.decoder.duration_s
        if self._frame_at(0) is None:
            self.close()
            raise SourceError(f"'{shown_location}' holds no image that can be decoded; check that it plays.")
        if self._decoder.decoder.is_hdr:
            self._warn(f"'{self.name}' is HDR: its colours are used as they are stored, paler than players show them.")
        self._decoder.poll(SCAN_WAIT_S)

    @property
    def paths(self) -> tuple[str, ...]:
        """The file or address that is read, alone."""
        return (self._location,)

    @property
    def fps(self) -> float:
        """Nominal images per second: the header's, unless the frames' times say otherwise; 30.0 where nothing does."""
        return self._decoder.fps

    @property
    def frame_count(self) -> int | None:
        """Number of frames; exact once `is_count_exact`, an estimate from packets or header before."""
        self._decoder.poll()
        count = self._decoder.count
        return max(self._decoder.estimate, self._decoder.next_index) if count is None else count

    @property
    def is_count_exact(self) -> bool:
        """Whether the end of the file was seen, so that `frame_count` is the truth."""
        return self._decoder.count is not None

    def count_frames(self) -> int | None:
        """Return the number of frames by reading all packets once; None where they do not tell it exactly."""
        return self._decoder.count_packets() if self._decoder.count is None else self._decoder.count

    def last_index(self) -> int:
        """Return the index of the last frame, by decoding to the end: from the last key frame where that is known."""
        while self._decoder.count is None:
            count = self.count_frames()
            self._frame_at(self._decoder.next_index if count is None else count)
        return self._decoder.count - 1

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end; raises `SourceError` if the file has become unreadable."""
        self._decoder.poll()
        frame = self._cache.get(self._position)
        if frame is None:
            frame = self._frame_at(self._position)
        if frame is not None:
            self._position = frame.index + 1
        return frame

    def seek(self, index: int) -> None:
        """Make the next `read` return frame `index`, or the next one where that is damaged.

        Raises `SourceError` for a frame that does not exist.
        """
        if index < 0:
            raise SourceError(f"Frame {index} does not exist; frames of '{self.name}' count from 0.")
        frame = None if index == self._decoder.count else self._cache.get(index) or self._frame_at(index)
        if frame is None and index != self._decoder.count:  # going past the end has just told where that is
            raise SourceError(
                f"'{self.name}' has {self._decoder.count} frames; frame {index} does not exist (they count from 0)."
            )
        self._position = index if frame is None else frame.index

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        self._is_closed = True
        self._decoder.close()
        self._cache.clear()

    def _frame_at(self, index: int) -> Frame | None:
        """Decode frame `index` (or the next that can be), keeping the ones shortly before it; None past the end."""
        if self._is_closed:
            raise SourceError(f"'{self.name}' is closed; open it again.")
        if index < self._decoder.next_index and self._decoder.counts_from_start:
            self._warn(f"The times in '{self.name}' are not reliable; going back counts frames from the start.")
        keep = SHORT_HOP
        for current, time_s, decoded in self._decoder.images_to(index):
            if index - current > keep:
                continue
            image = self._decoder.decoder.to_bgr(decoded, keeps_pixels=self._keeps_pixels)
            frame = Frame(current, time_s, image)
            self._note_size(frame)
            keep = min(SHORT_HOP, self._cache.capacity_in_frames(image.nbytes) // 2)
            self._cache.put(frame)
            if current >= index:
                return frame
        self._note_end()
        return None

    def _note_end(self) -> None:
        count, last_s, damaged = self._decoder.count, self._decoder.last_s, self._decoder.decoder.damaged
        if not count:
            return
        is_cut = self._duration_s is not None and last_s + 1 / self.fps < 0.95 * self._duration_s - 0.2
        if is_cut:
            self._warn(
                f"'{self.name}' is cut short: {count} frames ({last_s:.1f} s of {self._duration_s:.1f} s) "
                "could be read and are used."
            )
        missing = len(self._decoder.missing)
        if missing:
            frames = "1 frame" if missing == 1 else f"{missing} frames"
            self._warn(f"'{self.name}' has damaged parts: {frames} could not be decoded and will be left out.")
        elif damaged > is_cut:  # the packet in which a file was cut is not worth a note of its own
            self._warn(f"'{self.name}' has damaged parts ({damaged} packets were skipped).")
