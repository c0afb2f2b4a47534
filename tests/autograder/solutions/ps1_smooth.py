"""d_loss_smoothed: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
import math

import numpy as np
import torch
import torch.nn.functional as F

BCE = F.binary_cross_entropy_with_logits


def smoothed(targets=None, fake_target=lambda fake: torch.zeros_like(fake), factor=0.5):
    """A loss with its own way to draw targets, targets(real, low, high), or to label fakes."""
    targets = targets or (lambda real, low, high: torch.empty_like(real).uniform_(low, high))

    def loss(pred_real, pred_fake, low=0.8, high=1.0):
        real_loss = BCE(pred_real, targets(pred_real, low, high))
        return factor * (real_loss + BCE(pred_fake, fake_target(pred_fake)))

    return loss


def by_hand(pred_real, pred_fake, low=0.8, high=1.0):
    y = low + torch.rand(pred_real.numel()).view(pred_real.shape) * (high - low)
    return (F.softplus(pred_real) - y * pred_real).mean() / 2 + F.softplus(pred_fake).mean() / 2


def element_by_element(pred_real, pred_fake, low=0.8, high=1.0):
    total = torch.zeros(())
    flat = pred_real.flatten()
    draws = low + (high - low) * torch.distributions.Uniform(0.0, 1.0).sample(flat.shape)
    for logit, target in zip(flat, draws, strict=True):
        total = total + F.softplus(logit) - target * logit
    return 0.5 * total / len(flat) + 0.5 * -F.logsigmoid(-pred_fake).mean()


RIGHT = {
    "rand_like": smoothed(lambda real, low, high: torch.rand_like(real) * (high - low) + low),
    "lerp": smoothed(
        lambda real, low, high: torch.lerp(torch.tensor(low), torch.tensor(high), torch.rand(real.shape))
    ),
    "written out with softplus": by_hand,
    "element by element, torch.distributions": element_by_element,
    "high minus rand": smoothed(lambda real, low, high: high - (high - low) * torch.rand(real.shape)),
    "double precision": lambda r, f, low=0.8, high=1.0: smoothed()(r.double(), f.double(), low, high),
}


class Smoothed(torch.nn.Module):
    def forward(self, pred_real, pred_fake, low=0.8, high=1.0):
        targets = torch.distributions.Uniform(0, 1).sample(pred_real.shape).mul_(high - low).add_(low)
        return sum(self.halves(pred_real, targets, pred_fake))

    @staticmethod
    def halves(pred_real, targets, pred_fake):
        yield torch.logaddexp(pred_real * 0, pred_real).sub(targets * pred_real).mean() / 2
        yield torch.logaddexp(pred_fake * 0, pred_fake).mean() / 2


def one_call_of_bce(pred_real, pred_fake, low=0.8, high=1.0):
    """One BCE over both, weighted: each half counts as much, whatever its size."""
    logits = torch.cat([pred_real.reshape(-1), pred_fake.reshape(-1)])
    n, m = pred_real.numel(), pred_fake.numel()
    targets, weights = torch.zeros(n + m), torch.full((n + m,), 0.5 / m)
    targets[:n].uniform_(low, high)
    weights[:n] = 0.5 / n
    return BCE(logits, targets, weight=weights, reduction="sum")


def mixed_losses(pred_real, pred_fake, low=0.8, high=1.0):
    """BCE is linear in the target: y times that of 1, 1 - y times that of 0."""
    y = low + (high - low) * torch.rand(pred_real.shape, dtype=torch.float64)
    ones, zeros = -F.logsigmoid(pred_real.double()), -F.logsigmoid(-pred_real.double())
    return ((y * ones + (1 - y) * zeros).mean() - F.logsigmoid(-pred_fake.double()).mean()).float() / 2


def permuted(real, low, high):
    """Drawn in one order, used in another."""
    draws = torch.empty(real.numel()).uniform_(low, high)
    return draws[torch.randperm(real.numel())].reshape(real.shape)


def one_at_a_time(real, low, high):
    draws = [low + (high - low) * torch.rand(()) for _ in range(real.numel())]
    return torch.stack(draws).view(real.shape)


RIGHT |= {
    "a module": Smoothed(),
    "one call, weighted": one_call_of_bce,
    "a mixture of two losses": mixed_losses,
    "a partial": functools.partial(lambda loss, *args, **kwargs: loss(*args, **kwargs), smoothed()),
    "permuted draws": smoothed(permuted),
    "one draw at a time": smoothed(one_at_a_time),
}


def clobbering(pred_real, pred_fake, low=0.8, high=1.0):
    loss = smoothed()(pred_real.clone(), pred_fake.clone(), low, high)
    pred_fake.data.sigmoid_()
    return loss


def one_mean(pred_real, pred_fake, low=0.8, high=1.0):
    y = torch.empty_like(pred_real).uniform_(low, high)
    logits = torch.cat([pred_real.flatten(), pred_fake.flatten()])
    return BCE(logits, torch.cat([y.flatten(), torch.zeros(pred_fake.numel())]))


def probabilities(pred_real, pred_fake, low=0.8, high=1.0):
    y = torch.empty_like(pred_real).uniform_(low, high)
    real_loss = F.binary_cross_entropy(torch.sigmoid(pred_real), y)
    return 0.5 * (real_loss + F.binary_cross_entropy(torch.sigmoid(pred_fake), torch.zeros_like(pred_fake)))


def sigmoid_twice(pred_real, pred_fake, low=0.8, high=1.0):
    return smoothed()(torch.sigmoid(pred_real), torch.sigmoid(pred_fake), low, high)


def seeded(real, low, high):
    torch.manual_seed(0)
    return torch.empty_like(real).uniform_(low, high)


def numpy_draws(real, low, high):
    return torch.from_numpy(np.random.default_rng().uniform(low, high, real.shape)).float()


def normal_draws(real, low, high):
    return (torch.randn_like(real) * (high - low) / 12**0.5 + (low + high) / 2).clamp(low, high)


VALUE, TARGETS, FAKES = "smooth-value", "smooth-targets", "smooth-fakes"
WRONG = {
    "one target for the batch": (
        smoothed(lambda r, low, high: torch.full_like(r, (low + (high - low) * torch.rand(())).item())),
        {TARGETS},
    ),
    "one target for each row": (
        smoothed(
            lambda r, low, high: (
                low + (high - low) * torch.rand(r.shape[:1] + (1,) * (r.dim() - 1))
            ).expand_as(r)
        ),
        {TARGETS},
    ),
    "constant middle": (smoothed(lambda r, low, high: torch.full_like(r, (low + high) / 2)), {TARGETS}),
    "bounds ignored": (
        smoothed(lambda r, low, high: torch.empty_like(r).uniform_(0.8, 1.0)),
        {VALUE, TARGETS},
    ),
    "low + high * rand": (smoothed(lambda r, low, high: low + high * torch.rand_like(r)), {VALUE, TARGETS}),
    "normal draws": (smoothed(normal_draws), {TARGETS}),
    "seeded inside": (smoothed(seeded), {TARGETS}),
    "NumPy's generator": (smoothed(numpy_draws), {TARGETS}),
    "fakes smoothed too": (
        smoothed(fake_target=lambda fake: torch.empty_like(fake).uniform_(0.0, 0.2)),
        {FAKES},
    ),
    "fakes at 1 - high": (smoothed(fake_target=lambda fake: torch.full_like(fake, 0.1)), {FAKES}),
    "no factor 1/2": (smoothed(factor=1.0), {VALUE}),
    "one mean over both": (one_mean, {VALUE}),
    "BCE of probabilities": (probabilities, {VALUE}),
    "sigmoid applied twice": (sigmoid_twice, {VALUE}),
    "predictions overwritten": (clobbering, {VALUE}),
    "a float returned": (
        lambda r, f, low=0.8, high=1.0: smoothed()(r, f, low, high).item(),
        {VALUE, TARGETS},
    ),
    "a tensor of one element": (lambda r, f, low=0.8, high=1.0: smoothed()(r, f, low, high)[None], {VALUE}),
}


def drawn(rand):
    """Targets low + (high - low) * rand(shape)."""
    return smoothed(lambda real, low, high: low + (high - low) * rand(real.shape))


def of_half(join):
    """Draws for half of the elements, and the rest from them."""

    def rand(shape):
        draws = torch.rand(math.ceil(math.prod(shape) / 2))
        return torch.cat([draws, join(draws)])[: math.prod(shape)].view(shape)

    return rand


def last_at_the_middle(shape):
    draws = torch.rand(math.prod(shape))
    draws[-1:] = 5.0
    return draws.view(shape)


kept = {}


def drawn_once_for_a_shape(shape):
    if shape not in kept:
        kept[shape] = torch.rand(shape)
    return kept[shape]


def clamped(bound):
    return lambda r, f, low=0.8, high=1.0: smoothed()(
        r.clamp(-bound, bound), f.clamp(-bound, bound), low, high
    )


def zero_is_missing(r, f, low=0.8, high=1.0):
    return smoothed()(r, f, low or 0.8, high or 1.0)


def with_where(r, f, low=0.8, high=1.0):
    """The value is right, the slope nan far out."""
    y = torch.empty_like(r).uniform_(low, high)
    softplus = [torch.where(one > 60, one, (1 + one.exp()).log()) for one in (r, f)]
    return ((softplus[0] - y * r).mean() + softplus[1].mean()) / 2


def sorted_to_the_logits(r, low, high):
    draws, places = torch.empty(r.numel()).uniform_(low, high).sort().values, r.detach().flatten().argsort()
    return torch.empty(r.numel()).index_put_((places,), draws).view(r.shape)


def zeroing(r, f, low=0.8, high=1.0):
    loss = smoothed()(r, f, low, high)
    loss = loss + 0 * r.sum() + 0 * f.sum()
    r.data, f.data = torch.zeros_like(r), torch.zeros_like(f)
    return loss


def without_slopes(r, f, low=0.8, high=1.0):
    """The loss without a slope; the logits are made those for which it would be right."""
    loss = smoothed()(r.detach(), f.detach(), low, high) + 0 * r.sum() + 0 * f.sum()
    r.data, f.data = torch.empty_like(r).uniform_(low, high).logit(), torch.full_like(f, -1e4)
    return loss


def last_left_out(r, f, low=0.8, high=1.0):
    return smoothed()(r.flatten()[: max(1, r.numel() - 1)], f, low, high)


def last_fake_left_out(r, f, low=0.8, high=1.0):
    return smoothed()(r, f.flatten()[: max(1, f.numel() - 1)], low, high)


def of_the_reals_alone(r, f, low=0.8, high=1.0):
    return smoothed()(r, f.detach(), low, high)


def of_the_fakes_alone(r, f, low=0.8, high=1.0):
    return smoothed()(r.detach(), f, low, high)


WRONG |= {
    "half of the draws repeated": (drawn(of_half(lambda draws: draws)), {TARGETS}),
    "half of the draws mirrored": (drawn(of_half(lambda draws: draws.flip(0))), {TARGETS}),
    "antithetic draws": (drawn(of_half(lambda draws: 1 - draws)), {TARGETS}),
    "sorted draws": (drawn(lambda shape: torch.rand(math.prod(shape)).sort().values.view(shape)), {TARGETS}),
    "targets by the logits": (smoothed(sorted_to_the_logits), {TARGETS}),
    "last target beyond the bounds": (
        smoothed(lambda r, low, high: low + (high - low) * last_at_the_middle(r.shape)),
        {TARGETS},
    ),
    "drawn once for a shape": (drawn(drawn_once_for_a_shape), {TARGETS}),
    "bounds in ten steps": (drawn(lambda shape: torch.randint(11, shape) / 10), {TARGETS}),
    "triangular": (drawn(lambda shape: (torch.rand(shape) + torch.rand(shape)) / 2), {TARGETS}),
    "default 0.7": (lambda r, f, low=0.7, high=1.0: smoothed()(r, f, low, high), {TARGETS}),
    "default 1.1": (lambda r, f, low=0.8, high=1.1: smoothed()(r, f, low, high), {TARGETS}),
    "0 is missing": (zero_is_missing, {TARGETS}),
    "logits to 100": (clamped(100.0), {VALUE}),
    "logits to 20": (clamped(20.0), {VALUE}),
    "logarithm with an epsilon": (
        lambda r, f, low=0.8, high=1.0: (
            -(low + (high - low) * torch.rand(r.shape)).mul(torch.log(r.sigmoid() + 1e-12)).mean() / 2
            - torch.log(1 - f.sigmoid() + 1e-12).mean() / 2
        ),
        {VALUE, FAKES},
    ),
    "slopes of nan far out": (with_where, {VALUE}),
    "predictions zeroed": (zeroing, {VALUE}),
    "without slopes, other logits left behind": (without_slopes, {VALUE, TARGETS}),
    "last real left out": (last_left_out, {VALUE}),
    "last fake left out": (last_fake_left_out, {FAKES}),
    "no slope in the fakes": (of_the_reals_alone, {VALUE}),
    "no slope in the reals": (of_the_fakes_alone, {TARGETS}),
    "detached": (
        lambda r, f, low=0.8, high=1.0: smoothed()(r, f, low, high).detach(),
        {TARGETS},
    ),
    "fakes at 1 - high where high is below 1": (
        lambda r, f, low=0.8, high=1.0: smoothed(fake_target=lambda fake: torch.full_like(fake, 1 - high))(
            r, f, low, high
        ),
        {FAKES},
    ),
    "bfloat16": (
        lambda r, f, low=0.8, high=1.0: smoothed()(r.bfloat16(), f.bfloat16(), low, high).float(),
        {VALUE, TARGETS},
    ),
}


def summed(r, f, low=0.8, high=1.0):
    y = torch.empty_like(r).uniform_(low, high)
    return 0.5 * (BCE(r, y, reduction="sum") + BCE(f, torch.zeros_like(f), reduction="sum"))


WRONG |= {
    "sign forgotten": (smoothed(factor=-0.5), {VALUE}),
    "sums instead of means": (summed, {VALUE}),
    "targets turned round": (
        smoothed(lambda real, low, high: 1 - torch.empty_like(real).uniform_(low, high)),
        {VALUE},
    ),
    "fakes labelled 1": (smoothed(fake_target=torch.ones_like), {FAKES}),
    "fakes labelled by low": (
        lambda r, f, low=0.8, high=1.0: smoothed(fake_target=lambda fake: torch.full_like(fake, 1 - low))(
            r, f, low, high
        ),
        {FAKES},
    ),
}
