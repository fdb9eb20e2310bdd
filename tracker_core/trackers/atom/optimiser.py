"""Gauss–Newton with conjugate gradient on ATOM's classifier (Danelljan et al. 2019, sections 3.2 and 3.3).

The objective is ½ Σ w_s ‖φ(f ∗ P x_s) − y_s‖² + ½ λ_f ‖f‖² + ½ λ_P ‖P‖². Products with the Jacobian are written out
instead of being differentiated: a correlation with one output channel is a matrix product, taps × channels by
channels × positions, followed by a sum of shifted planes, which takes a fifth of a convolution's time on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Linear = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Activation:
    """The response's activation φ, a above 0 and −`bound` (1 − e^(a / bound)) below; a itself without a bound."""

    bound: float | None = 0.05

    def value(self, a: Tensor) -> Tensor:
        """Return φ(a)."""
        if self.bound is None:
            return a
        return torch.where(a < 0, self.bound * torch.expm1(a.clamp_max(0) / self.bound), a)

    def slope(self, a: Tensor) -> Tensor:
        """Return φ′(a)."""
        if self.bound is None:
            return torch.ones_like(a)
        return torch.exp(a.clamp_max(0) / self.bound)


class ConjugateGradient:
    """Solves A x = b step by step from x = 0; A is symmetric and positive definite.

    Polak–Ribière with β ≥ 0, preconditioned by dividing by `scale` (a vector or a number).
    """

    def __init__(self, apply: Linear, b: Tensor, scale: Tensor | float = 1.0) -> None:
        self.apply, self.scale = apply, scale
        self.x = torch.zeros_like(b)
        self._residual = b
        self._previous: Tensor | None = None
        self._direction = b
        self._rho = torch.ones((), dtype=b.dtype, device=b.device)

    def step(self) -> bool:
        """Take one step; return False where nothing is left to be done."""
        z = self._residual / self.scale
        rho = self._residual @ z
        if not bool(rho > 0):  # exact, or not a number
            return False
        if self._previous is None:
            self._direction = z
        else:
            beta = ((rho - self._previous @ z) / self._rho).clamp_min(0)
            self._direction = z + beta * self._direction
        product = self.apply(self._direction)
        alpha = rho / (self._direction @ product)
        self._previous, self._rho = self._residual, rho
        self.x = self.x + alpha * self._direction
        self._residual = self._residual - alpha * product
        return True


class FilterProblem:
    """The classifier's filter on compressed samples, everything else being fixed.

    Args:
        samples: D×n×h×w. labels: n×h×w. weights: n. The samples must stay as they are while a solver works.
        kernel: side of the filter.
        regularisation: λ_f.
    """

    def __init__(
        self,
        samples: Tensor,
        labels: Tensor,
        weights: Tensor,
        kernel: int,
        regularisation: float,
        activation: Activation,
    ) -> None:
        self.samples, self.labels, self.weights = samples, labels, weights
        self.kernel, self.regularisation, self.activation = kernel, regularisation, activation

    def linearise(self, variables: Tensor) -> ConjugateGradient:
        """Return the solver of one Gauss–Newton step's normal equations at the filter D·k·k, flattened."""
        taps = variables.reshape(-1, self.kernel**2)
        channels = self.samples.flatten(1)  # D×(n·h·w)
        shape = self.labels.shape
        response = sum_shifted(taps.T @ channels, shape, self.kernel)
        slope = self.activation.slope(response)
        weights = self.weights[:, None, None]
        error = weights * slope * (self.activation.value(response) - self.labels)
        curvature = weights * slope.square()

        def transposed(residual: Tensor) -> Tensor:
            return (channels @ spread_shifted(residual, self.kernel).T).flatten()

        def normal(direction: Tensor) -> Tensor:
            planes = direction.reshape(taps.shape).T @ channels
            return transposed(curvature * sum_shifted(planes, shape, self.kernel)) + self.regularisation * direction

        return ConjugateGradient(normal, -transposed(error) - self.regularisation * variables)


class JointProblem:
    """Filter and projection together, on samples as the backbone gives them.

    Variables are one vector: the filter D·k·k, then the projection D·C.

    Args:
        samples: C×n×h×w. labels: n×h×w. weights: n.
        kernel: side of the filter. channels: D, after the projection.
        regularisation: λ_f and λ_P.
    """

    def __init__(
        self,
        samples: Tensor,
        labels: Tensor,
        weights: Tensor,
        kernel: int,
        channels: int,
        regularisation: tuple[float, float],
        activation: Activation,
    ) -> None:
        self.samples, self.labels, self.weights = samples, labels, weights
        self.kernel, self.channels, self.activation = kernel, channels, activation
        self._split = channels * kernel**2
        size = self._split + channels * samples.shape[0]
        self.scale = samples.new_full((size,), regularisation[1])
        self.scale[: self._split] = regularisation[0]

    def split(self, variables: Tensor) -> tuple[Tensor, Tensor]:
        """Return filter D×k·k and projection D×C."""
        return variables[: self._split].reshape(self.channels, -1), variables[self._split :].reshape(self.channels, -1)

    def linearise(self, variables: Tensor) -> ConjugateGradient:
        """Return the solver of one Gauss–Newton step's normal equations at these variables.

        It is preconditioned by the regularisation, as the release does.
        """
        taps, projection = self.split(variables)
        features = self.samples.flatten(1)  # C×(n·h·w)
        compressed = projection @ features  # D×(n·h·w)
        shape = self.labels.shape
        response = sum_shifted(taps.T @ compressed, shape, self.kernel)
        slope = self.activation.slope(response)
        weights = self.weights[:, None, None]
        error = weights * slope * (self.activation.value(response) - self.labels)
        curvature = weights * slope.square()

        def transposed(residual: Tensor) -> Tensor:
            planes = spread_shifted(residual, self.kernel)  # k·k×(n·h·w)
            return torch.cat(((compressed @ planes.T).flatten(), (taps @ (planes @ features.T)).flatten()))

        def normal(direction: Tensor) -> Tensor:
            d_taps, d_projection = self.split(direction)
            planes = d_taps.T @ compressed + (taps.T @ d_projection) @ features
            return transposed(curvature * sum_shifted(planes, shape, self.kernel)) + self.scale * direction

        return ConjugateGradient(normal, -transposed(error) - self.scale * variables, self.scale)


def gauss_newton(problem: JointProblem, variables: Tensor, steps: int, inner: int) -> Tensor:
    """Return the variables after `steps` Gauss–Newton steps of `inner` conjugate gradient steps each."""
    for _ in range(steps):
        solver = problem.linearise(variables)
        for _ in range(inner):
            if not solver.step():
                break
        variables = variables + solver.x
    return variables


def respond(sample: Tensor, taps: Tensor, kernel: int) -> Tensor:
    """Return the filter's response h×w to a compressed sample D×h×w; `taps` is D×k·k."""
    return sum_shifted(taps.T @ sample.flatten(1), (1, *sample.shape[1:]), kernel)[0]


def sum_shifted(planes: Tensor, shape: tuple[int, ...], kernel: int) -> Tensor:
    """Return n×h×w with the value Σ_uv planes[uv, i + u − k // 2, j + v − k // 2] at i, j; 0 outside the map.

    `planes` is k·k×(n·h·w). With an even kernel the value at i looks at one position more before i than behind.
    """
    count, rows, columns = shape
    total = planes.new_zeros(count, rows + kernel - 1, columns + kernel - 1)
    for tap, plane in enumerate(planes.reshape(-1, *shape)):
        down, across = kernel - 1 - tap // kernel, kernel - 1 - tap % kernel
        total[:, down : down + rows, across : across + columns] += plane
    first = (kernel - 1) // 2
    return total[:, first : first + rows, first : first + columns]


def spread_shifted(values: Tensor, kernel: int) -> Tensor:
    """Return the transpose of `sum_shifted`: n×h×w to k·k×(n·h·w)."""
    rows, columns = values.shape[1:]
    before, behind = kernel // 2, (kernel - 1) // 2
    padded = functional.pad(values, (behind, before, behind, before))
    shifts = [(kernel - 1 - tap // kernel, kernel - 1 - tap % kernel) for tap in range(kernel**2)]
    planes = [padded[:, down : down + rows, across : across + columns] for down, across in shifts]
    return torch.stack(planes).flatten(1)
