"""The loop: it learns, stops and goes on to the same weights, freezes what it says, and stops on a bad loss."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from training_samples import SMALL, TinyNetwork, make_stills, tiny_config, tiny_source

from tracker_core.candidates import make_layout
from tracker_core.candidates.losses import iou_cxcywh
from tracker_core.checkpoints.weights import load_checkpoint
from tracker_core.errors import CheckpointError, ConfigError
from tracker_core.training.batches import Batch, collate_pairs, iterate_batches
from tracker_core.training.interrupt import Stopped, StopRequest
from tracker_core.training.loop import NonFiniteLossError, Trainer, network_inputs
from tracker_core.training.optimisation import freeze_trunk, learning_rate_factor, make_optimizer
from tracker_core.training.pairs import PairSource


def make_trainer(folder: Path, config=None, network: nn.Module | None = None, **more) -> Trainer:
    config = config or tiny_config(folder / "run")
    torch.manual_seed(7)
    return Trainer(config, network or TinyNetwork(), tiny_source(folder / "images", config), **more)


def stopping_trainer(folder: Path, config, after: int) -> Trainer:
    """Return a run that is sent Ctrl-C in its step `after`."""
    stop = StopRequest()

    def on_step(step: int, _: dict[str, float]) -> None:
        if step == after:
            with stop.listen():
                signal.raise_signal(signal.SIGINT)

    return make_trainer(folder, config, on_step=on_step, stop=stop)


def same_state(one: Trainer, other: Trainer) -> bool:
    left, right = one.network.state_dict(), other.network.state_dict()
    averaged = all(torch.equal(one.average[name], other.average[name]) for name in one.average)
    return averaged and all(torch.equal(left[name], right[name]) for name in left)


class Remembered(PairSource):
    """Eight pairs, over and over."""

    def pair(self, index: int):
        return super().pair(index % 8)


def test_it_overfits_eight_pairs(tmp_path: Path) -> None:
    """Mean IoU of the best-scored boxes above 0.8: labels, anchors, loss and decoding agree with each other."""
    config = tiny_config(tmp_path / "run", steps=90, batch=8, learning_rate=6e-3, weight_decay=0.0, ema=0.9)
    config.pairs.negative_share = 0.0
    torch.manual_seed(0)
    network = TinyNetwork(channels=16)
    source = Remembered(make_stills(tmp_path), [], config.pairs, 0, SMALL)
    trainer = Trainer(config, network, source)
    trainer.run()
    batch = collate_pairs([source.pair(index) for index in range(8)])
    network.load_state_dict(trainer.average)
    network.eval()
    with torch.no_grad():
        outputs = network(*network_inputs(network, batch))
    _, boxes, logits = make_layout(config.tracker).read(outputs, batch)
    iou = iou_cxcywh(boxes[torch.arange(8), logits.argmax(1)], batch.box_cxcywh)
    assert iou.mean() > 0.8, iou


@pytest.mark.parametrize(("workers", "stopped_after"), [(0, 1), (0, 2), (0, 3), (0, 5), (2, 1), (2, 4)])
def test_interrupted_and_resumed_ends_with_the_same_weights(tmp_path: Path, workers: int, stopped_after: int) -> None:
    whole = make_trainer(tmp_path, tiny_config(tmp_path / "whole"))
    assert whole.run()
    config = tiny_config(tmp_path / "parts", workers=workers)
    first = stopping_trainer(tmp_path, config, stopped_after)
    assert not first.run() and first.step == stopped_after
    torch.manual_seed(12345)  # whatever another process's dice were
    second = Trainer(config, TinyNetwork(), tiny_source(tmp_path / "images", config))
    assert second.resume() and second.step == stopped_after
    assert second.run() and second.step == config.loop.steps
    assert same_state(whole, second)


class Ended(BaseException):
    """The process is gone."""


# what ends the run in its third validation, at step 6 of 7: a request, or something that lets nothing be saved
@pytest.mark.parametrize("ending", [Stopped, Ended])
def test_a_validation_that_was_broken_off_costs_no_step_and_is_made_up(tmp_path: Path, ending: type) -> None:
    config = tiny_config(tmp_path / "run", steps=7, validate_every=2, checkpoint_every=100)

    def validate(network: nn.Module, step: int) -> dict[str, float]:
        if step == 6:
            raise ending
        return {"success_auc": step / 10}

    first = make_trainer(tmp_path, config, validate=validate)
    with contextlib.suppress(Ended):
        assert not first.run()
    seen: list[int] = []

    def complete(network: nn.Module, step: int) -> dict[str, float]:
        seen.append(step)
        return {"success_auc": step / 10}

    second = make_trainer(tmp_path, config, validate=complete)
    assert second.resume() and second.step == 6 and second.best == 0.4
    assert second.run() and seen == [6, 7] and second.best == 0.7
    assert [entry["step"] for entry in second.history] == [2, 4, 6, 7]
    # complete: nothing is validated twice
    third = make_trainer(tmp_path, config, validate=complete)
    assert third.resume() and third.run() and seen == [6, 7]


def test_a_stop_in_the_last_step_leaves_its_validation_for_later(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=3, validate_every=10)
    told: list[int] = []
    first = stopping_trainer(tmp_path, config, 3)
    first.validate, first.on_stop = (lambda network, step: pytest.fail("it was to stop")), told.append
    assert not first.run() and told == [3]
    second = make_trainer(tmp_path, config, validate=lambda network, step: {"success_auc": 0.5})
    assert second.resume() and second.run() and second.best == 0.5
    # without a validation there is nothing left to do after the last step
    assert stopping_trainer(tmp_path, tiny_config(tmp_path / "other", steps=3), 3).run()


def test_resuming_across_the_release_of_the_trunk(tmp_path: Path) -> None:
    """Parameters that get their first gradient after the checkpoint still end the same."""
    values = {"release_step": 4, "trunk_factor": 0.5}
    whole = make_trainer(tmp_path, tiny_config(tmp_path / "whole", **values))
    whole.run()
    for stopped_after in (2, 5):
        config = tiny_config(tmp_path / f"parts{stopped_after}", **values)
        stopping_trainer(tmp_path, config, stopped_after).run()
        second = make_trainer(tmp_path, config)
        second.resume()
        second.run()
        assert same_state(whole, second)


def test_sampled_loss_and_device_augmentation_resume_too(tmp_path: Path) -> None:
    def config_in(folder: str):
        config = tiny_config(tmp_path / folder)
        config.loss.classification = "sampled"
        config.pairs.augment.photometric = "device"
        return config

    whole = make_trainer(tmp_path, config_in("whole"))
    whole.run()
    config = config_in("parts")
    stopping_trainer(tmp_path, config, 3).run()
    second = make_trainer(tmp_path, config)
    second.resume()
    second.run()
    assert same_state(whole, second)


def test_pairs_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    batches = []
    for workers in (0, 2):
        config = tiny_config(tmp_path / "run", workers=workers)
        source = tiny_source(tmp_path / "images", config)
        batches.append([batch.search for batch in iterate_batches(source, config.loop, 2)])
    assert len(batches[0]) == 4
    assert all(torch.equal(one, other) for one, other in zip(*batches, strict=True))


def test_processes_share_the_pairs_of_a_batch(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    source = tiny_source(tmp_path / "images", config)
    whole = next(iterate_batches(source, config.loop, 1))
    halves = [next(iterate_batches(source, config.loop, 1, rank, 2)) for rank in (0, 1)]
    assert torch.equal(whole.search[0::2], halves[0].search) and torch.equal(whole.search[1::2], halves[1].search)


class Exploding(TinyNetwork):
    """Answers NaN from its third step on."""

    def forward(self, *inputs: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        self.calls = getattr(self, "calls", 0) + 1
        cls, loc = super().forward(*inputs)
        return (cls * float("nan"), loc) if self.calls > 2 else (cls, loc)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_batch(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", checkpoint_every=1)
    torch.manual_seed(7)
    trainer = make_trainer(tmp_path, config, Exploding())
    with pytest.raises(NonFiniteLossError, match="step 2"):
        trainer.run()
    (saved,) = (tmp_path / "run").glob("bad_batch_*.safetensors")
    batch = load_file(saved)
    assert batch["search"].shape == (4, 3, 127, 127) and batch["search"].dtype == torch.uint8
    assert all(torch.isfinite(value).all() for value in trainer.network.state_dict().values())
    assert make_trainer(tmp_path, config).resume()  # the last good state is there


@pytest.mark.parametrize("trunk_name", ["trunk", "backbone"])
def test_a_frozen_trunk_keeps_weights_and_statistics(tmp_path: Path, trunk_name: str) -> None:
    config = tiny_config(tmp_path / "run", release_step=3, steps=5)
    network = TinyNetwork(trunk_name=trunk_name)
    before = copy.deepcopy(network.get_submodule(trunk_name).state_dict())
    states = []
    trainer = Trainer(config, network, tiny_source(tmp_path / "images", config))
    trainer.on_step = lambda step, _: states.append(copy.deepcopy(network.get_submodule(trunk_name).state_dict()))
    trainer.run()
    for name, value in before.items():
        assert torch.equal(states[2][name], value), name  # frozen for three steps, running means and counts as well
    changed = [name for name, value in before.items() if not torch.equal(states[4][name], value)]
    assert {"0.weight", "1.running_mean", "1.num_batches_tracked"} <= set(changed)


def test_only_named_children_of_the_trunk_are_released(tmp_path: Path) -> None:
    network = TinyNetwork()
    loop = tiny_config(tmp_path, release_step=2, released=["6", "7"]).loop
    network.train()
    assert freeze_trunk(network, 5, loop)
    trunk = network.get_submodule("trunk")
    assert [child.training for child in trunk.children()] == [False] * 6 + [True, True, False]
    assert trunk[6].weight.requires_grad and not trunk[3].weight.requires_grad
    with pytest.raises(ConfigError, match="Known"):
        freeze_trunk(network, 5, dataclasses.replace(loop, released=["layer9"]))


def test_rates_and_decay_groups() -> None:
    config = tiny_config(Path("unused"), warmup=10, steps=110, final_factor=0.1, trunk_factor=0.25)
    factors = [learning_rate_factor(step, config.loop) for step in range(110)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == factors[10] == pytest.approx(1.0)
    assert factors[60] == pytest.approx(0.55) and factors[109] == pytest.approx(0.1, abs=1e-3)
    assert all(one >= other for one, other in itertools.pairwise(factors[10:]))
    groups = make_optimizer(TinyNetwork(), config.loop).param_groups
    assert [group["factor"] for group in groups] == [0.25, 0.25, 1.0, 1.0]
    for group in groups:
        assert all(parameter.ndim <= 1 for parameter in group["params"]) == (group["weight_decay"] == 0)


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, tiny_config(tmp_path / "run", ema=0.5, steps=1))
    start = {name: value.clone() for name, value in trainer.average.items()}
    trainer.run()
    decay = 1 / 10  # a young average: (1 + 0) / (10 + 0), below 0.5
    for name, value in trainer.network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(trainer.average[name], start[name] * decay + value * (1 - decay))


def test_best_weights_are_those_of_the_best_validation(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", validate_every=2)
    answers = iter([0.3, 0.5, 0.4])
    seen = []

    def validate(network: nn.Module, step: int) -> dict[str, float]:
        assert not network.training
        seen.append(step)
        return {"success_auc": next(answers)}

    told = []
    trainer = make_trainer(tmp_path, config, validate=validate, on_validation=lambda step, f: told.append((step, f)))
    trainer.run()
    assert seen == [2, 4, 6] and trainer.best == 0.5 and [step for step, _ in told] == seen
    assert load_checkpoint(tmp_path / "run" / "best.safetensors").facts["training_step"] == "4"
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").facts["training_pairs"] == "24"
    resumed = make_trainer(tmp_path, config)
    resumed.resume()
    assert resumed.best == 0.5 and [entry["step"] for entry in resumed.history] == [2.0, 4.0, 6.0]


def test_validation_does_not_disturb_training(tmp_path: Path) -> None:
    plain = make_trainer(tmp_path, tiny_config(tmp_path / "plain"))
    plain.run()

    def validate(network: nn.Module, step: int) -> dict[str, float]:
        torch.rand(100)
        return {"success_auc": float(np.random.rand())}

    watched = make_trainer(tmp_path, tiny_config(tmp_path / "watched", validate_every=1), validate=validate)
    watched.run()
    assert same_state(plain, watched)


def test_a_state_of_another_network_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    make_trainer(tmp_path, tiny_config(tmp_path / "run", steps=1)).run()
    with pytest.raises(CheckpointError, match="another network"):
        make_trainer(tmp_path, None, TinyNetwork(channels=8)).resume()
    path = tmp_path / "run" / "state.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        make_trainer(tmp_path).resume()


def test_other_values_than_at_the_start_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_trainer(tmp_path, tiny_config(tmp_path / "run", steps=1)).run()
    make_trainer(tmp_path, tiny_config(tmp_path / "run", steps=2, learning_rate=0.5, workers=1)).resume()
    assert "loop.learning_rate, loop.steps" in caplog.text and "workers" not in caplog.text


def test_an_unreadable_image_is_named_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = tiny_config(tmp_path / "run", workers=2)
    source = tiny_source(tmp_path / "images", config)
    bad = Path(source.stills.clips[3].frames[0])
    bad.write_bytes(b"broken")
    trainer = Trainer(config, TinyNetwork(), source)
    assert trainer.run()
    assert caplog.text.count(str(bad)) == 1
    assert trainer.unreadable[str(bad)] > 1


def test_a_guide_is_given_to_networks_that_ask_for_it(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    source = tiny_source(tmp_path / "images", config)
    batch: Batch = next(iterate_batches(source, config.loop, 0))
    network = TinyNetwork()
    assert network_inputs(network, batch)[2:] == (None, None)
    network.takes_guide = True
    network.takes_exemplar_size = True
    inputs = network_inputs(network, batch)
    assert torch.equal(inputs[2], batch.exemplar_wh) and torch.equal(inputs[3], batch.guide_cxcywh)
    assert inputs[0].dtype == torch.float32 and inputs[0].max() > 1  # 0..255, as trackers give it
