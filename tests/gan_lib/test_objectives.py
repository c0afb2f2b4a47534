"""The objectives against closed forms, and against PyTorch's own binary cross-entropy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn.functional import binary_cross_entropy_with_logits

from gan_lib.objectives import OBJECTIVES, minimax, non_saturating

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
    for objective in OBJECTIVES.values():
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
    for objective in OBJECTIVES.values():
        assert objective.discriminator(real, fake).item() == pytest.approx(2 * math.log(2), abs=1e-15)
        assert -objective.discriminator(real, fake).item() == pytest.approx(-math.log(4), abs=1e-15)
    assert non_saturating.generator(fake).item() == pytest.approx(math.log(2), abs=1e-15)
    assert minimax.generator(fake).item() == pytest.approx(-math.log(2), abs=1e-15)


def test_unequal_batches_weigh_the_same():
    """A fake batch repeated three times is the same empirical distribution, so the loss stays."""
    real, fake = torch.randn(4, 1, dtype=torch.float64), torch.randn(6, 1, dtype=torch.float64)
    once, thrice = (non_saturating.discriminator(real, f) for f in (fake, fake.repeat(3, 1)))
    torch.testing.assert_close(once, thrice)
