"""Validation by tracking, its figures, and the images in TensorBoard."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_samples import TinyNetwork, make_got10k, tiny_config, tiny_source

from tracker_core.candidates import make_layout
from tracker_core.evaluation.curves import measure_sequence
from tracker_core.models.builder import build_network
from tracker_core.presets import preset
from tracker_core.training.distributed import ProcessGroup
from tracker_core.training.images import ImageCache
from tracker_core.training.interrupt import Stopped, StopRequest
from tracker_core.training.loop import Trainer
from tracker_core.training.monitor import Monitor, sample_pairs
from tracker_core.training.readers import readers
from tracker_core.training.sample_images import DEFAULT_BOX, GROUND_TRUTH, GUIDE, PREDICTION, draw_samples
from tracker_core.training.validation import TrackingValidator, ValidationProgress, summarise, track_sequences
from tracker_core.types import TrackResult

read_got10k_clips = readers()["got10k"]


class Stubborn:
    """Says what it was told, moved by `error` pixels."""

    name = "stubborn"

    def __init__(self, answers: np.ndarray) -> None:
        self.answers, self.frame, self.starts = answers, 0, []

    def init(self, image: np.ndarray, box_xywh: np.ndarray) -> None:
        self.starts.append(box_xywh.copy())
        self.frame = 0

    def update(self, image: np.ndarray, *, debug: bool = False) -> TrackResult:
        self.frame += 1
        return TrackResult(self.answers[self.frame], 1.0)


def test_a_perfect_tracker_has_the_highest_score(tmp_path: Path) -> None:
    (clip,) = read_got10k_clips(make_got10k(tmp_path, clips=1, frames=6))
    (score,) = track_sequences(Stubborn(clip.boxes_xywh), [clip])
    # 21 thresholds, strictly above: an overlap of 1 passes twenty of them
    assert score.success_auc == pytest.approx(20 / 21) and score.precision_20 == 1 and score.overlapping == 1
    (lost,) = track_sequences(Stubborn(clip.boxes_xywh + np.array([90, 60, 0, 0])), [clip])
    assert lost.overlapping == pytest.approx(1 / 6)  # the first box is given
    assert lost.success_auc == pytest.approx(20 / 21 / 6)


def test_frames_without_a_box_or_a_image_do_not_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_got10k(tmp_path, clips=1, frames=7) / "clip0"
    (folder / "absence.label").write_text("1\n0\n0\n1\n0\n0\n0\n")
    (folder / "00000006.jpg").write_bytes(b"damaged")
    (clip,) = read_got10k_clips(tmp_path)
    tracker = Stubborn(clip.boxes_xywh[1:])  # the run begins at the second frame, the first with a box
    tracker.answers = np.delete(clip.boxes_xywh[1:], 4, axis=0)
    (score,) = track_sequences(tracker, [clip], ImageCache(1 << 20))
    assert score.success_auc == pytest.approx(20 / 21)
    np.testing.assert_allclose(tracker.starts, [clip.boxes_xywh[1]])
    assert "does not count" in caplog.text


def test_the_summary_tells_lost_sequences_apart() -> None:
    truth = np.tile([10.0, 10, 20, 20], (10, 1))
    lost = truth + np.array([[0, 0, 0, 0]] * 3 + [[90, 0, 0, 0]] * 7)  # overlap in 3 of 10 frames
    figures = summarise([measure_sequence("a", truth, truth), measure_sequence("b", lost, truth)])
    assert figures["success_auc"] == pytest.approx(20 / 21 * 0.65)
    assert figures["success_auc_kept"] == pytest.approx(20 / 21) and figures["precision_20"] == pytest.approx(0.65)
    assert figures["lost_sequences"] == 1
    assert summarise([])["success_auc"] == 0


def test_a_network_is_validated_as_a_tracker(tmp_path: Path) -> None:
    sequences = read_got10k_clips(make_got10k(tmp_path, clips=2))
    config = tiny_config(tmp_path)
    network = TinyNetwork()
    figures = TrackingValidator(config.tracker, sequences, "cpu")(network, 1)
    assert set(figures) >= {"success_auc", "sequence/clip0", "sequence/clip1"}
    assert network.training  # the network itself is left alone


def test_a_validation_tells_how_far_it_is_and_stops_when_asked(tmp_path: Path) -> None:
    sequences = read_got10k_clips(make_got10k(tmp_path, clips=3, frames=4))
    stop, told = StopRequest(), []
    validator = TrackingValidator(tiny_config(tmp_path).tracker, sequences, "cpu", stop)
    validator.on_progress = told.append
    validator(TinyNetwork(), 7)
    assert [(part.sequences, part.frames) for part in told] == [(index // 4, index + 1) for index in range(12)]
    assert {(part.step, part.sequence_count, part.frame_count) for part in told} == {(7, 3, 12)}
    assert told[-1].remaining_s == 0 < told[0].remaining_s

    def stop_at_sixth(part: ValidationProgress) -> None:
        stop.signal_number = 2 if part.frames == 6 else 0

    del told[:]
    validator.on_progress = lambda part: (told.append(part), stop_at_sixth(part))
    with pytest.raises(Stopped):
        validator(TinyNetwork(), 8)
    assert len(told) == 6


def test_samples_show_truth_prediction_default_box_and_guide(tmp_path: Path) -> None:
    config = tiny_config(tmp_path, images=5)
    pairs = sample_pairs(config, read_got10k_clips(make_got10k(tmp_path, clips=2)))
    assert len(pairs) == 5 and all(pair.is_positive for pair in pairs)
    sheet = draw_samples(TinyNetwork(), pairs, make_layout(config.tracker), "cpu")
    assert sheet.shape == (2 * 254 + 4, 4 * 254 + 12, 3)
    for colour in (GROUND_TRUTH, PREDICTION, DEFAULT_BOX, GUIDE):
        assert (np.abs(sheet.astype(int) - colour).sum(axis=2) < 30).sum() > 50, colour
    again = sample_pairs(config, read_got10k_clips(tmp_path))
    np.testing.assert_array_equal(pairs[2].search, again[2].search)  # the same ones at every validation


# one tracker of every layout: anchors of fixed ratios, default boxes, a response map
@pytest.mark.parametrize("name", ["siamrpn-small", "siambroadcast-small", "siamfc-small"])
def test_samples_of_every_layout_can_be_drawn(name: str, tmp_path: Path) -> None:
    tracker = preset(name)
    config = dataclasses.replace(tiny_config(tmp_path, images=2), tracker=tracker)
    pairs = sample_pairs(config, read_got10k_clips(make_got10k(tmp_path, clips=1)))
    sheet = draw_samples(build_network(tracker.network), pairs, make_layout(tracker), "cpu")
    assert sheet.shape[0] == 2 * tracker.tracking.search_size
    assert (np.abs(sheet.astype(int) - PREDICTION).sum(axis=2) < 30).sum() > 20


def test_curves_and_images_are_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = tiny_config(tmp_path / "run", validate_every=3, log_every=2, tensorboard=True, images=2)
    sequences = read_got10k_clips(make_got10k(tmp_path / "val"))
    trainer = Trainer(
        config, TinyNetwork(), tiny_source(tmp_path / "images", config),
        validate=TrackingValidator(config.tracker, sequences, "cpu"),
    )  # fmt: skip
    prepared = SimpleNamespace(trainer=trainer, validation=sequences, device="cpu")
    with Monitor.open(config, prepared, ProcessGroup()) as monitor:
        trainer.on_step, trainer.on_validation = monitor.note_step, monitor.note_validation
        trainer.run()
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    tags = events.Tags()
    assert {"loss/total", "rate/learning_rate", "rate/trunk", "validation/success_auc", "sequence/clip0"} <= set(
        tags["scalars"]
    )
    assert [event.step for event in events.Scalars("loss/total")] == [2, 4, 6]
    assert [event.step for event in events.Images("validation")] == [3, 6]


def test_processes_beside_the_first_write_nothing(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    with Monitor.open(config, SimpleNamespace(), ProcessGroup(1, 2, 1)) as monitor:
        monitor.note_step(20, {"total": 1.0, "learning_rate": 0.1})
        monitor.note_validation(20, {"success_auc": 0.5})
        monitor.draw(TinyNetwork(), 1, "cpu")
    assert not (tmp_path / "run").exists()


def test_a_broken_network_does_not_end_the_run(tmp_path: Path) -> None:
    """A network that answers NaN is scored, not fatal: the loop has its own stop for that."""

    class Broken(TinyNetwork):
        def search(self, template, x, guide_cxcywh=None):
            cls, loc = super().search(template, x)
            return cls * float("nan"), loc

    sequences = read_got10k_clips(make_got10k(tmp_path, clips=1))
    figures = TrackingValidator(tiny_config(tmp_path).tracker, sequences, "cpu")(Broken(), 1)
    assert figures["success_auc"] >= 0
    assert torch.isfinite(torch.tensor(list(figures.values()))).all()
