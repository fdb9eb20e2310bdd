"""Boxes of other tools become a run of the source that is open, and what does not fit it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import DrawnSource, MatchingTracker, true_box

from app.session.imported_boxes import import_boxes
from app.session.session import Session
from tracker_core.errors import InputError
from tracker_core.results.formats import write_boxes
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
