"""Precision, recall, density and coverage against their references; modes of toys against what is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fidelity.metric_prc import calculate_precision_recall_full

from gan_lib.data import grid, ring
from gan_lib.metrics import (
    density_coverage,
    mode_coverage,
    neighbours,
    precision_recall,
    stacked_mnist_modes,
)


def normal(n, d, seed=0, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def prdc(real, fake, k):
    """The formulas of prdc 0.2, compute_prdc."""
    real_radii = np.partition(torch.cdist(real, real).numpy(), k, axis=1)[:, k]
    fake_radii = np.partition(torch.cdist(fake, fake).numpy(), k, axis=1)[:, k]
    distances = torch.cdist(real, fake).numpy()
    inside = distances < real_radii[:, None]
    precision, recall = inside.any(0).mean(), (distances < fake_radii).any(1).mean()
    return precision, recall, inside.sum(0).mean() / k, (distances.min(1) < real_radii).mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n, m, d, k", [(300, 300, 64, 3), (400, 250, 16, 5), (200, 300, 2, 1)])
def test_agrees_with_torch_fidelity_and_prdc(n, m, d, k, dtype):
    real, fake = normal(n, d, 1, dtype) + 3, 0.9 * normal(m, d, 2, dtype) + 3.1
    found = (*precision_recall(real, fake, k), *density_coverage(real, fake, k))
    assert found == pytest.approx(prdc(real, fake, k), rel=1e-6)
    theirs = calculate_precision_recall_full(fake, real, k)
    assert found[:2] == pytest.approx(theirs, rel=1e-6)
    assert 0 < found[1] < 1


@pytest.mark.slow
@given(
    st.integers(0, 2**31), st.integers(3, 40), st.integers(3, 40), st.integers(1, 4), st.integers(1, 16),
    st.data(),
)  # fmt: skip
@settings(max_examples=60)
def test_do_not_depend_on_blocks_order_or_scale(seed, n, m, d, block, data):
    real, fake = normal(n, d, seed), normal(m, d, seed + 1) + 0.5
    k = data.draw(st.integers(1, min(n, m) - 1))
    pr, dc = precision_recall(real, fake, k), density_coverage(real, fake, k)
    assert (*pr, *dc) == pytest.approx(prdc(real, fake, k), rel=1e-9)
    assert precision_recall(fake, real, k) == (pr.recall, pr.precision)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_BLOCK", block)
        moved = [-3 * x.flip(0) + 2 for x in (real, fake)]
        assert precision_recall(*moved, k) == pytest.approx(pr, rel=1e-12)
        assert density_coverage(*moved, k) == pytest.approx(dc, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sample_covers_itself_and_nothing_far_away(dtype):
    x = normal(200, 8, dtype=dtype)
    assert precision_recall(x, x) == (1, 1)
    assert density_coverage(x, x).coverage == 1
    assert precision_recall(x, x + 100) == (0, 0)
    assert density_coverage(x, x + 100) == (0, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_of_one_real_sample_are_precise_and_cover_little(dtype):
    real = normal(200, 8, dtype=dtype) + 10
    copies = real[:1].repeat(100, 1)
    assert precision_recall(real, copies) == (1, 1 / 200)
    assert density_coverage(real, copies).coverage < 0.2
    assert precision_recall(copies, copies) == (1, 1)


def test_equal_distributions_have_density_one_and_the_expected_coverage():
    n, k = 100, 5
    pairs = [density_coverage(normal(n, 6, 2 * i), normal(n, 6, 2 * i + 1), k) for i in range(60)]
    density, coverage = torch.tensor(pairs).double().unbind(1)
    expected = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
    for values, mean in ((density, 1), (coverage, expected)):
        assert values.mean().item() == pytest.approx(mean, abs=4 * values.std().item() / math.sqrt(60))


def test_outliers_of_the_generator_inflate_recall_and_not_coverage():
    real = normal(300, 2)
    collapsed = real[:1] + 0.01 * normal(290, 2, 1)
    outliers = torch.cat([collapsed, 20 * normal(10, 2, 3)])
    assert precision_recall(real, collapsed).recall < 0.05
    assert precision_recall(real, outliers).recall > 0.9
    assert density_coverage(real, outliers).coverage < 0.1


def test_k_must_leave_a_neighbour():
    x = normal(10, 2)
    for k in (0, 10):
        for metric in (precision_recall, density_coverage):
            with pytest.raises(ValueError, match=rf"1 \.\.\. 9, the number of other samples; got {k}"):
                metric(x, x, k)


@pytest.mark.parametrize("density", [ring(), grid()], ids=["ring", "grid"])
def test_the_truth_has_every_mode_and_the_share_of_three_sigma(density):
    n = 20_000
    samples = density.sample(n, torch.Generator().manual_seed(0))
    found = mode_coverage(samples, density.modes, density.std)
    share = 1 - math.exp(-9 / 2)
    assert found.modes == len(density.modes)
    assert found.high_quality == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))
    assert 0 <= found.kl < 3 * len(density.modes) / (2 * n)
    assert found.counts.sum() == n and len(found.counts) == len(density.modes)


def test_collapse_loses_modes_and_costs_log_k():
    target = ring(8)
    one = target.modes[3] + target.std * normal(500, 2, dtype=torch.float32)
    found = mode_coverage(one, target.modes, target.std)
    assert (found.modes, found.kl) == (1, pytest.approx(math.log(8)))
    assert found.counts[3] == 500


def test_bad_samples_reach_no_mode_but_count_in_the_histogram():
    modes = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    samples = torch.tensor([[0.0, 0.029], [0.0, 0.031], [1.0, 0.5], [torch.nan, 0.0]])
    found = mode_coverage(samples, modes, std=0.01)
    assert (found.modes, found.high_quality, found.counts.tolist()) == (1, 0.25, [2, 1])
    p = torch.tensor([2 / 3, 1 / 3])
    assert found.kl == pytest.approx((p * (2 * p).log()).sum().item(), rel=1e-6)
    assert mode_coverage(samples, modes, std=0.01, radius=60).modes == 2
    lost = mode_coverage(samples[3:], modes, std=0.01)
    assert lost.modes == 0 and lost.high_quality == 0 and math.isnan(lost.kl)


def test_stacked_mnist_counts_combinations():
    every = torch.cartesian_prod(*[torch.arange(10)] * 3)
    assert stacked_mnist_modes(every) == (1000, pytest.approx(0, abs=1e-12))
    assert stacked_mnist_modes(every[:100]) == (100, pytest.approx(math.log(10)))
    assert stacked_mnist_modes(torch.tensor([[1, 2, 3], [3, 2, 1], [1, 2, 3]])).modes == 2
    assert stacked_mnist_modes(torch.tensor([[0], [1]]), classes=2) == (2, pytest.approx(0, abs=1e-12))


def test_modes_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"got \(5, 3\) and \(8, 2\)"):
        mode_coverage(torch.zeros(5, 3), ring().modes, 0.1)
    with pytest.raises(ValueError, match="std must be positive, got 0"):
        mode_coverage(torch.zeros(5, 2), ring().modes, 0)
    with pytest.raises(ValueError, match=r"got torch.float32 \(5, 3\)"):
        stacked_mnist_modes(torch.zeros(5, 3))
    with pytest.raises(ValueError, match=r"0 \.\.\. 9, got 0 to 10"):
        stacked_mnist_modes(torch.tensor([[0, 10]]))
