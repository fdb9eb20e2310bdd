"""Bad input on the command line: one sentence that says what to do, exit code 2, nothing half-written."""

from __future__ import annotations

import errno
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from cli_sources import BOX, make_otb, make_video
from safetensors.torch import save_file

from tracker_core.cli.main import main
from tracker_core.rendering import writers
from tracker_core.rendering.encoder import Encoder

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, because results go into runs/ below it."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must be refused and return its sentence."""
    before = sorted(Path().rglob("*"))
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    (line,) = err.strip().splitlines()
    assert line.startswith("Error: ")
    assert line[7].isupper() or line[7] in "'-" or "." in line.split()[1], line  # a word, or a name as it is typed
    assert line.endswith((".", "?")), line
    assert sorted(Path().rglob("*")) == before, "something was written"
    return line[len("Error: ") :]


def text(path: Path) -> None:
    path.write_text("this is no video\n" * 40)


def without_images(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("nothing to see")


def broken_images(path: Path) -> None:
    path.mkdir()
    for number in range(3):
        (path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff broken")


def without_index(path: Path) -> None:
    make_video(path, faststart=False)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])


def without_frames(path: Path) -> None:
    """A sound MP4 header, and not one frame."""
    make_video(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"mdat") + 4])


# name of the source, how it is made (None: it is not there), words of the sentence
SOURCES: list[tuple[str, Callable[[Path], Any] | None, str]] = [
    ("nothing.mp4", None, "There is no file or folder 'nothing.mp4'"),
    ("empty.mp4", lambda path: path.write_bytes(b""), "'empty.mp4' is an empty file"),
    ("text.mp4", text, "'text.mp4' is not a video that FFmpeg can read"),
    ("cut.mp4", without_index, "'cut.mp4'"),
    ("zero.mp4", without_frames, "zero.mp4"),
    ("empty", Path.mkdir, "The folder 'empty' holds no images"),
    ("letters", without_images, "The folder 'letters' holds no images"),
    ("broken", broken_images, "None of the 3 images in 'broken' can be decoded"),
    ("one.png", lambda path: cv2.imwrite(str(path), make_one()), "single image; give the folder"),
    ("fewer", lambda path: make_otb(path, 6, lines=4), "fewer lines than frames (4 lines, 6 frames)"),
    ("more", lambda path: make_otb(path, 6, lines=9), "more lines than frames (9 lines, 6 frames)"),
    ("ftp://host/clip.mp4", None, "Addresses that begin with 'ftp://' cannot be opened"),
    ("rtsp://127.0.0.1:9/clip", None, "cannot be reached"),
    ("camera:97", None, "Camera 97 cannot be opened"),
    ("", None, "The source is empty"),
]  # fmt: skip


def make_one() -> Any:
    from cli_sources import draw_image

    return draw_image(0)


@pytest.mark.parametrize(("name", "make", "words"), SOURCES, ids=[name or "nameless" for name, _, _ in SOURCES])
def test_sources(name: str, make: Callable[[Path], Any] | None, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    if make is not None:
        make(Path(name))
    assert words in refuse(capsys, "track", "--source", name, "--box", BOX)


def test_a_misspelt_file_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("holiday.mp4"))
    assert "Did you mean 'holiday.mp4'?" in refuse(capsys, "track", "--source", "holday.mp4", "--box", BOX)


# options beside `track --source clip.mp4`, and words of the sentence
OPTIONS: list[tuple[list[str], str]] = [
    ([], "Say what to track in 'clip.mp4': --box x,y,w,h"),
    (["--init-from-gt"], "has no ground truth to start from"),
    (["--box", BOX, "--init-from-gt"], "either --box or --init-from-gt"),
    (["--box=200,10,20,20"], "outside the 96×64 image"),
    (["--box=-30,-30,20,20"], "outside the 96×64 image"),
    (["--box=10,10,-5,20"], "-5×20 pixels; width and height must be at least 2"),
    (["--box=10,10,0,20"], "0×20 pixels"),
    (["--box=nan,10,20,20"], "not a finite number"),
    (["--box=10,10,inf,20"], "not a finite number"),
    (["--box=10,10,20"], "has 3 numbers"),
    (["--box=a,b,c,d"], "is not four numbers"),
    (["--box", BOX, "--box=200,10,20,20"], "'200,10,20,20' lies outside"),
    (["--box", BOX, "--tracker", "siamscope-lite"], "Did you mean 'siamscope-light'?"),
    (["--box", BOX, "--device", "cudda"], "There is no device 'cudda'. Did you mean 'cuda'?"),
    (["--box", BOX, "--runtime", "onx"], "Did you mean 'onnx'?"),
    (["--box", BOX, "--format", "coko"], "Did you mean 'coco'?"),
    (["--box", BOX, "--progress", "jsn"], "Did you mean 'json'?"),
    (["--box", BOX, "--frames", "5"], "'5' is not of the form A:B"),
    (["--box", BOX, "--frames", "9:3"], "'9:3' is empty"),
    (["--box", BOX, "--frames", "500:"], "frame 500 does not exist"),
    (["--box", BOX, "tracking.windw_influence=1"], "Did you mean 'window_influence'?"),
    (["--box", BOX, "tracking.window_influence=2"], "outside 0..1"),
    (["--box", BOX, "tracking.exemplar_size=63"], "The network cannot take an exemplar of 63"),
    (["--box", BOX, "tracking.search_size=100"], "tracking.search_size is 100"),
    (["--box", BOX, "anchors.ratios=[1,0,2]"], "anchors.ratios"),
    (["--box", BOX, "network.kind=siamfc"], "do not fit the network 'siamfc'"),
    (["--box", BOX, "somewhere"], "'somewhere' is not of the form key=value"),
    (["--box", BOX, "--trackr", "x"], "Unrecognized arguments: --trackr"),
    (["--box", BOX, "--weights", "nothing.safetensors"], "There is no weights file 'nothing.safetensors'"),
    (["--box", BOX, "--tracker", "siamrpn_alex_dwxcorr"], "siamrpn_alex_dwxcorr"),  # known, its weights not imported
]


@pytest.mark.parametrize(("options", "words"), OPTIONS, ids=[" ".join(options) or "none" for options, _ in OPTIONS])
def test_options(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker_core.checkpoints.weights.user_weights_folder", lambda: Path("no-imported-weights"))
    make_video(Path("clip.mp4"))
    assert words in refuse(capsys, "track", "--source", "clip.mp4", *options)


COMMANDS: list[tuple[list[str], str]] = [
    (["trck"], "'trck' is not known for COMMAND. Did you mean 'track'?"),
    (["track"], "Say what to track in: --source, or --run for a saved run."),
    (["bench", "--frames", "3"], "at least 10"),
    (["bench", "--memory", "-5"], "at least 10"),
    (["bench", "--network", "siamrpn_alx_dwxcorr"], "Did you mean 'siamrpn_alex_dwxcorr'?"),
    (["weights", "show", "siamscope-lite"], "siamscope-lite"),
    (["weights", "import", "nothing.pth"], "There is no weights file 'nothing.pth'"),
    (["export", "--run", "nothing.json", "--out", "a.mp4"], "nothing.json"),
    (["train", "--config", "nothing.yaml"], "There is no configuration file 'nothing.yaml'"),
]


@pytest.mark.parametrize(("arguments", "words"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_commands(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in refuse(capsys, *arguments)


def test_cuda_asked_for_and_absent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    make_video(Path("clip.mp4"))
    sentence = refuse(capsys, "track", "--source", "clip.mp4", "--box", BOX, "--device", "cuda:0")
    assert "'cuda:0' was asked for, but PyTorch sees no CUDA device; use --device cpu" in sentence


def test_cuda_asked_for_and_unusable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr("tracker_core.runtime.devices._try_kernel", lambda device: "the driver is too old")
    make_video(Path("clip.mp4"))
    sentence = refuse(capsys, "track", "--source", "clip.mp4", "--box", BOX, "--device", "cuda:0")
    assert "'cuda:0' cannot run a kernel (the driver is too old)" in sentence


# --- checkpoints


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("it_ran").absolute(),))


def shipped(part: float = 1.0) -> bytes:
    content = (ROOT / "weights" / "siamscope-light.safetensors").read_bytes()
    return content[: int(len(content) * part)]


CHECKPOINTS: list[tuple[str, Callable[[Path], Any], str]] = [
    ("empty.safetensors", lambda path: path.write_bytes(b""), "is empty"),
    ("cut.safetensors", lambda path: path.write_bytes(shipped(0.5)), "cut short"),
    ("foreign.safetensors", lambda path: save_file({"a": torch.zeros(3)}, path), "foreign.safetensors"),
    ("text.safetensors", text, "text.safetensors"),
    ("pickle.pth", lambda path: path.write_bytes(pickle.dumps({"state_dict": Code()})), "pickle.pth"),
    ("torch.pth", lambda path: torch.save({"state_dict": Code()}, path), "torch.pth"),
]


@pytest.mark.parametrize("command", ["track", "import"])
@pytest.mark.parametrize(("name", "make", "words"), CHECKPOINTS, ids=[name for name, _, _ in CHECKPOINTS])
def test_checkpoints(
    name: str,
    make: Callable[[Path], Any],
    words: str,
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker_core.checkpoints.weights.user_weights_folder", lambda: Path("imported"))
    make_video(Path("clip.mp4"))
    make(Path(name))
    arguments = ["weights", "import", name]
    if command == "track":
        arguments = ["track", "--source", "clip.mp4", "--box", BOX, "--weights", name]
    assert words in refuse(capsys, *arguments)
    assert not Path("it_ran").exists(), "code in a checkpoint was run"


def test_checkpoint_of_another_tracker(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    weights = str(ROOT / "weights" / "siamscope-light.safetensors")
    sentence = refuse(
        capsys, "track", "--source", "clip.mp4", "--box", BOX, "--weights", weights, "--tracker", "siamrpn_alex_dwxcorr"
    )
    assert "are for the tracker 'siamscope-light', not for 'siamrpn_alex_dwxcorr'" in sentence


# --- where results go


def test_a_file_where_the_folder_should_be(capsys: pytest.CaptureFixture[str]) -> None:
    make_video(Path("clip.mp4"))
    Path("results").write_text("a file")
    sentence = refuse(capsys, "track", "--source", "clip.mp4", "--box", BOX, "--out", "results")
    assert "'results' could not be written" in sentence
    assert "'results/inside' could not be written" in refuse(
        capsys, "track", "--source", "clip.mp4", "--box", BOX, "--out", "results/inside"
    ).replace("\\", "/")


def test_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: Any, **__: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    make_video(Path("clip.mp4"))
    monkeypatch.setattr("tracker_core.files.tempfile.TemporaryFile", deny)
    Path("results").mkdir()
    sentence = refuse(capsys, "track", "--source", "clip.mp4", "--box", BOX, "--out", "results")
    assert "No permission to write 'results'" in sentence


def fill_disk(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_disk_full_while_the_video_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(Path("clip.mp4"))
    written = 0
    encode = Encoder.encode

    def encode_some(self: Encoder, *arguments: Any) -> None:
        nonlocal written
        written += 1
        fill_disk() if written > 10 else encode(self, *arguments)

    monkeypatch.setattr(writers.Encoder, "encode", encode_some)
    code = main(["track", "--source", "clip.mp4", "--box", BOX, "--out", "results", "--progress", "none"])
    out, err = capsys.readouterr()
    assert code == 2
    assert "The disk is full: 'results/clip.mp4' could not be written" in err.replace("\\", "/")
    assert "Traceback" not in err
    # the video is gone, and what was tracked up to there is kept
    assert {path.name for path in Path("results").iterdir()} == {"clip-boxes.csv", "clip-run.json"}
    # the eleventh frame fills the disk; the tracker, which runs ahead of the encoder, may have done some more by then
    tracked = re.search(r"Tracked (\d+) frames", out)
    assert tracked is not None and int(tracked[1]) >= 11
    lines = Path("results/clip-boxes.csv").read_text().splitlines()
    assert len(lines) - 1 == int(tracked[1]), "a line for each, below the header"


def test_disk_full_while_the_boxes_are_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(Path("clip.mp4"))
    monkeypatch.setattr("tracker_core.files.Path.write_text", fill_disk)
    code = main(["track", "--source", "clip.mp4", "--box", BOX, "--out", "results", "--no-video", "--progress", "none"])
    assert code == 2
    assert "The disk is full" in capsys.readouterr().err
    assert list(Path("results").iterdir()) == []


def test_in_a_process_of_its_own(folder: Path) -> None:
    """The exit code and the streams as a shell sees them."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "track", "--source", "nothing.mp4", "--box", BOX],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip() == "Error: There is no file or folder 'nothing.mp4'; check the path."
    assert list(folder.iterdir()) == []


# changes may stand anywhere among the options, all of them count; what is neither is named
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("tracking.no_such=1", "--frames", "10", "tracking.size_lr=0.4"), "no_such"),
        (("tracking.size_lr=0.4", "--frames", "10", "tracking.no_such=1"), "no_such"),
        (("tracking.size_lr=0.4", "--frames", "10", "stray"), "stray"),
        (("--no-such-option=1",), "no-such-option"),
    ],
)
def test_changes_between_options(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str) -> None:
    assert named in refuse(capsys, "bench", *arguments)
