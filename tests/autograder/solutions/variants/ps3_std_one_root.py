"""minibatch_std with one root of the mean variance: right solutions, and wrong ones with what they lose."""

import torch
import torch.nn.functional as F
from solutions.ps3_std import appending


def gaps(x):
    return x - x.mean(0)


def one_root(x, eps):
    return (gaps(x).square().mean() + eps).sqrt()


# ---- right


def padded(x, eps=1e-8):
    out = F.pad(x, (0, 0, 0, 0, 0, 1))
    out[:, -1] = (x - x.mean(dim=0, keepdim=True)).pow(2).mean().add(eps).pow(0.5)
    return out


def as_a_length(x, eps):
    """sqrt(mean of squares + eps) is the length of one vector more."""
    return torch.cat([gaps(x).flatten() / x.numel() ** 0.5, x.new_full((1,), eps**0.5)]).norm()


def sample_by_sample(x, eps):
    total = 0.0
    for sample in x.double():
        total = total + (sample - x.double().mean(0)).square().sum()
    return torch.sqrt(total / x.numel() + eps).float()


RIGHT = {
    "padded": padded,
    "as a length": appending(as_a_length),
    "sample by sample": appending(sample_by_sample),
    "over all pairs": appending(
        lambda x, eps: ((x[:, None] - x[None]).square().mean() / 2 + eps).sqrt(),
    ),
    "mean of the batch's variances": appending(
        lambda x, eps: torch.sqrt(x.var(0, unbiased=False).mean((0, 1, 2)) + eps)
    ),
}


# ---- wrong


def detached(x, eps):
    return one_root(x, eps).detach()


def in_place(x, eps=1e-8):
    out = appending(one_root)(x, eps)
    with torch.no_grad():
        x -= x.mean(0)
    return out


VALUE, COPY, EQUAL, GRADIENT = "std-value", "std-copy", "std-equal", "std-gradient"
WRONG = {
    "mean of the roots": (appending(lambda x, eps: (x.var(0, correction=0) + eps).sqrt().mean()), {VALUE}),
    "a root for each channel": (
        appending(lambda x, eps: (gaps(x).square().mean((0, 2, 3)) + eps).sqrt().mean()),
        {VALUE},
    ),
    "unbiased": (appending(lambda x, eps: (x.var(0).mean() + eps).sqrt()), {VALUE}),
    "no root": (appending(lambda x, eps: gaps(x).square().mean() + eps), {VALUE}),
    "no eps": (appending(lambda x, eps: gaps(x).square().mean().sqrt()), {VALUE, EQUAL}),
    "eps outside of the root": (
        appending(lambda x, eps: (gaps(x).square().mean() + 1e-30).sqrt() + eps),
        {VALUE},
    ),
    "over everything": (appending(lambda x, eps: (x.var(correction=0) + eps).sqrt()), {VALUE, EQUAL}),
    "sum, not mean": (appending(lambda x, eps: (gaps(x).square().sum() + eps).sqrt()), {VALUE}),
    "the first 4 samples": (appending(lambda x, eps: one_root(x[:4], eps)), {VALUE}),
    "number detached": (appending(detached), {GRADIENT}),
    "in front": (appending(one_root, join=lambda x, channel: torch.cat([channel, x], dim=1)), {COPY}),
    "x changed in place": (in_place, {COPY}),
    "the channel alone": (
        appending(one_root, join=lambda x, channel: channel),
        {VALUE, COPY, EQUAL, GRADIENT},
    ),
}
