"""Two processes as `torchrun` starts them: the same weights as one process, written once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from training_samples import TinyNetwork, tiny_config, tiny_source

from tracker_core.checkpoints.weights import load_checkpoint
from tracker_core.errors import ConfigError
from tracker_core.training.distributed import join_processes
from tracker_core.training.loop import Trainer

HERE = Path(__file__).resolve().parent
pytestmark = pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="PyTorch without gloo")


class NormFree(TinyNetwork):
    """Without batch norm, whose statistics are each process's own, two processes compute what one does."""

    def __init__(self) -> None:
        super().__init__()
        trunk = self.get_submodule("trunk")
        for index in (1, 4, 7):
            trunk[index] = torch.nn.Identity()


def train(folder: Path, out: str) -> None:
    """What each process runs; `join_processes` finds out how many there are."""
    torch.set_num_threads(1)
    config = tiny_config(folder / out, steps=5, release_step=2)
    torch.manual_seed(7)
    network = NormFree()
    with join_processes(config.loop.batch) as processes:
        source = tiny_source(folder / f"images{processes.rank}", config)
        validated = []
        config.loop.validate_every = 2
        trainer = Trainer(
            config, network, source, processes=processes,
            validate=lambda network, step: validated.append(step) or {"success_auc": 0.1 * step},
        )  # fmt: skip
        assert trainer.run()
        assert validated == ([2, 4, 5] if processes.is_first else [])


def start(folder: Path, rank: int, port: int) -> subprocess.Popen:
    environment = {
        **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    code = f"from pathlib import Path; import test_training_distributed as t; t.train(Path({str(folder)!r}), 'two')"
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    train(tmp_path, "one")
    port = free_port()
    processes = [start(tmp_path, rank, port) for rank in (0, 1)]
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    one, two = (load_checkpoint(tmp_path / name / "last.safetensors").state for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=2e-4, rtol=1e-3, msg=name)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "best.safetensors", "last.safetensors", "state.safetensors",
    ]  # fmt: skip


def test_a_batch_that_cannot_be_shared_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="3 processes"), join_processes(32):
        pass


def test_one_process_needs_no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_processes(5) as processes:
        assert processes.is_first and processes.any(True, "cpu") and not processes.any(False, "cpu")
        assert processes.mean(torch.tensor(3.0)) == 3
