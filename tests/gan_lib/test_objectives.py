"""The objectives against closed forms, and against PyTorch's own binary cross-entropy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn.functional import binary_cross_entropy_with_logits

from gan_lib.objectives import (
    OBJECTIVES,
    hinge,
    label_smoothing,
    least_squares,
    maximum_likelihood,
    minimax,
    non_saturating,
    relativistic_average,
    relativistic_pairing,
    smoothed_discriminator,
    wasserstein,
)

CROSS_ENTROPIES = {"minimax": minimax, "non_saturating": non_saturating, "ml": maximum_likelihood}

logits = hnp.arrays(
    "float64", hnp.array_shapes(max_dims=2, max_side=8), elements=st.floats(-200, 200, allow_nan=False)
).map(torch.from_numpy)


def per_sample_gradient(loss, a):
    """dL/da times the number of samples: the gradient of one sample's term."""
    a = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(a), a)
    return slope * a.numel()


def cross_entropy(a, label):
    return binary_cross_entropy_with_logits(a, torch.full_like(a, label))


@settings(deadline=None)
@given(logits)
def test_generator_gradients_have_their_closed_form(a):
    close = {"rtol": 1e-12, "atol": 1e-300}
    torch.testing.assert_close(per_sample_gradient(minimax.generator, a), -torch.sigmoid(a), **close)
    # sigma(a) - 1 = -sigma(-a), written so that it keeps its digits for large a
    torch.testing.assert_close(per_sample_gradient(non_saturating.generator, a), -torch.sigmoid(-a), **close)


@settings(deadline=None)
@given(logits, logits)
def test_discriminator_gradients_have_their_closed_form(real, fake):
    for objective in CROSS_ENTROPIES.values():
        on_real = per_sample_gradient(lambda a, d=objective.discriminator: d(a, fake), real)
        on_fake = per_sample_gradient(lambda a, d=objective.discriminator: d(real, a), fake)
        torch.testing.assert_close(on_real, -torch.sigmoid(-real), rtol=1e-12, atol=1e-300)
        torch.testing.assert_close(on_fake, torch.sigmoid(fake), rtol=1e-12, atol=1e-300)


@settings(deadline=None)
@given(logits, logits)
def test_losses_are_binary_cross_entropies(real, fake):
    """Batches of different sizes and shapes: each mean runs over its own batch."""
    torch.testing.assert_close(
        non_saturating.discriminator(real, fake), cross_entropy(real, 1.0) + cross_entropy(fake, 0.0)
    )
    torch.testing.assert_close(non_saturating.generator(fake), cross_entropy(fake, 1.0))
    torch.testing.assert_close(minimax.generator(fake), -cross_entropy(fake, 0.0))


@settings(deadline=None)
@given(logits, logits)
def test_minimax_is_zero_sum_up_to_the_term_without_the_generator(real, fake):
    """L_G + L_D leaves E softplus(-real), which no generator can change."""
    rest = minimax.discriminator(real, fake) + minimax.generator(fake)
    torch.testing.assert_close(rest, cross_entropy(real, 1.0), atol=1e-12, rtol=1e-12)


@settings(deadline=None)
@given(logits)
def test_the_two_generator_losses_differ_by_the_mean_logit(fake):
    """softplus(-a) = softplus(a) - a, so L_NS = -L_MM - mean(a)."""
    torch.testing.assert_close(
        non_saturating.generator(fake), -minimax.generator(fake) - fake.mean(), atol=1e-10, rtol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_are_exact_at_logits_of_200(dtype):
    sure_fake, sure_real = torch.tensor([-200.0], dtype=dtype), torch.tensor([200.0], dtype=dtype)
    assert non_saturating.generator(sure_fake).item() == 200
    assert per_sample_gradient(non_saturating.generator, sure_fake).item() == -1
    assert minimax.generator(sure_real).item() == -200
    assert per_sample_gradient(minimax.generator, sure_real).item() == -1
    tiny = math.exp(-200) if dtype == torch.float64 else 0.0  # below the smallest float32
    assert minimax.generator(sure_fake).item() == pytest.approx(-tiny, rel=1e-12, abs=0)
    assert per_sample_gradient(minimax.generator, sure_fake).item() == pytest.approx(-tiny, rel=1e-12, abs=0)
    assert per_sample_gradient(non_saturating.generator, sure_real).item() == pytest.approx(
        -tiny, rel=1e-12, abs=0
    )
    assert minimax.discriminator(sure_fake, sure_real).item() == 400
    assert minimax.discriminator(sure_real, sure_fake).item() == pytest.approx(2 * tiny, rel=1e-12, abs=0)


def test_values_where_the_discriminator_answers_one_half():
    real, fake = torch.zeros(3, 1, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)
    for objective in CROSS_ENTROPIES.values():
        assert objective.discriminator(real, fake).item() == pytest.approx(2 * math.log(2), abs=1e-15)
        assert -objective.discriminator(real, fake).item() == pytest.approx(-math.log(4), abs=1e-15)
    assert non_saturating.generator(fake).item() == pytest.approx(math.log(2), abs=1e-15)
    assert minimax.generator(fake).item() == pytest.approx(-math.log(2), abs=1e-15)


def test_unequal_batches_weigh_the_same():
    """A fake batch repeated three times is the same empirical distribution, so the loss stays."""
    real, fake = torch.randn(4, 1, dtype=torch.float64), torch.randn(6, 1, dtype=torch.float64)
    once, thrice = (non_saturating.discriminator(real, f) for f in (fake, fake.repeat(3, 1)))
    torch.testing.assert_close(once, thrice)


moderate = hnp.arrays(
    "float64", hnp.array_shapes(max_dims=2, max_side=8), elements=st.floats(-20, 20, allow_nan=False)
).map(torch.from_numpy)


@settings(deadline=None)
@given(moderate)
def test_generator_gradients_of_the_other_games(a):
    expected = {
        "maximum_likelihood": -a.exp(),
        "least_squares": a - 1,
        "wasserstein": -torch.ones_like(a),
        "hinge": -torch.ones_like(a),
    }
    for name, slope in expected.items():
        torch.testing.assert_close(per_sample_gradient(OBJECTIVES[name].generator, a), slope)


@settings(deadline=None)
@given(moderate, moderate)
def test_discriminator_gradients_of_the_other_games(real, fake):
    expected = {
        "label_smoothing": (torch.sigmoid(real) - 0.9, torch.sigmoid(fake)),
        "least_squares": (real - 1, fake),
        "wasserstein": (-torch.ones_like(real), torch.ones_like(fake)),
        "hinge": (-(real < 1).double(), (fake > -1).double()),
    }
    for name, (on_real, on_fake) in expected.items():
        loss = OBJECTIVES[name].discriminator
        torch.testing.assert_close(per_sample_gradient(lambda a, d=loss: d(a, fake), real), on_real)
        torch.testing.assert_close(per_sample_gradient(lambda a, d=loss: d(real, a), fake), on_fake)


def test_values_by_hand():
    real, fake = torch.tensor([[0.5], [3.0]]), torch.tensor([-2.0, 0.0, 1.0, 3.0])
    assert least_squares.discriminator(real, fake).item() == pytest.approx((0.25 + 4) / 4 + 14 / 8)
    assert least_squares.generator(fake).item() == pytest.approx((9 + 1 + 0 + 4) / 8)
    assert wasserstein.discriminator(real, fake).item() == pytest.approx(0.5 - 1.75)
    assert wasserstein.generator(fake).item() == pytest.approx(-0.5)
    assert hinge.discriminator(real, fake).item() == pytest.approx(0.5 / 2 + (0 + 1 + 2 + 4) / 4)
    assert hinge.generator(fake).item() == pytest.approx(-0.5)
    assert maximum_likelihood.generator(torch.tensor([0.0, math.log(3)])).item() == pytest.approx(-2)


@settings(deadline=None)
@given(moderate, moderate, st.floats(-30, 30))
def test_relativistic_losses_are_cross_entropies_of_the_surplus(real, fake, shift):
    mean_real, mean_fake = real.mean(), fake.mean()
    against_real = cross_entropy(real - mean_fake, 1.0) + cross_entropy(fake - mean_real, 0.0)
    against_fake = cross_entropy(fake - mean_real, 1.0) + cross_entropy(real - mean_fake, 0.0)
    torch.testing.assert_close(relativistic_average.discriminator(real, fake), against_real)
    torch.testing.assert_close(relativistic_average.generator(fake, real), against_fake)
    moved = relativistic_average.discriminator(real + shift, fake + shift)
    torch.testing.assert_close(moved, against_real, atol=1e-9, rtol=1e-9)


@settings(deadline=None)
@given(moderate, moderate)
def test_relativistic_gradients_have_their_closed_form(real, fake):
    """Each logit moves its own term and, through its batch's mean, all terms of the other batch."""
    fake_surplus, real_surplus = fake - real.mean(), real - fake.mean()
    through_own = -torch.sigmoid(-fake_surplus)
    through_mean = -torch.sigmoid(real_surplus).mean()
    slope = per_sample_gradient(lambda a: relativistic_average.generator(a, real), fake)
    torch.testing.assert_close(slope, through_own + through_mean)


@given(moderate)
def test_pairing_compares_each_real_sample_with_its_own_fake(real):
    fake = real.flip(0) / 2 - 1
    surplus = real - fake
    torch.testing.assert_close(
        relativistic_pairing.discriminator(real, fake), -surplus.sigmoid().log().mean()
    )
    slope = per_sample_gradient(lambda a: relativistic_pairing.generator(a, real), fake)
    torch.testing.assert_close(slope, -surplus.sigmoid())
    shifted = relativistic_pairing.discriminator(real + 3, fake + 3)
    torch.testing.assert_close(shifted, relativistic_pairing.discriminator(real, fake))


def test_pairing_needs_as_many_fakes_as_real_samples():
    for loss in (relativistic_pairing.discriminator, relativistic_pairing.generator):
        with pytest.raises(ValueError, match=r"expected logits of the same shape, got .*\(\d, 1\)"):
            loss(torch.zeros(4, 1), torch.zeros(6, 1))


def test_only_the_relativistic_generators_need_real_logits():
    real, fake = torch.randn(4, 1), torch.randn(6, 1)
    assert [name for name, objective in OBJECTIVES.items() if objective.needs_real] == [
        "relativistic_average",
        "relativistic_pairing",
    ]
    for objective in (relativistic_average, relativistic_pairing):
        with pytest.raises(ValueError, match="pass real_logits, got None"):
            objective.generator(fake)
    for name, objective in OBJECTIVES.items():
        if not objective.needs_real:
            assert objective.generator(fake, real).equal(objective.generator(fake)), name


def test_gradients_at_the_optimal_discriminator():
    """Data N(0, 1), generator N(theta, 1) at theta = 1.5: D* has logit theta (theta - 2 x) / 2.

    The saturating gradient is theta E_q[D*], the non-saturating one theta (1 - E_q[D*]), and that of maximum
    likelihood the gradient of KL(p || q) = theta^2 / 2, which is theta.
    """
    n = 1_000_000
    quantiles = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    theta = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    logits = 1.5 * (1.5 - 2 * (theta + quantiles)) / 2
    share = torch.sigmoid(logits.detach()).mean().item()
    expected = {minimax: 0.4645, non_saturating: 1.0355, maximum_likelihood: 1.5}
    assert 1.5 * share == pytest.approx(expected[minimax], abs=1e-4)
    for objective, slope in expected.items():
        (measured,) = torch.autograd.grad(objective.generator(logits), theta, retain_graph=True)
        assert measured.item() == pytest.approx(slope, abs=1e-3)


@settings(deadline=None)
@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_where_the_discriminator_stands_still(p, q):
    """One point of density p for real and q for fake: the slope of p L_real + q L_fake vanishes at D*."""

    def slope(loss, output):
        a = torch.tensor(output, dtype=torch.float64, requires_grad=True)
        still = a.detach()
        on_real, on_fake = loss(a, still), loss(still, a)
        (d_real,) = torch.autograd.grad(on_real, a)
        (d_fake,) = torch.autograd.grad(on_fake, a)
        return (p * d_real + q * d_fake).item()

    best = p / (p + q)
    assert slope(least_squares.discriminator, best) == pytest.approx(0, abs=1e-12)
    assert slope(non_saturating.discriminator, math.log(p / q)) == pytest.approx(0, abs=1e-12)
    for alpha, beta in ((0.9, 0.0), (0.9, 0.1), (1.0, 0.2)):
        smooth = (alpha * p + beta * q) / (p + q)
        if 1e-9 < smooth < 1 - 1e-9:
            logit = math.log(smooth / (1 - smooth))
            loss = label_smoothing(alpha, beta).discriminator
            assert slope(loss, logit) == pytest.approx(0, abs=1e-12)


@settings(deadline=None)
@given(logits, logits, st.floats(0, 1), st.floats(0, 1))
def test_smoothed_losses_are_cross_entropies_with_soft_targets(real, fake, alpha, beta):
    expected = cross_entropy(real, alpha) + cross_entropy(fake, beta)
    torch.testing.assert_close(smoothed_discriminator(real, fake, alpha, beta), expected)
    hard = non_saturating.discriminator(real, fake)
    torch.testing.assert_close(label_smoothing(1.0, 0.0).discriminator(real, fake), hard)
    assert label_smoothing().generator is non_saturating.generator


def test_smoothing_at_the_equilibrium():
    """p = q with one-sided labels of 0.9: D = 0.45, and the halved loss is 0.68814."""
    logit = torch.tensor([math.log(0.45 / 0.55)], dtype=torch.float64)
    assert label_smoothing(0.9).discriminator(logit, logit).item() / 2 == pytest.approx(0.68814, abs=5e-6)


def test_targets_drawn_for_every_sample():
    real, targets = torch.randn(64, 1, dtype=torch.float64), torch.rand(64, 1, dtype=torch.float64)
    slope = per_sample_gradient(lambda a: smoothed_discriminator(a, real, targets), real)
    torch.testing.assert_close(torch.sigmoid(real) - slope, targets)


@pytest.mark.parametrize("real_target, fake_target", [(0.5, 0.5), (1.1, 0.0), (0.9, -0.1), (math.nan, 0.0)])
def test_targets_out_of_order_are_named(real_target, fake_target):
    with pytest.raises(ValueError, match=f"got {fake_target} and {real_target}"):
        label_smoothing(real_target, fake_target)
