"""Networks in eight-bit integers: chosen explicitly, close to single precision, told by name."""

from __future__ import annotations

import functools
import inspect
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tracker_core.boxes import iou_xywh
from tracker_core.config import NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.crops import Framing
from tracker_core.errors import InputError
from tracker_core.models.builder import build_network
from tracker_core.packaged import CLIP
from tracker_core.runtime import EagerRunner, int8, make_runner, onnx
from tracker_core.sources.opening import open_source
from tracker_core.trackers.builder import build_tracker
from tracker_core.trackers.producers import describe_producer, rebuild_tracker
from tracker_core.trackers.second_opinion import second_tracker

CONFIG = TrackerConfig("one", NetworkConfig("siamrpnpp", "alexnet", 0.1, 5), tracking=TrackingConfig(search_size=287))
FRAMES = 20
READ_ONCE = functools.cache(int8._spread_frames)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four frames of the clip, read once: how many there are changes little."""
    monkeypatch.setattr(int8, "SAMPLES", 4)
    monkeypatch.setattr(int8, "_spread_frames", READ_ONCE)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of exported networks, and no network that computes too little."""
    folder = tmp_path / "networks"
    monkeypatch.setattr(onnx, "cache_folder", lambda: folder)
    monkeypatch.setattr(onnx, "LEAST_GFLOP", 0.0)
    return folder


def small() -> Any:
    torch.manual_seed(1)
    return build_network(CONFIG.network).eval()


def outputs_of(runner: Any) -> Any:
    sample = list(int8.samples_of_clip(Framing.of(CONFIG.tracking), 287))[2]
    template = runner.template(sample.exemplar, sample.exemplar_wh)
    return runner.search(template, sample.search, sample.guide_cxcywh)


@pytest.mark.parametrize("largest", [0, 1 << 30], ids=["shared by targets", "for each target"])
def test_integers_come_close_to_single_precision(largest: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LARGEST_PER_TARGET", largest)
    runner = make_runner(small(), CONFIG, device="cpu", precision="int8")
    assert runner.name == "onnx-int8"
    for got, want in zip(outputs_of(runner), outputs_of(EagerRunner(small())), strict=True):
        assert (got.shape, got.dtype) == (want.shape, np.float32)
        # 8 bits resolve a 256th of a range, and the errors of a dozen layers add up
        error = np.abs(got - want).max() / np.abs(want).max()
        assert 1e-5 < error < 0.1


def test_what_is_kept_in_single_precision(cache: Path) -> None:
    """Correlations, whose kernel comes with the target, and what makes boxes and scores; all else is in 8 bits."""
    import onnx as format_of_file

    make_runner(small(), CONFIG, device="cpu", precision="int8")
    (file,) = cache.glob("*.onnx")
    graph = format_of_file.load_from_string(file.read_bytes()[:-32]).graph
    maker = {output: node for node in graph.node for output in node.output}
    kernels = [maker.get(node.input[1]) for node in graph.node if node.op_type == "Conv"]
    exact = [kernel for kernel in kernels if kernel is None or kernel.op_type != "DequantizeLinear"]
    assert len(kernels) == 5 + 2 * 4  # AlexNet; for scores and boxes: one before the correlation, it, two after it
    assert len(exact) == 2 * 2


def test_each_precision_has_its_own_file_and_both_are_used_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = outputs_of(make_runner(small(), CONFIG, device="cpu"))
    rounded = outputs_of(make_runner(small(), CONFIG, device="cpu", precision="int8"))
    assert len(list(cache.glob("*.onnx"))) == 2

    def refuse(*_: Any) -> bytes:
        raise AssertionError("made again")

    monkeypatch.setattr(onnx, "export_search", refuse)
    for precision, expected in (("fp32", exact), ("int8", rounded)):
        again = outputs_of(make_runner(small(), CONFIG, device="cpu", precision=precision))
        assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))


def test_another_way_of_converting_does_not_use_the_files_of_the_one_before(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_runner(small(), CONFIG, device="cpu", precision="int8")
    read = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda what: read(what) + ("# changed" if what is int8 else ""))
    make_runner(small(), CONFIG, device="cpu", precision="int8")
    assert len(list(cache.glob("*.onnx"))) == 2


def test_a_network_that_computes_little_stays_exact(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnx, "LEAST_GFLOP", 1.0)
    with caplog.at_level(logging.WARNING):
        runner = make_runner(small(), CONFIG, device="cpu", precision="int8")
    assert runner.name == "onnx"
    assert "'one' computes only 0." in caplog.text and "stays in fp32" in caplog.text
    for got, want in zip(outputs_of(runner), outputs_of(EagerRunner(small())), strict=True):
        assert np.abs(got - want).max() < 1e-4 * np.abs(want).max()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"runtime": "eager"}, "'int8' needs the runtime 'onnx' on the CPU"),
        ({"precision": "int4"}, r"no precision 'int4'\. Did you mean 'int8'"),
    ],
)
def test_what_cannot_be_had_is_refused(choice: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_runner(small(), CONFIG, **{"device": "cpu", "precision": "int8", **choice})


def test_without_onnx_runtime_nothing_else_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain PyTorch would compute something else than was asked for."""

    def fail(*_: Any, **__: Any) -> None:
        raise ImportError("no onnxruntime")

    monkeypatch.setattr(onnx, "OnnxRunner", fail)
    with pytest.raises(InputError, match="ONNX Runtime cannot be used here"):
        make_runner(small(), CONFIG, device="cpu", precision="int8")


def test_the_samples_show_the_target() -> None:
    """The clip's first object lies in every search region, at the size that the guide box says."""
    samples = list(int8.samples_of_clip(Framing.of(CONFIG.tracking), 287))
    assert len(samples) == int8.SAMPLES
    assert {sample.search.shape for sample in samples} == {(287, 287, 3)}
    assert {sample.exemplar.shape for sample in samples} == {(127, 127, 3)}
    for sample in samples:  # SiamRPN's framing has both crops at one scale
        assert sample.guide_cxcywh[2:] == pytest.approx(sample.exemplar_wh)


def test_the_second_network_of_a_shipped_tracker_follows_as_well(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(onnx, "cache_folder", lambda: tmp_path)
    boxes = []
    for precision, runtime in (("fp32", "onnx"), ("int8", "onnx and onnx-int8")):
        tracker = build_tracker("siamscope-base", device="cpu", precision=precision)
        assert tracker.runtime == runtime
        source: Any = open_source(CLIP)
        first = source.read()
        tracker.init(first.image, source.sequence.boxes_xywh[0])
        boxes.append(np.array([tracker.update(source.read().image).box_xywh for _ in range(FRAMES)]))
        source.close()
        producer = describe_producer(tracker)
        assert (producer.runtime, producer.precision) == (runtime, precision)
        assert rebuild_tracker(producer, device="cpu").precision == precision, "what explains a run computes as it did"
    overlap = iou_xywh(*boxes)
    assert overlap.min() > 0.85
    assert (boxes[0] != boxes[1]).any()


def test_search_sizes_of_the_second_network_are_its_own() -> None:
    """A sample of a stretched crop (FEAR's) has the target at the scale of that crop."""
    config = second_tracker(build_tracker("siamscope-base", device="cpu", runtime="eager").config)
    framing = Framing.of(config.tracking)
    for sample in int8.samples_of_clip(framing, framing.search_size):
        # both sides of the box are a fixed share of the region: 1 / (1 + 2 · context)
        share = 1 / (1 + 2 * framing.search_context)
        assert sample.guide_cxcywh[2:] == pytest.approx((framing.search_size * share,) * 2)
