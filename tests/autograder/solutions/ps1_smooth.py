"""d_loss_smoothed: unusual right solutions, and wrong ones with the checks that they lose."""

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
            lambda r, low, high: (low + (high - low) * torch.rand(len(r), *[1] * (r.dim() - 1))).expand_as(r)
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
        {VALUE, FAKES},
    ),
    "fakes at 1 - high": (smoothed(fake_target=lambda fake: torch.full_like(fake, 0.1)), {VALUE, FAKES}),
    "no factor 1/2": (smoothed(factor=1.0), {VALUE, TARGETS, FAKES}),
    "one mean over both": (one_mean, {VALUE, TARGETS, FAKES}),
    "BCE of probabilities": (probabilities, {VALUE}),
    "sigmoid applied twice": (sigmoid_twice, {VALUE, TARGETS, FAKES}),
    "predictions overwritten": (clobbering, {VALUE, FAKES}),
    "a float returned": (
        lambda r, f, low=0.8, high=1.0: smoothed()(r, f, low, high).item(),
        {VALUE, TARGETS, FAKES},
    ),
    "a tensor of one element": (lambda r, f, low=0.8, high=1.0: smoothed()(r, f, low, high)[None], {VALUE}),
}
