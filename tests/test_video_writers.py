"""The video writer: what it writes can be read back, and nothing half-written stays."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.errors import OutputError, SourceEnded, SourceError
from tracker_core.rendering import writers
from tracker_core.rendering.encoder import fit_image, to_frame_rate
from tracker_core.rendering.writers import VideoWriter, codec_description, read_back
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import Image, iterate_frames


def draw_image(index: int, width: int = 64, height: int = 48) -> Image:
    """Flat colours that survive compression, another one per index."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (200, 40 + 3 * index, 60)
    image[:, width // 2 :] = (40, 60, 220)
    return image


def write(path: Path, count: int = 12, fps: float | Fraction = 25, **size: int) -> VideoWriter:
    with VideoWriter(path, fps) as writer:
        for index in range(count):
            writer.write(draw_image(index, **size))
    return writer


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
def test_what_is_written_can_be_read(tmp_path: Path, suffix: str) -> None:
    writer = write(tmp_path / "deep" / f"out{suffix}", fps=29.97)
    source = VideoFileSource(writer.path)
    frames = list(iterate_frames(source))
    assert writer.is_in_place
    assert len(frames) == 12 == writer.frames_written and source.size == (64, 48) == writer.size
    for index, frame in enumerate(frames):
        assert np.abs(frame.image.astype(int) - draw_image(index)).mean() < 6
        assert frame.time_s == pytest.approx(index * 1001 / 30000, abs=1.1e-3)
    assert [path.name for path in writer.path.parent.iterdir()] == [f"out{suffix}"]


def test_a_panorama_that_no_video_holds_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"cannot have 16386×2 pixels.* at most 16384"),
        VideoWriter(tmp_path / "wide.mp4", 25) as writer,
    ):
        writer.write(np.zeros((2, 16386, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_colours_are_neither_darker_nor_lighter(tmp_path: Path) -> None:
    """By BT.709 (H.273, limited range) in floating point: what FFmpeg rounds while it reads is not in it."""
    colours = np.random.default_rng(0).integers(12, 244, (40, 3))
    with VideoWriter(tmp_path / "plain.mp4", 25) as writer:
        for colour in colours:
            writer.write(np.full((32, 32, 3), colour, np.uint8))
    with av.open(str(writer.path)) as container:
        planes = [
            [float(np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[4, 4]) for plane in frame.planes]
            for frame in container.decode(video=0)
        ]
    y, cb, cr = ((np.array(planes) - [16, 128, 128]) / [219, 224, 224]).T
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    off = 255 * np.stack([blue, green, red], axis=1) - colours
    assert np.abs(off.mean(axis=0)).max() < 0.7 and np.abs(off).max() < 2.5


GIF_TIMES: dict[str, tuple[list[float], list[int]]] = {
    # times in seconds, delays in hundredths: rounding does not add up
    "30 per second": ([i / 30 for i in range(7)], [3, 4, 3, 3, 4, 3, 3]),
    "its own times": ([5.0, 5.04, 5.5, 7.0], [4, 46, 150, 150]),
    "60 per second": (
        [i / 60 for i in range(7)],
        [2, 3, 2, 3, 3],
    ),  # 0, 2, 3, 5, 7, 8, 10: those at 3 and 8 are left out
    "a single one": ([0.0], [10]),
}


@pytest.mark.parametrize("kind", GIF_TIMES)
def test_a_gif_has_the_times_colours_and_size(tmp_path: Path, kind: str) -> None:
    times, delays = GIF_TIMES[kind]
    with VideoWriter(tmp_path / "a.gif", 30, sound_of=None) as writer:
        for index, time_s in enumerate(times):
            writer.write(draw_image(10 * index, 63, 47), time_s)  # odd sides stay
    data = writer.path.read_bytes()
    found = [int.from_bytes(data[m.end() + 1 : m.end() + 3], "little") for m in re.finditer(b"\x21\xf9\x04", data)]
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in data, "it loops for ever"
    assert writer.size == (63, 47) and [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    with av.open(str(writer.path)) as container:
        images = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(images) == len(delays) == writer.frames_written - (2 if kind == "60 per second" else 0)
    assert np.abs(images[0].astype(int) - draw_image(0, 63, 47)).mean() < 6
    assert found == delays
    assert bool(writer.notes) == (kind == "60 per second")


def test_a_gif_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.gif", 30)
    writer.write(draw_image(0))
    writer.abort()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_images_keep_their_own_times(tmp_path: Path, suffix: str) -> None:
    times = [5.0, 5.033, 5.1, 5.5, 5.5, 5.512]  # as a camera gives them; a repeated one moves on by a tick
    with VideoWriter(tmp_path / f"live{suffix}", 30) as writer:
        for index, time_s in enumerate(times):
            writer.write(draw_image(index), time_s)
    found = [frame.time_s for frame in iterate_frames(VideoFileSource(writer.path))]
    assert found == pytest.approx([time_s - 5.0 for time_s in times], abs=2e-3)
    assert all(later > earlier for earlier, later in itertools.pairwise(found))


def test_h264_is_what_every_player_opens(tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4").path
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
        assert stream.average_rate == 25 and stream.frames == 12
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays while it is still being downloaded
    assert "H.264" in codec_description(path)


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47), (63, 47), (1, 1)])
def test_odd_sizes_become_even_without_losing_a_pixel(tmp_path: Path, width: int, height: int) -> None:
    writer = write(tmp_path / "odd.mp4", width=width, height=height)
    assert writer.size == (width + width % 2, height + height % 2)
    frame = VideoFileSource(writer.path).read()
    assert frame is not None
    assert np.abs(frame.image[:height, :width].astype(int) - draw_image(0, width, height)).mean() < 25


def test_other_sizes_are_fitted_into_the_first(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "mixed.mp4") as writer:
        for width, height in ((64, 48), (128, 96), (48, 64), (300, 20), (63, 48)):
            writer.write(draw_image(0, width, height))
    assert len(list(iterate_frames(VideoFileSource(writer.path)))) == 5


def test_fitting_keeps_the_shape_and_fills_with_black() -> None:
    white = np.full((100, 50, 3), 255, np.uint8)
    fitted = fit_image(white, (64, 48))
    assert fitted.shape == (48, 64, 3)
    assert (fitted[:, 20:44] == 255).all() and (fitted[:, :18] == 0).all() and (fitted[:, 46:] == 0).all()
    assert fit_image(white, (50, 100)) is white


@given(st.floats(0.01, 1000) | st.fractions(Fraction(1, 100), 1000))
def test_frame_rates_are_kept_closely(fps: float | Fraction) -> None:
    rate = to_frame_rate(fps)
    assert rate > 0 and rate.denominator <= 1001
    assert abs(float(rate) - float(fps)) <= max(0.005, 1e-3 * float(fps))


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (0.0, Fraction(30)),  # a source that does not know
        (float("nan"), Fraction(30)),
    ],
)
def test_known_frame_rates(fps: float, rate: Fraction) -> None:
    assert to_frame_rate(fps) == rate


def test_grey_alpha_and_read_only_images_are_taken(tmp_path: Path) -> None:
    frozen = draw_image(0)
    frozen.flags.writeable = False
    with VideoWriter(tmp_path / "out.mp4") as writer:
        grey = frozen[:, :, 0]
        for image in (frozen, grey, np.dstack([frozen, grey]), frozen[:, ::-1]):
            writer.write(image)
    assert read_back(writer.path) == (4, (64, 48))


def folder_is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def test_abort_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4")
    writer.write(draw_image(0))
    writer.abort()
    writer.abort()
    writer.close()
    assert not writer.is_in_place
    assert folder_is_empty(tmp_path)
    with pytest.raises(OutputError, match="finished"):
        writer.write(draw_image(0))


def test_abort_keeps_an_older_video_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4").path
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), VideoWriter(path) as writer:
        writer.write(draw_image(0))
        raise ZeroDivisionError
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("reason", [KeyboardInterrupt, SourceEnded])
def test_interruption_keeps_what_was_done(tmp_path: Path, reason: type[BaseException]) -> None:
    with pytest.raises(reason), VideoWriter(tmp_path / "out.mp4") as writer:
        for index in range(5):
            writer.write(draw_image(index))
        raise reason
    assert read_back(tmp_path / "out.mp4") == (5, (64, 48))


def test_no_image_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4"):
        pass
    assert folder_is_empty(tmp_path)


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.mp4"):
        VideoWriter(tmp_path / "out.webm")
    assert folder_is_empty(tmp_path)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as raised:
        VideoWriter(tmp_path / "file" / "out.mp4")
    assert "\n" not in str(raised.value)


def test_without_x264_the_video_becomes_motion_jpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "has_h264", lambda: False)
    writer = write(tmp_path / "out.mp4")
    assert writer.path == tmp_path / "out.avi" and writer.path.is_file()
    assert "Motion JPEG" in codec_description("out.mp4")
    with av.open(str(writer.path)) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"


def test_reading_back_finds_a_short_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "read_back", lambda path: (3, (64, 48)))
    with pytest.raises(OutputError, match="instead of 12"):
        write(tmp_path / "out.mp4")
    assert folder_is_empty(tmp_path)


def test_read_back_refuses_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"x" * 1000)
    with pytest.raises(SourceError):
        read_back(tmp_path / "x.mp4")


FULL_DISK = """
    import resource, signal, sys
    import numpy as np
    from tracker_core.errors import OutputError
    from tracker_core.rendering.writers import VideoWriter
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # no file may grow beyond this, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    noise = np.random.default_rng(1)
    try:
        with VideoWriter(sys.argv[1], 25, crf=1, preset="ultrafast") as writer:
            for _ in range(60):
                writer.write(noise.integers(0, 255, (240, 320, 3), dtype=np.uint8))
    except OutputError as error:
        print(error)
        raise SystemExit(2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit the size of files per process")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".gif"])
def test_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    script = textwrap.dedent(FULL_DISK)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / f"out{suffix}")],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 2, done.stderr
    assert str(tmp_path / f"out{suffix}") in done.stdout and len(done.stdout.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert folder_is_empty(tmp_path)


INTERRUPT = """
    import _thread, sys, threading
    import numpy as np
    from tracker_core.rendering.writers import VideoWriter
    noise = np.random.default_rng(1).integers(0, 255, (8, 240, 320, 3), dtype=np.uint8)
    for run in range(12):
        path = sys.argv[1] + f"/{run}.mp4"
        threading.Timer(0.02 + run * 0.007, _thread.interrupt_main).start()
        try:
            with VideoWriter(path, 25) as writer:
                while True:
                    writer.write(noise[writer.frames_written % 8])
        except KeyboardInterrupt:
            assert writer.is_in_place == (writer.frames_written > 0), run
"""


def test_control_c_at_any_moment_leaves_a_whole_video(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPT), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    videos = list(tmp_path.iterdir())
    assert len(videos) > 6 and all(read_back(path)[0] > 0 for path in videos)


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from tracker_core.errors import OutputError
from tracker_core.rendering.writers import VideoWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
random = np.random.default_rng(0)
try:
    with VideoWriter(Path(sys.argv[1]), 30) as writer:
        for index in range(60):
            writer.write(random.integers(0, 255, (120, 160, 3), np.uint8))
except OutputError as error:
    print(error)
"""


# how many bytes there is room for: not even for the head of the file, and for a part of it
@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
@pytest.mark.parametrize("room", [8, 100_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_no_room_is_a_sentence_and_leaves_no_file(tmp_path: Path, suffix: str, room: int) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"earlier")
    command = [sys.executable, "-c", NO_ROOM, str(path), str(room)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0 and "could not be written" in done.stdout, done.stderr
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.read_bytes() == b"earlier"
