"""Which file a user means: names that look like addresses, URLs of files, `~`, stray spaces."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from cli_sources import make_images, make_video

from tracker_core.errors import SourceError
from tracker_core.sources import open_source
from tracker_core.sources.addresses import to_path
from tracker_core.sources.opening import parse_camera

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows forbids most of these names")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", count=3).read_bytes()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "cam1:front.mp4",  # FFmpeg takes what stands before a colon for a protocol
        "rtsp:clip.mp4",
        "concat:a.mp4",
        "file:a.mp4",
        "crypto:a.mp4",
        "http:a.mp4",
        "C:a.mp4",
        "-i.mp4",  # an option?
        "clip%d.mp4",  # a pattern of images?
        "clip%03d.mp4",
        "a%20b.mp4",
        "a b .mp4 ",
        " a.mp4",
        "ä 日本 ß.mp4",
        "~clip.mp4",  # the home of a user called clip.mp4?
        "a#b?c=d.mp4",
        "a|b.mp4",
        "'a'.mp4",
        "a\nb.mp4",
        "0.mp4",
        "user:secret@host.mp4",
    ],
)
def test_a_file_is_found_by_its_name_alone(here: Path, content: bytes, name: str) -> None:
    (here / name).write_bytes(content)
    for spec in (name, str(here / name), here / name, Path(name)):
        source = open_source(spec)
        assert source.frame_count == 3 and source.name == name
        source.seek(2)  # the packets are read by another call of FFmpeg
        assert source.read() is not None
        source.close()


@pytest.mark.parametrize("folder", ["cam:1", "img%04d", "~pics", "a b ", "camera"])
def test_a_folder_is_found_by_its_name_alone(here: Path, folder: str) -> None:
    make_images(here / folder, 2)
    assert open_source(f"./{folder}").frame_count == 2
    assert open_source(here / folder).frame_count == 2


def test_urls_of_files_as_file_managers_give_them(here: Path, content: bytes) -> None:
    path = here / "my clips" / "ä#1.mp4"
    path.parent.mkdir()
    path.write_bytes(content)
    place = quote(str(path))
    assert "%20" in place and "%C3%A4" in place
    for url in (f"file://{place}", f"file://localhost{place}", f"FILE://{place}", f"file://{path}"):
        source = open_source(url)
        assert source.name == path.name
        source.close()
    make_images(here / "my clips" / "img s", 2)
    assert open_source(f"file://{quote(str(path.parent / 'img s'))}/").frame_count == 2
    with pytest.raises(SourceError, match="another computer"):
        open_source("file://server/share/a.mp4")
    with pytest.raises(SourceError, match=r"There is no file or folder '/no such/a\.mp4'"):
        open_source("file:///no%20such/a.mp4")


def test_home_and_what_is_pasted(here: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    (here / "clip.mp4").write_bytes(content)
    for text in ("~/clip.mp4", " clip.mp4\n", '"clip.mp4"', f"'{here}/clip.mp4'"):
        assert to_path(text).samefile(here / "clip.mp4"), text
    assert to_path("~no-such-user-here/clip.mp4") == Path("~no-such-user-here/clip.mp4")
    with pytest.raises(SourceError, match="no file or folder"):
        open_source("~no-such-user-here/clip.mp4")


def test_what_is_neither_file_nor_folder_is_one_sentence(here: Path) -> None:
    os.mkfifo(here / "pipe.mp4")
    (here / "loop.mp4").symlink_to(here / "loop.mp4")
    for name, words in (("pipe.mp4", "regular file"), ("loop.mp4", "loop"), ("a" * 300 + ".mp4", "a"), ("a\0b", "a")):
        with pytest.raises(SourceError, match=words) as raised:
            open_source(name)
        assert "\n" not in str(raised.value)


def test_a_path_is_never_a_camera_number(here: Path) -> None:
    make_images(here / "0", 2)
    assert parse_camera(Path("0")) is None and parse_camera(Path("camera")) is None
    assert open_source(Path("0")).frame_count == 2
    assert parse_camera("0") == 0 and parse_camera(Path("/dev/video7")) == 7


def test_mistyped_addresses_do_not_show_their_password(here: Path) -> None:
    for text in ("rtsp:/user:secret@host/x", "rstp://user:secret@host/x", "//user:secret@host/x", "user:secret@host/x"):
        with pytest.raises(SourceError) as raised:
            open_source(text)
        assert "secret" not in str(raised.value), text
