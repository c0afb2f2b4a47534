"""The numbers of the pictures that move, beside the library's on the same densities, states and points."""

import itertools
import math

import numpy as np
import pytest
import torch

from gan_lib import divergences
from gan_lib.metrics import density_coverage, frechet_distance, precision_recall

PAIRS = [((-1.5, 0.5), (1.5, 0.5)), ((0, 1), (0.3, 0.4)), ((-3, 0.3), (3, 1.5)), ((1, 1.5), (-2, 0.5))]


def bump(mean, std):
    return {"mean": mean, "std": std}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("p, q", PAIRS)
def test_two_bumps(ask, p, q):
    """Densities, D*, JS and W1 are the library's on the grid, the slopes what autograd finds of those."""
    found = ask("line", p=bump(*p), q=bump(*q))
    x, mean = double(found["points"]), double(q[0]).requires_grad_()
    dx = (x[-1] - x[0]).item() / (len(x) - 1)

    def density(mean, std):
        return torch.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))

    real, fake = density(*p), density(mean, q[1])
    assert torch.allclose(double(found["p"]), real, rtol=1e-12)
    assert torch.allclose(double(found["q"]), fake.detach(), rtol=1e-12)
    best = divergences.optimal_discriminator(real, fake.detach())
    assert torch.allclose(double(found["best"]), best, rtol=0, atol=1e-9)
    for name, slope, distance in (
        ("js", "jensenShannon", divergences.js_divergence(real, fake, dx)),
        ("w1", "wasserstein", divergences.wasserstein_1d_grid(real, fake, dx)),
    ):
        assert found[name] == pytest.approx(distance.item(), abs=1e-12)
        (expected,) = torch.autograd.grad(distance, mean, retain_graph=True)
        assert found["slopes"][slope] == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize("p, q", PAIRS)
def test_the_grid_is_fine_enough(ask, p, q):
    """W1 of Gaussians is E|m + s Z| for the differences of means and deviations: coupled by quantiles."""
    m, s = q[0] - p[0], abs(q[1] - p[1])
    exact = abs(m) if s == 0 else (
        s * math.sqrt(2 / math.pi) * math.exp(-(m**2) / (2 * s**2)) + m * math.erf(m / (s * math.sqrt(2)))
    )  # fmt: skip
    assert ask("line", p=bump(*p), q=bump(*q))["w1"] == pytest.approx(exact, abs=2e-4)


def test_what_the_chapter_says_to_try_with_the_bumps(ask):
    near, far = (ask("line", p=bump(0, 0.5), q=bump(x, 0.5))["slopes"] for x in (0.5, 3))
    assert near["wasserstein"] == pytest.approx(1) and far["wasserstein"] == pytest.approx(1)
    assert far["jensenShannon"] < near["jensenShannon"] / 20
    assert ask("line", p=bump(0, 1.5), q=bump(3, 1.5))["slopes"]["jensenShannon"] > 5 * far["jensenShannon"]
    one_centre = ask("line", p=bump(0, 0.5), q=bump(0, 1))
    assert one_centre["js"] > 0.05 and one_centre["w1"] > 0.3
    assert [abs(slope) < 1e-9 for slope in one_centre["slopes"].values()] == [True, True]
    seen = ask("see", name="bumps", state={"q": bump(-1.5, 0.5)})
    assert seen["numbers"][3] == ["its slope in the mean of q", "a kink"]


def value(state):
    """V of the Dirac-GAN, of the discriminator sigmoid(psi x) with data at 0 and fakes at theta."""
    theta, psi = state
    return torch.nn.functional.logsigmoid(psi * 0.0) - torch.nn.functional.softplus(psi * theta)


def directions(state, gamma):
    """Descent in theta of V, ascent in psi of V - gamma / 2 psi^2."""
    point = double(state).requires_grad_()
    (slope,) = torch.autograd.grad(value(point), point)
    return np.array([-slope[0].item(), slope[1].item() - gamma * state[1]])


def steps(rule, start, count):
    """The closed iteration, by gradients of V."""
    h, gamma, state = rule["step"], rule["gamma"], np.array(start, float)
    before, path = directions(state, gamma), [state]
    for _ in range(count):
        now = directions(state, gamma)
        if rule["update"] == "alternating":
            theta = state[0] + h * now[0]
            state = np.array([theta, state[1] + h * directions([theta, state[1]], gamma)[1]])
        else:
            ahead = 2 * now - before if rule["update"] == "optimistic" else now
            state = state + h * ahead
        before = now
        path.append(state)
    return np.array(path)


RULES = [
    {"update": update, "step": h, "gamma": gamma}
    for update, (h, gamma) in itertools.product(
        ("simultaneous", "alternating", "optimistic"), ((0.2, 0.0), (0.2, 0.3), (0.6, 1.0))
    )
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_dirac_orbit(ask, rule):
    found = np.array(ask("orbit", start=[1, -0.5], rule=rule, count=100))
    assert np.abs(found - steps(rule, [1, -0.5], 100)).max() < 1e-12


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_dirac_modulus_is_the_growth_near_the_solution(ask, rule):
    """The spectral radius of a step's Jacobian; of optimistic ones, on pairs of neighbouring states."""
    h, gamma = rule["step"], rule["gamma"]
    field = h * np.array([[0, 0.5], [-0.5, -gamma]])  # checked against autograd below
    eye, zero = np.eye(2), np.zeros((2, 2))
    one_player = np.array([[1, h / 2], [0, 1]])
    matrix = {
        "simultaneous": eye + field,
        "alternating": np.array([[1, 0], [-h / 2, 1 - h * gamma]]) @ one_player,
        "optimistic": np.block([[eye + 2 * field, -field], [eye, zero]]),
    }[rule["update"]]
    assert ask("modulus", rule=rule) == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), abs=1e-12)
    tiny = 1e-7
    slopes = [directions(tiny * axis, gamma) / tiny * h for axis in eye]
    assert np.abs(np.array(slopes).T - field).max() < 1e-6


def test_orbits_that_leave_end(ask):
    path = ask("orbit", start=[1, 1], rule={"update": "optimistic", "step": 1, "gamma": 1.5}, count=500)
    assert len(path) < 500
    seen = ask("see", name="dirac", state={"update": "optimistic", "step": 1, "gamma": 1.5})
    assert "beyond a million" in seen["summary"]


OUTLIERS = [{}, {"real": [-2, 0.6]}, {"fake": [0.5, -3]}, {"real": [4.8, 3.3], "fake": [4.8, 3.3]}]


@pytest.mark.parametrize("state", OUTLIERS, ids=str)
def test_outlier(ask, state):
    found = ask("outlier", **state)
    real, fake = double(found["real"]), double(found["fake"])
    assert len(real) == len(fake) == 40
    expected = precision_recall(real, fake)._asdict() | density_coverage(real, fake)._asdict()
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_what_the_chapter_says_to_try_with_the_outlier(ask):
    start, home, away = (ask("outlier", **state) for state in OUTLIERS[:3])
    assert home["precision"] == pytest.approx(start["precision"] * 2 / 3)
    assert start["density"] * 0.85 < home["density"] < start["density"]
    assert home["coverage"] == start["coverage"] == away["coverage"]
    assert away["recall"] >= 0.95 and start["recall"] < 0.6
    assert away["density"] == pytest.approx(start["density"], abs=0.02)


GAUSSIANS = [
    {"shape": shape, "real": {"mean": [-1, 0.5], "axis": [1.2, -0.4]}, "fake": {"mean": mean, "axis": axis}}
    for shape, mean, axis in (
        ("gaussian", [1, 1], [0.3, 1.5]),
        ("ring", [-1, 0.5], [1.2, -0.4]),
        ("islands", [0, 0], [0.1, 0]),
    )
]


@pytest.mark.parametrize("state", GAUSSIANS, ids=lambda state: state["shape"])
def test_frechet(ask, state):
    found = ask("frechet", **state)
    real, fake = double(found["real"]), double(found["fake"])
    assert found["frechet"] == pytest.approx(frechet_distance(real, fake), abs=1e-9)
    assert found["ofMeans"] == pytest.approx((real.mean(0) - fake.mean(0)).square().sum().item(), abs=1e-9)
    squared = divergences.wasserstein(real, fake, order=2).item() ** 2
    assert found["transport"] == pytest.approx(squared, rel=1e-9)
    assert found["frechet"] <= found["transport"] + 1e-12


def test_samples_have_the_moments_of_their_ellipses(ask):
    found = ask("frechet", **GAUSSIANS[0])
    axis = np.array(GAUSSIANS[0]["real"]["axis"])
    across = 0.5 * np.array([-axis[1], axis[0]]) / np.hypot(*axis)
    covariance = np.outer(axis, axis) + np.outer(across, across)
    assert np.cov(found["real"], rowvar=False) == pytest.approx(covariance)
    assert np.mean(found["real"], axis=0) == pytest.approx(GAUSSIANS[0]["real"]["mean"])


def test_the_frechet_distance_does_not_see_the_shape(ask):
    ring, gaussian, islands = (
        ask("frechet", **GAUSSIANS[1] | {"shape": shape}) for shape in ("ring", "gaussian", "islands")
    )
    assert max(each["frechet"] for each in (ring, gaussian, islands)) < 1e-9
    assert 1.5 * gaussian["transport"] < min(ring["transport"], islands["transport"])
