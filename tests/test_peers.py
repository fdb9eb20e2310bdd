"""Trackers of others, from the files that a user gives: their rules, their refusals, their place in a benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from evaluation_sequences import make_got10k, make_otb
from onnx import TensorProto, helper, numpy_helper

from tracker_core.candidates.coding import decode
from tracker_core.cli.main import main
from tracker_core.errors import InputError
from tracker_core.runtime.anchor_free import distances_to_deltas
from tracker_core.trackers.peers import build_peer

BRIGHT = 10.0  # logit where the target is


def save_graph(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], **constants: Any) -> Path:
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def value(name: str, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def tensor(*values: float) -> Any:
    return np.array(values, np.float32)


def pool(start: str, end: str) -> Any:
    """Return the node that averages each cell."""
    return helper.make_node("AveragePool", [start], [end], kernel_shape=[16, 16], strides=[16, 16])


def make_fear(folder: Path) -> str:
    """Return files of FEAR's form whose score is the red of a cell, and whose boxes reach 16, 24, 32, 40 pixels."""
    template = save_graph(
        folder / "template.onnx", [pool("x", "z")], [value("x", 1, 3, 128, 128)], [value("z", 1, 3, 8, 8)]
    )  # fmt: skip
    nodes = [
        pool("x", "cells"),
        helper.make_node("Conv", ["cells", "red"], ["bright"]),
        helper.make_node("ReduceMax", ["z"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),  # the template is an input, and changes nothing
        helper.make_node("Add", ["bright", "nothing"], ["cls"]),
        helper.make_node("Conv", ["cells", "none", "reach"], ["bbox"]),
    ]
    search = save_graph(
        folder / "search.onnx", nodes, [value("x", 1, 3, 256, 256), value("z", 1, 3, 8, 8)],
        [value("cls", 1, 1, 16, 16), value("bbox", 1, 4, 16, 16)],
        red=tensor(BRIGHT / 255, 0, 0).reshape(1, 3, 1, 1), zero=tensor(0).reshape(()),
        none=np.zeros((4, 3, 1, 1), np.float32), reach=tensor(16, 24, 32, 40),
    )  # fmt: skip
    return f"fear-xs={template},{search}"


def test_distances_are_the_boxes_that_are_decoded() -> None:
    """Box by hand: from the cell (16, −32) to 3 left, 5 above, 13 right and 9 below it."""
    distances = np.array([3, 5, 13, 9], np.float32).reshape(1, 4, 1, 1)
    deltas = distances_to_deltas(distances, 64.0).reshape(1, 4)
    anchor = np.array([[16, -32, 64, 64]], np.float32)
    np.testing.assert_allclose(decode(deltas, anchor)[0], [16 + 5, -32 + 2, 16, 14], atol=1e-4)


def test_distances_that_cancel_out_make_a_box_that_can_be_drawn() -> None:
    assert np.isfinite(distances_to_deltas(np.array([3, 5, -3, -9], np.float32).reshape(1, 4, 1, 1), 64.0)).all()


def test_fears_rule_step_by_step(tmp_path: Path) -> None:
    """A red square of one cell, two cells right of the centre: box, penalty and size as the rule has them."""
    tracker = build_peer(make_fear(tmp_path))
    start = np.array([100.0, 80, 40, 20])  # the search region is five times as large: 200 × 100 become 256 × 256
    image = np.zeros((300, 300, 3), np.uint8)
    image[:] = 40, 30, 0  # BGR without red
    image[90:91, 120:121] = 60  # something, or the region would be blank
    tracker.init(image, start)
    scale = np.array([256 / 200, 256 / 100])
    cell = np.array([2, 0]) * 16  # in crop pixels from the centre; positions count from 8
    # a cell spans (i − 8)·16 + 128 pixels and on, so that the square fills it: its middle is 8 pixels further
    left, top = ((cell + 128) / scale + np.array([120, 90]) - np.array([100, 50])).round().astype(int)
    image[top : top + 6, left : left + 12, 2] = 255
    result = tracker.update(image)
    # the box of the distances: from 16 left and 24 above to 32 right and 40 below
    center = (cell + 8) / scale + np.array([120, 90])
    np.testing.assert_allclose(result.box_xywh[:2] + result.box_xywh[2:] / 2, center, atol=1.5)
    assert 20 < result.box_xywh[3] < 25 and 37.4 < result.box_xywh[2] < 40  # towards 37.5 × 25, not beyond
    assert result.score > 0.9


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fear", "Did you mean 'fear-xs'"),  # misspelt
        ("fear-xs=one.onnx", "needs 2 files (template, search), not 1"),
        ("nanotrack-v3=a.onnx,b.onnx", "The file 'a.onnx' of the peer 'nanotrack-v3' does not exist"),
        ("fear-xs={folder}/text,{folder}/text", "cannot be run as an ONNX file"),
        ("fear-xs={folder}/search.onnx,{folder}/template.onnx", "do not work together as one network"),  # exchanged
        ("nano={folder}/text,{folder}/text", "OpenCV cannot make its tracker 'nano'"),
    ],
)
def test_what_cannot_be_made_is_said(text: str, sentence: str, tmp_path: Path) -> None:
    make_fear(tmp_path)
    (tmp_path / "text").write_text("no network\n")
    with pytest.raises(InputError) as caught:
        build_peer(text.format(folder=tmp_path))
    assert sentence in str(caught.value)


def test_a_tracker_of_opencv_answers_like_any_other() -> None:
    tracker = build_peer("mil")
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8), (9, 9), 2)
    for _ in range(2):  # a benchmark starts one tracker many times
        tracker.init(image, np.array([60.0, 40, 30, 30]))
        result = tracker.update(image)
        assert np.abs(result.box_xywh - [60, 40, 30, 30]).max() < 6
        assert np.isnan(result.score) and not result.box_xywh.flags.writeable


def evaluate(*arguments: str) -> int:
    return main(["eval", "--device", "cpu", "--jobs", "1", "--progress", "none", *arguments])


@pytest.mark.parametrize("layout", ["otb", "got10k"])
def test_one_command_compares_sequence_by_sequence(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = make_otb(Path("data"), {"Alpha": 4, "Beta": 5}) if layout == "otb" else make_got10k(Path("data"), ("A", "B"))
    given = ["--dataset", layout, "--root", str(root), "--peers", make_fear(tmp_path), "--peers", "mil"]
    variant = "bare:tracking.rival_weight=0,tracking.coast_frames=0"
    assert evaluate(*given, "--variant", variant, "--against", "siamscope-base", "--json", "s.json") == 0
    found = json.loads(Path("s.json").read_text())
    names = ["siamscope-base", "bare", "fear-xs", "mil"]
    assert list(found["trackers"]) == names and list(found["comparison"]["trackers"]) == names[1:]
    assert found["comparison"]["trackers"]["bare"]["common"] == 2
    settings = json.loads(Path(f"results/{layout}/bare/settings.json").read_text())
    assert settings["configuration"]["tracking"]["coast_frames"] == 0
    printed = capsys.readouterr().out
    assert "over siamscope-base" in printed and "mean" in printed


def test_results_of_other_files_are_not_taken_for_these(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_otb(Path("data"), {"Alpha": 3})
    text = make_fear(tmp_path)
    given = ["--dataset", "otb", "--root", "data", "--tracker", "siamfc-small", "--peers", text]
    assert evaluate(*given) == 0
    model = onnx.load(str(tmp_path / "search.onnx"))
    model.doc_string = "another file"
    onnx.save(model, str(tmp_path / "search.onnx"))
    assert evaluate(*given) == 2
    assert "were made with another configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--variant", "wide"], "is not NAME:key=value,key=value"),
        (["--variant", "siamscope-base:tracking.penalty_k=0"], "under the name 'siamscope-base'"),
        (["--variant", "a/b:tracking.penalty_k=0"], "is not a folder name"),
        (["--tracker", "siamfc-small", "--tracker", "siamrpn-small", "--variant", "a:b=1"], "belong to one tracker"),
        (["--against", "siamscope-bsae"], "Did you mean 'siamscope-base'"),
        (["--only-score", "--peers", "mil"], "--only-score tracks nothing"),
    ],
)
def test_what_cannot_take_part_is_said(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    make_otb(Path("data"), {"Alpha": 3})
    assert evaluate("--dataset", "otb", "--root", "data", *arguments) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
