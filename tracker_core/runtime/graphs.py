"""CUDA graphs: a function on tensors of fixed shapes is recorded once, then replayed by a single launch.

Between two kernels of a small network PyTorch's own work takes longer than the kernel; a replay has none of it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)
WARM_UPS = 3  # runs before a recording, in which cuDNN chooses its algorithms and libraries take their work space


@contextlib.contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keep TF32, whose ten bits move boxes by pixels, out of convolutions; they are chosen by measuring."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield


class Recorder:
    """Records functions on one device; where that fails once, everything runs as it is, with one warning."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.is_recording = device != "cpu"
        self._pool: Any = None  # memory that all recordings share: one replay is over before the next begins

    def record(self, function: Callable[[], Sequence[Tensor]]) -> Recording:
        """Return `function`, which takes its inputs from fixed tensors, ready to be replayed."""
        if self.is_recording:
            try:
                self._warm_up(function)
                return self._capture(function)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self.is_recording = False
                logger.warning(
                    "The network cannot be recorded as a CUDA graph (%s); it runs step by step, which is slower.",
                    str(error).strip().split("\n")[0][:200],
                )
                torch.cuda.synchronize(self.device)  # raises where the device itself is lost
        return Recording(self.device, function)

    def _warm_up(self, function: Callable[[], Sequence[Tensor]]) -> None:
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream(self.device)
        stream.wait_stream(current)
        with torch.cuda.device(self.device), torch.cuda.stream(stream), exact_arithmetic():
            for _ in range(WARM_UPS):
                function()
        current.wait_stream(stream)

    def _capture(self, function: Callable[[], Sequence[Tensor]]) -> Recording:
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        # "thread_local": other threads, of a window for example, may use the device meanwhile
        with (
            exact_arithmetic(),
            torch.cuda.device(self.device),
            torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"),
        ):
            outputs = tuple(function())
        return Recording(self.device, function, graph, outputs)


class Recording:
    """A function that runs as it is, or as the graph that was recorded of it."""

    def __init__(
        self,
        device: str,
        function: Callable[[], Sequence[Tensor]],
        graph: torch.cuda.CUDAGraph | None = None,
        outputs: tuple[Tensor, ...] = (),
    ) -> None:
        self._device = device
        self._graph = graph
        self._function = function
        self._outputs = outputs

    def run(self) -> tuple[Tensor, ...]:
        """Queue one run on the current stream; the outputs are there once the device is done, until the next run."""
        if self._graph is None:
            with exact_arithmetic():
                return tuple(self._function())
        with torch.cuda.device(self._device):
            self._graph.replay()
        return self._outputs
