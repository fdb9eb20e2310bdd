"""Images into an animated GIF: one palette for all of them, shown at their own times as far as GIF has such times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker_core.types import Image

TICK = Fraction(1, 100)  # GIF counts hundredths of a second
LEAST_DELAY = 2  # browsers show what is shorter ten times as long as it should be
LAST_DELAY = 10  # of a single image
_DITHERING = "dither=sierra2_4a:diff_mode=rectangle"


class GifEncoder:
    """Writes an endless GIF of up to 256 colours at up to 50 images per second.

    The palette is known only after the last image, so the images wait in a lossless video beside the file. An image
    that comes less than two hundredths of a second after the one before is left out; all others are shown at their
    times, rounded, without adding up.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction) -> None:
        self._path, self._fps = path, fps
        self._waiting_path = path.with_name(f"{path.name}.waiting.mkv")
        self._waiting: OutputContainer = av.open(str(self._waiting_path), "w")
        self._stream: VideoStream = self._waiting.add_stream("ffv1", rate=100)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "bgr0"
        self._palette = graph = Graph()
        images = graph.add_buffer(width=size[0], height=size[1], format=VideoFormat("bgr24"), time_base=TICK)
        graph.link_nodes(images, graph.add("palettegen"), graph.add("buffersink")).configure()
        self._size = size
        self._ticks: list[int] = []
        self._count = 0
        self._first_s: float | None = None
        self._is_finished = False
        self.left_out = 0

    @property
    def written(self) -> int:
        """How many images the file holds."""
        return len(self._ticks)

    @property
    def end_s(self) -> float:
        """When the last image ends, in seconds from the first."""
        return float((self._ticks[-1] + self._last_delay()) * TICK) if self._ticks else 0.0

    def encode(self, image: Image, time_s: float | None = None) -> None:
        """Append one image (uint8 BGR) of the stream's size, shown at `time_s` or at the next step of the rate."""
        if time_s is None:
            time_s = float(self._count / self._fps)
        self._first_s = time_s if self._first_s is None else self._first_s
        self._count += 1
        tick = round((time_s - self._first_s) / TICK)
        if self._ticks and tick < self._ticks[-1] + LEAST_DELAY:
            self.left_out += 1
            return
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = len(self._ticks), TICK
        self._palette.vpush(frame)
        self._waiting.mux(self._stream.encode(frame.reformat(format="bgr0")))
        self._ticks.append(tick)

    def finish(self) -> None:
        """Write the file; calling it twice is harmless."""
        if self._is_finished:
            return
        self._is_finished = True
        try:
            try:
                self._waiting.mux(self._stream.encode(None))
            finally:
                self._waiting.close()
            if self._ticks:
                self._palette.vpush(None)
                self._write(self._palette.vpull())
        finally:
            self._waiting_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget the images; the file is of no use."""
        self._ticks.clear()
        self.finish()

    def _write(self, palette: VideoFrame) -> None:
        """Map the waiting images to the palette."""
        options = {"loop": "0", "final_delay": str(self._last_delay())}
        with (
            av.open(str(self._waiting_path)) as waiting,
            av.open(str(self._path), "w", format="gif", container_options=options) as container,
        ):
            out: VideoStream = container.add_stream("gif", rate=100)
            out.width, out.height = self._size
            out.pix_fmt = "pal8"
            out.codec_context.time_base = TICK
            images, mapped = self._map_to(palette)
            for tick, frame in zip(self._ticks, waiting.decode(video=0), strict=True):
                frame.pts, frame.time_base = tick, TICK
                images.push(frame)
                colored = mapped.pull()
                colored.pts, colored.time_base = tick, TICK
                container.mux(out.encode(colored))
            container.mux(out.encode(None))

    def _map_to(self, palette: VideoFrame) -> tuple[Any, Any]:
        """Return what takes the waiting images, and what gives them in the colours of `palette`."""
        self._mapping = graph = Graph()  # what is returned does not keep it alive
        images = graph.add_buffer(width=self._size[0], height=self._size[1], format=VideoFormat("bgr0"), time_base=TICK)
        colors = graph.add_buffer(width=palette.width, height=palette.height, format=palette.format, time_base=TICK)
        use, sink = graph.add("paletteuse", _DITHERING), graph.add("buffersink")
        images.link_to(use, 0, 0)
        colors.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        colors.push(palette)
        colors.push(None)
        return images, sink

    def _last_delay(self) -> int:
        """Return how long the last image is shown: as long as the one before it."""
        return self._ticks[-1] - self._ticks[-2] if len(self._ticks) > 1 else LAST_DELAY
