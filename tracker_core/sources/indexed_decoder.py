"""A decoder that can be sent to any frame of a file, exactly.

Frame `i` is the i-th image that decoding from the start delivers. Going there quickly needs the
container's time stamps, and those are wrong often enough (joined recordings, raw streams, damaged files)
that they are never trusted alone: every decoded image must carry the time that the packet table says it
has, one after another. At the first disagreement the decoder goes over to counting from the start, which is
slow for going back and always right.

An image that is missing, because its packet cannot be decoded, leaves its number unused, so that a frame has one
number however one gets to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from av.video.frame import VideoFrame

from tracker_core.sources.addresses import is_address
from tracker_core.sources.decoder import DamageError, VideoDecoder
from tracker_core.sources.file_stamp import FileStamp
from tracker_core.sources.frame_clock import FrameClock
from tracker_core.sources.frame_table import FrameTable, TableScan
from tracker_core.types import FloatArray

SHORT_HOP = 32  # frames: decoding this many is quicker than reading the file's packets
KEY_FRAME_ATTEMPTS = 4


class _DisagreementError(Exception):
    """The decoder delivered another image than the table promised."""


class IndexedDecoder:
    """The images of a file by number: `decoder` is what is open, `next_index` the image that it delivers next.

    `count` is the number of frames once the end was seen and `estimate` the best guess before; `missing` are the
    numbers that were found to be damaged. `fps` is the nominal rate, `last_s` the time of the image delivered last.
    `forget` is called where numbers given so far were wrong.
    """

    def __init__(self, location: str, name: str, forget: Callable[[], None]) -> None:
        self._location, self._name, self._forget = location, name, forget
        self._is_threaded = True
        self._stamp: FileStamp | None = None  # of a file, once it is open
        self._scan: TableScan | None = None
        self._table: FrameTable | None = None
        self._times_s: FloatArray | None = None
        self._first_pts: int | None = None
        self._last_pts: int | None = None
        self.counts_from_start = False  # for going back, because the table cannot be trusted
        self.count: int | None = None
        self.missing: set[int] = set()
        self.last_s = 0.0
        self._open()
        self._stamp = None if is_address(location) else FileStamp.of(location)
        self.fps, self.estimate = self.decoder.fps, self.decoder.frame_estimate
        if not self.decoder.has_presentation_times:
            self.counts_from_start = True
        elif not is_address(location):  # that would be fetched twice, wanted or not
            self._scan = TableScan(location)

    def images_to(self, index: int) -> Iterator[tuple[int, float, VideoFrame]]:
        """Yield number, time in seconds and image on the quickest way that is exact to `index`, and `index` itself.

        The way ends before `index` if the file does, and at the next image if that one is damaged. It may start
        again at frame 0 where damage is found on it.
        """
        while True:
            try:
                if not self.next_index <= index <= self.next_index + SHORT_HOP:
                    self._go_to_key_frame(index)
                yield from self._decode_until(index)
                return
            except DamageError:
                self._require_table()  # the numbers of what is missing
                self._is_threaded = False
                self._reopen()
            except _DisagreementError:
                self._distrust_table()
                self._reopen()

    def count_packets(self) -> int | None:
        """Return the number of frames that the packets tell, waiting for it; None where they are not to be trusted."""
        table = self._require_table()
        return None if table is None else len(table)

    def poll(self, timeout_s: float | None = 0.0) -> None:
        """Take over what was found in the packets, as soon as they were read."""
        if self._scan is not None and self._scan.wait(timeout_s):
            scan, self._scan = self._scan, None
            self.estimate = scan.packets or self.estimate
            self._adopt_table(scan.table)

    def close(self) -> None:
        """Release the file; calling it twice is harmless."""
        if self._scan is not None:
            self._scan.stop()
            self._scan = None
        self.decoder.close()

    def check_file(self) -> None:
        """Raise `SourceError` if the file is gone, or is no longer the one that was opened."""
        if self._stamp is not None:
            self._stamp.check()

    def _reopen(self) -> None:
        """Put the decoder on the first frame again; where that is impossible it stays as it is.

        It is closed last: FFmpeg ends the program where something reads on from what is closed.
        """
        self.check_file()
        before = self.decoder
        self._open()
        before.close()

    def _open(self) -> None:
        self.decoder = VideoDecoder(self._location, self._name, is_threaded=self._is_threaded)
        self._images = self.decoder.images()
        self.next_index = 0
        has_jumps = self.decoder.has_jumping_clock
        self._clock = FrameClock(self.decoder.time_base, 1 / self.decoder.fps, closes_gaps=has_jumps)

    def _decode_until(self, index: int) -> Iterator[tuple[int, float, VideoFrame]]:
        while self.next_index <= index:
            decoded = next(self._images, None)
            if decoded is None:
                self.check_file()  # one that was cut while it was open ends too early
                self.count = self.next_index
                return
            current = self._number_of(decoded)
            if current is None:
                continue
            self.last_s = self._time_of(decoded, current)
            self.next_index = current + 1
            self._last_pts = decoded.pts
            if current == 0:
                self._first_pts = decoded.pts
            yield current, self.last_s, decoded

    def _number_of(self, decoded: VideoFrame) -> int | None:
        """Return the number of the image that comes next; None for one that damage has put out of order."""
        expected = self.next_index
        if self._table is None:
            return expected
        found = self._table.find(decoded.pts)
        if found is None or (found < expected and not self.decoder.damaged):
            raise _DisagreementError
        if found < expected:
            return None
        self.missing.update(range(expected, found))
        return found

    def _time_of(self, decoded: VideoFrame, index: int) -> float:
        if self._times_s is not None:
            return float(self._times_s[index])
        return self._clock.advance(decoded.dts if decoded.pts is None else decoded.pts, decoded.duration)

    def _go_to_key_frame(self, index: int) -> None:
        """Put the decoder on a key frame at or before `index`, or at the start of the file."""
        table = self._require_table()
        if table is None:
            if index < self.next_index:
                self._reopen()
            return
        key = table.key_at_or_before(min(index, len(table) - 1))
        if key is not None and key <= self.next_index <= index:
            return  # decoding on from here is shorter
        for _ in range(KEY_FRAME_ATTEMPTS):
            if key is None or key == 0:
                break
            if self._land_on(table, key, index):
                return
            key = table.key_at_or_before(key - 1)
        self._reopen()

    def _land_on(self, table: FrameTable, key: int, index: int) -> bool:
        """Seek to key frame `key`; False if the container landed after `index`, so that an earlier one is needed."""
        if not self.decoder.seek(int(table.pts[key])):
            return False
        images = self.decoder.images()
        for decoded in images:
            if not decoded.key_frame:
                continue  # before its first key frame a decoder shows images with missing references
            found = table.find(decoded.pts)
            if found is None:
                raise _DisagreementError
            if found > index:
                return False
            self._images = itertools.chain((decoded,), images)
            self.next_index = found
            return True
        return False

    def _require_table(self) -> FrameTable | None:
        """Return the table, waiting for it; None where there is none to be trusted."""
        if self._table is None and not self.counts_from_start:
            self._scan = self._scan or TableScan(self._location)
            self.poll(None)
        return self._table

    def _adopt_table(self, table: FrameTable | None) -> None:
        if table is not None and self._first_pts is not None:
            table = table.starting_at(self._first_pts)
        seen = self.next_index
        if table is None or len(table) == 0 or (seen and table.find(self._last_pts) != seen - 1):
            self._distrust_table()
            return
        self._table, self._times_s = table, self._clock.times_of(table.pts)
        self.estimate = len(table)
        steps_s = np.diff(self._times_s)
        if len(steps_s) and not 0.8 < np.median(steps_s) * self.fps < 1.25:  # the header lies: take the mean rate
            self.fps = len(steps_s) / float(self._times_s[-1])

    def _distrust_table(self) -> None:
        self._table = self._times_s = None
        self.counts_from_start = True
        self._forget()
