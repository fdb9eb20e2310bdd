"""Addresses: what goes wrong there is told apart in words, and what only limps is read on."""

from __future__ import annotations

import base64
import http.server
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cli_sources import make_video
from video_corpus import FILES, piped

from tracker_core.errors import SourceEnded, SourceError
from tracker_core.sources import open_source
from tracker_core.sources.live import LiveSource
from tracker_core.sources.video_file import VideoFileSource
from tracker_core.types import iterate_frames

GOOD_LOGIN = "Basic " + base64.b64encode(b"user:secret").decode()


def jpeg(value: int, size: tuple[int, int] = (64, 48), *, grey: bool = False) -> bytes:
    shape = (size[1], size[0]) if grey else (size[1], size[0], 3)
    return cv2.imencode(".jpg", np.full(shape, value, np.uint8))[1].tobytes()


def good(index: int) -> bytes:
    return jpeg(10 * index)


# Each is a stream of MJPEG whose part `i` is what the function says.
STREAMS: dict[str, Callable[[int], bytes]] = {
    "good": good,
    "noise": lambda i: bytes(range(256)) if i == 5 else good(i),
    "torn": lambda i: good(i)[:200] if i == 5 else good(i),
    "headless": lambda i: b"\xff\xd8" + bytes(range(256)) if i in (5, 6, 9) else good(i),
    "text": lambda i: b"<html>busy</html>" if i == 5 else good(i),
    "grows": lambda i: jpeg(10 * i, (64, 48) if i < 6 else (96, 64)),
    "grey": lambda i: jpeg(10 * i, grey=i >= 6),
    "damaged first": lambda i: bytes(300) if i == 0 else good(i),
}
PARTS = 14


class Handler(http.server.BaseHTTPRequestHandler):
    """MJPEG streams, files, and refusals by number."""

    files: Path

    def do_GET(self) -> None:
        name = self.path.lstrip("/").split("?")[0].replace("%20", " ")
        if name.isdecimal():
            if name == "302":
                self.send_response(302)
                self.send_header("Location", "/good")
                self.end_headers()
            else:
                self.send_error(int(name))
        elif name.startswith("login") and self.headers.get("Authorization") != GOOD_LOGIN:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif name in STREAMS or name == "login":
            self.send_stream(STREAMS.get(name, good))
        elif name == "closes":
            return
        elif name == "page":
            self.send_whole(b"<html><body>log in first</body></html>" * 20, "text/html")
        elif name == "picture.jpg":
            self.send_whole(jpeg(90), "image/jpeg")
        else:
            self.send_whole((self.files / name.removeprefix("ranges/")).read_bytes(), "video/mp4")

    def send_stream(self, part: Callable[[int], bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=image")
        self.end_headers()
        for index in range(PARTS):
            data = part(index)
            head = f"--image\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")
            time.sleep(0.04)

    def send_whole(self, content: bytes, kind: str) -> None:
        first, status = 0, 200
        wanted = self.headers.get("Range")
        if wanted and self.path.startswith("/ranges/"):
            first, status = int(wanted.removeprefix("bytes=").partition("-")[0]), 206
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) - first))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[first:])

    def log_message(self, format: str, *args: object) -> None:
        return


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away is nothing to print about."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    make_video(folder / "clip.mp4")
    make_video(folder / "late index.mp4", faststart=False)
    FILES["plain.mkv"](folder / "clip.mkv")
    piped(folder / "recorded.mkv", "libx264", "matroska")
    handler = type("Serving", (Handler,), {"files": folder})
    instance = QuietServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=instance.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{instance.server_address[1]}"
    instance.shutdown()
    instance.server_close()


def read_to_end(source: Any) -> list[tuple[int, tuple[int, ...]]]:
    seen = []
    with pytest.raises(SourceEnded):
        while (frame := source.read()) is not None:
            seen.append((frame.index, frame.image.shape))
    source.close()
    return seen


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("good", PARTS - 1),
        ("noise", PARTS - 2),
        ("torn", PARTS - 2),  # a torn image may be shown as far as it goes
        ("headless", PARTS - 4),
        ("text", PARTS - 2),
        ("grows", PARTS - 1),
        ("grey", PARTS - 1),
        ("damaged first", PARTS - 2),
        ("302", PARTS - 1),
    ],
)
def test_a_stream_goes_on_after_whatever_is_wrong_with_one_image(server: str, name: str, at_least: int) -> None:
    source = open_source(f"{server}/{name.replace(' ', '%20')}")
    assert isinstance(source, LiveSource)
    seen = read_to_end(source)
    assert seen[-1][0] + 1 >= at_least
    assert seen[-1][1] == ((64, 96, 3) if name == "grows" else (48, 64, 3))


def test_times_and_rate_of_a_stream_are_those_of_arrival(server: str) -> None:
    source = open_source(f"{server}/good")
    times_s = []
    with pytest.raises(SourceEnded):
        while (frame := source.read()) is not None:
            times_s.append(frame.time_s)
    assert times_s == sorted(set(times_s)) and times_s[-1] > 0.2  # sent 0.04 s apart at the least
    assert source.fps == pytest.approx((PARTS - 1) / times_s[-1], rel=0.2)
    source.close()


@pytest.mark.parametrize("name", ["clip.mp4", "late index.mp4", "clip.mkv", "recorded.mkv"])
@pytest.mark.parametrize("ranges", ["ranges/", ""])
def test_a_file_on_a_web_server_is_read_like_a_file(server: str, name: str, ranges: str) -> None:
    """Also where the server cannot send a part of it, and where its header doesn't tell the length."""
    if not ranges and name == "late index.mp4":
        pytest.skip("FFmpeg cannot read the end first where only the whole is sent")
    source = open_source(f"{server}/{ranges}{name.replace(' ', '%20')}")
    assert isinstance(source, VideoFileSource)
    frames = list(iterate_frames(source))
    assert len(frames) == (24 if name.endswith(".mkv") else 30)
    for index in (3, len(frames) - 1, 0):
        source.seek(index)
        frame = source.read()
        assert frame is not None and frame.index == index
        np.testing.assert_array_equal(frame.image, frames[index].image)
    assert source.last_index() == len(frames) - 1
    source.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/401", "refused .* user name and password"),
        ("/403", "refused .*forbidden"),
        ("/404", "refused .*nothing at this address"),
        ("/500", "refused .*500|refused .*5XX"),
        ("/page", "not a video"),
        ("/picture.jpg", "not a video"),
        ("/closes", "closed the connection"),
    ],
)
def test_what_a_server_answers_is_told_apart(server: str, path: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        open_source(server + path, stall_timeout_s=1.0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtmp", "tcp"])
def test_nobody_there_is_told_apart(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    with pytest.raises(SourceError, match="connection was refused"):
        open_source(f"{scheme}://127.0.0.1:{port}/stream")
    with pytest.raises(SourceError, match=r"the host 'no\.\.host' is not known"):  # can't be asked for
        open_source(f"{scheme}://user:secret@no..host:{port}/stream")
    monkeypatch.setattr("tracker_core.sources.containers.CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(SourceError, match="timed out"):
        open_source(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/stream", stall_timeout_s=0.3)


def test_a_login_works_and_is_never_shown(server: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    place = server.removeprefix("http://")
    source = open_source(f"http://user:secret@{place}/login?token=alsosecret")
    assert source.name == f"http://{place}/login?token=***"
    with pytest.raises(SourceEnded) as ended:
        while source.read() is not None:
            pass
    texts = [str(ended.value)]
    for address in (
        f"http://user:wrongsecret@{place}/login",
        f"http://user:secret@{place}/page",
        f"http://user:secret@{place}/nothing.mp4?pwd=alsosecret",
        "rtsp://user:secret@127.0.0.1:1/s",
        "rtsq://user:secret@127.0.0.1:1/s",
    ):
        with pytest.raises(SourceError) as raised:
            open_source(address, stall_timeout_s=1.0)
        error: BaseException | None = raised.value
        while error is not None:  # and what a traceback in a log would show
            texts.append(str(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    video = open_source(f"http://user:secret@{place}/clip.mp4?pwd=alsosecret")
    texts += [video.name, repr(video), caplog.text]
    with pytest.raises(SourceError) as raised:
        video.seek(1000)
    texts += [str(raised.value), *getattr(video, "warnings", ())]
    assert not [text for text in texts if "secret" in text]


def test_a_transport_stream_over_tcp_is_live_and_survives_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    FILES["plain.ts"](path)
    content = bytearray(path.read_bytes() * 8)
    content[len(content) // 2 : len(content) // 2 + 188] = bytes(188)

    def serve(place: socket.socket) -> None:
        connection, _ = place.accept()
        with connection:
            for start in range(0, len(content), 1880):
                connection.sendall(content[start : start + 1880])
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as place:
        threading.Thread(target=serve, args=(place,), daemon=True).start()
        source = open_source(f"tcp://127.0.0.1:{place.getsockname()[1]}", stall_timeout_s=2.0)
        assert isinstance(source, LiveSource)
        assert read_to_end(source)[-1][0] > 100
