"""The discriminator that looks ahead: its steps, and the gradient that comes back through them."""

import pytest
import torch
from torch import nn

from gan_lib.networks import mlp_discriminator
from gan_lib.objectives import non_saturating
from gan_lib.training import unrolled_discriminator


@pytest.fixture
def case():
    torch.manual_seed(0)
    discriminator = mlp_discriminator(width=8, depth=1).double()
    return discriminator, torch.randn(6, 2).double(), torch.randn(5, 2).double()


def test_no_steps_leave_the_discriminator_as_it_is(case):
    discriminator, real, fake = case
    ahead = unrolled_discriminator(discriminator, real, fake, non_saturating, steps=0, rate=1.0)
    assert ahead(real).equal(discriminator(real))


def test_steps_are_those_of_gradient_descent_and_move_a_copy(case):
    discriminator, real, fake = case
    before = [p.detach().clone() for p in discriminator.parameters()]
    ahead = unrolled_discriminator(discriminator, real, fake, non_saturating, steps=3, rate=0.5)
    assert all(p.equal(old) for p, old in zip(discriminator.parameters(), before, strict=True))
    assert all(p.grad is None for p in discriminator.parameters())
    foreseen = ahead(real)
    descent = torch.optim.SGD(discriminator.parameters(), 0.5)
    for _ in range(3):
        descent.zero_grad()
        non_saturating.discriminator(discriminator(real), discriminator(fake)).backward()
        descent.step()
    assert foreseen.allclose(discriminator(real))


def test_gradient_of_the_fakes_passes_through_all_steps(case):
    discriminator, real, fake = case

    def loss(fake):
        ahead = unrolled_discriminator(discriminator, real, fake, non_saturating, steps=2, rate=0.7)
        return non_saturating.generator(ahead(fake))

    assert torch.autograd.gradcheck(loss, fake.clone().requires_grad_())
    direct = fake.clone().requires_grad_()
    ahead = unrolled_discriminator(discriminator, real, fake, non_saturating, steps=2, rate=0.7)
    (short,) = torch.autograd.grad(non_saturating.generator(ahead(direct)), direct)
    through = fake.clone().requires_grad_()
    (full,) = torch.autograd.grad(loss(through), through)
    assert not short.allclose(full)


@pytest.mark.parametrize(("steps", "rate"), [(-1, 0.1), (1, 0.0), (1, float("nan"))])
def test_impossible_steps_are_refused(steps, rate):
    with pytest.raises(ValueError, match=f"got {steps} and {rate}"):
        unrolled_discriminator(nn.Linear(2, 1), *torch.zeros(2, 3, 2), non_saturating, steps=steps, rate=rate)
