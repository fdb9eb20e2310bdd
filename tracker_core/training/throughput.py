"""How fast the data comes: whether a GPU would wait for it."""

from __future__ import annotations

import dataclasses
import time

import cv2
import torch

from tracker_core.config.training import TrainingConfig
from tracker_core.runtime.devices import resolve_device
from tracker_core.training.augment_batch import BatchAugmentation
from tracker_core.training.batches import Batch, iterate_batches
from tracker_core.training.pairs import PairSource
from tracker_core.training.preparation import make_pair_source

WARM_UP_S, MEASURED_S = 3.0, 10.0


def measure_data(
    config: TrainingConfig, warm_up_s: float | None = None, measured_s: float | None = None
) -> dict[str, float]:
    """Return pairs per second of the configured workers, and the processor time of a pair on one core.

    With `pairs.augment.photometric` "device" also the time of what is done to a batch there. The first seconds, in
    which workers start and caches fill, do not count.
    """
    warm_up_s = WARM_UP_S if warm_up_s is None else warm_up_s
    measured_s = MEASURED_S if measured_s is None else measured_s
    source = make_pair_source(config)
    device = resolve_device(config.loop.device)
    loop = dataclasses.replace(config.loop, steps=1 << 40)
    batches = iterate_batches(source, loop, 0, pin=device.startswith("cuda"))
    started = time.perf_counter()
    batch = next(batches)
    while time.perf_counter() - started < warm_up_s:
        batch = next(batches)
    pairs, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < measured_s:
        batch = next(batches)
        pairs += len(batch.search)
    elapsed = time.perf_counter() - begun
    figures = {
        "workers": float(loop.workers),
        "pairs_per_second": pairs / elapsed,
        "cpu_ms_per_pair": _measure_core(source, measured_s),
    }
    if config.pairs.augment.photometric == "device":
        figures |= _measure_device(BatchAugmentation(config.pairs.augment), batch.to(device), device, measured_s / 4)
    return figures


def _measure_core(source: PairSource, measured_s: float) -> float:
    """Return the processor time of a pair in milliseconds, images being cached: other programs do not disturb it."""
    cv2.setNumThreads(1)
    number, started = 0, time.perf_counter()
    while time.perf_counter() - started < measured_s / 2:
        source.pair(number)
        number += 1
    first, begun = number, time.process_time()
    while time.process_time() - begun < measured_s / 4:
        source.pair(number)
        number += 1
    return (time.process_time() - begun) / (number - first) * 1e3


def _measure_device(augmentation: BatchAugmentation, batch: Batch, device: str, measured_s: float) -> dict[str, float]:
    for _ in range(2):
        augmentation(batch)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < measured_s:
        augmentation(batch)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        count += 1
    per_batch = (time.perf_counter() - begun) / count
    return {"augmentation_ms_per_batch": per_batch * 1e3}
