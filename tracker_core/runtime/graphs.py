"""CUDA graphs: a function on tensors of fixed shapes is recorded once, then replayed by a single launch.

Between two kernels of a small network PyTorch's own work takes longer than the kernel; a replay has none of it.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)
_RECORDING = threading.Lock()  # in a process one recording at a time
WARM_UPS = 3  # runs before a recording, in which cuDNN chooses its algorithms and libraries take their work space


@contextlib.contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keep TF32, whose ten bits move boxes by pixels, out of convolutions, which are chosen by measuring, and products.

    NVIDIA's containers turn it on for products of matrices, by TORCH_ALLOW_TF32_CUBLAS_OVERRIDE.
    """
    before = _precision_of_products()
    if before is not None:
        torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            yield
    finally:
        if before is not None:
            torch.set_float32_matmul_precision(before)


def _precision_of_products() -> str | None:
    """Return how exact products of matrices are, None where somebody set it by the newer of PyTorch's interfaces."""
    try:
        return str(torch.get_float32_matmul_precision())
    except RuntimeError:  # PyTorch refuses to answer by the older one then
        return None


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep others out of a recording: one of another thread, and what garbage collection would free meanwhile.

    Memory and graphs that are given back to the device in the middle of a recording make it invalid.
    """
    with _RECORDING:
        is_collecting = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if is_collecting:
                gc.enable()


class Recorder:
    """Records functions on one device; where that fails once, everything runs as it is, with one warning.

    Everything happens on one stream of its own: libraries hold work space for each stream, so that what the warm-up
    took is there in the recording; the default stream is left to others, and nobody waits for them.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.is_recording = device != "cpu"
        self._stream: Any = torch.cuda.Stream(device) if self.is_recording else None  # type: ignore[no-untyped-call]
        self._done: Any = torch.cuda.Event() if self.is_recording else None  # type: ignore[no-untyped-call]
        self._pool: Any = None  # memory that all recordings share: one replay is over before the next begins

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Queue on this recorder's stream whatever is done inside the `with` block."""
        with torch.inference_mode(), contextlib.ExitStack() as stack:
            if self._stream is not None:
                stack.enter_context(torch.cuda.device(self.device))
                stack.enter_context(torch.cuda.stream(self._stream))
            yield

    def record(self, function: Callable[[], Sequence[Tensor]]) -> Recording:
        """Return `function`, which takes its inputs from fixed tensors, ready to be replayed; call it while `working`.

        In the function nothing may wait for the device, take pinned memory, or copy from memory that is not pinned, but
        in its first run: that is none of the recording.
        """
        if self.is_recording:
            try:
                with exact_arithmetic():
                    for _ in range(WARM_UPS):
                        function()
                    return self._capture(function)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self.is_recording = False
                logger.warning(
                    "The network cannot be recorded as a CUDA graph (%s); it runs step by step, which is slower.",
                    str(error).strip().splitlines()[0][:200],
                )
                torch.cuda.synchronize(self.device)  # raises where the device itself is lost
                self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
                torch.cuda.set_stream(self._stream)  # the one of the failed recording may be unusable
        return Recording(function)

    def finish(self) -> None:
        """Wait until the device has done what was queued here: then pinned memory may be read and written again."""
        if self._done is not None:
            self._done.record(self._stream)
            self._done.synchronize()

    def _capture(self, function: Callable[[], Sequence[Tensor]]) -> Recording:
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        # "thread_local": other threads, of a window for example, may use the device meanwhile
        capturing = torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")
        with undisturbed(), capturing:
            outputs = tuple(function())
        return Recording(function, graph, outputs)


class Recording:
    """A function that runs as it is, or as the graph that was recorded of it."""

    def __init__(
        self,
        function: Callable[[], Sequence[Tensor]],
        graph: torch.cuda.CUDAGraph | None = None,
        outputs: tuple[Tensor, ...] = (),
    ) -> None:
        self._graph = graph
        self._function = function
        self._outputs = outputs

    def run(self) -> tuple[Tensor, ...]:
        """Queue one run, while `working`; the outputs are there once the device is done, until the next run."""
        if self._graph is None:
            with exact_arithmetic():
                return tuple(self._function())
        self._graph.replay()
        return self._outputs
