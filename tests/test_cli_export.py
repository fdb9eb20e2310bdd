"""What `track` and `export` write is true: times, sound, file names, the right source; and what a kill leaves."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags
from cli_sources import BOX, UNHURRIED, draw_image, make_images, make_otb, make_video

from tracker_core.cli import track_command
from tracker_core.cli.main import main
from tracker_core.errors import SourceEnded, SourceError
from tracker_core.results.provenance import SourceIdentity, SourceKind
from tracker_core.results.recorder import RunRecorder
from tracker_core.results.run_file import load_run, save_run
from tracker_core.results.unfinished import RunJournal
from tracker_core.sources.opening import open_source
from tracker_core.types import Frame, TrackingState, TrackResult

ROOT = Path(__file__).resolve().parents[1]
# any tracker would do here: the quickest one
TRACKING = ["--tracker", "siamscope-light", "--device", "cpu", "--box", BOX]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def track(*arguments: str) -> int:
    return main(["track", "--out", "out", "--progress", "none", *TRACKING, *arguments])


def export(*arguments: str) -> int:
    return main(["export", "--progress", "none", *arguments])


def make_film(
    path: Path,
    times_s: Sequence[float],
    burst_s: float | None = None,
    codec: str = "aac",
    tick: Fraction = Fraction(1, 90_000),
) -> Path:
    """Encode one image per time; with `burst_s`, silence with a tone of 0.2 s from then on beside them."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(25))
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = tick
        video.codec_context.flags |= Flags.frame_duration
        sound = container.add_stream(codec, rate=48_000, layout="mono") if burst_s is not None else None
        for index, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(draw_image(index), format="bgr24")
            frame.pts, frame.time_base = round(time_s / tick), tick
            frame.duration = round((times_s[-1] - times_s[-2]) / tick)  # counts for the last image only
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None and burst_s is not None:
            count = round((times_s[-1] + 0.04) * 48_000)
            seconds = np.arange(count) / 48_000
            heard = 0.5 * np.sin(2 * np.pi * 1000 * seconds) * ((seconds >= burst_s) & (seconds < burst_s + 0.2))
            fifo = av.AudioFifo()
            samples = np.round(heard * 32767).astype(np.int16)[None]
            whole = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            whole.sample_rate = 48_000
            fifo.write(whole)
            for start in range(0, count, 1024):
                chunk = fifo.read(1024, True)
                assert chunk is not None
                chunk.pts, chunk.time_base = start, Fraction(1, 48_000)
                container.mux(sound.encode(chunk))
            container.mux(sound.encode(None))
    return path


def times_of(path: Path | str) -> list[float]:
    """Presentation times as the packets of a file have them, from the first."""
    with av.open(str(path)) as container:
        found = sorted(float(p.pts * p.time_base) for p in container.demux(video=0) if p.size and p.pts is not None)
    return [time_s - found[0] for time_s in found]


def tone_of(path: Path | str) -> tuple[float, float]:
    """When a tone begins and ends in a file's sound, in seconds from its first image."""
    with av.open(str(path)) as container:
        loud = [
            float(frame.pts * frame.time_base) + place / frame.sample_rate
            for frame in container.decode(audio=0)
            for place in np.flatnonzero(np.abs(frame.to_ndarray().astype(float)).mean(axis=0) > 0.05)
            if frame.pts is not None
        ]
    return min(loud), max(loud)


# --- time -------------------------------------------------------------------------------------------------

TIMES: dict[str, list[float]] = {
    "two rates": [i / 30 for i in range(8)] + [8 / 30 + i / 5 for i in range(8)],
    "23.976": [i * 1001 / 24_000 for i in range(12)],
    "time lapse": [10.0 * i for i in range(6)],
    "starts late": [5 + i / 25 for i in range(8)],
    "one long pause": [0, 0.04, 0.08, 7.0, 7.04],
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", TIMES)
def test_videos_keep_the_times_of_the_source(kind: str, suffix: str) -> None:
    make_film(Path("film.mkv" if kind == "starts late" else "film.mp4"), TIMES[kind])
    (film,) = Path().glob("film.*")
    expected = [time_s - TIMES[kind][0] for time_s in TIMES[kind]]
    assert times_of(film) == pytest.approx(expected, abs=1e-3)
    assert track("--source", str(film)) == 0
    assert export("--run", "out/film-run.json", "--out", f"again{suffix}") == 0
    for path in ("out/film.mp4", f"again{suffix}"):
        assert times_of(path) == pytest.approx(expected, abs=1e-3)
    with Path("out/film-boxes.csv").open(newline="") as file:
        assert [float(row["time_s"]) for row in csv.DictReader(file)] == pytest.approx(expected, abs=1e-3)


def test_a_range_starts_at_zero_and_keeps_its_distances() -> None:
    make_film(Path("film.mp4"), TIMES["two rates"])
    assert track("--source", "film.mp4") == 0
    assert export("--run", "out/film-run.json", "--out", "part.mp4", "--frames", "6:10") == 0
    assert times_of("part.mp4") == pytest.approx([0, 1 / 30, 2 / 30, 2 / 30 + 0.2], abs=1e-3)


def test_a_steady_rate_stays_exact() -> None:
    """As FFmpeg's own tools would show it: 23.976 is 24000/1001, and the last image has its full length."""
    make_film(Path("film.mp4"), TIMES["23.976"], tick=Fraction(1001, 24_000))
    assert track("--source", "film.mp4") == 0
    with av.open("out/film.mp4") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(24_000, 1001)
        assert stream.duration is not None and stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(12 * 1001 / 24_000, abs=1e-4)


def test_avi_says_that_it_cannot_keep_times(capsys: pytest.CaptureFixture[str]) -> None:
    make_film(Path("film.mp4"), TIMES["two rates"], burst_s=0.5)
    assert track("--source", "film.mp4", "--no-video") == 0
    assert export("--run", "out/film-run.json", "--out", "film.avi") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "AVI holds one frame rate only" in said and "The sound of the source is not in 'film.avi'" in said


# --- sound ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "codec"), [("film.mp4", "aac"), ("film.mkv", "libopus"), ("film.mov", "pcm_s16le")])
def test_sound_is_kept_for_the_same_range(name: str, codec: str) -> None:
    make_film(Path(name), [i / 25 for i in range(50)], burst_s=1.0, codec=codec)
    assert track("--source", name, "--frames", "15:45") == 0
    assert export("--run", "out/film-run.json", "--out", "part.mp4", "--frames", "20:35") == 0
    for path, start_s in (("out/film.mp4", 0.6), ("part.mp4", 0.8)):
        assert tone_of(path) == pytest.approx((1.0 - start_s, 1.2 - start_s), abs=0.03)
        with av.open(path) as container:
            sound = container.streams.audio[0]
            assert sound.duration is not None and sound.time_base is not None
            assert float(sound.duration * sound.time_base) <= len(times_of(path)) / 25 + 0.03
    with av.open("part.mp4") as container:
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "aac"), (".mkv", "libopus"), (".mov", "aac")])
def test_sound_goes_with_every_image_into_every_container(suffix: str, codec: str) -> None:
    """Matroska gives the first images of a video with reordered ones no decoding time; the first of all was lost."""
    times = [i / 25 for i in range(30)]
    make_film(Path("film.mkv"), times, burst_s=0.6, codec=codec)
    assert track("--source", "film.mkv", "--no-video") == 0
    assert export("--run", "out/film-run.json", "--out", f"again{suffix}") == 0
    assert times_of(f"again{suffix}") == pytest.approx(times, abs=1e-3)
    assert tone_of(f"again{suffix}") == pytest.approx((0.6, 0.8), abs=0.03)


def test_sound_before_and_after_the_images_follows_the_clock() -> None:
    """The first image comes at 5 s of the file's clock; the tone, 1 s later, is 1 s into the tracked video."""
    make_film(Path("film.mkv"), [5 + i / 25 for i in range(50)], burst_s=6.0)
    assert track("--source", "film.mkv") == 0
    assert tone_of("out/film.mp4") == pytest.approx((1.0, 1.2), abs=0.03)


def test_a_film_without_sound_stays_without() -> None:
    make_video(Path("film.mp4"), 5)
    assert track("--source", "film.mp4") == 0
    with av.open("out/film.mp4") as container:
        assert not container.streams.audio


# --- names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder from 7", "sequence"])
def test_boxes_and_images_have_the_names_of_the_source(kind: str) -> None:
    if kind == "sequence":
        make_otb(Path("walk"), 4)
        expected = ["0001.png", "0002.png", "0003.png", "0004.png"]
    else:
        make_images(Path("walk"), 4)
        expected = [f"shot_{number:03d}.png" for number in range(7, 11)]
        for path, name in zip(sorted(Path("walk").iterdir()), expected, strict=True):
            path.rename(path.with_name(name))
    assert track("--source", "walk", "--format", "coco", "--no-video") == 0
    data = json.loads(Path("out/walk-boxes.json").read_text())
    assert [image["file_name"] for image in data["images"]] == expected
    xs = {entry["image_id"]: entry["bbox"][0] for entry in data["annotations"]}
    assert [abs(xs[image["id"]] - (10 + place)) < 4 for place, image in enumerate(data["images"])] == [True] * 4
    assert export("--run", "out/walk-run.json", "--out", "shots", "--images", "--frames", "1:3") == 0
    assert sorted(path.name for path in Path("shots").iterdir()) == expected[1:3]


def test_what_an_earlier_export_left_in_the_place_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    make_images(Path("walk"), 6)
    assert track("--source", "walk", "--no-video") == 0
    run = ("--run", "out/walk-run.json", "--out")

    def said() -> str:
        return " ".join(capsys.readouterr().err.split())

    # images of frames that the second export does not have would be read as its own
    assert export(*run, "shots", "--images") == 0 and "not of this export" not in said()
    assert export(*run, "shots", "--images", "--frames", "1:4") == 0
    assert "In 'shots' 3 images are not of this export: 0001.png to 0006.png." in said()
    assert len(list(Path("shots").iterdir())) == 6  # nothing is deleted

    # so would the boxes of targets that there are no longer
    for name in ("boxes-1.txt", "boxes-12.txt", "boxes-note.txt", "boxes-1_time.txt"):
        Path(name).write_text("")
    assert export(*run, "boxes.txt", "--format", "otb") == 0
    assert "Of an earlier export, so not of these boxes: boxes-1.txt, boxes-12.txt." in said()
    assert export(*run, "boxes.txt", "--format", "mot") == 0 and "earlier export" not in said()


@pytest.mark.parametrize("fmt", ["otb", "got10k", "vot"])
@pytest.mark.parametrize(
    ("damaged", "frames", "without"),
    [
        ([3], ":", {3}),  # in the middle
        ([0], ":", {0}),  # the first: tracking starts at the second
        ([7], ":", {7}),  # the last
        ([], "2:5", {0, 1, 5, 6, 7}),  # a part
    ],
)
def test_line_is_frame(fmt: str, damaged: list[int], frames: str, without: set[int]) -> None:
    make_images(Path("walk"), 8)
    for index in damaged:
        Path(f"walk/{index + 1:04d}.png").write_bytes(b"broken")
    assert track("--source", "walk", "--format", fmt, "--frames", frames, "--no-video") == 0
    lines = Path("out/walk-boxes.txt").read_text().split()
    assert len(lines) == 8
    empty = {"vot": "0"}.get(fmt, "nan,nan,nan,nan")
    assert {index for index, line in enumerate(lines) if line == empty} == without
    if fmt == "got10k":
        seconds = [float(line) for line in Path("out/walk-boxes_time.txt").read_text().split()]
        assert len(seconds) == 8 and all(seconds[index] == 0 for index in without)
    if fmt == "vot":
        assert lines[min(set(range(8)) - without)] == "1"
        assert len(Path("out/walk-boxes_confidence.value").read_text().splitlines()) == 8


# --- the right source -------------------------------------------------------------------------------------


def test_the_source_is_found_from_any_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("clip.mp4"), 6)
    assert track("--source", "clip.mp4") == 0
    monkeypatch.chdir(folder / "out")  # here, clip.mp4 is the tracked video
    assert export("--run", "clip-run.json", "--out", "../plain.mp4", "--overlays", "none") == 0
    with av.open("../plain.mp4") as plain, av.open("../clip.mp4") as clip:
        for mine, theirs in zip(plain.decode(video=0), clip.decode(video=0), strict=True):
            difference = mine.to_ndarray(format="bgr24").astype(int) - theirs.to_ndarray(format="bgr24")
            assert np.abs(difference).mean() < 4


def replace_video() -> None:
    with av.open("walk.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="bgr24")))
        container.mux(stream.encode(None))


CHANGES: dict[str, tuple[str, Callable[[], object]]] = {
    "another video of that name": ("walk.mp4", replace_video),
    "one other image of that name": ("walk", lambda: shutil.copyfile("walk/0001.png", "walk/0003.png")),
    "one image less": ("walk", lambda: Path("walk/0006.png").unlink()),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_other_content_is_refused_and_can_be_named_again(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    spec, change = CHANGES[kind]
    make_video(Path(spec), 6) if spec.endswith(".mp4") else make_images(Path(spec), 6)
    assert track("--source", spec, "--no-video", "--frames", "0:4") == 0
    change()
    assert export("--run", "out/walk-run.json", "--out", "a.mp4") == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "differs from what was tracked in this run" in err and "--source" in err
    assert not Path("a.mp4").exists()
    assert export("--run", "out/walk-run.json", "--out", "a.mp4", "--source", spec) == 0
    assert "differs from what was tracked" in " ".join(capsys.readouterr().err.split())


def test_a_copy_elsewhere_is_the_same_source(capsys: pytest.CaptureFixture[str]) -> None:
    make_images(Path("walk"), 5)
    assert track("--source", "walk", "--no-video") == 0
    shutil.move("walk", "elsewhere")
    assert export("--run", "out/walk-run.json", "--out", "a.mp4") == 2
    assert "name it again with --source" in " ".join(capsys.readouterr().err.split())
    assert export("--run", "out/walk-run.json", "--out", "a.mp4", "--source", "elsewhere") == 0
    assert "Note" not in capsys.readouterr().err


def test_images_of_another_size_are_refused_even_when_named(capsys: pytest.CaptureFixture[str]) -> None:
    make_images(Path("walk"), 3)
    make_video(Path("tall.mp4"), 3, (64, 96))
    assert track("--source", "walk", "--no-video") == 0
    assert export("--run", "out/walk-run.json", "--out", "a.mp4", "--source", "tall.mp4") == 2
    assert "96x64" in (err := " ".join(capsys.readouterr().err.split())) and "64x96" in err


@pytest.mark.parametrize("kind", [SourceKind.STREAM, SourceKind.CAMERA])
@pytest.mark.parametrize("arguments", [["--out", "a.mp4"], ["--out", "a", "--images"]])
def test_live_frames_cannot_be_drawn_again(
    kind: SourceKind, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = RunRecorder(SourceIdentity("live", "http://127.0.0.1:1/", kind, (96, 64)))
    recorder.put(5, 1, TrackResult(np.array([1.0, 2, 3, 4]), 0.5, TrackingState.TRACKING))
    save_run("run.json", recorder.build())
    assert export("--run", "run.json", *arguments) == 2
    assert "Live frames were not recorded, so no video can be made" in " ".join(capsys.readouterr().err.split())
    assert export("--run", "run.json", "--out", "boxes.csv", "--format", "csv") == 0


@pytest.mark.parametrize(("spec", "out"), [("clip.mp4", ["clip.mp4"]), ("walk", ["walk", "--images"])])
def test_what_was_tracked_is_never_replaced(spec: str, out: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path(spec), 4) if spec == "clip.mp4" else make_images(Path(spec), 4)
    files = [Path(spec)] if Path(spec).is_file() else sorted(Path(spec).iterdir())
    before = [path.read_bytes() for path in files]
    assert track("--source", spec, "--no-video") == 0
    assert export("--run", f"out/{Path(spec).stem}-run.json", "--out", *out) == 2
    assert "is what was tracked" in " ".join(capsys.readouterr().err.split())
    assert [path.read_bytes() for path in files] == before


def test_boxes_replace_neither_what_was_tracked_nor_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    before = make_video(Path("clip.mp4"), 4).read_bytes()
    assert track("--source", "clip.mp4", "--no-video") == 0
    for out, words in (("clip.mp4", "is what was tracked"), ("out/clip-run.json", "is the run itself")):
        assert export("--run", "out/clip-run.json", "--frames", "0:2", "--format", "json", "--out", out) == 2
        assert words in " ".join(capsys.readouterr().err.split())
    assert Path("clip.mp4").read_bytes() == before and len(load_run("out/clip-run.json")) == 4


def test_a_file_address_is_a_path(folder: Path) -> None:
    address = make_video(folder / "a clip.mp4", 4).as_uri()
    content = (folder / "a clip.mp4").read_bytes()
    assert main(["track", "--source", address, "--box", BOX, "--out", ".", "--progress", "none"]) == 0
    assert load_run("a_clip-run.json").source.location == str(folder / "a clip.mp4")
    assert (folder / "a clip.mp4").read_bytes() == content


class Camera:
    """A live source that drops frames 1 and 4, gives irregular times, and is unplugged after frame 7."""

    is_live, is_seekable = True, False
    frame_count = frame_names = None
    fps, size, name = 25.0, (95, 64), "camera:0"
    warnings: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.left = [0, 2, 3, 5, 6, 7]

    def read(self) -> Frame:
        if not self.left:
            raise SourceEnded("The camera is gone; what was tracked so far is kept.")
        index = self.left.pop(0)
        return Frame(index, 3.0 + index * 0.13, draw_image(index)[:, :95])

    def seek(self, index: int) -> None:
        raise SourceError("live")

    def last_index(self) -> None:
        return None

    def close(self) -> None:
        pass


def test_a_camera_is_recorded_and_exported_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(track_command, "open_source", lambda spec: Camera())
    assert track("--source", "camera:0", "--record") == 2  # it was unplugged
    assert {path.name for path in Path("out").iterdir()} == {
        "camera_0.mp4", "camera_0-source.mp4", "camera_0-boxes.csv", "camera_0-run.json",
    }  # fmt: skip
    run = load_run("out/camera_0-run.json")
    expected = [0, 0.26, 0.39, 0.65, 0.78, 0.91]
    assert run.frame_indices.tolist() == [0, 1, 2, 3, 4, 5], "as they are numbered in the recording"
    assert run.times_s == pytest.approx(expected) and run.source.kind is SourceKind.VIDEO
    assert export("--run", "out/camera_0-run.json", "--out", "again.mp4", "--overlays", "none") == 0
    for path in ("out/camera_0.mp4", "out/camera_0-source.mp4", "again.mp4"):
        assert times_of(path) == pytest.approx(expected, abs=1e-3)
    with av.open("again.mp4") as container:
        last = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)][-1]
    assert np.abs(last[:, :95].astype(int) - draw_image(7)[:, :95]).mean() < 4


def test_what_can_be_opened_again_is_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"), 3)
    assert track("--source", "clip.mp4", "--record") == 2
    assert "--record is for cameras and streams" in capsys.readouterr().err


# --- refused before the work, killed in the middle --------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "words"), [("file/s.json", "'file' could not be written"), ("out", "'out' is a folder")]
)
def test_an_unwritable_summary_is_refused_first(place: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    Path("out").mkdir()
    make_video(Path("clip.mp4"), 3)
    assert track("--source", "clip.mp4", "--json", place) == 2
    assert words in capsys.readouterr().err
    assert not list(Path("out").iterdir())


def start_and_kill(*arguments: str, after: int) -> None:
    """Run `track` in a process of its own and kill it, as nothing can be caught, once `after` frames are done."""
    with subprocess.Popen(
        [sys.executable, "-c", UNHURRIED, "track", "--out", "out", "--progress", "json", *TRACKING, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("done", 0) >= after:
                break
        process.send_signal(signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that cannot be caught")
def test_a_killed_run_is_on_disk_and_is_continued(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("long.mp4"), 60)
    start_and_kill("--source", "long.mp4", after=15)
    left = {path.name for path in Path("out").iterdir()}
    assert "long-run.jsonl" in left and any(name.endswith(".part.mp4") for name in left)
    tracked = load_run("out/long-run.jsonl")
    assert 15 <= len(tracked) < 60
    assert tracked.producer is not None and tracked.producer.tracker == "siamscope-light"

    assert track("--source", "long.mp4", "--resume") == 0
    assert f"continued after frame {len(tracked) - 1}" in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in Path("out").iterdir()} == {"long.mp4", "long-boxes.csv", "long-run.json"}
    resumed = load_run("out/long-run.json")
    assert track("--source", "long.mp4") == 0
    whole = load_run("out/long-run.json")
    np.testing.assert_allclose(resumed.targets[0].boxes_xywh, whole.targets[0].boxes_xywh, atol=1e-3)
    np.testing.assert_array_equal(resumed.targets[0].boxes_xywh[: len(tracked)], tracked.targets[0].boxes_xywh)
    assert times_of("out/long.mp4") == pytest.approx([index / 25 for index in range(60)], abs=1e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that cannot be caught")
def test_a_killed_export_costs_nothing_and_leaves_nothing() -> None:
    make_video(Path("long.mp4"), 60)
    assert track("--source", "long.mp4", "--no-video") == 0
    before = Path("out/long-run.json").read_bytes()
    command = ["export", "--run", "out/long-run.json", "--out", "made/long.mp4", "--progress", "json"]
    with subprocess.Popen(
        [sys.executable, "-c", UNHURRIED, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("done", 0) >= 5:
                break
        process.send_signal(signal.SIGKILL)
    assert not Path("made/long.mp4").exists() and Path("out/long-run.json").read_bytes() == before
    assert main(command) == 0
    assert [path.name for path in Path("made").iterdir()] == ["long.mp4"]
    assert len(times_of("made/long.mp4")) == 60


def unfinished(path: Path, count: int) -> None:
    """Leave what a process leaves that was killed after `count` frames, the last line cut in the middle."""
    run = load_run("out/clip-run.json").select(0, count)
    RunJournal(path, RunRecorder.from_run(run))
    path.write_text(path.read_text()[:-20])


def test_an_unfinished_run_of_something_else_is_put_aside(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"), 8)
    assert track("--source", "clip.mp4", "--no-video") == 0
    for arguments in (["tracking.window_influence=0.2"], ["--no-resume"]):
        unfinished(Path("out/clip-run.jsonl"), 5)
        assert track("--source", "clip.mp4", "--no-video", *arguments) == 0
        assert "5 frames was put aside" in " ".join(capsys.readouterr().err.split())
    assert {path.name for path in Path("out").iterdir()} == {
        "clip-boxes.csv", "clip-run.json", "clip-unfinished.json", "clip-unfinished-2.json",
    }  # fmt: skip
    assert len(load_run("out/clip-unfinished.json")) == 5
    assert track("--source", "clip.mp4", "--no-video", "--resume") == 2
    assert "There is no unfinished run" in capsys.readouterr().err


def test_a_continued_run_may_end_earlier() -> None:
    make_video(Path("clip.mp4"), 10)
    assert track("--source", "clip.mp4", "--no-video") == 0
    unfinished(Path("out/clip-run.jsonl"), 8)
    assert track("--source", "clip.mp4", "--no-video", "--frames", "0:4") == 0
    assert load_run("out/clip-run.json").frame_indices.tolist() == [0, 1, 2, 3]


def test_a_kill_between_two_targets_of_a_frame_is_continued(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"), 8)
    command = ["--source", "clip.mp4", "--box", "60,5,20,20", "--no-video"]
    assert track(*command) == 0
    whole = load_run("out/clip-run.json")
    path = Path("out/clip-run.jsonl")
    RunJournal(path, RunRecorder.from_run(whole.select(0, 5)))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))  # frame 5 has the first target only
    assert track(*command) == 0
    assert "continued after frame 4" in " ".join(capsys.readouterr().err.split())
    again = load_run("out/clip-run.json")
    for target, before in zip(again.targets, whole.targets, strict=True):
        np.testing.assert_allclose(target.boxes_xywh, before.boxes_xywh, atol=1e-3)


def test_an_unfinished_run_that_cannot_be_read_is_put_aside(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"), 3)
    Path("out").mkdir()
    Path("out/clip-run.jsonl").write_text('{"format": "siamscope-unfinished-run", "vers')
    assert track("--source", "clip.mp4", "--no-video") == 0
    assert "put aside as 'out/clip-run-damaged.jsonl'" in " ".join(capsys.readouterr().err.split())
    assert Path("out/clip-run-damaged.jsonl").read_text().endswith("vers")


def test_temporary_files_of_dead_processes_go_and_others_stay() -> None:
    code = "import os, sys; from tracker_core.files import atomic_path\nwith atomic_path('out/clip.mp4'): os._exit(9)"
    Path("out").mkdir()
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    (abandoned,) = Path("out").iterdir()
    mine = abandoned.with_name(abandoned.name.replace(abandoned.name.split("-")[1].split(".")[0], str(os.getpid())))
    foreign = Path("out/.notes.part.txt")
    for path in (mine, foreign):
        path.write_text("")
    make_video(Path("clip.mp4"), 3)
    assert track("--source", "clip.mp4") == 0
    assert not abandoned.exists() and mine.exists() and foreign.exists()


def test_no_file_of_a_run_holds_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    make_video(Path("clip.mp4"), 3)
    address = "http://anna:hunter2@127.0.0.1:1/clip.mp4?token=hunter3"
    monkeypatch.setattr(track_command, "open_source", lambda spec: open_source("clip.mp4"))
    assert track("--source", address) == 0
    for path in Path("out").iterdir():
        assert b"hunter" not in path.read_bytes() and "hunter" not in path.name
    assert load_run("out/clip-run.json").source.location == "http://127.0.0.1:1/clip.mp4?token=***"
