"""How a network is run: chosen once when a tracker is built, same answers whichever is chosen."""

from __future__ import annotations

import logging

from tracker_core.config import TrackerConfig
from tracker_core.errors import InputError, nearest_name
from tracker_core.models.network import Network
from tracker_core.runtime.base import Outputs, Runner
from tracker_core.runtime.devices import resolve_device
from tracker_core.runtime.eager import EagerRunner

__all__ = ["RUNTIMES", "EagerRunner", "Outputs", "Runner", "make_runner"]

RUNTIMES = ("auto", "eager", "onnx")
logger = logging.getLogger(__name__)


def make_runner(network: Network, config: TrackerConfig, *, device: str = "auto", runtime: str = "auto") -> Runner:
    """Return a runner for `network`.

    "auto" is ONNX Runtime on the CPU and eager PyTorch on CUDA; where ONNX Runtime cannot be used, eager PyTorch
    takes its place with a logged warning. Raises `InputError` for an unknown runtime or one that the device lacks,
    and what `devices.resolve_device` raises.
    """
    if runtime not in RUNTIMES:
        known = ", ".join(RUNTIMES)
        raise InputError(f"There is no runtime '{runtime}'.{nearest_name(runtime, RUNTIMES)} Known: {known}.")
    place = resolve_device(device)
    if runtime == "onnx" and place != "cpu":
        raise InputError("The runtime 'onnx' runs on the CPU only; use --device cpu, or --runtime eager on CUDA.")
    if runtime == "eager" or place != "cpu":
        return EagerRunner(network, place)
    from tracker_core.runtime.onnx import OnnxRunner

    try:
        return OnnxRunner(network, config)
    except Exception as error:  # whatever fails in a third-party exporter, tracking must not
        if runtime == "onnx":
            raise InputError(f"ONNX Runtime cannot be used here ({error}); use --runtime eager.") from error
        logger.warning("ONNX Runtime cannot be used (%s); plain PyTorch is used instead, which is slower.", error)
        return EagerRunner(network, place)
