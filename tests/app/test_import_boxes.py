"""Boxes of other tools become a run of the source that is open, and what does not fit it is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.session.imported_boxes import import_boxes
from app.session.session import Session
from tracker_core.errors import InputError
from tracker_core.results.formats import write_boxes
from tracker_core.results.provenance import SourceIdentity, SourceKind
from tracker_core.results.run import BoxOrigin


@pytest.fixture
def session():
    session = Session(lambda choice: MatchingTracker())
    session.open(DrawnSource(20, fps=10.0), "drawn")
    yield session
    session.close_source()


def track(session: Session, count: int) -> None:
    session.begin(session.seek(2).frame, true_box(2))
    session.is_tracking = True
    for _ in range(count):
        session.read_next()
    session.is_tracking = False


FILES = [("csv", "b.csv"), ("coco", "b.json"), ("cvat", "b.xml"), ("mot", "b.txt"), ("otb", "b.txt")]


@pytest.mark.parametrize(("box_format", "name"), FILES)
def test_boxes_of_every_tool_become_a_run(session: Session, tmp_path: Path, box_format: str, name: str) -> None:
    track(session, 5)
    before = session.build_run()
    write_boxes(tmp_path / name, box_format, before)
    recorder = import_boxes(str(tmp_path / name), box_format if name.endswith("txt") else "", session.runs.source)
    session.change_runs(lambda runs: runs.take_in(recorder, "imported boxes"))
    assert [run.number for run in session.runs] == [1, 2] and session.run.number == 2
    found = session.build_run()
    assert found.frame_indices.tolist() == list(range(2, 8)) and found.title == "b"
    np.testing.assert_allclose(found.targets[0].boxes_xywh, before.targets[0].boxes_xywh, atol=1e-3)
    np.testing.assert_allclose(found.times_s, np.arange(2, 8) / 10, atol=1e-6)
    assert found.targets[0].key_frames[0].index == 2 and found.targets[0].key_frames[0].by is BoxOrigin.FILE
    session.seek(7)
    session.is_tracking = True
    assert session.read_next().targets[0].result is not None, "it can be tracked on"
    assert session.undo() == "new run" and session.undo() == "imported boxes" and session.run.number == 1


def test_what_does_not_fit_the_source_is_one_sentence(session: Session, tmp_path: Path) -> None:
    header = "frame,time_s,target,label,x,y,w,h,score,state\n"
    (tmp_path / "far.csv").write_text(header + "25,2.5,1,,1,2,3,4,0.9,tracking\n")
    (tmp_path / "empty.csv").write_text(header + "3,0.3,1,,,,,,,\n")
    (tmp_path / "other.json").write_text(
        '{"images": [{"id": 1, "width": 9, "height": 9, "file_name": "a.png"}], "categories": [], '
        '"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": 1}]}'
    )
    for name, sentence in (
        ("far.csv", "boxes up to frame 25, but 'drawn' has 20 frames"),
        ("empty.csv", "holds no box"),
        ("other.json", "another size"),
        ("b.txt", "cannot be read"),
    ):
        with pytest.raises(InputError, match=sentence):
            import_boxes(str(tmp_path / name), "", session.runs.source)


def write_coco(path: Path, names: list[str], **facts: float) -> str:
    """Write boxes whose x is 10 times their place, in the images `names`, as other tools do."""
    images = [{"id": place, "file_name": f"frames/{name}", **facts} for place, name in enumerate(names, 1)]
    boxes = [{"id": p, "image_id": p, "category_id": 1, "bbox": [10 * p, 5, 9, 9]} for p in range(1, len(names) + 1)]
    path.write_text(json.dumps({"images": images, "categories": [], "annotations": boxes}))
    return str(path)


FOLDER = SourceIdentity("walk", kind=SourceKind.IMAGES, fps=10.0, frame_count=6)
NAMES = [f"{number:04d}.png" for number in range(1, 7)]


def test_boxes_go_to_the_image_of_their_name(tmp_path: Path) -> None:
    """A tool that leaves out images without boxes shifts the numbers; the names say which are meant."""
    path = write_coco(tmp_path / "a.json", ["0002.png", "0005.png"])
    found = import_boxes(path, "", FOLDER, NAMES).build()
    assert found.frame_indices.tolist() == [1, 4] and found.file_names == ("0002.png", "0005.png")
    assert found.targets[0].boxes_xywh[:, 0].tolist() == [10, 20] and found.times_s.tolist() == [0.1, 0.4]
    backwards = write_coco(tmp_path / "b.json", ["0005.png", "0002.png"])
    assert import_boxes(backwards, "", FOLDER, NAMES).build().targets[0].boxes_xywh[:, 0].tolist() == [20, 10]


def test_names_of_other_images_say_nothing_or_are_refused(tmp_path: Path) -> None:
    strange = write_coco(tmp_path / "a.json", ["frame_000000.PNG", "frame_000001.PNG"])
    found = import_boxes(strange, "", FOLDER, NAMES).build()
    assert found.frame_indices.tolist() == [0, 1] and found.file_names == ("0001.png", "0002.png")
    mixed = write_coco(tmp_path / "b.json", ["0002.png", "0009.png"])
    with pytest.raises(InputError, match=r"'0009\.png', which is not among the images"):
        import_boxes(mixed, "", FOLDER, NAMES)


def test_a_file_without_times_takes_those_of_the_source(tmp_path: Path) -> None:
    """COCO of other tools has no times; 30 frames a second were made up, and every speed was wrong."""
    video = SourceIdentity("clip", kind=SourceKind.VIDEO, fps=10.0, frame_count=6)
    path = write_coco(tmp_path / "a.json", ["a.png", "b.png"])
    found = import_boxes(path, "", video).build()
    assert found.times_s.tolist() == [0.0, 0.1] and found.file_names == (), "a video has no files of frames"


def test_a_start_without_its_box_is_made_one_on_the_first_box(session: Session, tmp_path: Path) -> None:
    """VOT's files say where a tracker was started, and not on what; tracking cannot start on that."""
    (tmp_path / "a.txt").write_text("1\n" + "12,10,14,10\n" * 3)
    recorder = import_boxes(str(tmp_path / "a.txt"), "vot", session.runs.source)
    assert {key.index: key.by for key in recorder.targets[1].key_frames.values()} == {1: BoxOrigin.FILE}
