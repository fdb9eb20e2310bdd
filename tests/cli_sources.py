"""Small videos and folders of images, good and bad, that the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from tracker_core.types import Image

# `python -c` of this is the command line, ten frames a second at most: whoever is to stop it is never too late
UNHURRIED = """
import sys, time
from tracker_core.cli.main import main
from tracker_core.sources.video_file import VideoFileSource
read = VideoFileSource.read
VideoFileSource.read = lambda source: (time.sleep(0.1), read(source))[1]
sys.exit(main(sys.argv[1:]))
"""
WIDTH, HEIGHT, COUNT = 96, 64, 30
BOX = "10,20,24,20"


def draw_image(index: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A red target that walks to the right over grey."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[20:40, 10 + index : 34 + index] = (30, 60, 240)
    image[26:34, 16 + index : 24 + index] = (240, 240, 240)
    return image


def make_video(path: Path, count: int = COUNT, size: tuple[int, int] = (WIDTH, HEIGHT), faststart: bool = True) -> Path:
    """Encode `count` images as H.264; `faststart` puts the index first, so that a part of the file is a video."""
    options = {"movflags": "+faststart"} if faststart and path.suffix == ".mp4" else {}
    with av.open(str(path), "w", container_options=options) as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 10
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(draw_image(index, *size), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_images(folder: Path, count: int = 6, change: Callable[[int, Image], Any] = lambda index, image: image) -> Path:
    """Write `count` PNG images, each changed by `change(index, image)`."""
    folder.mkdir(parents=True)
    for index in range(count):
        assert cv2.imwrite(str(folder / f"{index + 1:04d}.png"), change(index, draw_image(index)))
    return folder


def make_otb(folder: Path, count: int = 6, lines: int | None = None) -> Path:
    """Write an OTB sequence of `count` images with `lines` lines of ground truth (as many as images)."""
    make_images(folder / "img", count)
    truth = [f"{11 + index},21,24,20" for index in range(count if lines is None else lines)]
    (folder / "groundtruth_rect.txt").write_text("\n".join(truth) + "\n")
    return folder
