"""wasserstein_1d of order 2, squared: right solutions, and wrong ones with the checks that they lose."""

import functools
import math

import torch
from solutions.ps2_distance import area, checked, cramer


def repeated(x, y):
    """Both in order, with values as often as makes them equally many."""
    count = math.lcm(len(x), len(y))
    return [sample.sort().values.repeat_interleave(count // len(sample)) for sample in (x, y)]


def of_gaps(reduce):
    """A wasserstein_1d of the differences of quantiles."""

    def distance(x, y):
        one, other = repeated(x, y)
        return reduce(one - other)

    return checked(distance)


# ---- right


@checked
def at_levels(x, y):
    """Quantiles in the middle of each piece between two levels."""
    levels = [torch.arange(len(sample) + 1, dtype=torch.float64) / len(sample) for sample in (x, y)]
    levels = torch.cat(levels).sort().values
    middle, width = (levels[1:] + levels[:-1]) / 2, levels.diff().to(x.dtype)
    one, other = (s.sort().values[(middle * len(s)).long().clamp(max=len(s) - 1)] for s in (x, y))
    return torch.dot((one - other).square(), width)


@checked
def around_a_centre(x, y):
    """Multiplied out, near 0 where no digits get lost, with a product of the sorted values."""
    centre = torch.cat([x, y]).detach().double().mean()
    one, other = repeated(x.double() - centre, y.double() - centre)
    return (one.square() - 2 * one * other + other.square()).mean().to(x.dtype)


@checked
def ranked_by_argsort(x, y):
    order = [sample.detach().argsort() for sample in (x, y)]
    count = torch.arange(len(x) * len(y))
    gaps = x[order[0][count // len(y)]] - y[order[1][count // len(x)]]
    return (gaps @ gaps) / len(count)


RIGHT = {
    "squares of gaps": of_gaps(lambda gaps: gaps.pow(2).mean()),
    "at the levels": at_levels,
    "around a centre": around_a_centre,
    "ranked by argsort": ranked_by_argsort,
    "a partial function": functools.partial(of_gaps(lambda gaps: gaps @ gaps / len(gaps))),
}


# ---- wrong


@checked
def cut_to_the_shorter(x, y):
    count = min(len(x), len(y))
    return (x.sort().values[:count] - y.sort().values[:count]).square().mean()


@checked
def interpolated(x, y):
    levels = torch.linspace(0, 1, max(len(x), len(y)), dtype=x.dtype)
    return (torch.quantile(x, levels) - torch.quantile(y, levels)).square().mean()


@checked
def all_pairs(x, y):
    return (x[:, None] - y).square().mean()


@checked
def unsorted(x, y):
    count = math.lcm(len(x), len(y))
    gaps = x.repeat_interleave(count // len(x)) - y.repeat_interleave(count // len(y))
    return gaps.square().mean()


@checked
def gaussians(x, y):
    return (x.mean() - y.mean()).square() + (x.std(correction=0) - y.std(correction=0)).square()


@checked
def sorts_its_input(x, y):
    result = of_gaps(lambda gaps: gaps.square().mean())(x.clone(), y.clone())
    x.data = x.detach().sort().values
    return result


def unchecked(x, y):
    one, other = repeated(x.flatten(), y.flatten())
    return (one - other).square().mean()


EQUAL, UNEQUAL, GRADIENT, GUARDS = (f"distance-{name}" for name in ("equal", "unequal", "gradient", "guards"))
WRONG = {
    "order 1": (checked(area), {EQUAL}),
    "order 1, squared": (checked(lambda x, y: area(x, y).square()), {EQUAL}),
    "square of F - G": (cramer, {EQUAL}),
    "not squared": (of_gaps(lambda gaps: (gaps.square().mean() + 1e-12).sqrt()), {EQUAL}),
    "half": (of_gaps(lambda gaps: gaps.square().mean() / 2), {EQUAL}),
    "a sum": (of_gaps(lambda gaps: gaps.square().sum()), {EQUAL}),
    "cut to the shorter": (cut_to_the_shorter, {UNEQUAL}),
    "interpolated quantiles": (interpolated, {UNEQUAL}),
    "all pairs": (all_pairs, {EQUAL}),
    "in the order given": (unsorted, {EQUAL}),
    "of two Gaussian fits": (gaussians, {EQUAL}),
    "a float": (checked(lambda x, y: RIGHT["squares of gaps"](x, y).item()), {GRADIENT}),
    "gradient of x alone": (checked(lambda x, y: RIGHT["squares of gaps"](x, y.detach())), {GRADIENT}),
    "sorts its input": (sorts_its_input, {GUARDS}),
    "unchecked": (unchecked, {GUARDS}),
}
