"""Sources that vanish, come back or are replaced while they are open: one sentence, and never another one's images."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from cli_sources import BOX, draw_image, make_images

from tracker_core.cli.main import main
from tracker_core.errors import SourceError
from tracker_core.results.formats import read_boxes
from tracker_core.sources.opening import open_source
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import FrameSource

COUNT = 60


def make_clip(path: Path, seed: int = 0, count: int = COUNT) -> Path:
    """A video of noise, so that the decoder holds only a part of it: image `i` has the grey `i` in its corner."""
    random = np.random.default_rng(seed)
    with av.open(str(path), "w", container_options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.gop_size = 10
        for _ in range(count):
            noise = random.integers(0, 255, (64, 96, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def open_clip(path: Path) -> VideoFileSource:
    """Open a video without a cache, so that going back reads the file."""
    return VideoFileSource(path, cache_bytes=1)


def image_at(source: FrameSource, index: int) -> np.ndarray:
    source.seek(index)
    frame = source.read()
    assert frame is not None and frame.index == index
    return frame.image


def test_a_video_that_is_moved_away_is_a_sentence_and_comes_back(tmp_path: Path) -> None:
    """Reading on from what was closed ended the program."""
    path, away = make_clip(tmp_path / "clip.mp4"), tmp_path / "away.mp4"
    source = open_clip(path)
    first, late = image_at(source, 0), image_at(source, 50)
    path.rename(away)
    with pytest.raises(SourceError, match=r"'clip.mp4' can no longer be read .* is kept"):
        source.seek(0)
    np.testing.assert_array_equal(image_at(source, 52), image_at(open_clip(away), 52))  # it goes on where it stood
    away.rename(path)
    np.testing.assert_array_equal(image_at(source, 0), first)
    np.testing.assert_array_equal(image_at(source, 50), late)


def replace(path: Path) -> None:
    make_clip(path.with_name("other.mp4"), seed=1).replace(path)


def write_over(path: Path) -> None:
    shutil.copyfile(make_clip(path.with_name("other.mp4"), seed=1, count=COUNT + 20), path)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


# what another program does with the file while it is open here; each left what is open without a word
@pytest.mark.parametrize("change", [replace, write_over, cut])
def test_a_video_that_changes_while_it_is_open_is_a_sentence(tmp_path: Path, change) -> None:
    path = make_clip(tmp_path / "clip.mp4")
    source = open_clip(path)
    image_at(source, 50)
    change(path)
    with pytest.raises(SourceError, match=r"'clip\.mp4' was replaced or changed while it was open"):
        source.seek(0)


def test_a_video_that_grows_stays_open(tmp_path: Path) -> None:
    """It may be a recording that is still being written."""
    path = make_clip(tmp_path / "clip.mkv")
    source = open_clip(path)
    first = image_at(source, 0)
    image_at(source, 50)
    with path.open("ab") as file:
        file.write(b"\0" * 100)
    np.testing.assert_array_equal(image_at(source, 0), first)


def open_images(folder: Path, count: int = 8) -> FrameSource:
    source = open_source(make_images(folder, count))
    assert source.read() is not None
    return source


def test_a_folder_that_is_gone_is_one_sentence_and_comes_back(tmp_path: Path) -> None:
    """It was an entry for each image, and then the end, as if there were no more."""
    folder = tmp_path / "share"
    source = open_images(folder)
    folder.rename(tmp_path / "away")
    for _ in range(2):  # not stepped over either
        with pytest.raises(SourceError, match=r"images of 'share' are gone from '0002\.png' on"):
            source.read()
    assert source.warnings == []
    (tmp_path / "away").rename(folder)
    frames = [source.read() for _ in range(7)]
    assert [frame.index for frame in frames if frame] == [1, 2, 3, 4, 5, 6, 7]


def test_one_image_that_was_deleted_is_left_out(tmp_path: Path) -> None:
    source = open_images(tmp_path / "images")
    (tmp_path / "images" / "0003.png").unlink()
    frames = [source.read() for _ in range(6)]
    assert [frame.index for frame in frames if frame] == [1, 3, 4, 5, 6, 7]
    assert len(source.warnings) == 1 and "0003.png" in source.warnings[0] and "left out" in source.warnings[0]


def test_track_keeps_what_it_found_before_the_folder_was_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last frames were missing, with exit code 0."""
    monkeypatch.chdir(tmp_path)
    folder = make_images(tmp_path / "images", 8)
    read = cv2.imdecode

    def read_and_lose(content, flags):
        if np.array_equal(image := read(content, flags), draw_image(4)):
            shutil.rmtree(folder, ignore_errors=True)
        return image

    monkeypatch.setattr("tracker_core.sources.images.cv2.imdecode", read_and_lose)
    how = ["--out", "out", "--no-video", "--progress", "none", "--device", "cpu", "--tracker", "siamfc-small"]
    assert main(["track", "--source", "images", "--box", BOX, *how]) == 2
    assert "are gone from '0006.png' on" in capsys.readouterr().err
    assert len(read_boxes("out/images-boxes.csv")) == 5
