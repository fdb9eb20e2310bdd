"""The plain PyTorch runner: the reference that every other runtime is compared with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tracker_core.errors import DeviceError
from tracker_core.runtime.base import Outputs
from tracker_core.types import Image


class EagerRunner:
    """Runs a network as it is, on the CPU or on a CUDA device; raises `DeviceError` where that device fails."""

    name = "eager"

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        # Any: mypy takes the methods of an nn.Module for tensors
        with device_errors(device):
            self.network: Any = network.eval().to(device)
        self.device = device

    @torch.inference_mode()
    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features as tensors on the runner's device."""
        with device_errors(self.device):
            z = image_to_tensor(crop, self.device)
            if getattr(self.network, "takes_exemplar_size", False):
                wh = torch.tensor([exemplar_wh], dtype=torch.float32, device=self.device)
                return tuple(self.network.template(z, wh))
            return tuple(self.network.template(z))

    @torch.inference_mode()
    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float] | None = None) -> Outputs:
        """Return the raw outputs as float32 NumPy arrays."""
        with device_errors(self.device):
            guide = () if guide_cxcywh is None else (torch.tensor([guide_cxcywh], device=self.device),)
            outputs = self.network.search(template, image_to_tensor(crop, self.device), *guide)
            return tuple(np.asarray(output.float().cpu().numpy()) for output in outputs)


def image_to_tensor(crop: Image, device: str = "cpu") -> Tensor:
    """Return a uint8 H×W×3 BGR image as a float32 1×3×H×W tensor with values 0..255."""
    return torch.from_numpy(crop).to(device).permute(2, 0, 1).unsqueeze(0).float()


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
