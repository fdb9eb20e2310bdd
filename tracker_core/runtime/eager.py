"""The plain PyTorch runner: the reference that every other runtime is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tracker_core.errors import DeviceError
from tracker_core.models.network import Network
from tracker_core.runtime.base import OneByOne, Outputs
from tracker_core.runtime.graphs import exact_arithmetic
from tracker_core.types import Image


class EagerRunner(OneByOne):
    """Runs a network as it is, on the CPU or on a CUDA device; raises `DeviceError` where that device fails."""

    name = "eager"

    def __init__(self, network: Network, device: str = "cpu") -> None:
        with device_errors(device):
            self.network = network.eval().to(device)
        self.device = device

    @torch.inference_mode()
    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features as tensors on the runner's device."""
        with device_errors(self.device), exact_arithmetic():
            exemplar = self._boxes(exemplar_wh, self.network.takes_exemplar_size)
            return self.network.template(image_to_tensor(crop, self.device), exemplar)

    @torch.inference_mode()
    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the raw outputs as float32 NumPy arrays."""
        with device_errors(self.device), exact_arithmetic():
            guide = self._boxes(guide_cxcywh, self.network.takes_guide)
            outputs = self.network.search(template, image_to_tensor(crop, self.device), guide)
            return tuple(np.asarray(output.float().cpu().numpy()) for output in outputs)

    def _boxes(self, values: Sequence[float], is_taken: bool) -> Tensor | None:
        return torch.tensor([values], dtype=torch.float32, device=self.device) if is_taken else None


def image_to_tensor(crop: Image, device: str = "cpu") -> Tensor:
    """Return a uint8 H×W×3 BGR image as a float32 1×3×H×W tensor with values 0..255."""
    return torch.from_numpy(crop).to(device).permute(2, 0, 1).unsqueeze(0).float()


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let PyTorch compute with `count` threads at most in this thread.

    On a busy machine its threads wait for each other at each of a hundred small operators.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def device_errors(device: str) -> Iterator[None]:
    """Turn what PyTorch raises when a CUDA device fails into a `DeviceError`; errors of any other kind go through."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"The device '{device}' is out of memory; close other programs that use it, or choose a lighter tracker "
            "or --device cpu."
        ) from error
    except RuntimeError as error:
        # a device that falls off the bus or is reset raises plain RuntimeErrors that begin with the library's name
        reason = str(error).strip().split("\n")[0]
        if device == "cpu" or not reason.startswith(("CUDA", "cuDNN", "CUBLAS", "NVRTC")):
            raise
        raise DeviceError(f"The device '{device}' stopped working ({reason[:200]}); use --device cpu.") from error
