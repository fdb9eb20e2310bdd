"""The plain PyTorch runner: the reference that every other runtime is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tracker_core.runtime.base import Outputs
from tracker_core.types import Image


class EagerRunner:
    """Runs a network as it is, on the CPU or on a CUDA device."""

    name = "eager"

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        # Any: mypy takes the methods of an nn.Module for tensors
        self.network: Any = network.eval().to(device)
        self.device = device

    @torch.inference_mode()
    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features as tensors on the runner's device."""
        z = image_to_tensor(crop, self.device)
        if getattr(self.network, "takes_exemplar_size", False):
            wh = torch.tensor([exemplar_wh], dtype=torch.float32, device=self.device)
            return tuple(self.network.template(z, wh))
        return tuple(self.network.template(z))

    @torch.inference_mode()
    def search(self, template: Any, crop: Image) -> Outputs:
        """Return the raw outputs as float32 NumPy arrays."""
        outputs = self.network.search(template, image_to_tensor(crop, self.device))
        return tuple(np.asarray(output.float().cpu().numpy()) for output in outputs)


def image_to_tensor(crop: Image, device: str = "cpu") -> Tensor:
    """Return a uint8 H×W×3 BGR image as a float32 1×3×H×W tensor with values 0..255."""
    return torch.from_numpy(crop).to(device).permute(2, 0, 1).unsqueeze(0).float()
