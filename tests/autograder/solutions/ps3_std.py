"""minibatch_std: unusual right solutions, and wrong ones with the checks that they lose."""

import functools

import torch
import torch.nn.functional as F


def appending(spread, join=None):
    """A minibatch_std that appends spread(x, eps), which broadcasts to (B, 1, H, W)."""
    join = join or (lambda x, channel: torch.cat([x, channel], dim=1))

    def minibatch_std(x, eps=1e-8):
        return join(x, spread(x, eps).expand(len(x), 1, *x.shape[2:]))

    return minibatch_std


def of_variances(x, eps):
    return (x.var(0, correction=0) + eps).sqrt().mean()


# ---- right


def padded(x, eps=1e-8):
    out = F.pad(x, (0, 0, 0, 0, 0, 1))
    centred = x - x.mean(dim=0, keepdim=True)
    out[:, -1] = centred.pow(2).mean(dim=0).add(eps).pow(0.5).mean()
    return out


def over_all_pairs(x, eps):
    """The variance is half the mean squared difference of all pairs."""
    return ((x[:, None] - x[None]).square().mean((0, 1)) / 2 + eps).sqrt().mean()


def in_double_precision(x, eps):
    x = x.double()
    return torch.sqrt(((x - x.mean(0)) ** 2).sum(0) / len(x) + eps).mean().float()


def welford(x, eps):
    mean, total = torch.zeros_like(x[0]), torch.zeros_like(x[0])
    for count, sample in enumerate(x, 1):
        gap = sample - mean
        mean = mean + gap / count
        total = total + gap * (sample - mean)
    return torch.sqrt(total / len(x) + eps).sum() / x[0].numel()


def as_a_length(x, eps):
    """sqrt(mean of squares + eps) is the length of one vector more."""
    gaps = torch.cat([(x - x.mean(0)) / len(x) ** 0.5, torch.full_like(x[:1], eps**0.5)])
    return gaps.flatten(1).norm(dim=0).mean()


def filled(x, eps=1e-8):
    out = x.new_empty(len(x), x.shape[1] + 1, *x.shape[2:])
    out[:, :-1] = x
    out[:, -1:] = of_variances(x, eps)
    return out


RIGHT = {
    "padded": padded,
    "over all pairs": appending(over_all_pairs),
    "in double precision": appending(in_double_precision),
    "Welford's recursion": appending(welford),
    "as a length": appending(as_a_length),
    "filled in": filled,
}


class Layer(torch.nn.Module):
    def forward(self, x, eps=1e-8):
        return torch.cat([x, self.number(x, eps).expand(len(x), 1, *x.shape[2:])], dim=1)

    @staticmethod
    def number(x, eps):
        gaps = (sample - x.mean(0) for sample in x)
        return (sum(gap**2 for gap in gaps) / len(x) + eps).sqrt().mean()


def by_vmap(x, eps):
    spread = torch.func.vmap(lambda feature: (feature.var(correction=0) + eps).sqrt(), in_dims=1)
    return spread(x.flatten(1)).mean()


def by_einsum(x, eps):
    gaps = (x - x.mean(0)).flatten(1)
    return (torch.einsum("bi,bi->i", gaps, gaps) / len(x) + eps).sqrt().mean()


RIGHT |= {
    "a module": Layer(),
    "vmap": appending(by_vmap),
    "einsum": appending(by_einsum),
    "a partial": functools.partial(lambda layer, x, eps=1e-8: layer(x, eps), appending(of_variances)),
}


# ---- wrong


def grouped(x, eps):
    if len(x) % 4:
        return of_variances(x, eps)
    groups = x.view(4, -1, *x.shape[1:])
    spread = (groups.var(0, correction=0) + eps).sqrt().mean((1, 2, 3))
    return spread.repeat(4).view(-1, 1, 1, 1)


def normalising(x, eps=1e-8):
    out = appending(of_variances)(x, eps)
    out[:, :-1] = (x - x.mean(0)) / (x.var(0, correction=0) + eps).sqrt()
    return out


def in_place(x, eps=1e-8):
    out = appending(of_variances)(x, eps)
    with torch.no_grad():
        x -= x.mean(0)
    return out


def fixed_eps(x, eps=1e-8):
    return appending(of_variances)(x, 1e-8)


def one_place(x, eps=1e-8):
    return torch.cat([x, of_variances(x, eps).expand(len(x), 1, 1, 1)], dim=1)


def zero_where_equal(x, eps):
    if len(x) == 1:
        return torch.zeros(())
    return of_variances(x, eps)


VALUE, COPY, EQUAL, GRADIENT = "std-value", "std-copy", "std-equal", "std-gradient"
ALL = {VALUE, COPY, EQUAL, GRADIENT}
WRONG = {
    "unbiased": (appending(lambda x, eps: (x.var(0) + eps).sqrt().mean()), {VALUE}),
    "no eps": (appending(lambda x, eps: x.var(0, correction=0).sqrt().mean()), {VALUE, EQUAL}),
    "eps outside of the root": (
        appending(lambda x, eps: (x.std(0, correction=0) + eps).mean()),
        {VALUE},
    ),
    "eps as a floor": (
        appending(lambda x, eps: x.var(0, correction=0).clamp(min=eps).sqrt().mean()),
        {VALUE},
    ),
    "fixed eps": (fixed_eps, {VALUE}),
    "root of the mean variance": (
        appending(lambda x, eps: (x.var(0, correction=0).mean() + eps).sqrt()),
        {VALUE},
    ),
    "mean variance": (
        appending(lambda x, eps: (x.var(0, correction=0) + eps).mean()),
        {VALUE},
    ),
    "over everything": (
        appending(lambda x, eps: (x.var(correction=0) + eps).sqrt()),
        {VALUE, EQUAL},
    ),
    "within each sample": (
        appending(lambda x, eps: (x.var((1, 2, 3), correction=0) + eps).sqrt().view(-1, 1, 1, 1)),
        {VALUE, EQUAL},
    ),
    "a map of places": (
        appending(lambda x, eps: (x.var(0, correction=0) + eps).sqrt().mean(0, keepdim=True)),
        {VALUE},
    ),
    "over batch and places": (
        appending(lambda x, eps: (x.var((0, 2, 3), correction=0) + eps).sqrt().mean()),
        {VALUE, EQUAL},
    ),
    "groups of four": (appending(grouped), {VALUE}),
    "mean of squares less square of mean": (
        appending(lambda x, eps: (x.square().mean(0) - x.mean(0).square() + eps).sqrt().mean()),
        {EQUAL, GRADIENT},
    ),
    "sum, not mean": (
        appending(lambda x, eps: (x.var(0, correction=0) + eps).sqrt().sum()),
        {VALUE},
    ),
    "mean absolute deviation": (
        appending(lambda x, eps: (x - x.mean(0)).abs().mean() + eps**0.5),
        {VALUE},
    ),
    "number detached": (appending(lambda x, eps: of_variances(x, eps).detach()), {GRADIENT}),
    "number by item()": (
        appending(lambda x, eps: torch.tensor(of_variances(x, eps).item())),
        {GRADIENT},
    ),
    "copy detached": (
        appending(of_variances, join=lambda x, channel: torch.cat([x.detach(), channel], dim=1)),
        {GRADIENT},
    ),
    "in front": (
        appending(of_variances, join=lambda x, channel: torch.cat([channel, x], dim=1)),
        {COPY},
    ),
    "the channel alone": (appending(of_variances, join=lambda x, channel: channel), ALL),
    "added to x": (appending(of_variances, join=lambda x, channel: x + channel), ALL),
    "one channel for each": (
        appending(of_variances, join=lambda x, channel: torch.cat([x, channel.expand_as(x)], dim=1)),
        ALL,
    ),
    "x normalised": (normalising, {COPY, GRADIENT}),
    "x changed in place": (in_place, {COPY, EQUAL, GRADIENT}),
    "one place": (one_place, ALL),
    "zero for a single sample": (appending(zero_where_equal), {EQUAL}),
}


def groups_of(size):
    def spread(x, eps):
        return of_variances(x[:size], eps)

    return spread


def then(change):
    def minibatch_std(x, eps=1e-8):
        out = appending(of_variances)(x, eps)
        change(x)
        return out

    return minibatch_std


def without_slope(x, eps=1e-8):
    """The number without a slope, and x made such that it would have none."""
    out = appending(lambda x, eps: of_variances(x, eps).detach())(x.clone(), eps)
    x.data = torch.zeros_like(x)
    return out


def last_sample_zero(x, channel):
    channel = torch.cat([channel[:-1], torch.zeros_like(channel[-1:])]) if len(x) > 8 else channel
    return torch.cat([x, channel], dim=1)


def copied_in_bfloat16(x, channel):
    return torch.cat([x.bfloat16().float(), channel], dim=1)


WRONG |= {
    "the first 16 samples": (appending(groups_of(16)), {VALUE}),
    "the first 4 samples": (appending(groups_of(4)), {VALUE}),
    "x zeroed": (then(lambda x: x.detach().zero_()), ALL),
    "number detached, x zeroed": (without_slope, ALL - {EQUAL}),
    "x needs a gradient": (then(lambda x: x.requires_grad_()), {COPY}),
    "gradients cleared": (then(lambda x: setattr(x, "grad", None)), {COPY}),
    "zero for the last of many": (appending(of_variances, join=last_sample_zero), {VALUE}),
    "bfloat16 copy": (appending(of_variances, join=copied_in_bfloat16), {COPY, GRADIENT}),
    "default 1e-4": (lambda x, eps=1e-4: appending(of_variances)(x, eps), {VALUE}),
    "float64": (lambda x, eps=1e-8: appending(of_variances)(x, eps).double(), {COPY}),
}
