"""How a network is run: chosen once when a tracker is built, same answers whichever is chosen."""

from __future__ import annotations

import logging

from tracker_core.config import TrackerConfig
from tracker_core.errors import InputError, nearest_name
from tracker_core.models.network import Network
from tracker_core.runtime.base import Outputs, Runner, SearchRequest
from tracker_core.runtime.devices import resolve_device
from tracker_core.runtime.eager import EagerRunner

__all__ = ["PRECISIONS", "RUNTIMES", "EagerRunner", "Outputs", "Runner", "SearchRequest", "make_runner"]

RUNTIMES = ("auto", "eager", "onnx", "cuda")
PRECISIONS = ("fp32", "fp16", "int8")
logger = logging.getLogger(__name__)


def make_runner(
    network: Network,
    config: TrackerConfig,
    *,
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "fp32",
    threads: int | None = None,
) -> Runner:
    """Return a runner for `network`.

    "auto" is ONNX Runtime on the CPU and CUDA graphs on a GPU; where ONNX Runtime cannot be used, eager PyTorch takes
    its place with a logged warning. `precision` is "fp32" or, for CUDA graphs only, "fp16", for ONNX Runtime only,
    "int8". `threads` is how many the network may compute with in ONNX Runtime; None is all cores. Raises `InputError`
    for an unknown runtime or precision and for one that the device lacks, and what `devices.resolve_device` raises.
    """
    _check_name("runtime", runtime, RUNTIMES)
    _check_name("precision", precision, PRECISIONS)
    place = resolve_device(device)
    if runtime == "onnx" and place != "cpu":
        raise InputError("The runtime 'onnx' runs on the CPU only; use --device cpu, or --runtime cuda on a GPU.")
    if runtime == "cuda" and place == "cpu":
        raise InputError("The runtime 'cuda' needs an NVIDIA GPU, and the device is the CPU; use --runtime onnx.")
    _check_precision(precision, place, runtime)
    if runtime == "eager":
        return EagerRunner(network, place)
    if place != "cpu":
        from tracker_core.runtime.cuda import CudaRunner

        return CudaRunner(network, place, precision)
    from tracker_core.runtime.onnx import OnnxRunner

    try:
        return OnnxRunner(network, config, threads, precision)
    except Exception as error:  # whatever fails in a third-party exporter, tracking must not
        if runtime == "onnx" or precision != "fp32":
            raise InputError(f"ONNX Runtime cannot be used here ({error}); use --runtime eager.") from error
        logger.warning("ONNX Runtime cannot be used (%s); plain PyTorch is used instead, which is slower.", error)
        return EagerRunner(network, place)


def _check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise InputError(f"There is no {what} '{name}'.{nearest_name(name, known)} Known: {', '.join(known)}.")


def _check_precision(precision: str, device: str, runtime: str) -> None:
    """Raise `InputError` where nothing computes with this precision."""
    if precision == "fp16" and (device == "cpu" or runtime == "eager"):
        raise InputError("The precision 'fp16' needs the runtime 'cuda' on an NVIDIA GPU; leave it out here.")
    if precision == "int8" and (device != "cpu" or runtime == "eager"):
        raise InputError("The precision 'int8' needs the runtime 'onnx' on the CPU; leave it out, or use --device cpu.")
