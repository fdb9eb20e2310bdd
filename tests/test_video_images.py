"""Images and folders of images: order, conversions, bad files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker_core.errors import SourceError
from tracker_core.sources.image_list import ImageListSource
from tracker_core.sources.images import convert_to_bgr, list_images, natural_key, read_image
from tracker_core.sources.opening import open_source
from tracker_core.types import iterate_frames


def write_image(path: Path, value: int = 0, size: tuple[int, int] = (32, 24)) -> Path:
    """Write a image (width, height) of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(path.suffix.lower(), np.full((size[1], size[0], 3), value, np.uint8))
    assert ok
    path.write_bytes(data.tobytes())
    return path


def test_natural_order_and_every_suffix(tmp_path: Path) -> None:
    # without leading zeros, in mixed case, with things between that are no images
    for name in ("f10.jpg", "f9.png", "f1.bmp", "F2.JPG", "f11.webp", "f3.JPEG"):
        write_image(tmp_path / name)
    for name in ("notes.txt", "._f4.jpg", "f5.mp4", ".hidden.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_images(tmp_path)] == [
        "f1.bmp",
        "F2.JPG",
        "f3.JPEG",
        "f9.png",
        "f10.jpg",
        "f11.webp",
    ]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30, unique=True))
def test_natural_order_is_the_order_of_numbers(numbers: list[int]) -> None:
    names = [f"frame_{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_key) == [f"frame_{number}.jpg" for number in sorted(numbers)]


@given(st.text(max_size=8), st.text(max_size=8))
def test_natural_order_takes_any_name(first: str, second: str) -> None:
    assert (natural_key(first) < natural_key(second)) + (natural_key(second) < natural_key(first)) <= 1


@pytest.mark.parametrize(
    ("image", "want"),
    [
        (np.full((2, 3), 7, np.uint8), (7, 7, 7)),  # grey
        (np.full((2, 3, 1), 7, np.uint8), (7, 7, 7)),  # grey with an axis
        (np.full((2, 3, 3), (1, 2, 3), np.uint8), (1, 2, 3)),  # colour stays
        (np.full((2, 3, 4), (1, 2, 3, 0), np.uint8), (1, 2, 3)),  # alpha is ignored, even where transparent
        (np.full((2, 3), 0x1234, np.uint16), (0x12, 0x12, 0x12)),  # 16 bits keep the whole range
        (np.full((2, 3, 4), 0xFFFF, np.uint16), (255, 255, 255)),
        (np.ones((2, 3), np.bool_), (255, 255, 255)),
    ],
)
def test_conversion_to_bgr(image: np.ndarray, want: tuple[int, int, int]) -> None:
    result = convert_to_bgr(image)
    assert result.dtype == np.uint8 and result.shape == (2, 3, 3) and result.flags.c_contiguous
    assert tuple(result[1, 2]) == want


@pytest.mark.parametrize(
    "image",
    [np.zeros((2, 3), np.float32), np.zeros((2, 3, 2), np.uint8), np.zeros(5, np.uint8), np.zeros((0, 4, 3), np.uint8)],
)
def test_images_that_cannot_be_converted(image: np.ndarray) -> None:
    with pytest.raises(SourceError):
        convert_to_bgr(image)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("grey.png", np.full((24, 32), 128, np.uint8)),
        ("alpha.png", np.full((24, 32, 4), 128, np.uint8)),
        ("deep.png", np.full((24, 32), 0x8000, np.uint16)),
        ("deep_colour.png", np.full((24, 32, 3), 0x8000, np.uint16)),
        ("alpha.webp", np.full((24, 32, 4), 128, np.uint8)),
    ],
)
def test_unusual_files_become_ordinary_frames(tmp_path: Path, name: str, image: np.ndarray) -> None:
    ok, data = cv2.imencode(Path(name).suffix, image)
    assert ok
    (tmp_path / name).write_bytes(data.tobytes())
    frame = open_source(tmp_path).read()
    assert frame is not None
    assert frame.image.shape == (24, 32, 3) and frame.image.dtype == np.uint8 and not frame.image.flags.writeable
    assert np.abs(frame.image.astype(int) - 128).max() <= 3


def test_names_may_hold_any_character(tmp_path: Path) -> None:
    write_image(tmp_path / "Übung 日本" / "bild ß.png", 50)
    assert open_source(tmp_path / "Übung 日本").read() is not None


def test_folder_reads_seeks_and_ends(tmp_path: Path) -> None:
    for index in range(12):
        write_image(tmp_path / f"{index}.png", index * 10)
    source = open_source(tmp_path)
    assert source.frame_count == 12 and source.size == (32, 24) and source.is_seekable and not source.is_live
    assert [int(frame.image[0, 0, 0]) for frame in iterate_frames(source)] == [index * 10 for index in range(12)]
    assert source.read() is None
    source.seek(10)
    frame = source.read()
    assert frame is not None and frame.index == 10 and frame.image[0, 0, 0] == 100
    for wrong in (-1, 13):
        with pytest.raises(SourceError):
            source.seek(wrong)
    source.close()
    source.close()


def test_a_damaged_image_is_left_out_and_told(tmp_path: Path) -> None:
    for index in range(4):
        write_image(tmp_path / f"{index}.png")
    (tmp_path / "1.png").write_bytes(b"not a png")
    (tmp_path / "2.png").write_bytes(b"")
    source = ImageListSource.from_folder(tmp_path)
    assert [frame.index for frame in iterate_frames(source)] == [0, 3]  # the others keep their numbers
    assert len(source.warnings) == 2 and "1.png" in source.warnings[0]
    assert source.frame_names == ("0.png", "1.png", "2.png", "3.png")  # so that a name is the frame's own


def test_the_last_frame_is_the_last_that_can_be_read(tmp_path: Path) -> None:
    for index in range(4):
        write_image(tmp_path / f"{index}.png")
    (tmp_path / "3.png").write_bytes(b"not a png")
    assert ImageListSource.from_folder(tmp_path).last_index() == 2


def test_changing_size_is_delivered_and_told(tmp_path: Path) -> None:
    write_image(tmp_path / "0.png")
    write_image(tmp_path / "1.png", size=(50, 20))
    source = ImageListSource.from_folder(tmp_path)
    shapes = [frame.image.shape for frame in iterate_frames(source)]
    assert shapes == [(24, 32, 3), (20, 50, 3)] and source.size == (32, 24)
    assert any("different sizes" in warning for warning in source.warnings)


def test_folders_without_usable_images(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.jpg").write_bytes(b"x")
    for name, word in (("empty", "no images"), ("broken", "None of the 1 images"), ("absent", "no file or folder")):
        with pytest.raises(SourceError, match=word):
            open_source(tmp_path / name)


def test_folder_of_videos_names_one(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(SourceError, match=r"videos; open one of them, such as 'clip\.mp4'"):
        open_source(tmp_path)


def test_single_image_asks_for_the_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="single image"):
        open_source(write_image(tmp_path / "0.jpg"))


def test_misspelt_path_names_the_nearest(tmp_path: Path) -> None:
    write_image(tmp_path / "holiday" / "0.jpg")
    with pytest.raises(SourceError, match=r"Did you mean '.*holiday'"):
        open_source(tmp_path / "hoilday")


def test_orientation_tags_are_obeyed(tmp_path: Path) -> None:
    path = write_image(tmp_path / "0.jpg", size=(32, 16))
    content = path.read_bytes()
    # an EXIF block that says: show me turned by a quarter (orientation 6)
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    exif = b"Exif\x00\x00" + tiff
    path.write_bytes(content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:])
    assert read_image(path).shape == (32, 16, 3)


@pytest.mark.parametrize("spec", ["", "  ", "gopher://host/x", "rtps://host/x"])
def test_specs_that_mean_nothing(spec: str) -> None:
    with pytest.raises(SourceError):
        open_source(spec)
