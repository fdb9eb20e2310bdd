"""A recipe's data are found from the folder that somebody is likely to name, or what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_samples import make_coco, make_got10k, write_image

from tracker_core.cli.main import main
from tracker_core.config.training import DataConfig
from tracker_core.training.locating import find_data
from tracker_core.training.readers import read_sets

RECIPE = DataConfig(
    sets=[
        {"layout": "got10k", "root": "train/got10k"},
        {"layout": "coco", "annotations": "train/coco/instances.json", "images": "train/coco/images"},
    ],
    backgrounds=["train/coco/backgrounds"],
    validation=[{"layout": "got10k", "root": "val"}],
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with everything that `RECIPE` names."""
    root = tmp_path / "sets" / "mine"
    make_got10k(root / "train" / "got10k", clips=3)
    make_got10k(root / "val", clips=2)
    make_coco(root / "train" / "coco", [], [])
    for folder, count in (("images", 4), ("backgrounds", 1)):
        for index in range(count):
            write_image(root / "train" / "coco" / folder / f"{index}.jpg", (5, 5, 20, 20), (200, 90, 20))
    return root


# the folder itself, the one around it, and those inside that the recipe leads through
@pytest.mark.parametrize("named", [".", "..", "train", "train/got10k", "val", "train/coco/images"])
def test_the_data_are_found_from_any_folder_of_theirs(data: Path, named: str) -> None:
    found = find_data(RECIPE, (data / named).resolve())
    assert found.data is not None and Path(found.data.root) == data and found.data.sets == RECIPE.sets
    for part in ("train/got10k (3)", "val (2)", "train/coco/images (4)", "backgrounds (1)", str(data)):
        assert part in str(found)


def test_what_is_missing_is_named_beside_what_is_there(data: Path) -> None:
    (data / "train" / "coco" / "instances.json").unlink()
    found = find_data(RECIPE, data.parent)
    assert found.data is None and found.folder == data
    missing, _, here = str(found).partition("(found: ")
    assert "train/coco/instances.json" in missing and "train/got10k" not in missing and "train/got10k (3)" in here
    nothing = find_data(RECIPE, data / "nowhere")
    assert nothing.data is None and "found: nothing" in str(nothing)


def test_a_data_set_stands_in_for_the_recipes_own_and_holds_sequences_out(tmp_path: Path) -> None:
    root = make_got10k(tmp_path / "other", clips=12)
    found = find_data(RECIPE, root)
    assert found.data is not None and (found.layout, found.sequences, found.held_out) == ("got10k", 10, 2)
    trained, validated = (
        {clip.name.rpartition("/")[2] for clip in read_sets(sets, found.data.root)}
        for sets in (found.data.sets, found.data.validation)
    )
    assert len(trained) == 10 and len(validated) == 2 and not trained & validated
    assert not found.data.backgrounds and "10 sequences to train on, 2 for validation" in str(found)
    # one of its sequences stands for the set; too small a set holds nothing out
    assert find_data(RECIPE, root / "clip3").data == found.data
    small = find_data(RECIPE, make_got10k(tmp_path / "small", clips=2)).data
    assert small is not None and not small.validation


# what lies in the folder, and the layout that it is taken for
@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["Data/VID/train/a/000000.JPEG", "Annotations/VID/train/a/000000.xml"], "vid"),
        (["annotations/instances_val2017.json", "annotations/instances_train2017.json", "train2017/1.jpg"], "coco"),
        (["annotations/instances_all.json", "images/1.jpg"], "coco"),
    ],
)
def test_data_sets_that_are_no_sequences(tmp_path: Path, files: list[str], layout: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_data(RECIPE, tmp_path)
    assert found.data is not None and found.layout == layout
    (entry,) = found.data.sets
    assert "val2017" not in str(entry)  # the annotations are those of the images that are here


def test_the_command_takes_the_folder_around_the_data(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    make_got10k(tmp_path / "data" / "train", clips=2)
    (tmp_path / "tiny.yaml").write_text(
        "tracker: {network: {kind: light, anchors_per_position: 3}}\n"
        "data: {sets: [{layout: got10k, root: train}]}\n"
        "loop: {steps: 1, batch: 2, workers: 0, warmup: 1, validate_every: 0, threads: 1, device: cpu}\n"
    )
    command = ["train", "--config", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "run"), "--progress", "none"]
    assert main([*command, f"data.root={tmp_path}"]) == 0
    assert f"Found in '{tmp_path / 'data'}'" in capsys.readouterr().err.replace("\n", "")
    assert f"root: {tmp_path / 'data'}" in (tmp_path / "run" / "config.yaml").read_text()
