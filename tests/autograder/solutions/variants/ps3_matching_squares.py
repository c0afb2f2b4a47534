"""generator_loss with squared differences: right solutions, and wrong ones with the checks that they lose."""

import torch
import torch.nn.functional as F
from solutions.ps3_matching import bce, losing


def squares(fake, real):
    return (fake.mean(0) - real.mean(0)).square().mean()


# ---- right


def one_forward_for_both(netD, x, fake, lam=10.0):
    logits, features = netD(torch.cat([x.detach(), fake]))
    real, made = features.split([len(x), len(fake)])
    fm = F.mse_loss(made.mean(0), real.detach().mean(0))
    adv = F.binary_cross_entropy_with_logits(logits[len(x) :], torch.ones(len(fake), 1))
    return adv + lam * fm, adv, fm


def as_a_length(fake, real):
    gap = (fake.mean(0) - real.mean(0)).flatten()
    return gap @ gap / len(gap)


def multiplied_out(fake, real):
    made, goal = fake.flatten(1).double().mean(0), real.flatten(1).double().mean(0)
    return (made.square() - 2 * made * goal + goal.square()).mean().float()


def sample_by_sample(netD, x, fake, lam=10.0):
    made = [netD(sample[None]) for sample in fake]
    real = [netD(sample[None])[1].detach() for sample in x]
    gap = sum(features for _, features in made) / len(made) - sum(real) / len(real)
    adv, fm = torch.stack([bce(logits) for logits, _ in made]).mean(), gap.pow(2).mean()
    return adv + lam * fm, adv, fm


RIGHT = {
    "one forward for both": one_forward_for_both,
    "as a length": losing(distance=as_a_length),
    "multiplied out": losing(distance=multiplied_out),
    "sample by sample": sample_by_sample,
    "logged values detached": losing(
        distance=squares, combine=lambda adv, fm, lam: [adv + lam * fm, adv.detach(), fm.detach()]
    ),
}


# ---- wrong


def pairs(fake, real):
    return (fake - real).square().mean()


def cleared(netD, x, fake, lam=10.0):
    result = losing(distance=squares)(netD, x, fake, lam)
    netD.zero_grad()
    return result


ADV, FM, TOTAL, GRADIENT, REAL, REST = (
    f"matching-{name}" for name in ("adv", "fm", "total", "gradient", "real", "rest")
)
WRONG = {
    "absolute differences": (losing(), {FM}),
    "a sum over the entries": (
        losing(distance=lambda fake, real: (fake.mean(0) - real.mean(0)).square().sum()),
        {FM},
    ),
    "the length of the difference": (
        losing(distance=lambda fake, real: (fake.mean(0) - real.mean(0)).flatten().norm()),
        {FM, GRADIENT},
    ),
    "half": (losing(distance=lambda fake, real: squares(fake, real) / 2), {FM}),
    "squared after the mean": (
        losing(distance=lambda fake, real: (fake.mean(0) - real.mean(0)).abs().mean().square()),
        {FM},
    ),
    "differences of squares": (
        losing(distance=lambda fake, real: (fake.square().mean(0) - real.square().mean(0)).abs().mean()),
        {FM},
    ),
    "one mean for all": (losing(distance=lambda fake, real: (fake.mean() - real.mean()).square()), {FM}),
    "pairs": (losing(distance=pairs), {FM}),
    "minimax": (losing(adv=lambda logits: -F.softplus(logits).mean(), distance=squares), {ADV}),
    "lam left out": (
        losing(distance=squares, combine=lambda adv, fm, lam: (adv + fm, adv, fm)),
        {TOTAL},
    ),
    "fm detached in the total": (
        losing(distance=squares, combine=lambda adv, fm, lam: (adv + lam * fm.detach(), adv, fm)),
        {GRADIENT},
    ),
    "reals with a gradient": (losing(distance=squares, goal=lambda netD, x: netD(x)[1]), {REAL}),
    "gradients cleared": (cleared, {REST}),
}
