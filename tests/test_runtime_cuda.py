"""The runtime for NVIDIA GPUs: staging, batches and templates on any machine, graphs and exactness where there is one.

On a CPU the same runner runs without recording, so that what it copies where is tested everywhere.
"""

from __future__ import annotations

import gc
import logging
import threading
from typing import Any

import numpy as np
import pytest
import torch

from tracker_core.config import NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import InputError
from tracker_core.models.builder import build_network
from tracker_core.models.network import Network
from tracker_core.runtime import EagerRunner, make_runner
from tracker_core.runtime.base import CropRequest
from tracker_core.runtime.cuda import CudaRunner
from tracker_core.runtime.graphs import Recorder, exact_arithmetic, undisturbed

CONFIGS = {
    "light": TrackerConfig("light", NetworkConfig("light", "mobilenetv3", 1.0, 3)),
    "one level": TrackerConfig(
        "one", NetworkConfig("siamrpnpp", "alexnet", 0.1, 5), tracking=TrackingConfig(search_size=287)
    ),
    "up-channel": TrackerConfig("up", NetworkConfig("siamrpn", "alexnet", 0.1, 5)),
}
GUIDE = (0.0, 0.0, 50.0, 70.0)


def network_of(name: str) -> Network:
    torch.manual_seed(1)
    return build_network(CONFIGS[name].network).eval()


def crop(size: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


def close(outputs: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    pairs = zip(outputs, expected, strict=True)
    return all(np.abs(got - want).max() <= tolerance * max(1.0, np.abs(want).max()) for got, want in pairs)


@pytest.mark.parametrize("name", CONFIGS)
def test_several_targets_in_one_batch_have_their_own_answers(name: str) -> None:
    size = CONFIGS[name].tracking.search_size
    network = network_of(name)
    eager, runner = EagerRunner(network), CudaRunner(network, "cpu")
    # with random weights images hardly differ to a network: these templates do
    factors = (1.0, -2.0, 0.5)
    templates = [
        tuple(part * factor for part in runner.template(crop(127, seed), (40.0 + seed, 60.0)))
        for seed, factor in enumerate(factors)
    ]
    requests = [CropRequest(template, crop(size, 10 + seed), GUIDE) for seed, template in enumerate(templates)]
    for seed, outputs in enumerate(runner.search_batch(requests)):
        exemplar = eager.template(crop(127, seed), (40.0 + seed, 60.0))
        alone = tuple(part * factors[seed] for part in exemplar)
        assert close(outputs, eager.search(alone, crop(size, 10 + seed), GUIDE))


def test_targets_that_search_in_crops_of_two_sizes_keep_their_order() -> None:
    network = network_of("light")
    eager, runner = EagerRunner(network), CudaRunner(network, "cpu")
    template = runner.template(crop(127, 0), (50.0, 70.0))
    requests = [CropRequest(template, crop(size, size), GUIDE) for size in (255, 271, 255)]
    for request, outputs in zip(requests, runner.search_batch(requests), strict=True):
        assert close(outputs, eager.search(template, request.crop, GUIDE))


def test_targets_in_turn_find_their_own_template() -> None:
    """What is on the device is the last target's: another one's must be copied there, and an unchanged one need not."""
    network = network_of("one level")
    eager, runner = EagerRunner(network), CudaRunner(network, "cpu")
    first = runner.template(crop(127, 0), (50.0, 70.0))
    templates = [first, tuple(part * 2 for part in first)]
    expected = [eager.search(template, crop(255, 5), GUIDE) for template in templates]
    assert not close(expected[0], expected[1]), "two targets that can be told apart"
    for number in (0, 1, 1, 0):
        assert close(runner.search(templates[number], crop(255, 5), GUIDE), expected[number])


def test_an_answer_is_not_overwritten_by_the_next() -> None:
    network = network_of("light")
    runner = CudaRunner(network, "cpu")
    template = runner.template(crop(127, 0), (50.0, 70.0))
    first = runner.search(template, crop(255, 1), GUIDE)
    kept = [output.copy() for output in first]
    runner.search(template, crop(255, 2), GUIDE)
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runtime": "cuda"}, "needs an NVIDIA GPU"),
        ({"precision": "fp16"}, "needs the runtime 'cuda'"),
        ({"precision": "fp61"}, r"no precision 'fp61'\. Did you mean 'fp16'"),
    ],
)
def test_what_a_cpu_cannot_do_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_runner(network_of("light"), CONFIGS["light"], device="cpu", **arguments)


def test_products_are_exact_as_well_and_stay_as_others_set_them() -> None:
    torch.set_float32_matmul_precision("high")
    try:
        with exact_arithmetic():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert torch.backends.cudnn.allow_tf32, "whoever uses PyTorch beside this finds its default"


def test_nothing_disturbs_a_recording() -> None:
    """Neither garbage, whose freeing would make it invalid, nor a recording of another thread; nor after an error."""
    began, ended = threading.Event(), threading.Event()

    def another() -> None:
        with undisturbed():
            began.set()
        ended.set()

    thread, was_enabled = threading.Thread(target=another), gc.isenabled()
    gc.enable()
    with pytest.raises(RuntimeError), undisturbed():
        assert not gc.isenabled()
        thread.start()
        assert not began.wait(0.1)
        raise RuntimeError("a recording failed")
    thread.join()
    assert ended.is_set() and gc.isenabled()
    if not was_enabled:  # a window collects when it has the time
        gc.disable()


def test_the_notice_is_one_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What CUDA adds to its errors, hints for those who compile, is not for the user."""
    recorder = Recorder("cpu")
    recorder.is_recording = True
    for name in ("synchronize", "Stream", "set_stream"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)

    def fail() -> tuple[torch.Tensor, ...]:
        raise RuntimeError("CUDA error: not permitted\nCompile with `TORCH_USE_CUDA_DSA` to enable assertions.\n")

    with caplog.at_level(logging.WARNING):
        recorder.record(fail)
    (message,) = caplog.messages
    assert "as a CUDA graph (CUDA error: not permitted); it runs step by step" in message
    assert not recorder.is_recording


# --- on a GPU


@pytest.mark.cuda
@pytest.mark.parametrize("name", CONFIGS)
def test_a_gpu_gives_the_answers_of_the_cpu(name: str, cuda: str) -> None:
    size = CONFIGS[name].tracking.search_size
    eager, runner = EagerRunner(network_of(name)), CudaRunner(network_of(name), cuda)
    for seed in (0, 1):  # the second is replayed with another template
        mine, theirs = (r.template(crop(127, seed), (50.0, 70.0)) for r in (runner, eager))
        assert close(runner.search(mine, crop(size, 3), GUIDE), eager.search(theirs, crop(size, 3), GUIDE))
    assert runner._recorder.is_recording, "recorded, not step by step"


@pytest.mark.cuda
def test_half_precision_is_near(cuda: str) -> None:
    eager, runner = EagerRunner(network_of("light")), CudaRunner(network_of("light"), cuda, "fp16")
    mine, theirs = (r.template(crop(127, 0), (50.0, 70.0)) for r in (runner, eager))
    assert close(runner.search(mine, crop(255, 3), GUIDE), eager.search(theirs, crop(255, 3), GUIDE), 2e-2)
    assert next(runner.network.parameters()).dtype == torch.float32, "whoever uses its parts finds them as they were"


@pytest.mark.cuda
def test_what_cannot_be_recorded_runs_step_by_step_with_one_notice(cuda: str, caplog: Any) -> None:
    def waits() -> tuple[torch.Tensor, ...]:
        value = torch.ones(3, device=cuda)
        value.sum().item()  # asks the device in the middle, which a recording cannot
        return (value * 2,)

    recorder = Recorder(cuda)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert recorder.record(waits).run()[0].tolist() == [2.0, 2.0, 2.0]
    assert caplog.text.count("cannot be recorded") == 1


@pytest.mark.cuda
def test_memory_is_given_back_with_the_runner(cuda: str) -> None:
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved(cuda)
    runner = CudaRunner(network_of("light"), cuda)
    runner.search(runner.template(crop(127, 0), (50.0, 70.0)), crop(255, 1), GUIDE)
    assert torch.cuda.memory_reserved(cuda) > before
    del runner
    gc.collect()
    assert torch.cuda.memory_reserved(cuda) <= before + (4 << 20)  # the libraries keep their own
