"""What the classifier remembers: compressed samples, their labels and their weights (ATOM, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from tracker_core.types import Image


class MemoryWeights:
    """The weights of `capacity` samples, the first `initial` of which show the first frame and are never replaced.

    A new sample replaces the one with the least weight. It weighs 1 / (1 − rate) times what the newest one did, so that
    old samples fade, and the first frame's share never falls below `first_share`. All weights sum to 1.
    """

    def __init__(self, capacity: int, initial: int, first_share: float) -> None:
        self.values = torch.zeros(capacity, dtype=torch.float64)
        self.values[:initial] = 1 / initial
        self.initial, self.first_share = initial, first_share
        self._newest: int | None = None

    def add(self, rate: float) -> int:
        """Make room for a sample that is learned at this rate; return its place."""
        values, initial = self.values, self.initial
        place = initial + int(values[initial:].argmin())
        if self._newest is None:
            values /= 1 - rate
            values[place] = rate
        else:
            values[place] = values[self._newest] / (1 - rate)
        values /= values.sum()
        if values[:initial].sum() < self.first_share:
            values /= self.first_share + values[initial:].sum()
            values[:initial] = self.first_share / initial
        self._newest = place
        return place


class SampleMemory:
    """A fixed number of compressed samples D×n×h×w with labels n×h×w, filled from the first frame on.

    `thumbnails` are small images of what was stored, one for each place that is filled.
    """

    def __init__(self, samples: Tensor, labels: Tensor, capacity: int, first_share: float, thumbnail: Image) -> None:
        self.used = len(labels)
        self.samples = samples.new_zeros(len(samples), capacity, *samples.shape[2:])
        self.labels = labels.new_zeros(capacity, *labels.shape[1:])
        self.samples[:, : self.used], self.labels[: self.used] = samples, labels
        self.thumbnails = [thumbnail] * self.used
        self.weighting = MemoryWeights(capacity, self.used, first_share)

    @property
    def weights(self) -> Tensor:
        """The weights of all places, in the samples' type and on their device."""
        return self.weighting.values.to(self.samples)

    def add(self, sample: Tensor, label: Tensor, rate: float, thumbnail: Image) -> int:
        """Store a sample D×h×w; return its place."""
        place = self.weighting.add(rate)
        self.samples[:, place], self.labels[place] = sample, label
        self.thumbnails[place : place + 1] = [thumbnail]
        self.used = len(self.thumbnails)
        return place
