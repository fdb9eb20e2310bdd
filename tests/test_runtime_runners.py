"""How networks are run: the same answers whichever way, a cache that heals itself, devices that fail."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tracker_core.config import NetworkConfig, TrackerConfig, TrackingConfig
from tracker_core.errors import DeviceError, InputError
from tracker_core.models.builder import build_network
from tracker_core.models.network import Network
from tracker_core.runtime import EagerRunner, devices, make_runner, onnx
from tracker_core.runtime.onnx import RECENT, OnnxRunner

# narrow networks of every structure: light, one level, three levels, up-channel
CONFIGS = {
    "light": TrackerConfig("light", NetworkConfig("light", "mobilenetv3", 1.0, 3)),
    "one level": TrackerConfig(
        "one", NetworkConfig("siamrpnpp", "alexnet", 0.1, 5), tracking=TrackingConfig(search_size=287)
    ),
    "three levels": TrackerConfig("three", NetworkConfig("siamrpnpp", "mobilenetv2", 0.2, 5, {"weighted": True})),
    "up-channel": TrackerConfig(
        "up", NetworkConfig("siamrpn", "alexnet", 0.1, 5), tracking=TrackingConfig(search_size=271)
    ),
}


GUIDE = (0.0, 0.0, 50.0, 70.0)  # the box of the frame before, which these networks do not look at


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of exported networks."""
    folder = tmp_path / "networks"
    monkeypatch.setattr(onnx, "cache_folder", lambda: folder)
    return folder


def network_of(config: TrackerConfig) -> Network:
    torch.manual_seed(1)
    return build_network(config.network).eval()


def crop(size: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3)).astype(np.uint8)


def outputs_of(runner: Any, size: int) -> Any:
    template = runner.template(crop(127), (50.0, 70.0))
    return runner.search(template, crop(size, 1), GUIDE)


def assert_close(outputs: Any, expected: Any) -> None:
    """To a ten-thousandth of the largest value: what single precision leaves after a few hundred additions."""
    for got, want in zip(outputs, expected, strict=True):
        assert (got.shape, got.dtype) == (want.shape, np.float32)
        assert np.abs(got - want).max() < 1e-4 * max(1.0, float(np.abs(want).max()))


def small() -> tuple[Network, TrackerConfig]:
    config = CONFIGS["one level"]
    return network_of(config), config


@pytest.mark.parametrize("largest", [0, 1 << 30], ids=["shared by targets", "for each target"])
@pytest.mark.parametrize("name", CONFIGS)
def test_onnx_gives_the_answers_of_eager(name: str, largest: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LARGEST_PER_TARGET", largest)
    config = CONFIGS[name]
    network = network_of(config)
    size = config.tracking.search_size
    expected = outputs_of(EagerRunner(network), size)
    runner = make_runner(network, config, device="cpu")
    assert runner.name == "onnx", "the default on a CPU"
    assert_close(outputs_of(runner, size), expected)


@pytest.mark.parametrize("largest", [0, 1 << 30], ids=["shared by targets", "for each target"])
def test_targets_in_turn_find_their_own(largest: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LARGEST_PER_TARGET", largest)
    network, config = small()
    answers = []
    for runner in (OnnxRunner(network, config), EagerRunner(network)):
        templates = [runner.template(crop(127, seed), (50.0, 70.0)) for seed in (3, 4)]
        answers.append([runner.search(templates[k], crop(287, 1), GUIDE)[0] for k in (0, 1, 0)])
    assert_close(*answers)
    assert np.abs(answers[0][0] - answers[0][1]).max() > 1e-3  # these two look for different things


def test_another_search_size_is_exported_when_it_comes(cache: Path) -> None:
    network, config = small()
    runner = OnnxRunner(network, config)
    assert len(list(cache.glob("*.onnx"))) == 1
    assert_close(outputs_of(runner, 255), outputs_of(EagerRunner(network), 255))
    assert len(list(cache.glob("*.onnx"))) == 2


def test_the_cache_is_used_a_second_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, config = small()
    first = outputs_of(OnnxRunner(network, config), 287)

    def refuse(*_: Any) -> bytes:
        raise AssertionError("exported again")

    monkeypatch.setattr(onnx, "export_search", refuse)
    for a, b in zip(outputs_of(OnnxRunner(network, config), 287), first, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({8: 0.9e-3, 4: 0.8e-3, 2: 1.2e-3}, 4),  # half the cores are faster, a quarter is slower
        ({8: 1.0e-3, 4: 1.04e-3, 2: 1.5e-3}, 4),  # hardly slower on half of them: the others stay free
        ({2: 1.0e-3, 1: 1.8e-3}, 2),
        ({4: 30e-3}, 4),  # long: every core, and nobody waits for measurements
        ({1: 1.0e-3}, 1),
    ],
)
def test_the_count_of_threads_is_measured(seconds: dict[int, float], chosen: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(onnx, "open_session", lambda model, threads: threads)
    monkeypatch.setattr(onnx, "_shortest_run", lambda session, feeds, runs=10: seconds[session])
    assert onnx.fastest_session(b"", {}, max(seconds)) == (chosen, chosen)


def test_cores_that_wake_up_slowly_do_not_cost_a_thread(monkeypatch: Any) -> None:
    """The first runs, those on two threads, take long because the machine was idle; after that two are faster."""
    times = iter([0.005] * 2)
    monkeypatch.setattr(onnx, "open_session", lambda model, threads: threads)
    monkeypatch.setattr(
        onnx, "_shortest_run", lambda session, feeds, runs=10: next(times, 0.002) if session == 2 else 0.003
    )
    assert onnx.fastest_session(b"", {}, 2) == (2, 2)


@pytest.mark.parametrize(("cores", "of_one_search", "lanes"), [("4", 1, 4), ("4", 2, 2), ("5", 2, 2), ("1", 1, 1)])
def test_searches_side_by_side_have_a_core_for_each_thread(
    cores: str, of_one_search: int, lanes: int, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    monkeypatch.setattr(
        onnx, "fastest_session", lambda model, feeds, threads: (onnx.open_session(model, threads), threads)
    )
    assert OnnxRunner(*small(), threads=of_one_search).lanes == lanes


def test_an_exemplar_that_was_asked_for_lately_is_not_made_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, config = small()
    runner, made, make = OnnxRunner(network, config), [], network.template
    monkeypatch.setattr(network, "template", lambda z, exemplar_wh=None: made.append(z) or make(z, exemplar_wh))
    first = runner.template(crop(127), (50.0, 70.0))
    assert runner.template(crop(127), (50.0, 70.0)) is first and len(made) == 1
    others = [runner.template(crop(127, seed), (50.0, 70.0)) for seed in range(1, RECENT)]
    assert runner.template(crop(127), (50.0, 70.0)) is first, "it is the latest again"
    assert runner.template(crop(127), (70.0, 50.0)) is not first, "a box of another shape"
    assert len(made) == 1 + len(others) + 1
    assert runner.template(crop(127, 1), (50.0, 70.0)) is not others[0], "that of long ago was given up"


def test_the_exemplar_is_computed_with_as_many_threads_as_were_granted(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, config = small()
    runner, counts, make = OnnxRunner(network, config, threads=2), [], network.template
    monkeypatch.setattr(
        network, "template", lambda z, exemplar_wh=None: counts.append(torch.get_num_threads()) or make(z, exemplar_wh)
    )
    before = torch.get_num_threads()
    try:
        for seed, there_are in enumerate((3, 1)):
            torch.set_num_threads(there_are)
            runner.template(crop(127, seed), (50.0, 70.0))
            assert torch.get_num_threads() == there_are, "that of others is as it was"
    finally:
        torch.set_num_threads(before)
    assert counts == [2, 1]


def test_a_search_size_that_two_threads_need_is_exported_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, exported, export = OnnxRunner(*small()), [], onnx.export_search
    monkeypatch.setattr(onnx, "export_search", lambda *of: exported.append(of[1]) or export(*of))
    templates = [runner.template(crop(127, seed), (50.0, 70.0)) for seed in (3, 4)]
    together = threading.Barrier(2, timeout=30)

    def search(template: Any) -> None:
        together.wait()
        runner.search(template, crop(255, 1), GUIDE)

    threads = [threading.Thread(target=search, args=(template,)) for template in templates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exported == [255]
    assert [sorted(template.sessions) for template in templates] == [[255, 287]] * 2


def test_other_weights_do_not_use_it(cache: Path) -> None:
    network, config = small()
    OnnxRunner(network, config)
    with torch.no_grad():
        next(network.parameters()).add_(0.1)
    runner = OnnxRunner(network, config)
    assert len(list(cache.glob("*.onnx"))) == 2
    assert_close(outputs_of(runner, 287), outputs_of(EagerRunner(network), 287))


def shorten(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_weight(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x40]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [shorten, flip_a_weight, lambda content: b"", lambda content: b"text"],
    ids=["cut", "bit", "empty", "text"],
)
def test_a_damaged_cached_file_is_made_again(cache: Path, damage: Any) -> None:
    network, config = small()
    first = outputs_of(OnnxRunner(network, config), 287)
    (path,) = cache.glob("*.onnx")
    good = path.read_bytes()
    path.write_bytes(damage(good))
    for a, b in zip(outputs_of(OnnxRunner(network, config), 287), first, strict=True):
        assert np.array_equal(a, b)
    assert len(path.read_bytes()) == len(good)


def test_without_a_writable_cache_it_runs_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setattr(onnx, "cache_folder", lambda: blocked / "networks")
    network, config = small()
    assert outputs_of(OnnxRunner(network, config), 287)[0].shape == (1, 10, 21, 21)


def test_old_exports_are_dropped(cache: Path) -> None:
    cache.mkdir()
    for number in range(30):
        (cache / f"{number}.onnx").write_bytes(b"old")
    OnnxRunner(*small())
    assert len(list(cache.glob("*.onnx"))) == 24


def test_a_runtime_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match=r"no runtime 'onx'\. Did you mean 'onnx'\?"):
        make_runner(*small(), device="cpu", runtime="onx")


def fail(*_: Any) -> bytes:
    raise RuntimeError("operator not supported")


def test_an_unusable_runtime_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "export_search", fail)
    with pytest.raises(
        InputError, match=r"ONNX Runtime cannot be used here \(operator not supported\); use --runtime eager"
    ):
        make_runner(*small(), device="cpu", runtime="onnx")


def test_by_default_plain_pytorch_takes_its_place(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnx, "export_search", fail)
    with caplog.at_level(logging.WARNING):
        assert make_runner(*small(), device="cpu").name == "eager"
    assert "operator not supported" in caplog.text


# --- devices


def test_the_cpu_is_always_there() -> None:
    assert devices.resolve_device(" CPU ") == "cpu"


@pytest.mark.parametrize("wanted", ["cud", "gpu", "cuda:", "cuda:x", "cuda:-1", ""])
def test_devices_that_do_not_exist_are_refused(wanted: str) -> None:
    with pytest.raises(InputError, match="There is no device"):
        devices.resolve_device(wanted)


def test_the_nearest_device_is_named() -> None:
    with pytest.raises(InputError, match=r"Did you mean 'cuda'\?"):
        devices.resolve_device("cudda")


def test_cuda_that_is_absent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="sees no CUDA device; use --device cpu"):
        devices.resolve_device("cuda:0")
    assert devices.resolve_device("auto") == "cpu"


def test_cuda_that_cannot_run_a_kernel(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(devices, "_try_kernel", lambda device: "no kernel image is available")
    with pytest.raises(DeviceError, match=r"'cuda:0' cannot run a kernel \(no kernel image is available\)"):
        devices.resolve_device("cuda")
    with pytest.raises(DeviceError, match="there are only 1"):
        devices.resolve_device("cuda:3")
    assert devices.resolve_device("auto") == "cpu", "nobody asked for CUDA: it goes on, and says why"
    assert "no kernel image is available" in caplog.text


class Failing(Network):
    """A network whose device gives out."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def template(self, z: torch.Tensor, exemplar_wh: Any = None) -> tuple[torch.Tensor, ...]:
        raise self.error

    def search(self, template: Any, x: torch.Tensor, guide_cxcywh: Any = None) -> tuple[torch.Tensor, ...]:
        raise self.error


def test_memory_that_runs_out_is_said_in_one_sentence() -> None:
    runner = EagerRunner(Failing(torch.OutOfMemoryError("Tried to allocate 20.00 MiB.\nGPU 0 has …")))
    for call in (lambda: runner.template(crop(127), (50, 50)), lambda: runner.search((), crop(255), GUIDE)):
        with pytest.raises(DeviceError, match="is out of memory; close other programs"):
            call()


def test_a_device_that_goes_away_is_said_in_one_sentence() -> None:
    runner = EagerRunner(Failing(RuntimeError("CUDA error: unspecified launch failure\nCompile with …")))
    runner.device = "cuda:0"
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(DeviceError, match=r"'cuda:0' stopped working \(CUDA error: unspecified launch failure\)"),
    ):
        patch.setattr("tracker_core.runtime.eager.image_to_tensor", lambda image, device: torch.zeros(1))
        runner.search((), crop(255), GUIDE)


def test_a_fault_of_the_program_stays_one() -> None:
    runner = EagerRunner(Failing(RuntimeError("mat1 and mat2 shapes cannot be multiplied")))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        runner.search((), crop(255), GUIDE)
