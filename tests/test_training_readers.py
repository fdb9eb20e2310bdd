"""Training data in its real layouts, on small trees; bad data is counted, named once and left out."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from training_samples import make_coco, make_got10k, write_image

from tracker_core.errors import ConfigError, DataSetError
from tracker_core.sources.sequences.davis import objects_in, read_mask
from tracker_core.training.readers import (
    list_backgrounds,
    read_clips,
    read_coco_clips,
    read_davis_clips,
    read_sets,
    read_vid_clips,
    read_youtubevos_clips,
    readers,
)
from tracker_core.training.readers.outlines import decode_rle, outline_of_mask

read_got10k_clips, read_lasot_clips, read_trackingnet_clips = (
    readers()[name] for name in ("got10k", "lasot", "trackingnet")
)
RED = (0, 0, 255)


def test_got10k_marks_absent_frames_and_counts_bad_boxes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_got10k(tmp_path, clips=1, frames=6) / "clip0"
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    lines[1] = "50,50,-20,30"  # inverted
    lines[2] = "nan,nan,nan,nan"  # absent by its box: nothing to complain about
    (folder / "groundtruth.txt").write_text("\n".join(lines))
    (folder / "absence.label").write_text("0\n0\n0\n1\n0\n0\n")
    (folder / "cover.label").write_text("8\n8\n8\n8\n0\n8\n")  # frame 4 is covered entirely
    with caplog.at_level(logging.WARNING):
        (clip,) = read_got10k_clips(tmp_path)
    assert clip.usable.tolist() == [0, 5]
    np.testing.assert_allclose(clip.boxes_xywh[5], [35, 40, 34, 26])
    assert len(clip.frames) == 6
    assert caplog.text.count("inverted") == 1 and "1 boxes" in caplog.text


def test_a_missing_image_does_not_shift_the_boxes_behind_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_got10k(tmp_path, clips=1, frames=6) / "clip0"
    (folder / "00000003.jpg").unlink()
    with caplog.at_level(logging.WARNING):
        (clip,) = read_got10k_clips(tmp_path)
    assert [Path(path).name for path in clip.frames] == [f"{n:08d}.jpg" for n in (1, 2, 4, 5, 6)]
    assert clip.boxes_xywh[2, 0] == 29  # the fourth frame keeps the fourth box
    assert "1 boxes without an image" in caplog.text


def test_a_clip_with_a_broken_annotation_is_left_out_and_the_others_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_got10k(tmp_path, clips=2)
    (tmp_path / "clip0" / "groundtruth.txt").write_text("1,2,3,4\nhello\n")
    with caplog.at_level(logging.WARNING):
        assert [clip.name for clip in read_got10k_clips(tmp_path)] == ["clip1"]
    assert "annotation cannot be read" in caplog.text


def test_names_and_exclude_are_patterns(tmp_path: Path) -> None:
    make_got10k(tmp_path, clips=3)
    assert [clip.name for clip in read_got10k_clips(tmp_path, exclude=["clip1"])] == ["clip0", "clip2"]
    assert [clip.name for clip in read_got10k_clips(tmp_path, names=["*1", "clip2"], exclude=["clip2"])] == ["clip1"]


def test_one_pattern_may_stand_without_a_list(tmp_path: Path) -> None:
    """Taken letter by letter, "*1" would leave out everything."""
    make_got10k(tmp_path, clips=3)
    clips = read_clips({"layout": "got10k", "root": ".", "exclude": "*1"}, tmp_path)
    assert [clip.name for clip in clips] == ["clip0", "clip2"]


def test_lasot_reads_kinds_flags_and_one_based_boxes(tmp_path: Path) -> None:
    folder = tmp_path / "bird" / "bird-1"
    for number in range(1, 5):
        write_image(folder / "img" / f"{number:08d}.jpg", (10, 10, 30, 20), RED)
    (folder / "groundtruth.txt").write_text("11,11,30,20\n" * 4)
    (folder / "full_occlusion.txt").write_text("0,1,0,0")
    (folder / "out_of_view.txt").write_text("0,0,1,0")
    (clip,) = read_lasot_clips(tmp_path)
    assert (clip.name, clip.category, clip.usable.tolist()) == ("bird-1", "bird", [0, 3])
    assert clip.boxes_xywh[0].tolist() == [10, 10, 30, 20]


def test_trackingnet_orders_unpadded_numbers(tmp_path: Path) -> None:
    for chunk in ("TRAIN_0", "TRAIN_1"):
        for number in range(12):
            write_image(tmp_path / chunk / "frames" / "abc_0" / f"{number}.jpg", (10, 10, 30, 20), RED)
        (tmp_path / chunk / "anno").mkdir()
        rows = "".join(f"{number}.5,10,30,20\n" for number in range(12))
        (tmp_path / chunk / "anno" / "abc_0.txt").write_text(rows)
    clips = read_trackingnet_clips(tmp_path)
    assert [clip.name for clip in clips] == ["TRAIN_0/abc_0", "TRAIN_1/abc_0"]
    assert Path(clips[0].frames[10]).name == "10.jpg" and clips[0].boxes_xywh[10, 0] == 10.5
    assert len(read_trackingnet_clips(tmp_path / "TRAIN_1")) == 1  # one chunk is a data set too


def write_vid_frame(
    root: Path, video: str, number: int, objects: list[tuple[int, str, tuple[int, int, int, int]]]
) -> None:
    write_image(root / "Data" / "VID" / "train" / video / f"{number:06d}.JPEG", (10, 10, 30, 20), RED)
    entries = "".join(
        f"<object><trackid>{track}</trackid><name>{kind}</name><bndbox><xmax>{x2}</xmax><xmin>{x1}</xmin>"
        f"<ymax>{y2}</ymax><ymin>{y1}</ymin></bndbox></object>"
        for track, kind, (x1, y1, x2, y2) in objects
    )
    path = root / "Annotations" / "VID" / "train" / video / f"{number:06d}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation><folder>{video}</folder>{entries}</annotation>")


def test_vid_follows_tracks_through_their_gaps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    video = "ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    for number in range(6):
        objects = [(0, "n02691156", (10, 10, 39, 29))]
        if number in (1, 4):
            objects.append((1, "n02084071", (50 + number, 40, 79, 59)))
        write_vid_frame(tmp_path, video, number, objects)
    write_vid_frame(tmp_path, video, 2, [(0, "n02691156", (39, 10, 10, 29))])  # corners exchanged
    (tmp_path / "Data" / "VID" / "train" / video / "000003.JPEG").unlink()
    (tmp_path / "Annotations" / "VID" / "train" / video / "000005.xml").write_text("<annotation><object>")
    with caplog.at_level(logging.WARNING):
        plane, dog = read_vid_clips(tmp_path)
    assert plane.usable.tolist() == [0, 1, 4] and plane.category == "n02691156"
    assert plane.boxes_xywh[0].tolist() == [10, 10, 30, 20]  # corners are pixels inside the box
    assert dog.usable.tolist() == [0, 3] and len(dog.frames) == 4  # frames 1 to 4 of the video
    for reason in ("annotations without an image", "empty, inverted", "files that cannot be read"):
        assert caplog.text.count(reason) == 1


def test_coco_keeps_what_can_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_image(tmp_path / "images" / "a.jpg", (10, 10, 30, 20), RED)
    outline = [10, 10, 25, 8, 40, 10, 42, 20, 40, 30, 10, 30]
    rle = {"size": [120, 160], "counts": [10 * 120 + 10] + [20, 100] * 29 + [20, 160 * 120 - 1210 - 20 - 120 * 29]}
    objects = [
        {"image_id": 1, "bbox": [10, 10, 30, 20], "segmentation": [outline]},  # a polygon
        {"image_id": 1, "bbox": [10, 10, 30, 20], "segmentation": [outline, outline]},  # two pieces: a box only
        {"image_id": 1, "bbox": [10, 10, 30, 20], "segmentation": rle},  # a mask
        {"image_id": 1, "bbox": [10, 10, 30, 20], "iscrowd": 1},
        {"image_id": 1, "bbox": [10, 10, 0, 20]},  # empty
        {"image_id": 1, "bbox": [40, 10, -30, 20]},  # inverted
        {"image_id": 1, "bbox": [10, 10, 5, 20]},  # too small
        {"image_id": 1, "bbox": [10, 10, 30]},  # three numbers
        {"image_id": 2, "bbox": [10, 10, 30, 20]},  # its image is absent
        {"image_id": 9, "bbox": [10, 10, 30, 20]},  # its image is not listed
    ]
    path = make_coco(tmp_path, objects, ["a.jpg", "gone.jpg"], ["cat"])
    with caplog.at_level(logging.WARNING):
        clips = read_clips({"layout": "coco", "annotations": path, "images": "images", "box_weight": 0.2}, tmp_path)
    assert [clip.polygons is not None for clip in clips] == [True, False, True]
    assert {(clip.category, clip.box_weight, clip.weight) for clip in clips} == {("cat", 0.2, 1.0)}
    masked = clips[2].polygons
    assert masked is not None and masked[0] is not None
    np.testing.assert_allclose([masked[0].min(0), masked[0].max(0)], [[10, 10], [40, 30]])
    assert "2 boxes that are empty, inverted" in caplog.text
    assert len([record for record in caplog.records if "Left out" in record.message]) == 1


def test_coco_frames_of_one_video_share_an_identity(tmp_path: Path) -> None:
    names = ["DAVIS_dog_00012.jpg", "DAVIS_dog_00018.jpg", "DAVIS_cow_00012.jpg", "photo_1.jpg"]
    for name in names:
        write_image(tmp_path / "images" / name, (10, 10, 30, 20), RED)
    objects = [{"image_id": number, "bbox": [10, 10, 30, 20]} for number in range(1, 5)]
    path = make_coco(tmp_path, objects, names)
    clips = read_coco_clips(path, tmp_path / "images", video_frames=["DAVIS_*"])
    assert clips[0].may_show_same(clips[1]) and not clips[0].may_show_same(clips[2])
    assert clips[3].identity == ""
    assert len(read_coco_clips(path, tmp_path / "images", exclude=["DAVIS_dog_*"])) == 2


# counts are column by column; the texts are the compressed form of the same runs
@pytest.mark.parametrize(
    ("counts", "rows"),
    [
        ([2, 1, 3], ["00", "00", "10"]),
        ("213", ["00", "00", "10"]),
        ([0, 3, 3], ["10", "10", "10"]),  # begins inside
        ([6], ["00", "00", "00"]),  # empty
        ("1111N2", ["01", "10", "00"]),  # runs 1 1 1 1 and then differences: 1 − 2 … see below
    ],
)
def test_run_length_codes(counts: str | list[int], rows: list[str]) -> None:
    if counts == "1111N2":
        # from the fourth run on a number is added to the run before the last: 1, 1, 1, 1+1, 1−2 is negative
        with pytest.raises(ValueError, match="fill"):
            decode_rle(counts, (3, 2))
        return
    assert ["".join(map(str, row)) for row in decode_rle(counts, (3, 2))] == rows


def test_a_long_compressed_code_round_trips() -> None:
    """Numbers above 15 take two characters and differences are signed: encode by the same rules and compare."""
    rng = np.random.default_rng(3)
    runs = [int(value) for value in rng.integers(1, 400, 41)]
    text = ""
    for index, run in enumerate(runs):
        value = run - (runs[index - 2] if index > 2 else 0)
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + bits + (32 if more else 0))
            if not more:
                break
    size = (sum(runs), 1)
    np.testing.assert_array_equal(decode_rle(text, size), decode_rle(runs, size))


def palette_png(path: Path, labels: np.ndarray) -> None:
    """Write a label image in the colours of the PASCAL palette: 1 is dark red, 2 dark green."""
    colours = np.array([[0, 0, 0], [0, 0, 128], [0, 128, 0]], np.uint8)  # BGR
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), colours[labels])


def label_image(shift: int = 0) -> np.ndarray:
    labels = np.zeros((120, 160), np.uint8)
    cv2.ellipse(labels, (40 + shift, 60), (20, 15), 0, 0, 360, 1, -1)
    cv2.rectangle(labels, (100, 40), (129, 59), 2, -1)
    return labels


def test_davis_masks_become_boxes_and_outlines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(4):
        write_image(tmp_path / "JPEGImages" / "480p" / "pair" / f"{number:05d}.jpg", (10, 10, 30, 20), RED)
        palette_png(tmp_path / "Annotations" / "480p" / "pair" / f"{number:05d}.png", label_image(number))
    (tmp_path / "JPEGImages" / "480p" / "pair" / "00003.jpg").unlink()
    (tmp_path / "Annotations" / "480p" / "pair" / "00002.png").write_bytes(b"not an image")
    with caplog.at_level(logging.WARNING):
        first, second = read_davis_clips(tmp_path)
    assert first.usable.tolist() == [0, 1] and len(first.frames) == 3
    np.testing.assert_allclose(first.boxes_xywh[1], [21, 45, 41, 31])
    np.testing.assert_allclose(second.boxes_xywh[0], [100, 40, 30, 20])
    assert first.polygons is not None and first.polygons[0] is not None and first.polygons[2] is None
    assert "cannot be read" in caplog.text and "without an image" in caplog.text
    with pytest.raises(DataSetError, match="split"):
        read_davis_clips(tmp_path, split="2017/train")
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    (tmp_path / "ImageSets" / "2017" / "train.txt").write_text("other\n")
    assert read_davis_clips(tmp_path, split="2017/train") == []


def test_youtubevos_names_kinds(tmp_path: Path) -> None:
    for number in (0, 5):
        write_image(tmp_path / "JPEGImages" / "0a1b" / f"{number:05d}.jpg", (10, 10, 30, 20), RED)
        palette_png(tmp_path / "Annotations" / "0a1b" / f"{number:05d}.png", label_image())
    meta = {"videos": {"0a1b": {"objects": {"1": {"category": "fox"}, "2": {"category": "sign"}}}}}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    clips = read_youtubevos_clips(tmp_path)
    assert [(clip.name, clip.category) for clip in clips] == [("0a1b/1", "fox"), ("0a1b/2", "sign")]
    (tmp_path / "meta.json").write_text("{}")
    with pytest.raises(DataSetError, match=r"meta\.json"):
        read_youtubevos_clips(tmp_path)


def test_label_images_grey_and_coloured(tmp_path: Path) -> None:
    def counts(labels: np.ndarray) -> dict[int, int]:
        assert cv2.imwrite(str(tmp_path / "labels.png"), labels)
        mask = read_mask(tmp_path / "labels.png")
        return {number: int((mask == number).sum()) for number in objects_in(mask)}

    assert counts(np.array([[0, 1], [2, 2]], np.uint8)) == {1: 1, 2: 2}
    assert counts(np.array([[0, 1], [255, 2]], np.uint8)) == {1: 1, 2: 1}  # 255 is void
    white = np.zeros((2, 2, 3), np.uint8)
    white[0, 0] = 255  # DAVIS 2016: one object, white
    assert counts(white) == {1: 1} and counts(white[..., 0]) == {1: 1}
    blue, grey = np.array([255, 0, 0], np.uint8), np.array([9, 9, 9], np.uint8)
    first = counts(np.stack([[blue, grey], [grey, grey]]))
    # a colour of no palette is the same object in every image, whatever else is in it
    assert counts(np.stack([[grey, grey], [grey, grey]])).keys() < first.keys() and len(first) == 2


def test_the_numbers_of_a_palette_image_are_those_of_its_own_palette(tmp_path: Path) -> None:
    from PIL import Image as PilImage

    labels = PilImage.fromarray(np.array([[0, 1], [2, 2]], np.uint8), mode="P")
    labels.putpalette([0, 0, 0, 236, 95, 103, 249, 145, 87])  # YouTube-VOS has colours of its own
    labels.save(tmp_path / "labels.png")
    assert read_mask(tmp_path / "labels.png").tolist() == [[0, 1], [2, 2]]


def test_an_object_in_pieces_has_no_outline() -> None:
    mask = np.zeros((60, 60), np.uint8)
    cv2.circle(mask, (15, 15), 8, 1, -1)
    assert outline_of_mask(mask) is not None
    cv2.circle(mask, (45, 45), 8, 1, -1)
    assert outline_of_mask(mask) is None


# (what the configuration says, part of the sentence that comes back)
@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"layout": "got10", "root": "x"}, "Did you mean 'got10k'"),
        ({"layout": "got10k", "rooot": "x"}, "Did you mean 'root'"),
        ({"layout": "vid", "root": "x", "boxweight": 1}, "Did you mean 'box_weight'"),
        ({"layout": "coco", "annotations": "x"}, "needs 'images'"),
    ],
)
def test_a_wrong_entry_names_the_nearest(entry: dict, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read_clips(entry)


@pytest.mark.parametrize("layout", sorted(readers()))
def test_an_absent_folder_is_a_clear_error(layout: str, tmp_path: Path) -> None:
    paths = {"annotations": "no.json", "images": "no"} if layout == "coco" else {"root": "no"}
    with pytest.raises(DataSetError, match="no"):
        read_clips({"layout": layout, **paths}, tmp_path)


def test_a_data_set_with_nothing_usable_stops(tmp_path: Path) -> None:
    folder = make_got10k(tmp_path / "set", clips=1) / "clip0"
    (folder / "groundtruth.txt").write_text("1,2,0,0\n" * 5)
    with pytest.raises(DataSetError, match="nothing usable"):
        read_sets([{"layout": "got10k", "root": "set"}], tmp_path)
    with pytest.raises(DataSetError, match="background"):
        list_backgrounds(["set"], tmp_path)


@pytest.mark.parametrize("text", ["", "[1, 2", '{"images": []}', '{"annotations": [], "images": [{"id": 1}]}'])
def test_a_damaged_coco_file_is_a_clear_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "damaged.json").write_text(text)
    with pytest.raises(DataSetError, match=r"damaged\.json"):
        read_coco_clips(tmp_path / "damaged.json", tmp_path)
