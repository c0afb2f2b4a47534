"""What the playground measures and draws, beside the library's measures and PyTorch's gradients."""

import math

import numpy as np
import pytest
import torch
import torch_games
from scipy.optimize import linear_sum_assignment

from gan_lib import data
from gan_lib.divergences import optimal_discriminator, wasserstein
from gan_lib.metrics import mode_coverage
from gan_lib.objectives import OBJECTIVES

DENSITIES = {"ring": data.ring(std=0.1), "grid": data.grid()}


def draw(shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(tensor):
    return tensor.flatten().tolist()


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_the_librarys(engine, name):
    target, ticks = DENSITIES[name], torch.linspace(-5, 5, 41, dtype=torch.float64)
    found = engine("density", name=name, std=target.std, count=4000, ticks=flat(ticks))
    assert found["centres"] == pytest.approx(flat(target.modes), abs=1e-6)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    expected = target.log_prob(torch.stack([x.flatten(), y.flatten()], dim=1)).exp()
    assert found["values"] == pytest.approx(flat(expected), rel=1e-4, abs=1e-12)  # its modes are float32
    judged = mode_coverage(torch.tensor(found["samples"]).reshape(-1, 2), target.modes, target.std)
    assert judged.modes == len(target.modes)
    assert judged.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.006)
    assert judged.kl < 0.01


@pytest.mark.parametrize("name", ["moons", "spiral", "gaussian", "drawn"])
def test_densities_have_mass_one_and_stay_in_the_picture(engine, name):
    ticks = np.linspace(-3, 3, 121)
    points = [[-1.0, 0.5], [1.0, 0.0], [0.5, -1.0]]
    found = engine("density", name=name, std=0.1, points=points, count=500, ticks=ticks.tolist())
    assert sum(found["values"]) * 0.05**2 == pytest.approx(1, abs=1e-6)
    assert max(map(abs, found["samples"])) < found["reach"]


def test_moons_are_scikit_learns(engine):
    """The formulas of sklearn.datasets.make_moons without noise, about their middle."""
    t = np.linspace(0, np.pi, 1000)
    upper, lower = (np.cos(t), np.sin(t)), (1 - np.cos(t), 0.5 - np.sin(t))
    theirs = np.concatenate([upper, lower], axis=1).T - [0.5, 0.25]
    ours = np.array(engine("density", name="moons", std=0.05, count=1, ticks=[0])["centres"]).reshape(-1, 2)
    distances = np.linalg.norm(ours[:, None] - theirs, axis=2)
    assert distances.min(0).max() < 0.02
    assert distances.min(1).max() < 0.002


@pytest.mark.parametrize("scale", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("name", DENSITIES)
def test_mode_coverage(engine, name, scale):
    target = DENSITIES[name]
    samples = target.modes[:5].double().repeat(40, 1) + draw((200, 2), scale=scale)
    expected = mode_coverage(samples, target.modes, target.std)
    found = engine("modeCoverage", samples=flat(samples), centres=flat(target.modes), std=target.std)
    assert found == {"modes": expected.modes, "highQuality": pytest.approx(expected.high_quality),
                     "kl": pytest.approx(expected.kl, abs=1e-12)}  # fmt: skip


def test_mode_coverage_of_samples_that_are_not_finite(engine):
    """They lower the share of good samples, and count for no mode."""
    samples = torch.tensor([[1.0, 0.0], [math.nan, 0.0], [math.inf, 0.0], [0.0, 1.0]])
    target = DENSITIES["ring"]
    expected = mode_coverage(samples, target.modes, target.std)
    texts = ["1", "0", "NaN", "0", "Infinity", "0", "0", "1"]
    found = engine("modeCoverage", samples=texts, centres=flat(target.modes), std=target.std)
    assert (found["modes"], found["highQuality"]) == (2, 0.5) == (expected.modes, expected.high_quality)
    assert found["kl"] == pytest.approx(expected.kl)


@pytest.mark.parametrize("n", [1, 2, 7, 60, 200])
def test_wasserstein(engine, n):
    x, y = draw((n, 2), 1), DENSITIES["ring"].sample(n, torch.Generator().manual_seed(2)).double()
    found = engine("wasserstein", x=flat(x), y=flat(y))
    assert found == pytest.approx(wasserstein(x, y).item(), rel=1e-9)


@pytest.mark.parametrize("values", [2, 1000])
def test_cheapest_pairing(engine, values):
    """Also where many are equally cheap."""
    for n in (1, 5, 40):
        costs = np.random.default_rng(n).integers(values, size=(n, n)).astype(float)
        rows = engine("assign", costs=costs.ravel().tolist(), n=n)
        assert sorted(rows) == list(range(n))
        assert costs[rows, range(n)].sum() == costs[linear_sum_assignment(costs)].sum()


def test_optimal_discriminator(engine):
    """The library's, of the blurred data and the kernel estimate; 1/2 far outside."""
    target, ticks = DENSITIES["ring"], torch.linspace(-30, 30, 121, dtype=torch.float64)
    samples, bandwidth = draw((300, 2)), 0.2
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    points = torch.stack([x.flatten(), y.flatten()], dim=1)
    p, q = (
        data.GaussianMixture(centres, std).log_prob(points).exp()
        for centres, std in ((target.modes, math.hypot(target.std, bandwidth)), (samples, bandwidth))
    )
    found = engine(
        "optimalDiscriminator",
        name="ring",
        std=0.1,
        samples=flat(samples),
        bandwidth=bandwidth,
        ticks=flat(ticks),
    )
    expected = optimal_discriminator(p, q)
    seen = (p + q) > 1e-200
    assert torch.allclose(
        torch.tensor(found, dtype=torch.float64)[seen], expected[seen], rtol=1e-4, atol=1e-5
    )
    assert found[0] == 0.5


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("packing", [1, 3])
def test_view(engine, objective, packing):
    """Samples, mesh, field, slopes and arrows of a pair of networks in PyTorch."""
    sizes = {"samples": 30, "arrows": 5, "side": 4, "mesh": 3}
    chosen = {
        "objective": objective,
        "packing": packing,
        "batch": 6,
        "batchNorm": packing > 1,
        "latentDim": packing,
    }
    s = engine("settings") | chosen
    torch.manual_seed(packing)
    generator, discriminator = torch_games.make_generator(s), torch_games.make_discriminator(s)
    parts = {"generator": generator, "discriminator": discriminator}
    weights = {name: torch_games.flat(torch_games.weights(part)) for name, part in parts.items()}
    found = engine("view", settings=chosen, sizes=sizes, **weights)
    found = {name: torch.tensor(values, dtype=torch.float64) for name, values in found.items()}

    samples = generator(found["noise"].reshape(30, packing))
    assert torch.allclose(found["samples"], samples.flatten(), atol=1e-12)
    assert torch.allclose(found["mesh"], mesh_of(generator, found["noise"], packing).flatten(), atol=1e-12)

    y, x = torch.meshgrid(found["ticks"], found["ticks"], indexing="ij")
    grid = torch.stack([x, y], dim=2).reshape(16, 2).requires_grad_()
    logits = discriminator(grid.repeat_interleave(packing, 0))
    (slopes,) = torch.autograd.grad(logits.sum(), grid)
    assert torch.allclose(found["field"], logits.flatten(), atol=1e-12)
    assert torch.allclose(found["slopes"], slopes.norm(dim=1), atol=1e-12)

    count = packing * math.ceil(5 / packing)
    fake = samples[:count].detach().requires_grad_()
    real = found["real"].reshape(30, 2)[:count]
    loss = OBJECTIVES[objective].generator(discriminator(fake), discriminator(real))
    (pull,) = torch.autograd.grad(loss, fake)
    assert torch.allclose(found["arrows"], -count * pull.flatten(), atol=1e-12)


def mesh_of(generator, noise, latent_dim):
    """Batch norm uses the statistics of the samples: the mesh is where their noise would go."""
    ticks = torch.linspace(-2, 2, 3, dtype=torch.float64)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    lattice = torch.zeros(9, latent_dim, dtype=torch.float64)
    lattice[:, 0] = x.flatten()
    if latent_dim == 1:
        return generator(ticks[:, None])
    lattice[:, 1] = y.flatten()
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = None  # then the moving averages are plain ones, and of one batch its own
            module.reset_running_stats()
    samples = noise.reshape(-1, latent_dim)
    generator(samples)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_var *= (len(samples) - 1) / len(samples)  # PyTorch's is unbiased here
    generator.eval()
    mapped = generator(lattice)
    generator.train()
    return mapped
