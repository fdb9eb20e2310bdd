"""ATOM's classifier: a projection and one filter, learned on the first frame and kept up to date on a memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tracker_core.config import OnlineConfig
from tracker_core.trackers.atom.draws import Draws
from tracker_core.trackers.atom.memory import SampleMemory
from tracker_core.trackers.atom.optimiser import (
    Activation,
    ConjugateGradient,
    FilterProblem,
    JointProblem,
    gauss_newton,
    respond,
)
from tracker_core.trackers.atom.samples import DROPOUTS, DROPPED
from tracker_core.types import Image

KEPT_FILTERS = 1000  # frames that a run can be resumed at with the filter that it had there


def normalise(features: Tensor) -> Tensor:
    """Return features n×C×h×w as C×n×h×w, each sample's root mean square being 1."""
    power = features.square().mean((1, 2, 3), keepdim=True)
    return (features / (power + 1e-10).sqrt()).transpose(0, 1).contiguous()


def gaussian_labels(shifts: NDArray[np.float64], count: int, deviation: float) -> Tensor:
    """Return n×count×count, peaks of height 1 at count / 2 + shift; `shifts` n×2 (x, y), `deviation` in positions."""
    distance = np.arange(count) - count / 2 - shifts[:, :, None]  # n×2×count
    profile = np.exp(-0.5 * (distance / deviation) ** 2)
    return torch.from_numpy(profile[:, 1, :, None] * profile[:, 0, None, :]).float()


@dataclass(frozen=True)
class Example:
    """A compressed sample D×h×w whose target lies `shift` positions (x, y) from the centre, learned at `rate`."""

    sample: Tensor
    shift: tuple[float, float]
    rate: float
    thumbnail: Image


class Classifier:
    """Learns what the target looks like and tells where that is seen.

    Args:
        features: of the first frame's crops, n×C×h×w; the first of them shows the target as it is.
        shifts: n×2, where the target is in each, in positions from the centre (x, y).
        deviation: of the labels, in positions.
        thumbnail: a small image of the target, uint8 BGR.
    """

    def __init__(
        self,
        features: Tensor,
        shifts: NDArray[np.float64],
        deviation: float,
        config: OnlineConfig,
        draws: Draws,
        thumbnail: Image,
    ) -> None:
        self.config, self.deviation = config, deviation
        samples = normalise(features)
        channels = len(samples)
        kept = torch.from_numpy(~draws.dropped(DROPOUTS, channels, DROPPED).T).to(samples)  # C×7
        samples = torch.cat((samples, samples[:, :1] * kept[..., None, None] / (1 - DROPPED)), 1)
        shifts = np.concatenate((shifts, np.repeat(shifts[:1], DROPOUTS, 0)))
        labels = gaussian_labels(shifts, samples.shape[2], deviation).to(samples)
        self._activation = Activation(config.activation)
        problem = JointProblem(
            samples, labels, samples.new_full((len(labels),), 1 / len(labels)), config.kernel, config.channels,
            (config.filter_regularisation, config.projection_regularisation), self._activation,
        )  # fmt: skip
        taps, projection = draws.start(config.channels, channels, config.kernel**2)
        start = np.concatenate((taps.ravel() / taps.size, projection.ravel() / np.sqrt(channels)))
        variables = torch.from_numpy(start).to(samples)
        variables = gauss_newton(problem, variables, config.first_steps, config.first_inner_steps)
        self.taps, self.projection = problem.split(variables)
        compressed = torch.tensordot(self.projection, samples, 1)
        self.memory = SampleMemory(compressed, labels, config.memory, config.first_share, thumbnail)
        self._solver: ConjugateGradient | None = None
        self._origin = self.taps
        self._steps_left = 0
        self._waiting: list[Example] = []
        self._filters: OrderedDict[int, Tensor] = OrderedDict({0: self.taps})
        self._newest = 0

    def project(self, features: Tensor) -> Tensor:
        """Return the compressed sample D×h×w of features 1×C×h×w."""
        sample: Tensor = torch.tensordot(self.projection, normalise(features)[:, 0], 1)
        return sample

    def scores(self, sample: Tensor) -> NDArray[np.float32]:
        """Return the response h×w to a compressed sample; the target lies at its peak, the centre at h / 2."""
        response = self._activation.value(respond(sample, self.taps, self.config.kernel))
        return np.asarray(response.cpu().numpy(), np.float32)

    def learn(self, frame: int, example: Example | None, *, steps: int = 0) -> None:
        """Learn from frame number `frame`: remember an example, and take this frame's part of the optimisation.

        `steps` above 0 starts a new optimisation on the memory as it is. A frame that was learned from before brings
        back the filter that it left.
        """
        if frame <= self._newest:
            self.stand_at(frame)
            return
        self._newest = frame
        if example is not None:
            self._waiting.append(example)
        if steps:
            self._solver = None
        if self._solver is None:
            self._store_waiting()
        if steps:
            used = self.memory.used
            problem = FilterProblem(
                self.memory.samples[:, :used], self.memory.labels[:used], self.memory.weights[:used],
                self.config.kernel, self.config.filter_regularisation, self._activation,
            )  # fmt: skip
            self._origin, self._steps_left = self.taps, steps
            self._solver = problem.linearise(self.taps.flatten())
        self._advance()
        self._filters[frame] = self.taps
        if len(self._filters) > KEPT_FILTERS:
            self._filters.popitem(last=False)

    def _advance(self) -> None:
        if self._solver is None:
            return
        for _ in range(min(self.config.steps_per_frame or self._steps_left, self._steps_left)):
            self._steps_left -= 1
            if not self._solver.step():
                self._steps_left = 0
                break
        self.taps = self._origin + self._solver.x.reshape(self._origin.shape)
        if self._steps_left == 0:
            self._solver = None

    def _store_waiting(self) -> None:
        # not while the solver runs: its equations are those of the memory that it began with
        for example in self._waiting:
            shift = np.array([example.shift])
            label = gaussian_labels(shift, example.sample.shape[1], self.deviation)[0].to(example.sample)
            self.memory.add(example.sample, label, example.rate, example.thumbnail)
        self._waiting.clear()

    def stand_at(self, frame: int) -> None:
        """Use the filter that frame number `frame` left, or the last one known before it."""
        known = self._filters.get(frame)
        if known is None:
            earlier = [number for number in self._filters if number <= frame]
            known = self._filters[max(earlier)] if earlier else self.taps
        self.taps = known
