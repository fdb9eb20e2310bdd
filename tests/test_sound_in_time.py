"""Sound in exports: a flash and a click that were drawn at the same moment stay together, to half an image."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tracker_core.rendering.writers import VideoWriter
from tracker_core.results.identity import sound_location
from tracker_core.sources.opening import open_source

RATE, SECONDS, HALF_IMAGE_S = 48_000, 6, 0.02
REGULAR = [index / 25 for index in range(25 * SECONDS)]
VARIABLE = [time_s for index, time_s in enumerate(REGULAR) if index % 5 not in (1, 2)]  # steps of 1 and 3 images
MOMENTS_S = (0.2, 1.0, 1.6, 2.8, 3.4, 4.2, 5.0)  # shown in both
HOLE_S = (2.0, 2.6)  # between two of them


def make_clip(path: Path, codec: str, times_s: list[float], start_s: float, hole: bool) -> Path:
    """A video whose images are dark, white at `MOMENTS_S`, when there is a click; `start_s` is its first time."""
    sound = np.zeros(SECONDS * RATE, np.float32)
    for moment_s in MOMENTS_S:
        sound[round(moment_s * RATE) :][:240] = 0.9 * np.sign(np.sin(np.arange(240)))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(25))
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio: Any = container.add_stream(codec, rate=RATE, layout="mono")
        for time_s in times_s:
            grey = 235 if any(abs(time_s - moment_s) < 1e-6 for moment_s in MOMENTS_S) else 40
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), format="bgr24")
            frame.pts, frame.time_base = round((time_s + start_s) * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        size = audio.codec_context.frame_size or 960
        for first in range(0, len(sound) - size + 1, size):
            if hole and HOLE_S[0] <= first / RATE < HOLE_S[1]:
                continue
            samples = sound[first : first + size][None]
            whole = (samples * 32767).astype(np.int16)
            is_whole = codec == "pcm_s16le"
            part = av.AudioFrame.from_ndarray(whole if is_whole else samples, "s16" if is_whole else "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = RATE, first + round(start_s * RATE), Fraction(1, RATE)
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
    return path


def flashes(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        images = [(float(f.time or 0), f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    return [time_s for time_s, grey in images if grey > 150]


def clicks(path: Path) -> list[float]:
    found: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray().reshape(-1)) > 0.3)
            times_s = [float(frame.time or 0) + place / frame.sample_rate for place in loud]
            found += [time_s for time_s in times_s[:1] if not found or time_s - found[-1] > 0.1]
    return found


# sound that has to be encoded again (PCM) or is copied (AAC); times of the images; when the file starts; a hole in it
CLIPS = {
    "plain": ("aac", REGULAR, 0.0, False),
    "starts late": ("pcm_s16le", REGULAR, 5.0, False),
    "variable rate": ("aac", VARIABLE, 0.0, False),
    "variable rate, starts late, encoded": ("pcm_s16le", VARIABLE, 2.0, False),
    "hole, copied": ("aac", REGULAR, 0.0, True),
    "hole, encoded": ("pcm_s16le", REGULAR, 0.0, True),  # what followed came 0.6 s too early
}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("first_s", [0.0, 0.92])
def test_flash_and_click_stay_together(tmp_path: Path, clip: str, first_s: float) -> None:
    codec, times_s, start_s, hole = CLIPS[clip]
    path = make_clip(tmp_path / "clip.mkv", codec, times_s, start_s, hole)
    source = open_source(path)
    target = tmp_path / "part.mp4"
    with VideoWriter(target, source.fps, sound_of=sound_location(source)) as writer:
        while (frame := source.read()) is not None:
            if first_s <= frame.time_s < 4.6:
                writer.write(frame.image, frame.time_s)
    source.close()
    expected = [moment_s for moment_s in MOMENTS_S if first_s <= moment_s < 4.6]
    seen, heard = flashes(target), clicks(target)
    assert len(seen) == len(heard) == len(expected)
    assert np.diff(seen) == pytest.approx(np.diff(expected), abs=2e-3), "the images' own times"
    assert heard == pytest.approx(seen, abs=HALF_IMAGE_S)
