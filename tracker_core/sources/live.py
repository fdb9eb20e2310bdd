"""Live sources: a thread that always reads, a mailbox of one image, and a ring of the last second.

A camera or stream delivers whether anyone looks or not. If nobody reads, drivers and sockets queue images and
the program falls behind for good. So a thread reads all the time and keeps the newest image; whoever is slower
than the source misses images (`dropped` counts them) and is never late. The last second stays in a ring, for
catching up after the user has drawn a box on a frozen image.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Protocol

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.images import convert_to_bgr, freeze
from tracker_core.types import Frame, Image

logger = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
DEFAULT_STALL_S = 5.0
FIRST_IMAGE_S = 10.0
RING_S = 1.0
RING_BYTES = 256 * 1024 * 1024
RETRY_S = 0.005
WAIT_S = 0.25  # a longer wait could not be interrupted by Ctrl-C on Windows
JOIN_S = 2.0


class ImageFeed(Protocol):
    """Where a live source gets its images; used by its reading thread alone once that has started.

    `fps` is 0 where the device or the stream doesn't say.
    """

    fps: float

    def grab(self) -> Image | None:
        """Wait for the next image and return it; None for a passing failure; raises `SourceEnded` for good."""
        ...

    def release(self) -> None:
        """Close the device or connection."""
        ...


class LiveSource:
    """A `FrameSource` over an `ImageFeed`: `index` counts captured images, `time_s` is when each came after the first.

    `read` waits for an image newer than the last one it gave and returns the newest. A source that is silent for
    `stall_timeout_s` or vanishes raises `SourceEnded`, now and at every later read; the image captured last is
    still delivered first. Raises `SourceError` if no first image arrives.
    """

    is_live = True
    is_seekable = False
    frame_count = None
    frame_names = None

    def __init__(self, name: str, feed: ImageFeed, *, stall_timeout_s: float = DEFAULT_STALL_S) -> None:
        self.name = name
        self.warnings: list[str] = []
        self.dropped = 0
        self._feed = feed
        self._stall_timeout_s = stall_timeout_s
        self._changed = threading.Condition()
        self._ring: deque[Frame] = deque()
        self._ring_bytes = 0
        self._delivered = -1
        self._captured = -1
        self._end: str | None = None
        self._is_closed = False
        self._started_s = self._last_s = time.monotonic()
        self._thread = threading.Thread(target=self._capture, name=f"capture {name}", daemon=True)
        self._thread.start()
        self._size = self._wait_for_size(max(stall_timeout_s, FIRST_IMAGE_S))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first image."""
        return self._size

    @property
    def fps(self) -> float:
        """Nominal images per second; where the device doesn't say, those that arrived, and 30.0 before the second."""
        with self._changed:
            span_s = self._last_s - self._started_s
            return self._feed.fps or (self._captured / span_s if self._captured > 0 and span_s > 0 else DEFAULT_FPS)

    def read(self) -> Frame | None:
        """Return the newest image that was not given yet, waiting for one; None after `close`."""
        with self._changed:
            while not self._is_closed:
                if self._captured > self._delivered:
                    frame = self._ring[-1]
                    self.dropped += frame.index - self._delivered - 1
                    self._delivered = frame.index
                    return frame
                if self._end is not None:
                    raise SourceEnded(self._end)
                left_s = self._last_s + self._stall_timeout_s - time.monotonic()
                if left_s <= 0:
                    self._end = (
                        f"'{self.name}' has sent no image for {self._stall_timeout_s:g} s; treating it as disconnected."
                    )
                else:
                    self._changed.wait(min(left_s, WAIT_S))
        return None

    def last_index(self) -> None:
        """Always None: a live source has no last frame yet."""
        return None

    def frames_since(self, index: int) -> list[Frame]:
        """Return the images after `index` that the ring still holds, oldest first; they count as delivered.

        The ring spans one second at most (less where the images are very large), so that after a longer pause
        the first image returned is not `index + 1`.
        """
        with self._changed:
            frames = [frame for frame in self._ring if frame.index > index]
            if frames:
                self.dropped += sum(1 for i in range(self._delivered + 1, frames[0].index) if i > index)
                self._delivered = max(self._delivered, frames[-1].index)
            return frames

    def seek(self, index: int) -> None:
        """Always raises `SourceError`: a live source has no past to go to."""
        raise SourceError(f"'{self.name}' is live; it cannot go to frame {index}.")

    def close(self) -> None:
        """Stop the reading thread and release the device; calling it twice is harmless.

        A thread that hangs inside the driver is left behind and releases the device when it comes back.
        """
        with self._changed:
            self._is_closed = True
            self._ring.clear()
            self._ring_bytes = 0
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)
            if self._thread.is_alive():
                logger.warning("'%s' does not answer; its reading thread is left behind.", self.name)

    def _wait_for_size(self, timeout_s: float) -> tuple[int, int]:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._captured < 0 and self._end is None and time.monotonic() < deadline:
                self._changed.wait(max(0.0, deadline - time.monotonic()))
            if self._captured >= 0:
                height, width = self._ring[-1].image.shape[:2]
                return width, height
            reason = self._end
        self.close()
        raise SourceError(
            reason or f"'{self.name}' sent no image within {timeout_s:g} s; check that nothing else uses it."
        )

    def _capture(self) -> None:
        end = f"'{self.name}' was closed."
        try:
            while not self._is_closed:
                image = self._feed.grab()
                if image is None:
                    time.sleep(RETRY_S)
                else:
                    self._keep(freeze(convert_to_bgr(image)))
        except SourceError as error:
            end = str(error)
        except Exception as error:  # a driver may raise anything, and a thread has nobody above it to catch it
            logger.exception("Reading '%s' failed", self.name)
            end = f"'{self.name}' cannot be read any more ({error})."
        finally:
            self._feed.release()
            with self._changed:
                self._end = self._end or end
                self._changed.notify_all()

    def _keep(self, image: Image) -> None:
        with self._changed:
            if self._is_closed:
                return
            now_s = time.monotonic()
            if self._captured < 0:
                self._started_s = now_s
            self._last_s = now_s
            self._captured += 1
            self._ring.append(Frame(self._captured, now_s - self._started_s, image))
            self._ring_bytes += image.nbytes
            oldest_s = now_s - self._started_s - RING_S
            while len(self._ring) > 1 and (self._ring[0].time_s < oldest_s or self._ring_bytes > RING_BYTES):
                self._ring_bytes -= self._ring.popleft().image.nbytes
            self._changed.notify_all()
