"""What `bench` measures on: the machine, the memory in use, and how fast it multiplies at best."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from tracker_core.cores import own_cores, usable_cores
from tracker_core.errors import InputError

ROUNDS = 12
CPU_SIDE, GPU_SIDE = 768, 4096  # of the matrices: large enough to keep every core busy


def resident_bytes() -> int:
    """Return the memory of this process that is in use now (Linux; elsewhere the largest it ever was)."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError as error:
        raise InputError("The memory in use cannot be read on this system; leave --memory out.") from error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if platform.system() == "Darwin" else 1024)


def describe_machine() -> dict[str, Any]:
    """Return what a figure depends on: processor, cores, versions."""
    import cv2
    import onnxruntime
    import torch

    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": own_cores(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
        "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def measure_peak(device: str, precision: str = "fp32") -> float:
    """Return the floating point operations per second of a large product of matrices, the best of several."""
    import torch

    from tracker_core.runtime.graphs import exact_arithmetic

    side = CPU_SIDE if device == "cpu" else GPU_SIDE
    dtype = torch.float16 if precision == "fp16" else torch.float32
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())
    try:
        best_s = np.inf
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with exact_arithmetic():
                (matrix @ matrix)[0, 0].item()  # asking for a number waits for the device
            best_s = min(best_s, time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return 2 * side**3 / float(best_s)
