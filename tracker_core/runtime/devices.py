"""Choosing where a network runs: "auto", "cpu", "cuda", "cuda:N"; a CUDA device is tried before it is believed."""

from __future__ import annotations

import logging
import re

import torch

from tracker_core.errors import DeviceError, InputError, nearest_name

logger = logging.getLogger(__name__)


def resolve_device(wanted: str = "auto") -> str:
    """Return "cpu" or "cuda:N".

    "auto" takes a CUDA device that can run a kernel and falls back to the CPU with a logged notice. Raises `InputError`
    for another word and `DeviceError` where a CUDA device was asked for that is absent or unusable.
    """
    wanted = wanted.strip().lower()
    if wanted == "cpu":
        return "cpu"
    if wanted == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        problem = _try_kernel("cuda:0")
        if problem is None:
            return "cuda:0"
        logger.warning("The CUDA device is present but cannot be used (%s); the CPU is used instead.", problem)
        return "cpu"
    match = re.fullmatch(r"cuda(?::(\d+))?", wanted)
    if match is None:
        known = ("auto", "cpu", "cuda")
        raise InputError(f"There is no device '{wanted}'.{nearest_name(wanted, known)} Use auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available():
        raise DeviceError(f"The device '{wanted}' was asked for, but PyTorch sees no CUDA device; use --device cpu.")
    number, count = int(match.group(1) or 0), torch.cuda.device_count()
    if number >= count:
        raise DeviceError(f"The device 'cuda:{number}' was asked for, but there are only {count}; use --device auto.")
    problem = _try_kernel(f"cuda:{number}")
    if problem is not None:
        raise DeviceError(f"The device 'cuda:{number}' cannot run a kernel ({problem}); use --device cpu.")
    return f"cuda:{number}"


def _try_kernel(device: str) -> str | None:
    """Return what goes wrong when a small kernel runs on `device`, or None."""
    try:
        value = torch.ones(8, device=device)
        total = float((value * 2).sum())
        torch.cuda.synchronize(device)
    except (RuntimeError, AssertionError) as error:  # torch raises both for broken drivers
        return str(error).splitlines()[0]
    return None if total == 16.0 else "it computes wrong numbers"
