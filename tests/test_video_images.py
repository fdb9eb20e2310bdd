"""Images and folders of images: order, conversions, bad files."""

from __future__ import annotations

import struct
import zlib
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
    """Write an image (width, height) of one grey value."""
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


def test_a_folders_names_are_made_once(tmp_path: Path) -> None:
    """Every tracked frame asks for the name of its file; made anew, a folder of 3000 images took 0.1 s per frame."""
    for number in range(3):
        write_image(tmp_path / f"{number}.png")
    source = open_source(tmp_path)
    assert source.frame_names == ("0.png", "1.png", "2.png") and source.frame_names is source.frame_names


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


# What must be done to the stored image to see it upright (EXIF 2.3, tag 0x0112).
ORIENTATIONS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],  # mirrored
    3: lambda image: image[::-1, ::-1],  # upside down
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),  # transposed
    6: lambda image: np.rot90(image, -1),  # by a quarter, clockwise
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_orientation_tags_are_obeyed(tmp_path: Path, orientation: int, suffix: str) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16], stored[:8, 16:], stored[8:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    content = cv2.imencode(suffix, stored)[1].tobytes()
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation]) + bytes(6)
    if suffix == ".jpg":
        exif = b"Exif\x00\x00" + tiff
        content = content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:]
    else:  # a chunk after the header, which is 33 bytes long
        chunk = b"eXIf" + tiff
        chunk = len(tiff).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        content = content[:33] + chunk + content[33:]
    (tmp_path / f"0{suffix}").write_bytes(content)
    want = ORIENTATIONS[orientation](stored)
    image = read_image(tmp_path / f"0{suffix}")
    assert image.shape == want.shape
    for y, x in ((3, 3), (3, -3), (-3, 3), (-3, -3)):  # the corners: a JPEG is not exact at edges
        assert np.abs(image[y, x].astype(int) - want[y, x]).max() <= 4


@pytest.mark.parametrize(
    "names",
    [
        ["1403636579.25.png", "1403636579.5.png", "1403636579.763555584.png", "1403636580.0.png"],  # printed as numbers
        ["1.25.png", "1.5.png"],
        ["0.5.png", "9.75.png", "10.125.png"],
        ["cam_1.05_left.png", "cam_1.1_left.png"],
        ["1403636579.763555584.png", "1403636579.813555456.png"],  # of one length
        ["1403636580.png", "1403636580.5.png", "1403636581.25.png"],  # a whole second without a point
        ["frame_2.jpg", "frame_10.jpg"],
        ["shot1.2.png", "shot1.9.png", "shot1.10.png"],  # counters, not decimals
        ["1.1.png", "1.2.png", "1.10.png", "1.11.png"],
        ["10.0.0.2_1.png", "10.0.0.10_1.png"],  # addresses
        ["frame.0001.png", "frame.0002.png"],
        ["a.jpg", "a.png", "b.jpg"],
    ],
)
def test_numbers_in_names_are_ordered_by_value(tmp_path: Path, names: list[str]) -> None:
    for name in sorted(names):
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == names


def write_deep(folder: Path, brightest: int, count: int = 3) -> Path:
    """Write 16-bit images with values from 0 to `brightest`, the first of them dark."""
    folder.mkdir()
    for index in range(count):
        values = np.linspace(0, brightest if index else brightest // 20, 160).astype(np.uint16)
        assert cv2.imwrite(str(folder / f"{index}.png"), values[None].repeat(120, 0))
    return folder


@pytest.mark.parametrize(
    ("brightest", "bits"),
    [(200, 8), (1000, 10), (3975, 12), (4095, 12), (16000, 14), (16384, 16), (65535, 16)],
)
def test_the_bits_that_16_bit_images_use_are_shown_and_told(tmp_path: Path, brightest: int, bits: int) -> None:
    source = open_source(write_deep(tmp_path / "deep", brightest))
    images = [frame.image for frame in iterate_frames(source)]
    assert images[1].max() == brightest >> (bits - 8) and images[1].min() == 0
    assert images[0].max() == (brightest // 20) >> (bits - 8)  # the same scale for all
    notes = [note for note in source.warnings if f"only use {bits} bits" in note]
    assert len(notes) == (bits < 16)


def test_black_16_bit_images_stay_black(tmp_path: Path) -> None:
    source = open_source(write_deep(tmp_path / "deep", 0))
    assert source.warnings == [] and all(frame.image.max() == 0 for frame in iterate_frames(source))


def test_odd_images_become_ordinary_frames(tmp_path: Path) -> None:
    """One bit, a palette, grey with alpha, a progressive JPEG, a torn one: what decodes is delivered, the rest told."""
    grey = np.full((24, 32), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), grey, [cv2.IMWRITE_PNG_BILEVEL, 1])
    cv2.imwrite(str(tmp_path / "1.jpg"), grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    noise = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    torn = cv2.imencode(".jpg", noise)[1].tobytes()
    (tmp_path / "2.jpg").write_bytes(torn[: len(torn) // 2])
    # 1x1 images by hand: a palette with a transparent colour, grey with alpha
    for name, colour_type, extra, line in (
        ("3.png", 3, [(b"PLTE", b"\xff\x80\x00"), (b"tRNS", b"\x00")], b"\x00\x00"),
        ("4.png", 4, [], b"\x00\x50\x00"),
    ):
        chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, colour_type, 0, 0, 0)), *extra]
        chunks += [(b"IDAT", zlib.compress(line)), (b"IEND", b"")]
        content = b"\x89PNG\r\n\x1a\n"
        for kind, data in chunks:
            content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        (tmp_path / name).write_bytes(content)
    source = open_source(tmp_path)
    frames = {frame.index: frame.image for frame in iterate_frames(source)}
    assert sorted(frames) == [0, 1, 3, 4]
    assert any("'" + str(tmp_path / "2.jpg") in note for note in source.warnings)
    assert frames[0].min() == 255 and frames[1].min() >= 250
    assert tuple(frames[3][0, 0]) == (0, 0x80, 0xFF)  # BGR, opaque
    assert tuple(frames[4][0, 0]) == (0x50, 0x50, 0x50)


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    """Alone they are refused; beside others, as a phone that was asked for HEIC leaves them, a note says so."""
    (tmp_path / "0.HEIC").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"\(\.heic\).*convert them to PNG"):
        open_source(tmp_path)
    write_image(tmp_path / "1.png")
    source = open_source(tmp_path)
    assert source.frame_count == 1 and "left out (.heic cannot be read)" in source.warnings[0]


COLOURS = np.array([[[200, 120, 60]] * 8 + [[10, 200, 90]] * 8] * 8, np.uint8)  # 8 rows, 16 columns, BGR


@pytest.mark.parametrize(
    ("name", "content", "want"),
    [
        ("0.tif", cv2.imencode(".tif", COLOURS)[1].tobytes(), COLOURS),
        ("0.TIFF", cv2.imencode(".tif", COLOURS[..., 0].astype(np.uint16) << 8)[1].tobytes(), COLOURS[..., :1]),
        ("0.ppm", b"P6 16 8 255 " + COLOURS[..., ::-1].tobytes(), COLOURS),  # RGB
        ("0.pgm", b"P5 16 8 255 " + COLOURS[..., 0].tobytes(), COLOURS[..., :1]),
        # 12 bits, the high byte first
        (
            "0.pgm",
            b"P5 16 8 4095 " + (COLOURS[..., 0].astype(np.uint16) << 4).astype(">u2").tobytes(),
            COLOURS[..., :1],
        ),
        ("0.jfif", cv2.imencode(".png", COLOURS)[1].tobytes(), COLOURS),  # what a file is, its first bytes say
    ],
)
def test_images_of_microscopes_and_old_data_sets_are_read(
    tmp_path: Path, name: str, content: bytes, want: np.ndarray
) -> None:
    (tmp_path / name).write_bytes(content)
    frame = open_source(tmp_path).read()
    assert frame is not None
    np.testing.assert_array_equal(frame.image, np.broadcast_to(want, COLOURS.shape))


def test_numbers_that_are_no_colours_are_named(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "0.tif"), np.ones((8, 16), np.float32))
    with pytest.raises(SourceError, match=r"None of the 1 images .*0\.tif' holds numbers of type float32"):
        open_source(tmp_path)


def write_animation(path: Path, count: int = 5) -> Path:
    animation = cv2.Animation()
    animation.frames = [np.full((24, 32, 4), (40 * index, 0, 0, 255), np.uint8) for index in range(count)]
    animation.durations = [100] * count
    assert cv2.imwriteanimation(str(path), animation)
    return path


def test_several_images_in_one_file(tmp_path: Path) -> None:
    """An animated PNG is a film; other animations and stacks say what they are, and in a folder are not cut unsaid."""
    source = open_source(write_animation(tmp_path / "moving.png"))
    assert [int(frame.image[0, 0, 0]) for frame in iterate_frames(source)] == [0, 40, 80, 120, 160]
    assert cv2.imwritemulti(str(tmp_path / "stack.tif"), [np.full((24, 32), value, np.uint8) for value in range(3)])
    for path, count in ((write_animation(tmp_path / "moving.webp"), 5), (tmp_path / "stack.tif", 3)):
        with pytest.raises(SourceError, match=f"holds {count} images in one file"):
            open_source(path)
    assert any("hold several images each; the first" in note for note in open_source(tmp_path).warnings)


@pytest.mark.parametrize("spec", ["", "  ", "gopher://host/x", "rtps://host/x"])
def test_specs_that_mean_nothing(spec: str) -> None:
    with pytest.raises(SourceError):
        open_source(spec)


# folders inside that hold images; which one is opened, and what the note names
@pytest.mark.parametrize(("places", "opened", "named"), [
    ([""], "", []),  # the images themselves: nothing to say
    (["img"], "img", ["'img'"]),
    (["img1"], "img1", ["'img1'"]),  # MOT Challenge's, of another name than those that are known
    (["color", "depth"], "color", ["'color'"]),
    (["", "img"], "img", ["'img'", "those in the folder itself were not"]),
    (["imgs", "frames"], "imgs", ["'imgs'", "those in 'frames' were not"]),
])  # fmt: skip
def test_which_images_were_opened_is_said(tmp_path: Path, places: list[str], opened: str, named: list[str]) -> None:
    folder = tmp_path / "seq"
    for value, place in enumerate(places):
        write_image(folder / place / "00000001.png", 10 * value)
    source = open_source(folder)
    assert source.name == "seq" and Path(source.paths[0]).parent == folder / opened
    notes = " ".join(source.warnings)
    assert all(words in notes for words in named) and bool(notes) == bool(named)


def test_of_several_folders_of_images_none_is_chosen(tmp_path: Path) -> None:
    for name in ("monday", "tuesday", ".thumbnails"):
        write_image(tmp_path / "days" / name / "1.png")
    with pytest.raises(SourceError, match=r"holds 2 folders of images \('monday', 'tuesday'\); open one of them"):
        open_source(tmp_path / "days")
