"""Live sources: a stand-in for the camera that stalls, drops and disappears, and a real stream over HTTP."""

from __future__ import annotations

import http.server
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources.cameras import Camera, CameraSource, list_cameras
from tracker_core.sources.live import LiveSource
from tracker_core.sources.opening import open_source, parse_camera

STALL_S = 0.4


class StandInCamera:
    """Stands where `cv2.VideoCapture` stands; `plan` says for each read what happens: "image", "drop", "stall",
    "vanish", "raise"."""

    def __init__(self, plan: Callable[[int], str] = lambda index: "image", *, opened: bool = True, rate: float = 200.0):
        self.plan = plan
        self.opened = opened
        self.released = threading.Event()
        self.reads = 0
        self.rate = rate
        self.properties: dict[int, float] = {cv2.CAP_PROP_FPS: 25.0}
        self._buffer = np.zeros((48, 64, 3), np.uint8)

    def isOpened(self) -> bool:
        return self.opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        index = self.reads
        self.reads += 1
        step = self.plan(index)
        if step == "stall":
            self.released.wait(5.0)
            return False, None
        if step == "vanish":
            self.opened = False
            return False, None
        if step == "raise":
            raise RuntimeError("driver fault")
        time.sleep(1 / self.rate)
        if step == "drop":
            return False, None
        self._buffer[:] = index % 256  # the same memory every time, as some back-ends do
        return True, self._buffer

    def get(self, prop: int, /) -> float:
        return self.properties.get(prop, 0.0)

    def set(self, prop: int, value: float, /) -> bool:
        self.properties[prop] = value
        return True

    def release(self) -> None:
        self.released.set()


def open_stand_in(camera: StandInCamera) -> LiveSource:
    source = open_source("camera:0", stall_timeout_s=STALL_S, capture_factory=lambda index: camera)
    assert isinstance(source, LiveSource)
    return source


def let_capture(camera: StandInCamera, count: int) -> None:
    """Wait until the camera has given so many images more, however busy the machine is."""
    until = camera.reads + count
    while camera.reads < until:
        time.sleep(0.01)


def test_camera_gives_numbered_frozen_images() -> None:
    camera = StandInCamera()
    source = open_stand_in(camera)
    frames = [source.read() for _ in range(10)]
    assert source.is_live and not source.is_seekable and source.frame_count is None
    assert source.size == (64, 48) and source.fps == 25.0
    indices = [frame.index for frame in frames if frame is not None]
    assert len(indices) == 10 and indices == sorted(set(indices))
    for frame in frames:
        assert frame is not None and int(frame.image[0, 0, 0]) == frame.index % 256  # not overwritten later
        assert not frame.image.flags.writeable
    source.close()
    assert camera.released.is_set()
    assert source.read() is None


@pytest.mark.parametrize(("told", "is_believed"), [(0.0, False), (-1.0, False), (90000.0, False), (15.0, True)])
def test_a_camera_that_tells_no_rate_has_the_rate_at_which_images_come(told: float, is_believed: bool) -> None:
    camera = StandInCamera(rate=50.0)
    camera.properties[cv2.CAP_PROP_FPS] = told
    source = open_stand_in(camera)
    frames = [source.read() for _ in range(20)]
    last = frames[-1]
    assert last is not None and last.time_s > 0
    assert source.fps == 15.0 if is_believed else source.fps == pytest.approx(last.index / last.time_s, rel=0.3)
    source.close()


def test_slow_reader_gets_the_newest_image_and_the_count_of_missed_ones() -> None:
    camera = StandInCamera()
    source = open_stand_in(camera)
    first = source.read()
    let_capture(camera, 10)
    second = source.read()
    assert first is not None and second is not None
    assert second.index > first.index + 5
    assert source.dropped == first.index + (second.index - first.index - 1)
    source.close()


def test_ring_lets_a_reader_catch_up_without_a_gap() -> None:
    camera = StandInCamera()
    source = open_stand_in(camera)
    frozen = source.read()
    assert frozen is not None
    let_capture(camera, 10)  # the user draws
    behind = source.frames_since(frozen.index)
    assert [frame.index for frame in behind] == list(range(frozen.index + 1, behind[-1].index + 1))
    dropped = source.dropped
    following = source.read()
    assert following is not None and following.index > behind[-1].index
    assert dropped == frozen.index  # nothing was missed while drawing
    source.close()


def test_ring_spans_a_second_at_most() -> None:
    source = open_stand_in(StandInCamera(rate=100.0))
    held = source.frames_since(-1)
    while not held or held[0].index == 0:  # the first image is let go at last
        time.sleep(0.05)
        held = source.frames_since(-1)
    assert held[-1].time_s - held[0].time_s <= 1.0
    source.close()


def test_dropped_images_are_survived() -> None:
    source = open_stand_in(StandInCamera(lambda index: "drop" if index % 3 else "image"))
    assert [source.read() is not None for _ in range(5)] == [True] * 5
    source.close()


@pytest.mark.parametrize(
    ("event", "words"),
    [("stall", "no image for"), ("vanish", "disconnected"), ("raise", "driver fault"), ("drop", "no image for")],
)
def test_a_camera_that_goes_ends_the_run_in_one_sentence(event: str, words: str) -> None:
    source = open_stand_in(StandInCamera(lambda index: "image" if index < 5 else event))
    seen = []
    with pytest.raises(SourceEnded, match=words) as raised:
        while (frame := source.read()) is not None:
            seen.append(frame.index)
    assert seen[-1] == 4 or event == "drop"  # the last image is delivered before the end is told
    assert "\n" not in str(raised.value)
    with pytest.raises(SourceEnded):  # and it stays ended
        source.read()
    source.close()


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (StandInCamera(opened=False), "cannot be opened"),
        (StandInCamera(lambda index: "vanish"), "disconnected"),
        (StandInCamera(lambda index: "raise"), "driver fault"),
    ],
)
def test_a_camera_that_is_not_there(camera: StandInCamera, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_stand_in(camera)
    assert camera.released.wait(2.0)


def test_close_does_not_wait_for_a_hanging_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker_core.sources.live.JOIN_S", 0.1)
    camera = StandInCamera(lambda index: "image" if index < 1 else "stall")
    source = open_stand_in(camera)
    source.read()
    source.close()
    assert not camera.released.is_set()  # still inside the driver; the thread releases it when it comes back
    camera.released.set()


def test_resolution_is_asked_for() -> None:
    camera = StandInCamera()
    CameraSource(0, size=(1280, 720), capture_factory=lambda index: camera).close()
    assert camera.properties[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert camera.properties[cv2.CAP_PROP_FRAME_HEIGHT] == 720


def test_live_sources_cannot_seek() -> None:
    source = open_stand_in(StandInCamera())
    with pytest.raises(SourceError, match="live"):
        source.seek(0)
    source.close()


@pytest.mark.parametrize(
    ("spec", "camera"),
    [
        (0, 0),
        ("0", 0),
        ("12", 12),
        ("camera", 0),
        ("camera:3", 3),
        ("/dev/video2", 2),
        ("./0", None),  # a file of that name
        ("video2", None),
        ("camera:x", None),
        ("clip.mp4", None),
    ],
)
def test_which_specs_are_cameras(spec: str | int, camera: int | None) -> None:
    assert parse_camera(spec) == camera


def test_cameras_are_listed_with_names_and_without_their_metadata_nodes(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel's list of cameras is Linux's")
    for node, name, index in (
        ("video10", "Second cam", "0"),
        ("video2", "Front cam", "0"),
        ("video3", "Front cam", "1"),
    ):
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(f"{name}\n")
        (tmp_path / node / "index").write_text(f"{index}\n")
    (tmp_path / "radio0").mkdir()
    found = list_cameras(sysfs=tmp_path, devices=tmp_path / "no-such-folder")
    assert found == [Camera(2, "Front cam"), Camera(10, "Second cam")]
    assert list_cameras(sysfs=tmp_path / "absent") == []


def test_cameras_are_probed_where_nothing_lists_them() -> None:
    found = list_cameras(capture_factory=lambda index: StandInCamera(opened=index in (0, 2)))
    assert [camera.index for camera in found] == [0, 2]


class StreamHandler(http.server.BaseHTTPRequestHandler):
    """MJPEG over HTTP; the path says what goes wrong after ten images."""

    def do_GET(self) -> None:
        if self.path == "/none":
            self.send_error(404)
            return
        if self.path == "/text":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"no film here\n" * 10)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=image")
        self.end_headers()
        try:
            for number in range(10_000):
                ok, data = cv2.imencode(".jpg", np.full((48, 64, 3), number % 250, np.uint8))
                assert ok
                head = f"--image\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data.tobytes() + b"\r\n")
                time.sleep(0.01)
                if number == 40 and self.path == "/end":
                    return
                if number == 40 and self.path == "/stall":
                    self.server.stalled.wait(5.0)  # type: ignore[attr-defined]
                    return
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    instance = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StreamHandler)
    instance.daemon_threads = True
    instance.stalled = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=instance.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{instance.server_address[1]}"
    instance.stalled.set()  # type: ignore[attr-defined]
    instance.shutdown()
    instance.server_close()
    thread.join()


def test_stream_over_http_is_live(server: str) -> None:
    source = open_source(f"{server}/live")
    assert isinstance(source, LiveSource) and source.size == (64, 48)
    values = []
    for _ in range(30):
        frame = source.read()
        assert frame is not None and abs(int(frame.image[0, 0, 0]) - frame.index % 250) <= 2
        values.append(frame.index)
    assert values == sorted(set(values))
    while not (caught_up := source.frames_since(values[-1])):
        time.sleep(0.01)
    assert [frame.index for frame in caught_up] == list(range(values[-1] + 1, caught_up[-1].index + 1))
    source.close()


@pytest.mark.parametrize(("path", "words"), [("/end", "broke off|ended"), ("/stall", "no image for")])
def test_stream_that_stops(server: str, path: str, words: str) -> None:
    source = open_source(server + path, stall_timeout_s=1.0)
    count = 0
    with pytest.raises(SourceEnded, match=words):
        while source.read() is not None:
            count += 1
    assert count > 5
    source.close()


@pytest.mark.parametrize(("path", "words"), [("/none", "refused"), ("/text", "not a video")])
def test_address_without_a_video(server: str, path: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        open_source(server + path, stall_timeout_s=1.0)


def test_address_where_nobody_answers() -> None:
    for url in ("http://127.0.0.1:1/x.mjpg", "rtsp://127.0.0.1:1/stream"):
        with pytest.raises(SourceError, match="cannot be reached"):
            open_source(url)


def test_passwords_are_not_shown() -> None:
    with pytest.raises(SourceError) as raised:
        open_source("rtsp://user:secret@127.0.0.1:1/stream")
    assert "secret" not in str(raised.value)
