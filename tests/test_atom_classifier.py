"""ATOM's optimiser against dense float64 algebra, and the memory's weights against their definition."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tracker_core.config import OnlineConfig
from tracker_core.trackers.atom.classifier import Classifier, Example, gaussian_labels, normalise
from tracker_core.trackers.atom.draws import Draws
from tracker_core.trackers.atom.memory import MemoryWeights
from tracker_core.trackers.atom.optimiser import (
    Activation,
    FilterProblem,
    JointProblem,
    gauss_newton,
    spread_shifted,
    sum_shifted,
)

KERNEL, SIDE = 4, 6
LINEAR, BENT = Activation(None), Activation(0.05)


def correlate(samples, taps):
    """The response n×h×w of samples n×D×h×w, an even kernel cut at the end, by PyTorch's convolution."""
    kernel = taps.reshape(1, samples.shape[1], KERNEL, KERNEL)
    return functional.conv2d(samples, kernel, padding=KERNEL // 2)[:, 0, : samples.shape[2], : samples.shape[3]]


def release_activation(a):
    """The release's MLU as it is composed there: a leaky ReLU into an ELU."""
    return functional.elu(functional.leaky_relu(a, 1 / 0.05), 0.05)


def problem_data(channels, count=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(channels, count, SIDE, SIDE, generator=generator, dtype=torch.float64)
    labels = torch.rand(count, SIDE, SIDE, generator=generator, dtype=torch.float64)
    weights = torch.rand(count, generator=generator, dtype=torch.float64)
    return samples, labels, weights / weights.sum()


def joint_residual(variables, samples, labels, weights, channels, regularisation, activation):
    """All residuals of the joint objective, with nothing of the optimiser's own."""
    size = channels * KERNEL**2
    taps, projection = variables[:size], variables[size:].reshape(channels, -1)
    compressed = torch.einsum("dc,cnhw->ndhw", projection, samples)
    fit = weights.sqrt()[:, None, None] * (activation(correlate(compressed, taps)) - labels)
    return torch.cat((fit.flatten(), regularisation[0] ** 0.5 * taps, regularisation[1] ** 0.5 * variables[size:]))


def dense_steps(matrix, b, scale, count):
    """Preconditioned conjugate gradient, Polak–Ribière, from the textbook, on a dense matrix."""
    x, r = torch.zeros_like(b), b.clone()
    z = r / scale
    p = z.clone()
    for _ in range(count):
        alpha = (r @ z) / (p @ matrix @ p)
        x = x + alpha * p
        r_new = r - alpha * (matrix @ p)
        z_new = r_new / scale
        beta = max(0.0, float(z_new @ (r_new - r) / (z @ r)))
        p, r, z = z_new + beta * p, r_new, z_new
        yield x


def test_the_activation_is_the_release_s():
    a = torch.linspace(-1, 1, 401, dtype=torch.float64, requires_grad=True)
    reference = release_activation(a)
    torch.testing.assert_close(BENT.value(a.detach()), reference.detach())
    (slope,) = torch.autograd.grad(reference.sum(), a)
    away = a.detach().abs() > 1e-9  # at 0 itself the composed one has no slope
    torch.testing.assert_close(BENT.slope(a.detach())[away], slope[away])


def test_a_correlation_as_shifted_planes_and_its_transpose():
    samples, values, _ = problem_data(5)
    taps = torch.randn(5, KERNEL**2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    planes = taps.T @ samples.flatten(1)
    response = sum_shifted(planes, tuple(values.shape), KERNEL)
    torch.testing.assert_close(response, correlate(samples.transpose(0, 1), taps.flatten()))
    # ⟨A p, v⟩ = ⟨p, Aᵀ v⟩
    torch.testing.assert_close((response * values).sum(), (planes * spread_shifted(values, KERNEL)).sum())


def filter_system(samples, labels, weights, regularisation):
    """Matrix and right side of the filter's normal equations, from the unfolded samples."""
    padded = functional.pad(samples.transpose(0, 1), (2, 1, 2, 1))
    rows = functional.unfold(padded, KERNEL).transpose(1, 2)  # n × h·w × D·k·k
    weighted = rows * weights[:, None, None]
    matrix = torch.einsum("npi,npj->ij", weighted, rows)
    matrix += regularisation * torch.eye(len(matrix), dtype=matrix.dtype)
    return matrix, torch.einsum("npi,np->i", weighted, labels.flatten(1))


def test_every_filter_step_nears_the_solution_of_the_normal_equations():
    samples, labels, weights = problem_data(3)
    matrix, right = filter_system(samples, labels, weights, 0.1)
    solution = torch.linalg.solve(matrix, right)
    start = torch.randn(len(right), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    solver = FilterProblem(samples, labels, weights, KERNEL, 0.1, LINEAR).linearise(start)
    expected = dense_steps(matrix, right - matrix @ start, torch.ones_like(right), 30)
    last = float("inf")
    for reference in expected:
        solver.step()
        torch.testing.assert_close(solver.x, reference, rtol=1e-8, atol=1e-10)
        error = start + solver.x - solution
        distance = float(error @ matrix @ error)
        assert distance < last or distance < 1e-20  # the energy falls at every step
        last = distance
    while solver.step() and last > 1e-24:
        error = start + solver.x - solution
        last = float(error @ matrix @ error)
    torch.testing.assert_close(start + solver.x, solution, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("activation", [LINEAR, BENT], ids=["linear", "bent"])
def test_filter_and_projection_after_each_gauss_newton_step(activation):
    """Each step's equations come from automatic differentiation, and each is also solved to convergence."""
    channels, regularisation = 3, (0.1, 1e-4)
    samples, labels, weights = problem_data(5)
    bent = activation.value if activation.bound is None else release_activation
    arguments = (samples, labels, weights, channels, regularisation, bent)
    problem = JointProblem(samples, labels, weights, KERNEL, channels, regularisation, activation)
    size = channels * KERNEL**2 + channels * 5
    variables = 0.3 * torch.randn(size, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    for _ in range(6):
        jacobian = torch.autograd.functional.jacobian(lambda v: joint_residual(v, *arguments), variables)
        matrix = jacobian.T @ jacobian
        right = -jacobian.T @ joint_residual(variables, *arguments)
        solver = problem.linearise(variables)
        for reference in dense_steps(matrix, right, problem.scale, 10):
            solver.step()
            torch.testing.assert_close(solver.x, reference, rtol=1e-6, atol=1e-8)
        taken = solver.x
        converged = problem.linearise(variables)
        for _ in range(600):
            if not converged.step():
                break
        solution = torch.linalg.solve(matrix, right)
        torch.testing.assert_close(converged.x, solution, rtol=1e-5, atol=1e-6)
        # ten steps bring the linearised objective below what standing still has, and not below its minimum
        energy = [0.5 * x @ matrix @ x - right @ x for x in (torch.zeros_like(right), taken, solution)]
        assert energy[0] > energy[1] >= energy[2]
        variables = variables + taken


def test_the_whole_start_in_single_precision_is_that_in_double():
    channels, regularisation = 8, (0.1, 1e-4)
    samples, labels, weights = problem_data(12, count=6)
    start = torch.randn(channels * KERNEL**2 + channels * 12, generator=torch.Generator().manual_seed(1))
    start[: channels * KERNEL**2] /= channels * KERNEL**2
    start[channels * KERNEL**2 :] /= 12**0.5

    def run(kind):
        data = (samples.to(kind), labels.to(kind), weights.to(kind))
        problem = JointProblem(*data, KERNEL, channels, regularisation, BENT)
        variables = gauss_newton(problem, start.to(kind), 6, 10)
        response = joint_residual(
            variables.double(), samples, labels, weights, channels, regularisation, release_activation
        )
        return float(response @ response)

    assert run(torch.float32) == pytest.approx(run(torch.float64), rel=1e-3)


def defined_weights(rates, initial=30, capacity=250, share=0.25):
    """The weights after each sample, as plain numbers, straight from the definition."""
    weights = [1 / initial] * initial + [0.0] * (capacity - initial)
    newest = None
    for rate in rates:
        rest = weights[initial:]
        place = initial + rest.index(min(rest))
        if newest is None:
            weights = [value / (1 - rate) for value in weights]
            weights[place] = rate
        else:
            weights[place] = weights[newest] / (1 - rate)
        total = sum(weights)
        weights = [value / total for value in weights]
        if sum(weights[:initial]) < share:
            total = share + sum(weights[initial:])
            weights = [share / initial / 1.0] * initial + [value / total for value in weights[initial:]]
        newest = place
        yield place, weights


@pytest.mark.parametrize("hard_every", [0, 7])
def test_three_hundred_steps_of_memory_weights(hard_every):
    rates = [0.02 if hard_every and step % hard_every == 3 else 0.01 for step in range(300)]
    weighting = MemoryWeights(250, 30, 0.25)
    places = []
    for rate, (place, expected) in zip(rates, defined_weights(rates), strict=True):
        assert weighting.add(rate) == place
        np.testing.assert_allclose(weighting.values.numpy(), expected, rtol=1e-10, atol=0)
        places.append(place)
    # the first 220 samples fill the empty places in order; the 80 after them replace the oldest ones
    assert places == [*range(30, 250), *range(30, 110)]
    assert float(weighting.values[:30].sum()) >= 0.25 - 1e-12


def test_labels_are_gaussians_around_the_target():
    labels = gaussian_labels(np.array([[0.0, 0.0], [2.0, -1.5]]), 18, 0.9)
    assert labels.shape == (2, 18, 18)
    assert float(labels[0, 9, 9]) == 1.0  # the region's centre is index 9 of 18
    # two positions to the right, one and a half up: exp(−0.5 (0.5 / 0.9)²) at the nearest position
    assert float(labels[1, 8, 11]) == pytest.approx(np.exp(-0.5 * (0.5 / 0.9) ** 2), rel=1e-6)


def test_each_sample_is_normalised_to_a_root_mean_square_of_one():
    features = torch.randn(3, 4, 5, 5) * torch.tensor([1.0, 10.0, 0.1])[:, None, None, None]
    assert normalise(features).shape == (4, 3, 5, 5)
    torch.testing.assert_close(normalise(features).square().mean((0, 2, 3)), torch.ones(3), rtol=1e-5, atol=0)


def make_classifier(**values):
    generator = torch.Generator().manual_seed(5)
    # a blob of its own channels where the target is, on noise
    features = 0.2 * torch.randn(23, 10, 18, 18, generator=generator)
    shifts = np.random.default_rng(0).integers(-3, 4, (23, 2)).astype(float)
    shifts[0] = 0
    for index, (x, y) in enumerate(shifts.astype(int)):
        features[index, :5, 7 + y : 11 + y, 7 + x : 11 + x] += 2
    thumbnail = np.zeros((4, 4, 3), np.uint8)
    return Classifier(features, shifts, 0.9, OnlineConfig(**values), Draws(0), thumbnail), features


def example(classifier, features, shift=(0.0, 0.0)):
    return Example(classifier.project(features), shift, 0.01, np.zeros((4, 4, 3), np.uint8))


def test_the_classifier_peaks_where_the_target_is():
    classifier, features = make_classifier()
    moved = torch.roll(features[:1], (4, -5), (2, 3))
    scores = classifier.scores(classifier.project(moved))
    assert np.unravel_index(scores.argmax(), scores.shape) == (9 + 4, 9 - 5)
    elsewhere = scores.copy()
    elsewhere[11:16, 2:7] = 0
    assert scores.max() > 4 * elsewhere.max()


def test_steps_that_are_spread_over_frames_end_where_those_at_once_end():
    spread, features = make_classifier(steps_per_frame=1)
    at_once, _ = make_classifier()
    for classifier in (spread, at_once):
        for frame in range(1, 10):
            classifier.learn(frame, example(classifier, features, (0.2, 0.1)))
    at_once.learn(10, None, steps=5)
    spread.learn(10, None, steps=5)
    for frame in range(11, 15):  # samples that come meanwhile wait, so that the equations stay the same
        spread.learn(frame, example(spread, features, (0.5, 0.5)))
    torch.testing.assert_close(spread.taps, at_once.taps)
    assert spread.memory.used == 30 + 9
    spread.learn(15, None)
    assert spread.memory.used == 30 + 9 + 4


def test_the_memory_is_bounded_and_a_frame_is_learnt_once():
    classifier, features = make_classifier(memory=40)
    for frame in range(1, 60):
        classifier.learn(frame, example(classifier, features), steps=5 if frame % 10 == 0 else 0)
    assert classifier.memory.used == 40 and classifier.memory.samples.shape[1] == 40
    before, weights = classifier.taps, classifier.memory.weights.clone()
    classifier.stand_at(25)  # the filter of frame 25 is that of frame 20, when it was last learned
    assert not torch.equal(classifier.taps, before)
    classifier.learn(26, example(classifier, features), steps=5)
    assert torch.equal(classifier.memory.weights, weights)
    classifier.stand_at(59)
    assert torch.equal(classifier.taps, before)
