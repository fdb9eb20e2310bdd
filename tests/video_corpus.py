"""More than a hundred odd video files, made with PyAV, and what FFmpeg's own program says of them.

`python tests/video_corpus.py` makes the files, asks the `ffmpeg` program for the time, size and colours of their
frames, and writes them to `tests/data/ffmpeg_corpus.json`; the tests compare with that file and need no such program.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tracker_core.types import Image

WIDTH, HEIGHT, COUNT = 96, 64, 24
FROZEN = Path(__file__).parent / "data" / "ffmpeg_corpus.json"


def draw_image(index: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """An image that tells its number (eight bits as light and dark columns) over bars of colour."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        if index >> bit & 1:
            image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 220
    for place, colour in enumerate(((220, 40, 40), (40, 200, 40), (40, 40, 220), (40, 210, 210))):
        image[height // 2 :, place * width // 4 : (place + 1) * width // 4] = colour
    return image


def number_in(image: Image) -> int:
    """Read the number that `image` wrote."""
    height, width = image.shape[:2]
    row = image[height // 4].mean(axis=1)
    return sum(1 << bit for bit in range(8) if row[(2 * bit + 1) * width // 16] > 150)


@contextmanager
def scheduled_as_before() -> Iterator[None]:
    """Undo what SVT-AV1 does where root runs it: its caller is a real-time thread from then on, before all others."""
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


@scheduled_as_before()
def encode(
    target: Any,
    codec: str = "libx264",
    *,
    numbers: Iterable[int] = range(COUNT),
    pts: Sequence[int] | None = None,
    tick: Fraction = Fraction(1, 25),
    rate: Fraction | int = 25,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    pixels: str = "yuv420p",
    sar: Fraction | None = None,
    gop: int = 12,
    b_frames: int | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    format: str | None = None,
    sound_from: float | None = None,
    change: Callable[[list[av.Packet]], list[av.Packet]] = lambda packets: packets,
) -> Any:
    """Encode numbered images; `change` may drop, double or damage the packets before they are written."""
    name = str(target) if isinstance(target, Path) else target
    settings = {"fflags": "bitexact", **(container or {})}
    with av.open(name, "w", format=format, container_options=settings) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.gop_size = gop
        context.time_base = tick
        context.thread_count = 1
        if sar is not None:
            context.sample_aspect_ratio = sar
        if b_frames is not None:
            context.max_b_frames = b_frames
        if codec in ("mpeg4", "mpeg2video", "mpeg1video", "wmv2", "msmpeg4", "flv", "h263p", "h263"):
            context.bit_rate = 4_000_000
        sound_codec = "mp2" if format == "mpegts" else "aac"
        sound = None if sound_from is None else output.add_stream(sound_codec, rate=44100)
        packets = []
        for index, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(draw_image(number, *size), format="bgr24")
            frame.pts = index if pts is None else pts[index]
            frame.time_base = tick
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if sound is not None:
            write_sound(output, sound, sound_from or 0.0)
        for packet in change(packets):
            output.mux(packet)
    return target


def write_sound(output: Any, stream: Any, start_s: float, seconds: float = 1.0) -> None:
    """Write silence from `start_s` on."""
    for block in range(int(seconds * 44100 / 1152)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 44100, round(start_s * 44100) + block * 1152
        frame.time_base = Fraction(1, 44100)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


class Pipe(io.RawIOBase):
    """A place to write to that cannot be wound back, so that a header stays as it was written first."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Append."""
        self.content += content
        return len(content)


def piped(path: Path, codec: str, format: str, **more: Any) -> None:
    """Write a file as a browser records one: no duration, no index."""
    path.write_bytes(encode(Pipe(), codec, format=format, **more).content)


def cut(path: Path, share: float, whole: Callable[[Path], Any]) -> None:
    """Make a file with `whole` and keep the first `share` of its bytes."""
    whole(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def join(path: Path, *parts: Callable[[Path], Any]) -> None:
    """Put files one behind the other, as `cat` does."""
    content = b""
    for part in parts:
        part(path)
        content += path.read_bytes()
    path.write_bytes(content)


def spoil(path: Path, whole: Callable[[Path], Any], places: Sequence[float] = (0.5,), count: int = 40) -> None:
    """Make a file with `whole` and fill some places with zeros."""
    whole(path)
    content = bytearray(path.read_bytes())
    for place in places:
        start = int(len(content) * place)
        content[start : start + count] = bytes(count)
    path.write_bytes(content)


def without(*dropped: int) -> Callable[[list[av.Packet]], list[av.Packet]]:
    """Drop packets by number."""
    return lambda packets: [packet for i, packet in enumerate(packets) if i not in dropped]


def hidden(*numbers: int) -> Callable[[list[av.Packet]], list[av.Packet]]:
    """Clear the show bit of VP8 packets: references that are decoded and not shown."""

    def change(packets: list[av.Packet]) -> list[av.Packet]:
        for number in numbers:
            old = packets[number]
            content = bytearray(bytes(old))
            content[0] &= ~0x10
            packets[number] = new = av.Packet(bytes(content))
            new.pts, new.dts, new.time_base, new.stream = old.pts, old.dts, old.time_base, old.stream
        return packets

    return change


def repeat_times(packets: list[av.Packet]) -> list[av.Packet]:
    """Give every fifth packet the time of the one before it."""
    for number, packet in enumerate(packets):
        packet.pts = packet.dts = number - (number % 5 == 4)
    return packets


def lay_down(path: Path, a: int, b: int, c: int, d: int, **more: Any) -> None:
    """Make an MP4 file whose track header says how the images are turned and mirrored (ISO/IEC 14496-12, 8.3.2)."""
    encode(path, "mpeg4", numbers=range(4), **more)
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    content[start : start + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


VFR = [round(t * 1000) for t in [i / 30 for i in range(12)] + [0.4 + i / 5 for i in range(12)]]
JITTER = [i * 40 + (i * 7919) % 13 for i in range(COUNT)]
MS = Fraction(1, 1000)
# Files that are cut at a byte must have the same bytes every time; what x264 decides ahead depends on its threads.
STEADY = {"bf": "3", "qp": "24", "x264-params": "b-adapt=0:sync-lookahead=0:rc-lookahead=0:weightp=0:scenecut=0"}
MATRICES = {  # the eight ways to lay a rectangle down: a, b, c, d of the display matrix
    "as_is": (1, 0, 0, 1), "turned_90": (0, 1, -1, 0), "turned_180": (-1, 0, 0, -1), "turned_270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1), "upside_down": (1, 0, 0, -1), "transposed": (0, 1, 1, 0), "transverse": (0, -1, -1, 0),
}  # fmt: skip


# Name of the file -> what makes it at a path.
FILES: dict[str, Callable[[Path], Any]] = {
    # containers and codecs
    "plain.mp4": lambda p: encode(p, options={"bf": "3"}),
    "open_gop.mp4": lambda p: encode(p, options={"bf": "3", "x264-params": "open-gop=1"}),
    "plain.mkv": lambda p: encode(p, options={"bf": "3"}),
    "plain.ts": lambda p: encode(p, options={"bf": "3"}),
    "plain.mov": lambda p: encode(p, options={"bf": "2"}),
    "plain.flv": lambda p: encode(p, options={"bf": "2"}),
    "plain.nut": lambda p: encode(p, "mpeg4"),
    "fragmented.mp4": lambda p: encode(p, container={"movflags": "frag_keyframe+empty_moov"}),
    "mpeg2.mpg": lambda p: encode(p, "mpeg2video", b_frames=2),
    "mpeg1.mpg": lambda p: encode(p, "mpeg1video", b_frames=2),
    "mpeg2.mxf": lambda p: encode(p, "mpeg2video"),
    "mpeg4.avi": lambda p: encode(p, "mpeg4", b_frames=2),
    "mpeg4_simple.avi": lambda p: encode(p, "mpeg4"),
    "mpeg4.3gp": lambda p: encode(p, "mpeg4"),
    "h264.avi": lambda p: encode(p, options={"bf": "0"}),
    "h264_b.avi": lambda p: encode(p, options={"bf": "2"}),
    "mjpeg.avi": lambda p: encode(p, "mjpeg", pixels="yuvj420p"),
    "raw.mjpeg": lambda p: encode(p, "mjpeg", pixels="yuvj420p", format="mjpeg"),
    "uncompressed.avi": lambda p: encode(p, "rawvideo", pixels="bgr24"),
    "huffyuv.avi": lambda p: encode(p, "huffyuv", pixels="yuv422p"),
    "wmv2.wmv": lambda p: encode(p, "wmv2"),
    "msmpeg4.avi": lambda p: encode(p, "msmpeg4"),
    "h263.3gp": lambda p: encode(p, "h263", size=(176, 144)),
    "flv1.flv": lambda p: encode(p, "flv"),
    "hevc.mp4": lambda p: encode(p, "libx265", options={"x265-params": "log-level=none"}),
    "av1.mp4": lambda p: encode(p, "libsvtav1", options={"preset": "12"}),
    "vp8.webm": lambda p: encode(p, "libvpx", options={"deadline": "realtime"}),
    "vp9.webm": lambda p: encode(p, "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "vp9.mp4": lambda p: encode(p, "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "vp8.ivf": lambda p: encode(p, "libvpx", options={"deadline": "realtime"}),
    "plain.y4m": lambda p: encode(p, "rawvideo", format="yuv4mpegpipe"),
    "gif.gif": lambda p: encode(p, "gif", pixels="rgb8", rate=20, tick=Fraction(1, 20)),
    "apng.apng": lambda p: encode(p, "apng", pixels="rgb24"),
    # colours and pixels
    "prores.mov": lambda p: encode(p, "prores_ks", pixels="yuv422p10le", numbers=range(8)),
    "ffv1_rgb.mkv": lambda p: encode(p, "ffv1", pixels="bgr0"),
    "ffv1_grey16.mkv": lambda p: encode(p, "ffv1", pixels="gray16le"),
    "h264_444.mp4": lambda p: encode(p, pixels="yuv444p"),
    "h264_10bit.mp4": lambda p: encode(p, pixels="yuv420p10le"),
    "h264_grey.mp4": lambda p: encode(p, pixels="gray"),
    "h264_rgb.mkv": lambda p: encode(p, "libx264rgb", pixels="rgb24"),
    "full_range.mp4": lambda p: encode(p, pixels="yuvj420p"),
    "bt709.mp4": lambda p: encode(p, options={"colorspace": "bt709", "color_primaries": "bt709", "color_trc": "bt709"}),
    "animation_alpha.mov": lambda p: encode(p, "qtrle", pixels="argb"),
    "png_alpha.mov": lambda p: encode(p, "png", pixels="rgba"),
    "cinepak.avi": lambda p: encode(p, "cinepak", pixels="rgb24"),
    "interlaced.mpg": lambda p: encode(p, "mpeg2video", options={"flags": "+ilme+ildct"}),
    "odd_size.mkv": lambda p: encode(p, "ffv1", pixels="yuv444p", size=(95, 63)),
    "odd_size_420.mkv": lambda p: encode(p, "ffv1", size=(95, 63)),
    "tiny.avi": lambda p: encode(p, "rawvideo", pixels="bgr24", size=(8, 2)),
    "one_frame.mp4": lambda p: encode(p, numbers=[5]),
    "two_frames.webm": lambda p: encode(p, "libvpx", numbers=[5, 6], options={"deadline": "realtime"}),
    # times
    "raw.h264": lambda p: encode(p, options={"bf": "3"}),
    "raw_50.h264": lambda p: encode(p, rate=50, tick=Fraction(1, 50)),
    "raw.h265": lambda p: encode(p, "libx265", format="hevc", options={"x265-params": "log-level=none"}),
    "raw.m2v": lambda p: encode(p, "mpeg2video", format="mpeg2video", b_frames=2),
    "raw.m4v": lambda p: encode(p, "mpeg4", format="m4v"),
    "raw.obu": lambda p: encode(p, "libsvtav1", format="obu", options={"preset": "12"}),
    "vfr.mp4": lambda p: encode(p, pts=VFR, tick=MS, rate=30),
    "vfr.mkv": lambda p: encode(p, pts=VFR, tick=MS, rate=30),
    "vfr_b.mkv": lambda p: encode(p, pts=VFR, tick=MS, rate=30, options={"bf": "3"}),
    "jitter.webm": lambda p: encode(p, "libvpx", pts=JITTER, tick=MS, rate=1000, options={"deadline": "realtime"}),
    "late.mkv": lambda p: encode(p, pts=[5000 + 40 * i for i in range(COUNT)], tick=MS,
                                 container={"avoid_negative_ts": "disabled"}),
    "late.mp4": lambda p: encode(p, pts=[5000 + 40 * i for i in range(COUNT)], tick=MS),
    "late.ts": lambda p: encode(p, pts=[500 + i for i in range(COUNT)], options={"bf": "2"}),
    "sound_first.mkv": lambda p: encode(p, pts=[500 + 40 * i for i in range(COUNT)], tick=MS, sound_from=0.0,
                                        container={"avoid_negative_ts": "disabled"}),
    "sound_first.ts": lambda p: encode(p, pts=[500 + 40 * i for i in range(COUNT)], tick=MS, sound_from=0.0,
                                       format="mpegts"),
    "sound_later.mp4": lambda p: encode(p, sound_from=0.4, options={"bf": "2"}),
    "recorded.mkv": lambda p: piped(p, "libx264", "matroska"),
    "recorded.webm": lambda p: piped(p, "libvpx", "webm", pts=JITTER, tick=MS, rate=1000,
                                     options={"deadline": "realtime"}),
    "time_lapse.mp4": lambda p: encode(p, numbers=range(12), rate=Fraction(1, 20), tick=Fraction(1, 20) * 400),
    "time_lapse.mkv": lambda p: encode(p, numbers=range(12), pts=[20000 * i for i in range(12)], tick=MS, rate=1),
    "fast.mp4": lambda p: encode(p, rate=960, tick=Fraction(1, 960)),
    "lying_rate.mkv": lambda p: encode(p, "ffv1", pts=[200 * i for i in range(COUNT)], tick=MS, rate=30),
    "dropped.avi": lambda p: encode(p, "mpeg4", pts=[i + 3 * (i > 9) + 5 * (i > 15) for i in range(COUNT)]),
    "dropped_mjpeg.avi": lambda p: encode(p, "mjpeg", pixels="yuvj420p", change=without(5, 6, 12)),
    "dropped_b.avi": lambda p: encode(p, "mpeg4", pts=[i + 3 * (i > 9) for i in range(COUNT)], b_frames=2),
    "joined.ts": lambda p: join(p, FILES["plain.ts"], FILES["plain.ts"]),
    "joined_later.ts": lambda p: join(p, FILES["plain.ts"], lambda q: encode(q, pts=[2000 + i for i in range(COUNT)])),
    "joined.mpg": lambda p: join(p, FILES["mpeg2.mpg"], FILES["mpeg2.mpg"]),
    "joined.mkv": lambda p: join(p, FILES["plain.mkv"], FILES["plain.mkv"]),
    # shape
    **{f"{name}.mp4": lambda p, m=m: lay_down(p, *m)  # type: ignore[misc]
       for name, m in MATRICES.items()},
    "pal.mpg": lambda p: encode(p, "mpeg2video", sar=Fraction(16, 15)),
    "pal_wide.mkv": lambda p: encode(p, "ffv1", sar=Fraction(64, 45)),
    "ntsc.mp4": lambda p: encode(p, sar=Fraction(8, 9)),
    "hdv.ts": lambda p: encode(p, sar=Fraction(4, 3)),
    "anamorphic.avi": lambda p: encode(p, "mpeg4", sar=Fraction(3, 2)),
    "dv.avi": lambda p: encode(p, "dvvideo", size=(720, 576), numbers=range(2), sar=Fraction(16, 15)),
    "dv_wide.dv": lambda p: encode(p, "dvvideo", size=(720, 576), numbers=range(2), sar=Fraction(64, 45), format="dv",
                                   sound_from=None),
    "anamorphic_turned.mp4": lambda p: lay_down(p, *MATRICES["turned_90"], sar=Fraction(4, 3)),
    "new_size.ts": lambda p: join(p, FILES["plain.ts"], lambda q: encode(q, size=(64, 96))),
    "new_aspect.ts": lambda p: join(p, FILES["plain.ts"], lambda q: encode(q, sar=Fraction(2))),
    # cut and damaged
    "cut_faststart.mp4": lambda p: cut(p, 0.8, lambda q: encode(q, "mpeg4", container={"movflags": "+faststart"})),
    "cut_fragments.mp4": lambda p: cut(
        p, 0.7, lambda q: encode(q, container={"movflags": "frag_keyframe+empty_moov"}, options=STEADY)
    ),
    "cut.mkv": lambda p: cut(p, 0.6, lambda q: encode(q, options=STEADY)),
    "cut.ts": lambda p: cut(p, 0.6, lambda q: encode(q, options=STEADY)),
    "cut.avi": lambda p: cut(p, 0.8, FILES["mpeg4.avi"]),
    "cut.webm": lambda p: cut(p, 0.6, FILES["vp8.webm"]),
    "cut.flv": lambda p: cut(p, 0.6, lambda q: encode(q, options=STEADY)),
    "damaged.ts": lambda p: spoil(p, lambda q: encode(q, options=STEADY), (0.5,), 400),
    "damaged.mkv": lambda p: spoil(p, lambda q: encode(q, options=STEADY)),
    "damaged.mp4": lambda p: spoil(p, lambda q: encode(q, "mpeg4"), (0.2, 0.3), 60),
    "damaged_mjpeg.avi": lambda p: spoil(p, FILES["mjpeg.avi"], (0.3, 0.6), 500),
    "no_key_first.ts": lambda p: encode(p, gop=10, change=lambda packets: packets[4:]),
    "no_key_first.mkv": lambda p: encode(p, gop=10, change=lambda packets: packets[4:]),
    "missing_frames.mkv": lambda p: encode(p, "mpeg4", change=without(5, 6, 17)),
    "same_times.mkv": lambda p: encode(p, "mjpeg", pixels="yuvj420p", change=repeat_times),
    # hidden frames
    "hidden.webm": lambda p: encode(p, "libvpx", options={"deadline": "realtime"}, change=hidden(3, 9, 10)),
    "hidden.ivf": lambda p: encode(p, "libvpx", options={"deadline": "realtime"}, change=hidden(3, 9, 10)),
    "alt_ref.webm": lambda p: encode(p, "libvpx-vp9", options={"auto-alt-ref": "1", "lag-in-frames": "16",
                                                               "cpu-used": "5"}),
}  # fmt: skip


# Where FFmpeg's program scales, turns and mirrors as its player does; then the colours of four quarters.
FILTERS = "scale=iw*sar:ih:flags=bicubic,setsar=1,format=bgr24,showinfo,scale=2:2:flags=area"
SHOWN = re.compile(r"n: *\d+ pts: *\S+ pts_time:(\S+) .*? s:(\d+)x(\d+) ")


def ask_ffmpeg(path: Path) -> dict[str, Any]:
    """Return times in seconds, sizes, and the mean BGR of the quarters of the first, middle and last frame."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-threads", "1", "-i", str(path), "-map", "0:V:0"]
    command += ["-vsync", "passthrough", "-vf", FILTERS, "-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    answer = subprocess.run(command, capture_output=True, check=False)
    shown = SHOWN.findall(answer.stderr.decode(errors="replace"))
    quarters = [list(answer.stdout[12 * i : 12 * i + 12]) for i in range(len(shown))]
    sizes = [[int(width), int(height)] for _, width, height in shown]
    return {
        "bytes": path.stat().st_size,
        "times_s": [round(float(time), 4) for time, _, _ in shown],
        "sizes": sizes if sizes.count(sizes[0]) < len(sizes) else sizes[:1],
        "quarters": {str(i): quarters[i] for i in sorted({0, len(shown) // 2, len(shown) - 1})},
    }


def freeze() -> None:
    """Ask FFmpeg's program about every file and write down what it says."""
    with tempfile.TemporaryDirectory() as folder:
        said = {}
        for name, make in FILES.items():
            make(Path(folder) / name)
            said[name] = ask_ffmpeg(Path(folder) / name)
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout.split()[2]
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(answer)}" for name, answer in said.items())
    FROZEN.write_text(f'{{"ffmpeg": "{version}", "files": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    sys.exit(freeze())
