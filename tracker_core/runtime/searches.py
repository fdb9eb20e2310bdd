"""The search branch on a device for a batch of searches: crops in, the network, what is asked for out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker_core.candidates import Candidates, Choice, Chosen
from tracker_core.candidates.on_device import Terms
from tracker_core.candidates.selection import Selection
from tracker_core.models.network import Network
from tracker_core.runtime.base import Answer, SearchRequest
from tracker_core.runtime.graphs import Recorder, exact_arithmetic
from tracker_core.runtime.staging import CropInput, Staging

# what each search is told in numbers: the guide's box, the expected size, weight of penalty and window
GUIDE, EXPECTED, PENALTY, INFLUENCE, NUMBERS = slice(0, 4), slice(4, 6), slice(6, 7), slice(7, 8), 8


class Search:
    """The search branch for a batch of one shape, recorded where the device can.

    `kind` says how the crops come; the requests of the batch all ask for outputs, or all for a choice.
    """

    def __init__(
        self,
        network: Network,
        recorder: Recorder,
        requests: Sequence[SearchRequest],
        dtype: torch.dtype,
        kind: type[CropInput],
    ) -> None:
        count, device = len(requests), recorder.device
        self._network, self._recorder, self._dtype = network, recorder, dtype
        self._crops = kind([request.cutout for request in requests], device)
        self._numbers = Staging((count, NUMBERS), torch.float64, device)
        self._template = tuple(
            torch.zeros((count, *part.shape[1:]), dtype=part.dtype, device=device) for part in requests[0].template
        )
        self._loaded: list[Any] = [None] * count
        self._load(requests)  # a network may divide by what is in a template
        self._write(requests)
        with exact_arithmetic():  # its shapes decide what the answers need room for
            outputs = self._outputs(self._numbers.upload())
        kind_of_answer: type[_Answers] = _Outputs if requests[0].asking is None else _Choices
        self._answers = kind_of_answer(outputs, requests, device)
        self._back = [
            torch.empty(part.shape, dtype=part.dtype, pin_memory=device != "cpu")
            for part in self._answers.collect(outputs, self._numbers.on_device)
        ]
        self._recording = recorder.record(self._run)

    def fits(self, requests: Sequence[SearchRequest]) -> bool:
        """Return whether there is room for the images of other requests."""
        return self._crops.fits([request.cutout for request in requests])

    def run(self, requests: Sequence[SearchRequest]) -> list[Answer]:
        """Return the answers to requests of this batch's shape."""
        self._load(requests)
        self._answers.load(requests)
        self._write(requests)
        self._recording.run()
        self._recorder.finish()
        return self._answers.read([back.numpy().copy() for back in self._back], requests)

    def release(self) -> None:
        """Give the recording and its memory back."""
        self.__dict__.clear()

    def _run(self) -> Sequence[Tensor]:
        numbers = self._numbers.upload()
        parts = self._answers.collect(self._outputs(numbers), numbers)
        return [back.copy_(part, non_blocking=True) for back, part in zip(self._back, parts, strict=True)]

    def _outputs(self, numbers: Tensor) -> tuple[Tensor, ...]:
        guide = numbers[:, GUIDE].to(self._dtype) if self._network.takes_guide else None
        outputs = self._network.search(self._template, as_images(self._crops.crops(), self._dtype), guide)
        return tuple(output.float() for output in outputs)

    def _write(self, requests: Sequence[SearchRequest]) -> None:
        for number, request in enumerate(requests):
            row, asking = self._numbers.array[number], request.asking
            row[GUIDE] = request.guide_cxcywh
            if asking is not None:
                row[EXPECTED] = asking.expected_wh
                row[PENALTY], row[INFLUENCE] = asking.tracking.penalty_k, asking.tracking.window_influence
        self._crops.write([request.cutout for request in requests])

    def _load(self, requests: Sequence[SearchRequest]) -> None:
        """Copy the targets' templates to where the recorded run reads them, unless they are there already."""
        for number, request in enumerate(requests):
            if self._loaded[number] is not request.template:
                for place, part in zip(self._template, request.template, strict=True):
                    place[number].copy_(part[0])
                self._loaded[number] = request.template


class _Answers(Protocol):
    """What of the outputs comes back to the host."""

    def __init__(self, outputs: Sequence[Tensor], requests: Sequence[SearchRequest], device: str) -> None: ...
    def load(self, requests: Sequence[SearchRequest]) -> None: ...
    def collect(self, outputs: Sequence[Tensor], numbers: Tensor) -> tuple[Tensor, ...]: ...
    def read(self, arrays: Sequence[NDArray[Any]], requests: Sequence[SearchRequest]) -> list[Answer]: ...


class _Outputs:
    """All of the outputs, as one array."""

    def __init__(self, outputs: Sequence[Tensor], requests: Sequence[SearchRequest], device: str) -> None:
        self._shapes = [output.shape[1:] for output in outputs]

    def load(self, requests: Sequence[SearchRequest]) -> None:
        pass

    def collect(self, outputs: Sequence[Tensor], numbers: Tensor) -> tuple[Tensor, ...]:
        return (torch.cat([output.flatten(1) for output in outputs], 1),)

    def read(self, arrays: Sequence[NDArray[Any]], requests: Sequence[SearchRequest]) -> list[Answer]:
        parts = np.split(arrays[0], np.cumsum([shape.numel() for shape in self._shapes])[:-1], axis=1)
        return [
            tuple(part[number].reshape(1, *shape) for part, shape in zip(parts, self._shapes, strict=True))
            for number in range(len(requests))
        ]


class _Choices:
    """Which candidate is taken, eight numbers a search; and all candidates only where they are asked for."""

    def __init__(self, outputs: Sequence[Tensor], requests: Sequence[SearchRequest], device: str) -> None:
        first = requests[0].asking
        assert first is not None
        self._layout, self._wants_all = first.layout, first.wants_all
        self._shape, self._search_size = tuple(outputs[0].shape), requests[0].cutout.output_size
        self._loaded = [self._candidates(request) for request in requests]
        self._boxes, self._windows = (
            torch.from_numpy(np.stack(arrays)).to(device)
            for arrays in ([c.boxes_cxcywh for c in self._loaded], [c.window for c in self._loaded])
        )

    def load(self, requests: Sequence[SearchRequest]) -> None:
        """Copy the targets' candidates to where the recorded run reads them, unless they are there already."""
        for number, request in enumerate(requests):
            candidates = self._candidates(request)
            if self._loaded[number] is not candidates:
                self._boxes[number].copy_(torch.from_numpy(candidates.boxes_cxcywh.copy()))
                self._windows[number].copy_(torch.from_numpy(candidates.window.copy()))
                self._loaded[number] = candidates

    def collect(self, outputs: Sequence[Tensor], numbers: Tensor) -> tuple[Tensor, ...]:
        terms = Terms(
            self._boxes, self._windows, numbers[:, EXPECTED], numbers[:, PENALTY], numbers[:, INFLUENCE],
            self._search_size,
        )  # fmt: skip
        ranking = self._layout.rank(outputs, terms)
        return (ranking.winners(), ranking.candidates()) if self._wants_all else (ranking.winners(),)

    def read(self, arrays: Sequence[NDArray[Any]], requests: Sequence[SearchRequest]) -> list[Answer]:
        answers: list[Answer] = []
        for number, (request, candidates) in enumerate(zip(requests, self._loaded, strict=True)):
            assert request.asking is not None
            score, rate, peak, best = arrays[0][number, 4:].tolist()
            found = Selection.of(arrays[1][number], int(best)) if self._wants_all else None
            rate *= request.asking.tracking.size_lr
            answers.append(Chosen(Choice(found, arrays[0][number, :4], score, rate), candidates, peak))
        return answers

    def _candidates(self, request: SearchRequest) -> Candidates:
        assert request.asking is not None
        return request.asking.lay_out(self._shape, self._search_size)


def as_images(crops: Tensor, dtype: torch.dtype) -> Tensor:
    """Return uint8 B×S×S×3 as B×3×S×S in 0..255; half precision is fastest with channels last, as crops are."""
    images = crops.permute(0, 3, 1, 2).to(dtype)
    return images if dtype == torch.float16 else images.contiguous()
