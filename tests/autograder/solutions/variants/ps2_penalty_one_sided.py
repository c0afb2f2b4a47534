"""gradient_penalty that is one-sided: right solutions, and wrong ones with the checks that they lose."""

import torch
from solutions.ps2_penalty import slopes_at
from torch.func import functional_call


def mixed(real, fake, eps):
    return eps * real + (1 - eps) * fake


def penalty(of_lengths, between=mixed):
    """A gradient_penalty of the slopes' lengths, (B,)."""

    def gradient_penalty(critic, real, fake, eps):
        slopes = slopes_at(critic, between(real, fake, eps))
        return of_lengths(slopes.flatten(1).norm(dim=1))

    return gradient_penalty


def excess(lengths):
    return (lengths - 1).clamp(min=0).square().mean()


# ---- right


def one_sample_at_a_time(critic, real, fake, eps):
    total = torch.zeros(())
    for index in range(len(real)):
        part = slice(index, index + 1)
        length = slopes_at(critic, mixed(real[part], fake[part], eps[part])).norm()
        total = total + torch.relu(length - 1) ** 2
    return total / len(real)


def steep_ones_alone(critic, real, fake, eps):
    """A root is taken where a slope is longer than 1, and so nowhere of 0."""
    squares = slopes_at(critic, mixed(real, fake, eps)).flatten(1).square().sum(1)
    steep = squares > 1
    lengths = torch.where(steep, torch.where(steep, squares, 1).sqrt(), 1)
    return torch.nn.functional.mse_loss(lengths, torch.ones_like(lengths))


def in_double_precision(critic, real, fake, eps):
    weights = {name: parameter.double() for name, parameter in critic.named_parameters()}
    slopes = slopes_at(
        lambda x: functional_call(critic, weights, (x,)), mixed(real.double(), fake.double(), eps.double())
    )
    return excess(slopes.flatten(1).norm(dim=1)).float()


RIGHT = {
    "one sample at a time": one_sample_at_a_time,
    "steep ones alone": steep_ones_alone,
    "in double precision": in_double_precision,
    "a maximum with 1": penalty(lambda lengths: (lengths.maximum(torch.ones(())) - 1).square().mean()),
    "half of itself and its absolute value": penalty(
        lambda lengths: (lengths - 1 + (lengths - 1).abs()).square().mean() / 4
    ),
}


# ---- wrong


def square_root(critic, real, fake, eps):
    squares = slopes_at(critic, mixed(real, fake, eps)).flatten(1).square().sum(1)
    return excess(squares.sqrt())


def one_norm(critic, real, fake, eps):
    return excess(slopes_at(critic, mixed(real, fake, eps)).norm() / len(real) ** 0.5)


def backward(critic, real, fake, eps):
    points = mixed(real, fake, eps).requires_grad_()
    critic(points).sum().backward(create_graph=True)
    return excess(points.grad.flatten(1).norm(dim=1))


def needs_gradients(critic, real, fake, eps):
    return penalty(excess)(critic, real.requires_grad_(), fake, eps)


def evaluation_mode(critic, real, fake, eps):
    return penalty(excess)(critic.eval(), real, fake, eps)


VALUE, GRADIENT, LAYOUT, ZERO, CRITIC = (
    f"penalty-{name}" for name in ("value", "gradient", "layout", "zero", "critic")
)
WRONG = {
    "two-sided": (penalty(lambda lengths: (lengths - 1).square().mean()), {VALUE}),
    "the other side": (
        penalty(lambda lengths: (1 - lengths).clamp(min=0).square().mean()),
        {VALUE, LAYOUT},
    ),
    "not squared": (penalty(lambda lengths: (lengths - 1).clamp(min=0).mean()), {VALUE}),
    "squared lengths less 1": (
        penalty(lambda lengths: (lengths.square() - 1).clamp(min=0).mean()),
        {VALUE},
    ),
    "mean before the maximum": (
        penalty(lambda lengths: (lengths.mean() - 1).clamp(min=0).square()),
        {VALUE},
    ),
    "a sum": (penalty(lambda lengths: (lengths - 1).clamp(min=0).square().sum()), {VALUE}),
    "ten times": (penalty(lambda lengths: 10 * excess(lengths)), {VALUE}),
    "eps and 1 - eps exchanged": (
        penalty(excess, between=lambda real, fake, eps: mixed(fake, real, eps)),
        {VALUE},
    ),
    "one norm for the batch": (one_norm, {VALUE}),
    "detached": (penalty(lambda lengths: excess(lengths.detach())), {GRADIENT}),
    "a root of 0": (square_root, {ZERO}),
    "backward": (backward, {CRITIC}),
    "x needs its gradient": (needs_gradients, {CRITIC}),
    "evaluation mode": (evaluation_mode, {CRITIC}),
}
