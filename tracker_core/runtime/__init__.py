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
PRECISIONS = ("fp32", "fp16")
logger = logging.getLogger(__name__)


def make_runner(
    network: Network, config: TrackerConfig, *, device: str = "auto", runtime: str = "auto", precision: str = "fp32"
) -> Runner:
    """Return a runner for `network`.

    "auto" is ONNX Runtime on the CPU and CUDA graphs on a GPU; where ONNX Runtime cannot be used, eager PyTorch takes
    its place with a logged warning. `precision` is "fp32" or, for CUDA graphs only, "fp16". Raises `InputError` for an
    unknown runtime or precision and for one that the device lacks, and what `devices.resolve_device` raises.
    """
    _check_name("runtime", runtime, RUNTIMES)
    _check_name("precision", precision, PRECISIONS)
    place = resolve_device(device)
    if runtime == "onnx" and place != "cpu":
        raise InputError("The runtime 'onnx' runs on the CPU only; use --device cpu, or --runtime cuda on a GPU.")
    if runtime == "cuda" and place == "cpu":
        raise InputError("The runtime 'cuda' needs an NVIDIA GPU, and the device is the CPU; use --runtime onnx.")
    if precision != "fp32" and (place == "cpu" or runtime == "eager"):
        raise InputError(f"The precision '{precision}' needs the runtime 'cuda' on an NVIDIA GPU; leave it out here.")
    if runtime == "eager":
        return EagerRunner(network, place)
    if place != "cpu":
        from tracker_core.runtime.cuda import CudaRunner

        return CudaRunner(network, place, precision)
    from tracker_core.runtime.onnx import OnnxRunner

    try:
        return OnnxRunner(network, config)
    except Exception as error:  # whatever fails in a third-party exporter, tracking must not
        if runtime == "onnx":
            raise InputError(f"ONNX Runtime cannot be used here ({error}); use --runtime eager.") from error
        logger.warning("ONNX Runtime cannot be used (%s); plain PyTorch is used instead, which is slower.", error)
        return EagerRunner(network, place)


def _check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise InputError(f"There is no {what} '{name}'.{nearest_name(name, known)} Known: {', '.join(known)}.")
