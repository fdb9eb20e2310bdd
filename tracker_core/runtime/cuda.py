"""Networks on an NVIDIA GPU: recorded as CUDA graphs, crops staged in pinned memory, one small copy back.

The arithmetic is exact single precision unless half precision is asked for. Several targets of one frame are one batch.
"""

from __future__ import annotations

import contextlib
import copy
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker_core.models.network import Network
from tracker_core.runtime.base import Outputs, SearchRequest
from tracker_core.runtime.eager import device_errors
from tracker_core.runtime.graphs import Recorder, Recording
from tracker_core.types import Image

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}


@dataclass(frozen=True)
class _Search:
    template: Any
    crop: Image
    guide_cxcywh: Sequence[float]


class Staging:
    """A fixed tensor on the device, its pinned twin on the host, and that one's view as an array."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
        self.on_host = torch.zeros(shape, dtype=dtype, pin_memory=device != "cpu")
        self.on_device = torch.zeros(shape, dtype=dtype, device=device)
        self.array: NDArray[Any] = self.on_host.numpy()

    def upload(self) -> Tensor:
        """Queue the copy to the device and return the tensor there."""
        return self.on_device.copy_(self.on_host, non_blocking=True)


class CudaRunner:
    """Runs both branches of a network as CUDA graphs, one for every shape that comes.

    `network` stays in single precision, for whoever uses its parts; in half precision a copy of it runs. Raises
    `DeviceError` where the device fails. `precision` is "fp32" or "fp16".
    """

    def __init__(self, network: Network, device: str, precision: str = "fp32") -> None:
        self.name = "cuda" if precision == "fp32" else f"cuda-{precision}"
        self.device = device
        self.precision = precision
        with device_errors(device):
            self.network = network.eval().to(device)
            self._network = self.network if precision == "fp32" else _in_half_precision(self.network)
        self._recorder = Recorder(device)
        self._templates: dict[int, _TemplateBranch] = {}
        self._searches: dict[tuple[int, ...], _SearchBranch] = {}

    def __del__(self) -> None:
        # graphs and weights go with the runner; what the allocator keeps for later is given back as well
        is_on_device = getattr(self, "device", "cpu") != "cpu"
        self.__dict__.clear()
        if is_on_device:
            with contextlib.suppress(Exception):  # at the end of the process there may be no device any more
                gc.collect()
                torch.cuda.empty_cache()

    @torch.inference_mode()
    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features as tensors on the device, which belong to the caller."""
        with device_errors(self.device):
            branch = self._templates.get(crop.shape[0])
            if branch is None:
                branch = _TemplateBranch(self._network, self._recorder, crop.shape[0], self._dtype)
                self._templates[crop.shape[0]] = branch
            return branch.run(crop, exemplar_wh)

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the raw outputs as float32 NumPy arrays."""
        return self._search([_Search(template, crop, guide_cxcywh)])[0]

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Outputs]:
        """Return the outputs of several searches in their order; crops of one size run as one batch."""
        outputs: dict[int, Outputs] = {}
        for size in {request.crop.shape[0] for request in requests}:
            numbers = [number for number, request in enumerate(requests) if request.crop.shape[0] == size]
            answers = self._search([requests[number] for number in numbers])
            outputs.update(zip(numbers, answers, strict=True))
        return [outputs[number] for number in range(len(requests))]

    @torch.inference_mode()
    def _search(self, requests: Sequence[SearchRequest]) -> list[Outputs]:
        with device_errors(self.device):
            shapes = [tuple(part.shape) for part in requests[0].template]
            key = (len(requests), requests[0].crop.shape[0], *(side for shape in shapes for side in shape))
            branch = self._searches.get(key)
            if branch is None:
                branch = _SearchBranch(self._network, self._recorder, requests, self._dtype)
                self._searches[key] = branch
            return branch.run(requests)

    @property
    def _dtype(self) -> torch.dtype:
        return DTYPES[self.precision]


class _TemplateBranch:
    """The exemplar branch for crops of one size."""

    def __init__(self, network: Network, recorder: Recorder, size: int, dtype: torch.dtype) -> None:
        self._crop = Staging((1, size, size, 3), torch.uint8, recorder.device)
        self._wh = Staging((1, 2), torch.float32, recorder.device)

        def run() -> Sequence[Tensor]:
            exemplar_wh = self._wh.upload().to(dtype) if network.takes_exemplar_size else None
            return network.template(_as_images(self._crop.upload(), dtype), exemplar_wh)

        self._recording = recorder.record(run)

    def run(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        self._crop.array[0] = crop
        self._wh.array[0] = exemplar_wh
        outputs = tuple(part.clone() for part in self._recording.run())
        _finish(self._crop.on_device)  # the pinned crop may be written again
        return outputs


class _SearchBranch:
    """The search branch for a batch of crops of one size."""

    def __init__(
        self, network: Network, recorder: Recorder, requests: Sequence[SearchRequest], dtype: torch.dtype
    ) -> None:
        count, size, device = len(requests), requests[0].crop.shape[0], recorder.device
        self._crops = Staging((count, size, size, 3), torch.uint8, device)
        self._guides = Staging((count, 4), torch.float32, device)
        self._template = tuple(
            torch.zeros((count, *part.shape[1:]), dtype=part.dtype, device=device) for part in requests[0].template
        )
        self._loaded: list[Any] = [None] * count
        self._shapes: list[torch.Size] = []
        self._back: Tensor | None = None  # pinned, filled by the recorded run

        def run() -> Sequence[Tensor]:
            guide = self._guides.upload().to(dtype) if network.takes_guide else None
            outputs = network.search(self._template, _as_images(self._crops.upload(), dtype), guide)
            joined = torch.cat([output.float().flatten(1) for output in outputs], 1)
            if self._back is None:
                self._shapes = [output.shape[1:] for output in outputs]
                self._back = torch.empty(joined.shape, pin_memory=device != "cpu")
            return (self._back.copy_(joined, non_blocking=True),)

        self._load(requests)  # a network may divide by what is in a template
        self._recording: Recording = recorder.record(run)

    def run(self, requests: Sequence[SearchRequest]) -> list[Outputs]:
        self._load(requests)
        for number, request in enumerate(requests):
            self._crops.array[number] = request.crop
            self._guides.array[number] = request.guide_cxcywh
        (back,) = self._recording.run()
        _finish(self._crops.on_device)
        parts = np.split(back.numpy().copy(), np.cumsum([shape.numel() for shape in self._shapes])[:-1], axis=1)
        return [
            tuple(part[number].reshape(1, *shape) for part, shape in zip(parts, self._shapes, strict=True))
            for number in range(len(requests))
        ]

    def _load(self, requests: Sequence[SearchRequest]) -> None:
        """Copy the targets' templates to where the recorded run reads them, unless they are there already."""
        for number, request in enumerate(requests):
            if self._loaded[number] is not request.template:
                for place, part in zip(self._template, request.template, strict=True):
                    place[number].copy_(part[0])
                self._loaded[number] = request.template


def _as_images(crops: Tensor, dtype: torch.dtype) -> Tensor:
    """Return uint8 B×S×S×3 as B×3×S×S in 0..255; half precision is fastest with channels last, as crops are."""
    images = crops.permute(0, 3, 1, 2).to(dtype)
    return images if dtype == torch.float16 else images.contiguous()


def _in_half_precision(network: Network) -> Network:
    half: Network = copy.deepcopy(network).half().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return half


def _finish(tensor: Tensor) -> None:
    """Wait until the device has done what was queued."""
    if tensor.is_cuda:
        torch.cuda.current_stream(tensor.device).synchronize()
