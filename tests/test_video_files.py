"""Video files: every frame of every container, whichever way one gets there."""

from __future__ import annotations

import gc
import random
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tracker_core.errors import SourceError
from tracker_core.sources.cache import FrameCache
from tracker_core.sources.opening import open_source
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import Image, iterate_frames

WIDTH, HEIGHT, COUNT = 96, 64, 60


def draw_image(index: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """An image that tells its number: eight bits as light and dark columns, and a moving bar."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(8):
        if index >> bit & 1:
            image[: height // 2, bit * width // 8 : (bit + 1) * width // 8] = 220
    left = index % (width - 8)
    image[height // 2 :, left : left + 8] = (30, 60, 240)
    return image


def number_in(image: Image) -> int:
    """Read the number that `image` wrote."""
    height, width = image.shape[:2]
    row = image[height // 4].mean(axis=1)
    return sum(1 << bit for bit in range(8) if row[(2 * bit + 1) * width // 16] > 150)


def make_video(
    path: Path,
    codec: str = "libx264",
    *,
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode `COUNT` numbered images with B-frames and key frames every 12."""
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=options or {})
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 12
        stream.codec_context.time_base = Fraction(1, 25)
        if codec in ("mpeg4", "mpeg2video"):
            stream.codec_context.max_b_frames = 2
            stream.codec_context.bit_rate = 4_000_000
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(draw_image(index), format="bgr24")
            frame.pts = index if pts is None else pts[index]
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


CONTAINERS = [
    ("clip.mp4", "libx264", {"bf": "3"}),
    ("open_gop.mp4", "libx264", {"bf": "3", "x264-params": "open-gop=1"}),
    ("clip.mkv", "libx264", {"bf": "3"}),
    ("clip.ts", "libx264", {"bf": "3"}),  # OpenCV's own seeking is wrong here
    ("clip.mpg", "mpeg2video", {}),  # and here
    ("clip.avi", "mpeg4", {}),
    ("motion.avi", "mjpeg", {}),
    ("raw.h264", "libx264", {"bf": "3"}),  # no time stamps at all
]


@pytest.fixture(scope="module", params=CONTAINERS, ids=[name for name, _, _ in CONTAINERS])
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, codec, options = request.param
    return make_video(tmp_path_factory.mktemp("video") / name, codec, options=options)


@pytest.fixture(scope="module")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mp4") / "clip.mp4"
    return make_video(path, options={"bf": "3"}, container_options={"movflags": "+faststart"})


def test_reads_every_frame_in_order(video: Path) -> None:
    source = VideoFileSource(video)
    frames = list(iterate_frames(source))
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert [number_in(frame.image) for frame in frames] == list(range(COUNT))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in range(COUNT)], abs=1e-3)
    assert source.is_count_exact and source.frame_count == COUNT
    assert source.size == (WIDTH, HEIGHT) and source.fps == pytest.approx(25.0)
    source.close()


def test_any_jump_gives_the_frame_that_reading_in_order_gives(video: Path) -> None:
    reference = [frame.image for frame in iterate_frames(VideoFileSource(video))]
    source = VideoFileSource(video, cache_bytes=3 * WIDTH * HEIGHT * 3)  # so small that it hardly ever helps
    chance = random.Random(7)
    jumps = [COUNT - 1, 0, COUNT // 2, *(chance.randrange(COUNT) for _ in range(25)), *range(COUNT - 1, 30, -1)]
    for index in jumps:
        source.seek(index)
        frame = source.read()
        assert frame is not None and frame.index == index
        np.testing.assert_array_equal(frame.image, reference[index])
    source.close()


def test_reading_goes_on_after_a_jump(mp4: Path) -> None:
    source = VideoFileSource(mp4)
    source.seek(40)
    assert [number_in(frame.image) for frame in iterate_frames(source)] == list(range(40, COUNT))
    assert source.read() is None and source.read() is None
    source.seek(COUNT)  # the end itself can be gone to
    assert source.read() is None
    source.seek(3)
    assert number_in(next(iterate_frames(source)).image) == 3


@pytest.mark.parametrize("index", [-1, COUNT + 1, 10_000])
def test_frames_that_do_not_exist(mp4: Path, index: int) -> None:
    source = VideoFileSource(mp4)
    source.read()
    with pytest.raises(SourceError, match="does not exist"):
        source.seek(index)
    frame = source.read()  # a refused jump changes nothing
    assert frame is not None and frame.index == 1


def test_the_last_frame_is_found_from_anywhere(video: Path) -> None:
    source = VideoFileSource(video)
    assert source.last_index() == COUNT - 1 and source.frame_names is None
    source.seek(source.last_index())
    assert number_in(next(iterate_frames(source)).image) == COUNT - 1


def test_joined_recordings_are_counted(tmp_path: Path) -> None:
    """Two transport streams in one file: the times start again in the middle, so they cannot be trusted."""
    part = make_video(tmp_path / "part.ts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part + part)
    reference = [frame.image for frame in iterate_frames(VideoFileSource(joined))]
    source = VideoFileSource(joined)
    for index in (len(reference) - 1, 5, COUNT + 5, 70, 2):
        source.seek(index)
        frame = source.read()
        assert frame is not None and frame.index == index
        np.testing.assert_array_equal(frame.image, reference[index])
    assert any("not reliable" in warning for warning in source.warnings)


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    pts = [index * 2 + (index % 3 == 0) for index in range(COUNT)]
    source = VideoFileSource(make_video(tmp_path / "vfr.mkv", pts=pts))
    times = [frame.time_s for frame in iterate_frames(source)]
    assert times == pytest.approx([(value - pts[0]) / 25 for value in pts], abs=2e-3)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_rotation_in_the_header_is_obeyed(tmp_path: Path, quarter_turns: int) -> None:
    """Telephones film on their side and say so in the track header; images come out as players show them."""
    content = bytearray(make_video(tmp_path / "upright.mp4").read_bytes())
    upright = VideoFileSource(tmp_path / "upright.mp4").read()
    cosine, sine = (1, 0, -1, 0)[quarter_turns], (0, 1, 0, -1)[quarter_turns]
    matrix = content.index(b"tkhd") + 44
    content[matrix : matrix + 36] = struct.pack(
        ">9i", *(value << 16 for value in (cosine, sine, 0, -sine, cosine, 0, 0, 0)), 1 << 30
    )
    (tmp_path / "turned.mp4").write_bytes(content)
    turned = VideoFileSource(tmp_path / "turned.mp4")
    frame = turned.read()
    assert upright is not None and frame is not None
    np.testing.assert_array_equal(frame.image, np.rot90(upright.image, -quarter_turns))  # the header counts clockwise
    assert turned.size == (frame.image.shape[1], frame.image.shape[0])


@pytest.mark.parametrize(("transfer", "is_told"), [(1, False), (16, True), (18, True)])  # BT.709, PQ, HLG (H.273)
def test_colours_of_a_brighter_display_are_told(tmp_path: Path, transfer: int, is_told: bool) -> None:
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.color_trc = transfer
        for index in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw_image(index), format="bgr24")))
        container.mux(stream.encode(None))
    notes = VideoFileSource(tmp_path / "film.mp4").warnings
    assert [("HDR" in note and "paler" in note) for note in notes] == [True] * is_told


def test_frames_are_bgr_contiguous_and_read_only(mp4: Path) -> None:
    frame = VideoFileSource(mp4).read()
    assert frame is not None
    image = frame.image
    assert image.dtype == np.uint8 and image.flags.c_contiguous
    blue, _, red = image[HEIGHT - 8, 4]
    assert red > 200 and blue < 100  # the bar
    with pytest.raises(ValueError):
        image[0, 0] = 0


def test_decoded_images_are_given_back_at_once(mp4: Path) -> None:
    """Each holds a buffer of the size of an image: until Python collects garbage that would be gigabytes of 4K."""
    gc.collect()
    others = {id(thing) for thing in gc.get_objects() if isinstance(thing, av.VideoFrame)}  # of sources left open
    enabled = gc.isenabled()  # not where a window's tests ran in this process: theirs is collected between events
    gc.disable()
    try:
        source = VideoFileSource(mp4)
        assert sum(1 for _ in iterate_frames(source)) == COUNT
        source.close()  # which forgets the images that were kept to go back
        held = [thing for thing in gc.get_objects() if isinstance(thing, av.VideoFrame) and id(thing) not in others]
        assert len(held) <= 2  # of the sixty: the last one, and one that is being read
    finally:
        if enabled:
            gc.enable()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_truncated_video_keeps_what_decodes(tmp_path: Path, suffix: str, mp4: Path) -> None:
    whole = mp4 if suffix == ".mp4" else make_video(tmp_path / "whole.mkv")
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: len(content) * 6 // 10])
    source = VideoFileSource(cut)
    numbers = [number_in(frame.image) for frame in iterate_frames(source)]
    assert 10 < len(numbers) < COUNT - 5
    assert numbers[:10] == list(range(10))
    assert any("cut short" in warning and str(len(numbers)) in warning for warning in source.warnings)
    assert source.frame_count == len(numbers)


def test_damage_in_the_middle_does_not_stop_reading(tmp_path: Path) -> None:
    content = bytearray(make_video(tmp_path / "whole.ts").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    (tmp_path / "hurt.ts").write_bytes(content)
    source = VideoFileSource(tmp_path / "hurt.ts")
    frames = list(iterate_frames(source))
    assert len(frames) > COUNT // 3
    source.seek(len(frames) - 1)
    last = source.read()
    assert last is not None
    np.testing.assert_array_equal(last.image, frames[-1].image)


def bad_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield files that are no videos, with a word that the message must hold."""
    (folder / "text.mp4").write_text("this is a letter, not a film\n" * 50)
    yield folder / "text.mp4", "not a video"
    (folder / "letter.txt").write_text("FFmpeg would play this as a film of letters\n" * 50)
    yield folder / "letter.txt", "not a video"
    (folder / "empty.mp4").touch()
    yield folder / "empty.mp4", "empty"
    yield folder / "absent.mp4", "no file"
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    yield folder / "sound.mp4", "no moving images"
    with av.open(str(folder / "none.mkv"), "w", format="matroska") as container:  # a video of zero frames
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        container.start_encoding()
    yield folder / "none.mkv", "no image"
    whole = make_video(folder / "whole.mp4").read_bytes()
    (folder / "headless.mp4").write_bytes(whole[: len(whole) // 2])  # MP4 keeps its index at the end
    yield folder / "headless.mp4", "header is missing"


def test_files_that_are_no_videos_are_one_sentence(tmp_path: Path) -> None:
    for path, word in bad_files(tmp_path):
        with pytest.raises(SourceError) as raised:
            open_source(path)
        text = str(raised.value)
        assert word in text and path.name in text and "\n" not in text, text


def test_closed_source_says_so(mp4: Path) -> None:
    source = VideoFileSource(mp4)
    source.close()
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.read()


def test_cache_is_bounded_in_bytes(mp4: Path) -> None:
    frames = list(iterate_frames(VideoFileSource(mp4)))
    size = frames[0].image.nbytes
    cache = FrameCache(capacity_bytes=3 * size + 1)
    for frame in frames:
        cache.put(frame)
        assert len(cache) <= 3  # frames of one size
    assert len(cache) == 3 and cache.get(frames[-1].index) is frames[-1] and cache.get(0) is None
    cache.put(frames[-1])
    assert len(cache) == 3
    tiny = FrameCache(capacity_bytes=0)
    tiny.put(frames[0])
    assert len(tiny) == 1  # the frame that was just read is always there
