"""Keeping a source's sound: copied beside tracked images, for the same range of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from tracker_core.sources.containers import ffmpeg_location, select_video_stream, timeout_for

# what players expect in each container; anything else becomes AAC
_COPIED = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac"},
    ".m4v": {"aac", "ac3", "alac"},
    ".mov": {"aac", "mp3", "ac3", "alac"},
    ".mkv": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "vorbis", "flac"},
}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # by number of channels
_AAC_FRAME = 1024
_AAC_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
SEEK_MARGIN_S = 1.0
LEAST_HOLE_S = 0.015  # half an image at 33 a second; times of containers are rounded to a millisecond

Timed = tuple[float, Any]  # seconds, packet


def has_sound(location: str) -> bool:
    """Tell whether a video file or address has sound; false where it cannot be opened."""
    try:
        with av.open(ffmpeg_location(location), timeout=timeout_for(location)) as container:
            return bool(container.streams.audio)
    except (av.error.FFmpegError, OSError):
        return False


def add_sound(video: Path, target: Path, location: str, start_s: float, end_s: float) -> bool:
    """Write to `target` the images of `video` with the sound of `location` from `start_s` to `end_s`.

    Times count from the first image of `location`, which is what a `Frame` calls its time. Sound is copied where
    the container of `target` takes it, packet by packet, else encoded as AAC. Returns False, and writes nothing of
    use, if there is no sound in that range. Raises FFmpeg's errors and `OSError`.
    """
    options = {} if target.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
    with av.open(str(video)) as images, av.open(ffmpeg_location(location), timeout=timeout_for(location)) as heard:
        stream = next((stream for stream in heard.streams.audio if stream.codec_context is not None), None)
        if stream is None:
            return False
        origin_s = _first_image_s(heard) + start_s
        with av.open(str(target), "w", container_options=options) as container:
            shown = _copy(images, container, images.streams.video[0], 0.0, float("inf"))
            heard.seek(max(0, int((origin_s - SEEK_MARGIN_S) * av.time_base)), backward=True)
            length_s = end_s - start_s
            if _can_copy(stream, target.suffix.lower()):
                sound = _copy(heard, container, stream, origin_s, length_s)
            else:
                sound = _encode(heard, container, stream, origin_s, length_s)
            heard_any = False
            for _, _, packet, is_sound in heapq.merge(_numbered(shown, False), _numbered(sound, True)):
                heard_any = heard_any or is_sound
                container.mux(packet)
    return heard_any


def _numbered(packets: Iterator[Timed], is_sound: bool) -> Iterator[tuple[float, int, Any, bool]]:
    for number, (time_s, packet) in enumerate(packets):
        yield time_s, 2 * number + is_sound, packet, is_sound  # the number keeps packets from being compared


def _first_image_s(container: InputContainer) -> float:
    stream = select_video_stream(container)
    first: Any = next(container.decode(stream), None) if stream is not None else None
    if first is None or first.pts is None:
        return 0.0
    return float(first.pts * first.time_base)


def _can_copy(stream: AudioStream, suffix: str) -> bool:
    context = stream.codec_context
    # AAC of a transport stream has no header of its own, which the other containers need
    return context.name in _COPIED.get(suffix, ()) and (context.name != "aac" or bool(context.extradata))


def _copy(
    source: InputContainer, container: OutputContainer, stream: Any, origin_s: float, length_s: float
) -> Iterator[Timed]:
    """Yield (seconds, packet) of a stream as it is, its times counted from `origin_s`."""
    out = container.add_stream_from_template(stream)
    shift = round(origin_s / stream.time_base)

    def packets() -> Iterator[Timed]:
        for packet in _with_decoding_times(source.demux(stream)):
            time_s = float((packet.pts - shift) * stream.time_base)
            if length_s != float("inf") and time_s >= length_s:
                break
            if length_s != float("inf") and time_s < 0:
                continue
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = out
            yield float(packet.dts * stream.time_base), packet

    return packets()


def _with_decoding_times(packets: Iterator[Any]) -> Iterator[Any]:
    """Yield the packets that have content and a time, each with a decoding time.

    Matroska keeps presentation times only: what FFmpeg works out of them leaves out the first packets of a video whose
    frames are reordered. Theirs lie before those that are known.
    """
    waiting: list[Any] = []
    for packet in packets:
        if packet.pts is None or not packet.size:
            continue
        if packet.dts is None:
            waiting.append(packet)
            continue
        yield from _count_back(waiting, packet.dts)
        waiting = []
        yield packet
    yield from _count_back(waiting, min((packet.pts for packet in waiting), default=0))


def _count_back(packets: Sequence[Any], end: int) -> Iterator[Any]:
    for place, packet in enumerate(packets):
        packet.dts = end - (len(packets) - place) * max(1, packet.duration or 1)
        yield packet


def _encode(
    source: InputContainer, container: OutputContainer, stream: AudioStream, origin_s: float, length_s: float
) -> Iterator[Timed]:
    """Yield (seconds, packet) of a stream as AAC, cut to the sample."""
    rate = min(_AAC_RATES, key=lambda known: abs(known - stream.rate))
    layout = _LAYOUTS.get(stream.layout.nb_channels, "stereo")
    out = container.add_stream("aac", rate=rate, layout=layout)
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    return _encoded(source, stream, out, resampler, rate, origin_s, length_s)


def _encoded(
    source: InputContainer, stream: AudioStream, out: Any, resampler: Any, rate: int, origin_s: float, length_s: float
) -> Iterator[Timed]:
    fifo, first_s, written, left = AudioFifo(), None, 0, 0

    def flush(count: int, partial: bool) -> Iterator[Timed]:
        nonlocal written
        chunk = fifo.read(count, partial)
        if chunk is not None:
            chunk.pts, chunk.time_base = written, Fraction(1, rate)
            written += chunk.samples
            for packet in out.encode(chunk):
                yield float((packet.dts or 0) * packet.time_base), packet

    for time_s, piece in _pieces(source, stream, resampler, origin_s, length_s):
        fifo.write(piece)
        if first_s is None:
            first_s = time_s
            skipped, written = max(0, round(-time_s * rate)), max(0, round(time_s * rate))
            left = round(length_s * rate) - written
        while skipped and fifo.samples:
            taken = fifo.read(min(skipped, fifo.samples))
            skipped -= taken.samples if taken is not None else skipped
        while not skipped and fifo.samples >= _AAC_FRAME and left >= _AAC_FRAME:
            left -= _AAC_FRAME
            yield from flush(_AAC_FRAME, False)
    if fifo.samples and left > 0:
        yield from flush(min(left, fifo.samples), True)
    for packet in out.encode(None):
        yield float((packet.dts or 0) * packet.time_base), packet


def _pieces(
    source: InputContainer, stream: AudioStream, resampler: Any, origin_s: float, length_s: float
) -> Iterator[tuple[float, AudioFrame]]:
    """Yield (seconds, samples) of a stream up to `length_s`, one after the other: a hole in it becomes silence."""
    until_s: float | None = None  # to where there were samples
    for decoded in source.decode(stream):
        if decoded.pts is None or decoded.time_base is None:
            continue
        time_s = float(decoded.pts * decoded.time_base) - origin_s
        if time_s >= length_s:
            return
        until_s = time_s if until_s is None else until_s
        while time_s - until_s > LEAST_HOLE_S:
            silence = _silence(resampler, min(1.0, time_s - until_s))
            yield until_s, silence
            until_s += silence.samples / silence.sample_rate
        for piece in resampler.resample(decoded):
            piece.pts = None
            yield until_s, piece
            until_s += piece.samples / piece.sample_rate


def _silence(resampler: Any, seconds: float) -> AudioFrame:
    """Return silence in the form that a resampler gives."""
    channels = resampler.layout.nb_channels
    samples = np.zeros((channels, max(1, round(seconds * resampler.rate))), np.float32)
    frame = AudioFrame.from_ndarray(samples, format="fltp", layout=resampler.layout.name)
    frame.sample_rate = resampler.rate
    return frame
