"""Benchmark folders as they are published, in miniature: found, listed and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker_core.errors import DataSetError, SourceError
from tracker_core.rendering.writers import VideoWriter
from tracker_core.sources.opening import SequenceSource, open_source
from tracker_core.sources.sequences import detect_layout, find_sequence, list_sequences, load_sequence
from tracker_core.sources.sequences.annotation import read_number_rows
from tracker_core.sources.sequences.davis import read_mask
from tracker_core.sources.sequences.otb_attributes import OTB_ATTRIBUTES
from tracker_core.sources.sequences.subsets import OTB_50, OTB_100, OTB_2013, select_subset, subset_clips
from tracker_core.sources.sequences.uav123 import UAV_LAYOUTS
from tracker_core.sources.sequences.vot import parse_region
from tracker_core.types import iterate_frames

BOXES = "10,20,30,40\n11,21,30,40\n12,22,30,40\n"


def make_images(folder: Path, names: Sequence[str]) -> None:
    """Write small images whose grey value is their place in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    for value, name in enumerate(names):
        ok, data = cv2.imencode(Path(name).suffix, np.full((48, 64, 3), value % 256, np.uint8))
        assert ok
        (folder / name).write_bytes(data.tobytes())


def make_files(folder: Path, **files: str) -> Path:
    """Write text files; `__` in a name stands for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def numbered(first: int, last: int, digits: int = 4, suffix: str = ".jpg") -> list[str]:
    return [f"{number:0{digits}d}{suffix}" for number in range(first, last + 1)]


def make_otb(root: Path) -> Path:
    for name, separator in (("Car4", ","), ("Deer", "\t"), ("Woman", "  ")):
        make_images(root / name / "img", numbered(1, 3))
        make_files(root / name, groundtruth_rect__txt=BOXES.replace(",", separator))
    make_images(root / "Jogging" / "img", numbered(1, 3))
    make_files(root / "Jogging", groundtruth_rect__1__txt=BOXES, groundtruth_rect__2__txt=BOXES.replace("10", "50"))
    make_images(root / "Human4" / "img", numbered(1, 3))
    make_files(root / "Human4", groundtruth_rect__1__txt="", groundtruth_rect__2__txt=BOXES)
    return root


def make_vot(root: Path) -> Path:
    make_images(root / "ants1", numbered(1, 3, 8))  # 2013 to 2017: images beside the polygons
    make_files(
        root / "ants1", groundtruth__txt="1,2,11,2,11,8,1,8\n0,0,10,0,10,10,0,10\nnan,nan,nan,nan,nan,nan,nan,nan\n"
    )
    make_files(root / "ants1", occlusion__tag="0\n1\n0\n", camera_motion__label="1\n")
    make_images(root / "bag" / "color", numbered(1, 2, 8))  # from 2018: a folder per channel, a description
    make_files(
        root / "bag",
        groundtruth__txt="m5,6,3,2,1,2,1,1,1\nm0,0,0,0\n",
        sequence="channels.color=color/%08d.jpg\nfps=25\n",
    )
    make_files(root, list__txt="bag\nants1\n")
    return root


def make_got10k(root: Path) -> Path:
    for split, text in (("val", "1.5,2.25,3,4\n2,2,3,4\n3,2,3,4\n"), ("test", "1,2,3,4\n")):
        folder = root / split / f"GOT-10k_{split}_000001"
        make_images(folder, numbered(1, 3, 8))
        make_files(folder, groundtruth__txt=text)
        make_files(root / split, list__txt=f"{folder.name}\n")
    make_files(
        root / "val" / "GOT-10k_val_000001",
        absence__label="0\n1\n0\n",
        cover__label="8\n0\n4\n",
        meta_info__ini="[METAINFO]\nurl: x\nanno_fps: 5Hz\n",
    )
    return root


def make_lasot(root: Path) -> Path:
    folder = root / "tiger" / "tiger-6"
    make_images(folder / "img", numbered(1, 4, 8))
    make_files(
        folder,
        groundtruth__txt="1,1,5,5\n10,20,30,40\n613,731,247,-11\n9,9,9,9\n",
        full_occlusion__txt="0,0,0,1",
        out_of_view__txt="0,0,0,0",
    )
    make_files(root, testing_set__txt="tiger-6\ncat-1\n")
    return root


def make_uav123(root: Path) -> Path:
    make_images(root / "data_seq" / "UAV123" / "bike1", numbered(1, 3, 6))
    make_images(root / "data_seq" / "UAV123" / "truck4", numbered(575, 1261, 6))
    make_files(
        root / "anno" / "UAV123",
        bike1__txt="1,2,3,4\nNaN,NaN,NaN,NaN\n5,6,7,8\n",
        truck4_2__txt=BOXES * 228 + "1,1,5,5\n",
    )
    make_files(root / "anno" / "UAV123" / "att", bike1__txt="0,1,0,0,0,0,0,0,0,0,0,1\n")
    return root


def make_trackingnet(root: Path) -> Path:
    make_images(root / "TRAIN_0" / "frames" / "abc_0", [f"{number}.jpg" for number in range(12)])
    make_files(root / "TRAIN_0" / "anno", abc_0__txt="1.5,2,3,4\n" * 12)
    make_images(root / "TEST" / "frames" / "xyz_1", [f"{number}.jpg" for number in range(3)])
    make_files(root / "TEST" / "anno", xyz_1__txt="1,2,3,4\n")
    return root


def make_davis(root: Path) -> Path:
    make_images(root / "JPEGImages" / "480p" / "dogs", numbered(0, 2, 5))
    make_images(root / "JPEGImages" / "480p" / "bear", numbered(0, 1, 5))
    for name in numbered(0, 2, 5, ".png"):
        mask = np.zeros((48, 64, 3), np.uint8)  # palette colours of objects 1 and 2, as they are decoded
        mask[10:20, 5:9] = (0, 0, 128)
        if name != "00001.png":
            mask[30:40, 50:60] = (0, 128, 0)
        write_png(root / "Annotations" / "480p" / "dogs" / name, mask)
    for name in numbered(0, 1, 5, ".png"):
        grey = np.zeros((48, 64), np.uint8)
        grey[1:3, 4:9] = 255
        write_png(root / "Annotations" / "480p" / "bear" / name, grey)
    return root


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(".png", image)
    assert ok
    path.write_bytes(data.tobytes())


MAKERS: dict[str, tuple[Callable[[Path], Path], list[tuple[str, int]]]] = {
    "otb": (make_otb, [("Car4", 3), ("Deer", 3), ("Human4", 3), ("Jogging-1", 3), ("Jogging-2", 3), ("Woman", 3)]),
    "vot": (make_vot, [("bag", 2), ("ants1", 3)]),
    "got10k": (make_got10k, [("GOT-10k_val_000001", 3), ("GOT-10k_test_000001", 3)]),
    "lasot": (make_lasot, [("tiger-6", 4)]),
    "uav123": (make_uav123, [("bike1", 3), ("truck4_2", 685)]),
    "trackingnet": (make_trackingnet, [("xyz_1", 3), ("abc_0", 12)]),
    "davis": (make_davis, [("bear", 2), ("dogs-1", 3), ("dogs-2", 3)]),
}


@pytest.mark.parametrize("layout", MAKERS)
def test_data_sets_are_recognised_and_listed(tmp_path: Path, layout: str) -> None:
    make, expected = MAKERS[layout]
    root = make(tmp_path / "set")
    assert detect_layout(root) == layout
    infos = list_sequences(root)
    assert [(info.name, info.frame_count) for info in infos] == expected
    assert all(info.has_ground_truth and info.layout == layout for info in infos)
    for info in infos:
        sequence = load_sequence(root, info.name)
        assert len(sequence) == len(sequence.boxes_xywh) == info.frame_count
        assert all(Path(path).is_file() for path in sequence.frames)


def test_otb_separators_are_all_the_same_and_boxes_become_zero_based(tmp_path: Path) -> None:
    root = make_otb(tmp_path)
    for name in ("Car4", "Deer", "Woman"):
        assert load_sequence(root, name).boxes_xywh.tolist() == [[9, 19, 30, 40], [10, 20, 30, 40], [11, 21, 30, 40]]
    assert load_sequence(root, "Jogging-2").boxes_xywh[0, 0] == 49
    assert load_sequence(root, "jogging.2").name == "Jogging-2"  # as other tools write it
    assert load_sequence(root, "Woman").attributes == OTB_ATTRIBUTES["Woman"]


@pytest.mark.parametrize(
    ("name", "images", "rows", "first", "count"),
    [
        ("David", (1, 770), 471, 300, 471),  # the whole clip is there, its ground truth begins at 300
        ("David", (300, 770), 471, 300, 471),  # only the part is there
        ("Tiger1", (1, 354), 354, 6, 349),  # the ground truth covers more than is evaluated
        ("Diving", (1, 231), 231, 1, 215),
        ("Football1", (1, 81), 74, 1, 74),
        ("BlurCar1", (247, 988), 742, 247, 742),
        ("Deer", (1, 71), 71, 1, 71),
    ],
)
def test_otb_parts_are_cut_by_file_number(
    tmp_path: Path, name: str, images: tuple[int, int], rows: int, first: int, count: int
) -> None:
    folder = tmp_path / name
    (folder / "img").mkdir(parents=True)
    for image in numbered(*images):
        (folder / "img" / image).touch()
    starts = images[0] if rows == images[1] - images[0] + 1 else first
    make_files(folder, groundtruth_rect__txt="".join(f"{starts + row},1,5,5\n" for row in range(rows)))
    sequence = load_sequence(folder)
    assert len(sequence) == len(sequence.boxes_xywh) == count == list_sequences(folder)[0].frame_count
    assert sequence.first_index == first and Path(sequence.frames[0]).stem == f"{first:04d}"
    # the x of each row was made from the number of its frame
    assert sequence.boxes_xywh[:, 0].tolist() == [number - 1 for number in range(first, first + count)]


def test_vot_reads_polygons_masks_and_tags(tmp_path: Path) -> None:
    root = make_vot(tmp_path)
    ants = load_sequence(root, "ants1")
    assert ants.polygons is not None and ants.polygons[0].tolist() == [1, 2, 11, 2, 11, 8, 1, 8]
    assert ants.boxes_xywh[0].tolist() == [1, 2, 10, 6] and np.isnan(ants.boxes_xywh[2]).all()
    assert ants.frame_attributes["occlusion"].tolist() == [False, True, False]
    assert ants.frame_attributes["camera_motion"].tolist() == [True, False, False]  # a short file is filled up
    assert ants.attributes == ("camera_motion", "occlusion")
    bag = load_sequence(root, "bag")
    assert bag.polygons is None and bag.fps == 25
    # a 3 × 2 mask at (5, 6): one off, two on, one off, one on, one off
    assert bag.boxes_xywh[0].tolist() == [6, 6, 2, 2] and np.isnan(bag.boxes_xywh[1]).all()


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1", [np.nan] * 4),  # special codes are no boxes
        ("1,2,3,4", [1, 2, 3, 4]),
        ("0 0 4 0 2 3", [0, 0, 4, 3]),  # a triangle
        ("m2,3,2,2,0,4", [2, 3, 2, 2]),  # a full mask
    ],
)
def test_vot_regions(text: str, box: list[float]) -> None:
    np.testing.assert_array_equal(parse_region(text)[0], box)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "m1,2,x", "m1"])
def test_bad_vot_regions(text: str) -> None:
    with pytest.raises(DataSetError):
        parse_region(text, "groundtruth.txt", 7)


def test_got10k_absence_and_start_boxes(tmp_path: Path) -> None:
    root = make_got10k(tmp_path)
    val = load_sequence(root, "GOT-10k_val_000001")
    assert val.boxes_xywh[0].tolist() == [1.5, 2.25, 3, 4] and np.isnan(val.boxes_xywh[1]).all() and val.fps == 5
    assert val.frame_attributes["occluded"].tolist() == [False, True, True]
    test = load_sequence(root, "GOT-10k_test_000001")
    assert test.boxes_xywh[0].tolist() == [1, 2, 3, 4] and np.isnan(test.boxes_xywh[1:]).all()


def test_lasot_is_one_based_and_hides_absent_targets(tmp_path: Path) -> None:
    tiger = load_sequence(make_lasot(tmp_path), "tiger-6")
    assert tiger.boxes_xywh[0].tolist() == [0, 0, 5, 5]
    assert np.isnan(tiger.boxes_xywh).all(axis=1).tolist() == [False, False, True, True]  # an error, an occlusion
    assert subset_clips("lasot-test", tmp_path) == ("tiger-6", "cat-1")


def test_uav123_parts_of_a_folder(tmp_path: Path) -> None:
    root = make_uav123(tmp_path)
    truck = load_sequence(root, "truck4_2")
    assert (
        Path(truck.frames[0]).stem == "000577" and Path(truck.frames[-1]).stem == "001261" and truck.first_index == 577
    )
    bike = load_sequence(root, "bike1")
    assert np.isnan(bike.boxes_xywh[1]).all() and bike.attributes == ("SV", "LR")


def test_uav123_at_ten_frames_a_second() -> None:
    # every third image: (n − 1) // 3 + 1
    layout = next(layout for layout in UAV_LAYOUTS if layout.name == "uav123-10fps")
    assert layout.frame_range("bird1_2") == (259, 493) and layout.frame_range("uav1_3") == (825, 1157)
    assert layout.frame_range("bird1_4") is None and layout.frame_range("bike1") is None


def test_trackingnet_counts_in_natural_order(tmp_path: Path) -> None:
    sequence = load_sequence(make_trackingnet(tmp_path), "abc_0")
    assert [Path(path).stem for path in sequence.frames] == [str(number) for number in range(12)]
    assert detect_layout(tmp_path / "TEST") == "trackingnet"  # one chunk alone


def test_davis_masks_become_boxes_per_object(tmp_path: Path) -> None:
    root = make_davis(tmp_path)
    assert load_sequence(root, "dogs-1").boxes_xywh.tolist() == [[5, 10, 4, 10]] * 3
    second = load_sequence(root, "dogs-2").boxes_xywh
    assert second[0].tolist() == [50, 30, 10, 10] and np.isnan(second[1]).all()
    assert load_sequence(root, "bear").boxes_xywh[0].tolist() == [4, 1, 5, 2]


def test_palette_colours_are_object_numbers(tmp_path: Path) -> None:
    # the colour map of PASCAL VOC, written out for a few numbers (blue, green, red)
    colors = {
        0: (0, 0, 0),
        1: (0, 0, 128),
        2: (0, 128, 0),
        3: (0, 128, 128),
        4: (128, 0, 0),
        8: (0, 0, 64),
        21: (128, 64, 128),
    }
    write_png(tmp_path / "mask.png", np.array([list(colors.values())], np.uint8))
    assert read_mask(tmp_path / "mask.png")[0].tolist() == list(colors)


def test_ground_truth_must_match_the_frames(tmp_path: Path) -> None:
    for lines, word in ((2, "fewer"), (5, "more")):
        folder = tmp_path / f"Clip{lines}"
        make_images(folder / "img", numbered(1, 3))
        make_files(folder, groundtruth_rect__txt="1,2,3,4\n" * lines)
        with pytest.raises(DataSetError, match=rf"{word} lines than frames \({lines} lines, 3 frames\)"):
            load_sequence(folder)
        with pytest.raises(DataSetError):
            open_source(folder)


def test_one_line_is_a_start_box(tmp_path: Path) -> None:
    make_images(tmp_path / "Clip" / "img", numbered(1, 3))
    make_files(tmp_path / "Clip", groundtruth_rect__txt="5,6,7,8\n\n\n")  # blank lines at the end are nothing
    sequence = load_sequence(tmp_path / "Clip")
    assert sequence.boxes_xywh[0].tolist() == [4, 5, 7, 8] and np.isnan(sequence.boxes_xywh[1:]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3,4\n1,2,x,4\n", "Line 2"),
        ("1,2,3,4\n1,2,3\n", "Line 2"),
        ("1,2,3,4,5\n", "5 numbers"),
        ("", "no box"),
        ("nan\n", "no box"),
    ],
)
def test_bad_annotation_files(tmp_path: Path, text: str, words: str) -> None:
    path = make_files(tmp_path, a__txt=text) / "a.txt"
    with pytest.raises(DataSetError, match=words) as raised:
        read_number_rows(path)
    assert str(path) in str(raised.value)
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataSetError, match="not text"):
        read_number_rows(path)


def test_annotation_files_with_odd_but_clear_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff1, 2,\t3;4\r\nNaN nan NAN nan\r\nnan\r\n1e1,2,3,4\r\n\r\n".encode())
    rows = read_number_rows(path)
    assert rows.shape == (4, 4) and np.isnan(rows[1:3]).all() and rows[3, 0] == 10


def test_nearest_names_and_folders_that_are_nothing(tmp_path: Path) -> None:
    root = make_otb(tmp_path / "set")
    with pytest.raises(DataSetError, match="Did you mean 'Woman'"):
        find_sequence(root, "Wonan")
    with pytest.raises(DataSetError, match="Did you mean 'got10k'"):
        list_sequences(root, "got10")
    with pytest.raises(DataSetError, match="no data-set folder"):
        list_sequences(tmp_path / "absent")
    with pytest.raises(DataSetError, match="6 sequences"):
        load_sequence(root)
    (tmp_path / "empty").mkdir()
    assert detect_layout(tmp_path / "empty") is None
    with pytest.raises(DataSetError, match="No sequence"):
        list_sequences(tmp_path / "empty")
    with pytest.raises(DataSetError, match="no images"):
        make_files(tmp_path / "bare", groundtruth_rect__txt=BOXES)
        load_sequence(tmp_path / "bare")


def test_subsets_have_the_published_sizes(tmp_path: Path) -> None:
    assert (len(OTB_2013), len(OTB_50), len(OTB_100)) == (50, 49, 98)
    assert set(OTB_2013) <= set(OTB_100) and set(OTB_ATTRIBUTES) == set(OTB_100)
    chosen, missing = select_subset(list_sequences(make_otb(tmp_path)), subset_clips("OTB2013"))
    assert [info.name for info in chosen] == ["Car4", "Deer", "Jogging-1", "Jogging-2", "Woman"] and len(missing) == 46
    with pytest.raises(DataSetError, match="Did you mean 'lasot-test'"):
        subset_clips("lasot-tst")


def test_sequence_folders_open_as_sources(tmp_path: Path) -> None:
    root = make_otb(tmp_path)
    source = open_source(root / "Jogging")
    assert isinstance(source, SequenceSource)
    assert source.sequence.name == "Jogging-1" and [s.name for s in source.sequences] == ["Jogging-1", "Jogging-2"]
    assert [frame.index for frame in iterate_frames(source)] == [0, 1, 2]
    second = open_source(root / "Jogging-2")  # no such folder, but such a target
    assert isinstance(second, SequenceSource) and second.sequence.boxes_xywh[0, 0] == 49
    with pytest.raises(DataSetError, match="no target 3"):
        open_source(root / "Jogging-3")
    with pytest.raises(SourceError, match="data set"):
        open_source(root)


def test_a_benchmark_does_not_step_over_a_damaged_image(tmp_path: Path) -> None:
    root = make_otb(tmp_path)
    (root / "Car4" / "img" / "0002.jpg").write_bytes(b"")
    source = open_source(root / "Car4")
    source.read()
    with pytest.raises(SourceError, match="0002"):
        source.read()


def test_a_video_with_ground_truth_is_a_sequence(tmp_path: Path) -> None:
    for folder, truth in ((tmp_path / "Clip", "groundtruth_rect.txt"), (tmp_path, "clip_groundtruth_rect.txt")):
        folder.mkdir(exist_ok=True)
        with VideoWriter(folder / "clip.mp4", 25) as writer:
            for _ in range(3):
                writer.write(np.zeros((48, 64, 3), np.uint8))
        (folder / truth).write_text(BOXES)
    for spec in (tmp_path / "Clip", tmp_path / "Clip" / "clip.mp4", tmp_path / "clip.mp4"):
        source = open_source(spec)
        assert isinstance(source, SequenceSource) and len(list(iterate_frames(source))) == 3
        assert source.sequence.boxes_xywh[0].tolist() == [9, 19, 30, 40] and source.is_count_exact


def test_ground_truth_beside_a_video_must_match_too(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for _ in range(3):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    truth = tmp_path / "clip_groundtruth_rect.txt"
    truth.write_text("1,1,5,5\n" * 4)
    with pytest.raises(DataSetError, match=r"more lines than frames \(4 lines, 3 frames\)"):
        open_source(tmp_path / "clip.mp4")
    truth.write_text("1,1,5,5\n")
    source = open_source(tmp_path / "clip.mp4")
    assert isinstance(source, SequenceSource) and source.sequence.boxes_xywh.shape == (3, 4)
