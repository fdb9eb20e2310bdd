"""Networks on an NVIDIA GPU: recorded as CUDA graphs, with the cut of the crops before and the choice after them.

The arithmetic is exact single precision unless half precision is asked for. Several targets of one frame are one batch.
The same code runs on the CPU's tensors, where it is tested; nothing is recorded there.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import time
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from tracker_core.crops import Cutout
from tracker_core.models.network import Network
from tracker_core.runtime.base import Answer, CropRequest, Outputs, SearchRequest
from tracker_core.runtime.eager import device_errors
from tracker_core.runtime.graphs import Recorder
from tracker_core.runtime.searches import Search, as_images
from tracker_core.runtime.staging import CropInput, DeviceCrops, HostCrops, Staging
from tracker_core.types import Image

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
CROPS: dict[str, type[CropInput]] = {"host": HostCrops, "device": DeviceCrops}
MEASURED = 10  # cuts of either kind, of which the quickest counts


class CudaRunner:
    """Runs both branches of a network as CUDA graphs, one for every shape that comes.

    `network` stays in single precision, for whoever uses its parts; in half precision a copy of it runs. Raises
    `DeviceError` where the device fails. `precision` is "fp32" or "fp16"; `crops` says where crops are cut, "host" or
    "device"; "auto" measures once for each shape.
    """

    lanes = 1

    def __init__(self, network: Network, device: str, precision: str = "fp32", crops: str = "auto") -> None:
        self.name = "cuda" if precision == "fp32" else f"cuda-{precision}"
        self.device = device
        self.precision = precision
        with device_errors(device):
            self._recorder = Recorder(device)
            with self._working():
                self.network = network.eval().to(device)
                self._network = self.network if precision == "fp32" else _in_half_precision(self.network)
                self._recorder.finish()
        self._fixed = CROPS.get(crops)
        self._crops: dict[Hashable, type[CropInput]] = {}
        self._templates: dict[int, _Template] = {}
        self._searches: dict[Hashable, Search] = {}

    def __del__(self) -> None:
        # graphs and weights go with the runner, and what the allocator keeps for later is given back as well; the
        # recordings hold themselves in circles, which are cut here: the collector runs when it wants, elsewhere
        for part in (*getattr(self, "_templates", {}).values(), *getattr(self, "_searches", {}).values()):
            part.release()
        is_on_device = getattr(self, "device", "cpu") != "cpu"
        self.__dict__.clear()
        if is_on_device:
            with contextlib.suppress(Exception):  # at the end of the process there may be no device any more
                torch.cuda.empty_cache()

    @property
    def is_cutting(self) -> bool:
        """Whether crops are cut on the device, so that nobody has to cut them before."""
        return self._fixed is not HostCrops and HostCrops not in self._crops.values()

    def template(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features as tensors on the device, which belong to the caller."""
        with self._working():
            branch = self._templates.get(crop.shape[0])
            if branch is None:
                branch = _Template(self._network, self._recorder, crop.shape[0], DTYPES[self.precision])
                self._templates[crop.shape[0]] = branch
            return branch.run(crop, exemplar_wh)

    def search(self, template: Any, crop: Image, guide_cxcywh: Sequence[float]) -> Outputs:
        """Return the raw outputs as float32 NumPy arrays."""
        (outputs,) = self.search_batch([CropRequest(template, crop, guide_cxcywh)])
        assert isinstance(outputs, tuple)
        return outputs

    def search_batch(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Return the answers of several searches in their order; those of one shape run as one batch."""
        groups: dict[Hashable, list[int]] = {}
        for number, request in enumerate(requests):
            groups.setdefault(_shape(request), []).append(number)
        answers: dict[int, Answer] = {}
        with self._working():
            for shape, numbers in groups.items():
                group = [requests[number] for number in numbers]
                search = self._search_for((len(group), shape), group)
                answers.update(zip(numbers, search.run(group), strict=True))
        return [answers[number] for number in range(len(requests))]

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        with device_errors(self.device), self._recorder.working():
            yield

    def _search_for(self, key: Hashable, requests: Sequence[SearchRequest]) -> Search:
        search = self._searches.get(key)
        if search is None or not search.fits(requests):
            if search is not None:
                search.release()
            kind = self._fixed or self._fastest_crops((len(requests), requests[0].cutout.output_size), requests)
            search = Search(self._network, self._recorder, requests, DTYPES[self.precision], kind)
            self._searches[key] = search
        return search

    def _fastest_crops(self, key: Hashable, requests: Sequence[SearchRequest]) -> type[CropInput]:
        """Return where crops are cut and resized faster; measured on the first images of each count and size."""
        if key not in self._crops:
            cutouts = [request.cutout for request in requests]
            seconds = {kind: self._measure(kind, cutouts) for kind in CROPS.values()}
            self._crops[key] = min(seconds, key=lambda kind: seconds[kind])
        return self._crops[key]

    def _measure(self, kind: type[CropInput], cutouts: Sequence[Cutout]) -> float:
        crops = kind(cutouts, self.device)
        crops.write(cutouts)
        recording = self._recorder.record(lambda: (crops.crops(),))
        shortest = float("inf")
        for _ in range(MEASURED):
            uncut = [dataclasses.replace(cutout) for cutout in cutouts]
            began = time.perf_counter()
            crops.write(uncut)
            recording.run()
            self._recorder.finish()
            shortest = min(shortest, time.perf_counter() - began)
        return shortest


class _Template:
    """The exemplar branch for crops of one size."""

    def __init__(self, network: Network, recorder: Recorder, size: int, dtype: torch.dtype) -> None:
        self._network, self._recorder, self._dtype = network, recorder, dtype
        self._crop = Staging((1, size, size, 3), torch.uint8, recorder.device)
        self._wh = Staging((1, 2), torch.float32, recorder.device)
        self._recording = recorder.record(self._run)

    def run(self, crop: Image, exemplar_wh: tuple[float, float]) -> tuple[Tensor, ...]:
        """Return the exemplar's features; they are the caller's, the recording's own are overwritten."""
        self._crop.array[0] = crop
        self._wh.array[0] = exemplar_wh
        outputs = tuple(part.clone() for part in self._recording.run())
        self._recorder.finish()
        return outputs

    def release(self) -> None:
        """Give the recording and its memory back."""
        self.__dict__.clear()

    def _run(self) -> Sequence[Tensor]:
        exemplar_wh = self._wh.upload().to(self._dtype) if self._network.takes_exemplar_size else None
        return self._network.template(as_images(self._crop.upload(), self._dtype), exemplar_wh)


def _shape(request: SearchRequest) -> Hashable:
    """Return what searches of one batch have in common: crop, template, and what is asked for."""
    asking = request.asking
    asked = None if asking is None else (type(asking.layout), asking.wants_all)
    return (request.cutout.output_size, asked, *(tuple(part.shape) for part in request.template))


def _in_half_precision(network: Network) -> Network:
    half: Network = copy.deepcopy(network).half().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return half
