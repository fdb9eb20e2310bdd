"""What goes to the device for a search: fixed tensors there, their pinned twins on the host, crops either way.

A recorded run reads and writes fixed places. What is written here lies in pinned memory until the device has read it:
whoever writes again must have waited for the run before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker_core.crops import Cutout
from tracker_core.runtime.device_crops import COLUMNS, cut_regions
from tracker_core.types import Image


class Staging:
    """A fixed tensor on the device, its pinned twin on the host, and that one's view as an array."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
        self.on_host = torch.zeros(shape, dtype=dtype, pin_memory=device != "cpu")
        self.on_device = torch.zeros(shape, dtype=dtype, device=device)
        self.array: NDArray[Any] = self.on_host.numpy()

    def upload(self) -> Tensor:
        """Queue the copy to the device and return the tensor there."""
        return self.on_device.copy_(self.on_host, non_blocking=True)

    def upload_first(self, rows: int) -> None:
        """Queue the copy of the first rows only; their number may differ from run to run, so never in a recording."""
        self.on_device[:rows].copy_(self.on_host[:rows], non_blocking=True)


class CropInput(Protocol):
    """How the crops of B searches, all of one size, come to the device."""

    def __init__(self, cutouts: Sequence[Cutout], device: str) -> None: ...

    def fits(self, cutouts: Sequence[Cutout]) -> bool:
        """Return whether there is room for them."""
        ...

    def write(self, cutouts: Sequence[Cutout]) -> None:
        """Do what the host has to, before every run."""
        ...

    def crops(self) -> Tensor:
        """Return the crops, uint8 B×S×S×3 on the device; recorded."""
        ...


class HostCrops:
    """Crops are cut on the host and uploaded."""

    def __init__(self, cutouts: Sequence[Cutout], device: str) -> None:
        size = cutouts[0].output_size
        self._crops = Staging((len(cutouts), size, size, 3), torch.uint8, device)

    def fits(self, cutouts: Sequence[Cutout]) -> bool:
        """Return True: crops have one size, whatever the images'."""
        return True

    def write(self, cutouts: Sequence[Cutout]) -> None:
        """Cut them."""
        for number, cutout in enumerate(cutouts):
            self._crops.array[number] = cutout.crop

    def crops(self) -> Tensor:
        """Return what was uploaded."""
        return self._crops.upload()


class DeviceCrops:
    """Of each image the smallest part that holds all regions is uploaded; the device cuts and resizes."""

    def __init__(self, cutouts: Sequence[Cutout], device: str) -> None:
        self._size = cutouts[0].output_size
        self._pixels = Staging((_room(cutouts), 3), torch.uint8, device)
        self._regions = Staging((len(cutouts), COLUMNS), torch.int64, device)

    def fits(self, cutouts: Sequence[Cutout]) -> bool:
        """Return whether the images are no larger than those of the beginning."""
        return _room(cutouts) <= len(self._pixels.array)

    def write(self, cutouts: Sequence[Cutout]) -> None:
        """Copy the parts of the images into pinned memory, one after another, and queue their upload."""
        first = 0
        for image, numbers in _by_image(cutouts):
            x1, y1, x2, y2 = _around([cutouts[number].seen for number in numbers])
            part = image[y1:y2, x1:x2]
            rows, columns = part.shape[:2]
            np.copyto(self._pixels.array[first : first + rows * columns].reshape(rows, columns, 3), part)
            for number in numbers:
                cut = cutouts[number]
                self._regions.array[number] = (
                    cut.left - x1, cut.top - y1, cut.wide, cut.high, columns, rows, first, *cut.padding,
                )  # fmt: skip
            first += rows * columns
        self._pixels.upload_first(first)

    def crops(self) -> Tensor:
        """Return what the device cuts."""
        return cut_regions(self._pixels.on_device, self._regions.upload(), self._size)


def _room(cutouts: Sequence[Cutout]) -> int:
    return sum(math.prod(image.shape[:2]) for image, _ in _by_image(cutouts))


def _by_image(cutouts: Sequence[Cutout]) -> list[tuple[Image, list[int]]]:
    """Return the different images, each with the numbers of its cutouts."""
    found: dict[int, tuple[Image, list[int]]] = {}
    for number, cutout in enumerate(cutouts):
        found.setdefault(id(cutout.image), (cutout.image, []))[1].append(number)
    return list(found.values())


def _around(parts: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """Return the smallest rectangle that holds all others, which are empty where they have no width."""
    seen = np.array([part for part in parts if part[2] > part[0]])
    if not len(seen):
        return 0, 0, 0, 0
    (x1, y1), (x2, y2) = seen[:, :2].min(0), seen[:, 2:].max(0)
    return int(x1), int(y1), int(x2), int(y2)
