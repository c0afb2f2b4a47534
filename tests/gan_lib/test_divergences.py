"""Divergences against closed forms, against SciPy, and against what defines them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from gan_lib import divergences as dv

GRID = torch.linspace(-30, 30, 60001, dtype=torch.float64)
DX = (GRID[1] - GRID[0]).item()


def normal(mean=0.0, std=1.0):
    return torch.exp(-(((GRID - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


def uniform(left, n=4000):
    """U[left, left + 1) on a grid of [0, 4) with spacing 4 / n, exact when left is a multiple of it."""
    x = torch.arange(n, dtype=torch.float64) * 4 / n
    return ((x >= left) & (x < left + 1)).double(), 4 / n


@st.composite
def distributions(draw, size=6):
    weight = st.just(0.0) | st.floats(1e-9, 1)
    weights = draw(st.lists(weight, min_size=size, max_size=size).filter(lambda w: sum(w) > 1e-3))
    weights = torch.tensor(weights, dtype=torch.float64)
    return weights / weights.sum()


coordinates = st.lists(st.floats(-100, 100), min_size=1, max_size=12)
samples = coordinates.map(lambda v: torch.tensor(v, dtype=torch.float64))


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (1.5, 1.0), (-3.0, 2.0), (0.5, 0.3)])
def test_kl_of_gaussians_is_the_closed_form(mean, std):
    closed = -math.log(std) + (std**2 + mean**2 - 1) / 2
    assert dv.kl_divergence(normal(mean, std), normal(), DX).item() == pytest.approx(closed, abs=1e-6)


def test_kl_is_infinite_where_q_lacks_mass_and_finite_the_other_way():
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
    assert dv.kl_divergence(p, q).item() == math.inf
    assert dv.kl_divergence(q, p).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("left", [0.0, 0.25, 0.5, 1.0, 2.5])
def test_shifted_uniforms(left):
    (p, dx), (q, _) = uniform(0.0), uniform(left)
    overlap = min(left, 1.0)
    assert dv.js_divergence(p, q, dx).item() == pytest.approx(overlap * math.log(2), abs=1e-9)
    assert dv.total_variation(p, q, dx).item() == pytest.approx(overlap, abs=1e-9)
    assert dv.wasserstein_1d_grid(p, q, dx).item() == pytest.approx(left, abs=1e-9)


@given(distributions(), distributions())
def test_bounds_symmetry_and_pinsker(p, q):
    js, tv, kl = dv.js_divergence(p, q), dv.total_variation(p, q), dv.kl_divergence(p, q)
    assert -1e-12 <= js <= math.log(2) + 1e-12
    torch.testing.assert_close(js, dv.js_divergence(q, p))
    assert 0 <= tv <= 1 + 1e-12
    assert kl >= 2 * tv**2 - 1e-9
    assert dv.js_divergence(p, p).item() == pytest.approx(0, abs=1e-12)


@given(distributions(), distributions(), st.lists(st.floats(1e-6, 1 - 1e-6), min_size=6, max_size=6))
def test_no_discriminator_beats_the_optimal_one_and_its_value_is_the_jensen_shannon_divergence(p, q, other):
    best = dv.minimax_value(dv.optimal_discriminator(p, q), p, q)
    assert dv.minimax_value(torch.tensor(other, dtype=torch.float64), p, q) <= best + 1e-9
    assert best.item() == pytest.approx(2 * dv.js_divergence(p, q).item() - math.log(4), abs=1e-9)


def test_js_is_finite_at_the_smallest_numbers():
    p = torch.tensor([1.0, 5e-324, 0.0], dtype=torch.float64)
    q = torch.tensor([1.0, 0.0, 5e-324], dtype=torch.float64)
    assert dv.js_divergence(p, q).item() == pytest.approx(0, abs=1e-12)


def test_optimal_discriminator_is_one_half_where_nothing_occurs():
    d = dv.optimal_discriminator(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    assert d.tolist() == [1.0, 0.0, 0.5]


def test_batches_of_densities_are_handled_row_by_row():
    p = torch.stack([normal(), normal(1)])
    q = torch.stack([normal(2), normal(1)])
    rows = [dv.js_divergence(a, b, DX) for a, b in zip(p, q, strict=True)]
    torch.testing.assert_close(dv.js_divergence(p, q, DX), torch.stack(rows))


def test_gradient_of_the_saturating_loss_is_twice_that_of_the_divergence():
    """Envelope theorem: at D* the generator's gradient is d(2 JS)/d theta."""
    theta = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = GRID[(GRID > -8) & (GRID < 10)]
    p, q = (torch.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi) for mean in (0, theta))
    (exact,) = torch.autograd.grad(2 * dv.js_divergence(p, q, DX), theta, retain_graph=True)
    frozen = dv.optimal_discriminator(p, q).detach()
    (envelope,) = torch.autograd.grad(dv.minimax_value(frozen, p, q, DX), theta)
    torch.testing.assert_close(envelope, exact, atol=1e-8, rtol=0)


@given(samples, samples)
def test_sample_distance_agrees_with_scipy(x, y):
    ours, theirs = dv.wasserstein_1d(x, y).item(), wasserstein_distance(x.numpy(), y.numpy())
    assert ours == pytest.approx(theirs, abs=1e-6)


@given(samples, samples, samples)
def test_sample_distance_is_a_metric(x, y, z):
    xy, yz, xz = dv.wasserstein_1d(x, y), dv.wasserstein_1d(y, z), dv.wasserstein_1d(x, z)
    assert xz <= xy + yz + 1e-6
    torch.testing.assert_close(xy, dv.wasserstein_1d(y, x))
    assert dv.wasserstein_1d(x, x[torch.randperm(len(x))]).item() == pytest.approx(0, abs=1e-6)


@settings(max_examples=50)
@given(samples, st.floats(-50, 50), st.floats(-3, 3))
def test_shift_and_scale(x, shift, factor):
    assert dv.wasserstein_1d(x, x + shift).item() == pytest.approx(abs(shift), abs=1e-6)
    y = x.flip(0) + shift
    scaled = dv.wasserstein_1d(factor * x, factor * y).item()
    assert scaled == pytest.approx(abs(factor) * dv.wasserstein_1d(x, y).item(), abs=1e-5)


def test_gradient_of_a_shift_is_one_at_any_distance():
    x, y = torch.rand(7, dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    for distance, slope in ((10.0, 1.0), (1000.0, 1.0), (-10.0, -1.0)):
        theta = torch.tensor(distance, dtype=torch.float64, requires_grad=True)
        dv.wasserstein_1d(x + theta, y).backward()
        assert theta.grad.item() == pytest.approx(slope)


@pytest.mark.parametrize(
    "p, q, dx, message",
    [
        ([0.5, 0.5], [0.5, 0.25, 0.25], 1.0, r"p \(2,\) and q \(3,\)"),
        ([1.5, -0.5], [0.5, 0.5], 1.0, "p must be nonnegative.*-0.5"),
        ([0.5, 0.5], [0.5, 0.6], 1.0, "q must have total mass 1.*1.1"),
        ([0.5, 0.5], [0.5, 0.5], 0.1, "p must have total mass 1.*0.1"),
        ([0.5, math.nan], [0.5, 0.5], 1.0, "p must be nonnegative"),
    ],
)
def test_bad_densities_are_named(p, q, dx, message):
    functions = (dv.kl_divergence, dv.total_variation, dv.wasserstein_1d_grid)
    for function in functions:
        with pytest.raises(ValueError, match=message):
            function(torch.tensor(p), torch.tensor(q), dx)


@pytest.mark.parametrize("x", [torch.empty(0), torch.zeros(2, 2), torch.tensor(1.0)])
def test_bad_samples_are_named(x):
    with pytest.raises(ValueError, match="x must be a nonempty one-dimensional sample"):
        dv.wasserstein_1d(x, torch.zeros(3))
