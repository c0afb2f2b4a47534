"""wasserstein_1d: unusual right solutions, and wrong ones with the checks that they lose."""

import math

import torch


def checked(compute):
    def distance(x, y):
        if x.ndim != 1 or y.ndim != 1 or not x.numel() or not y.numel():
            raise ValueError("two one-dimensional samples with values")
        return compute(x, y)

    distance.__name__ = compute.__name__
    return distance


def cdf(sample, points):
    return (sample[:, None] <= points).to(points.dtype).mean(0)


# ---- right


@checked
def comparing_all_pairs(x, y):
    points = torch.cat([x, y]).sort().values
    gap = cdf(x, points[:-1]) - cdf(y, points[:-1])
    return torch.dot(gap.abs(), points[1:] - points[:-1])


@checked
def searched(x, y):
    points = torch.unique(torch.cat([x, y]).detach(), sorted=True)
    sorted_x, sorted_y = x.sort().values, y.sort().values
    order = torch.cat([x, y]).sort().values
    f = torch.searchsorted(sorted_x.detach(), order[:-1].detach(), right=True) / len(x)
    g = torch.searchsorted(sorted_y.detach(), order[:-1].detach(), right=True) / len(y)
    return ((f - g).abs() * order.diff()).sum() + 0 * points.sum()


@checked
def quantiles_on_common_steps(x, y):
    count = math.lcm(len(x), len(y))
    ranked = [sample.sort().values.repeat_interleave(count // len(sample)) for sample in (x, y)]
    return (ranked[0] - ranked[1]).abs().mean()


@checked
def northwest_corner(x, y):
    """The optimal plan, from left to right: what is left of one goes to what is left of the other."""
    x, y = x.sort().values, y.sort().values
    i = j = 0
    left_x, left_y, total = len(y), len(x), x.new_zeros(())
    while i < len(x):
        moved = min(left_x, left_y)
        total = total + moved * (x[i] - y[j]).abs()
        left_x, left_y = left_x - moved, left_y - moved
        if not left_x:
            i, left_x = i + 1, len(y)
        if not left_y:
            j, left_y = j + 1, len(x)
    return total / (len(x) * len(y))


@checked
def quantile_function(x, y):
    levels = torch.cat([torch.arange(1, len(s) + 1, dtype=torch.float64) / len(s) for s in (x, y)])
    levels = levels.sort().values
    widths = torch.diff(levels, prepend=levels.new_zeros(1))
    middles = levels - widths / 2
    x_at = x.sort().values[(middles * len(x)).floor().long().clamp(0, len(x) - 1)]
    y_at = y.sort().values[(middles * len(y)).floor().long().clamp(0, len(y) - 1)]
    return (widths * (x_at - y_at).abs().double()).sum()


@checked
def linear_in_the_points(x, y):
    """The derivative as a vector: with F - G between the points, W1 is a sum of points times numbers."""
    with torch.no_grad():
        points, order = torch.cat([x, y]).sort()
        gap = (cdf(x, points) - cdf(y, points)).abs()
        gap[-1] = 0
        before = torch.cat([gap.new_zeros(1), gap[:-1]])
        weights = torch.empty_like(points)
        weights[order] = before - gap
    return (torch.cat([x, y]) * weights).sum()


RIGHT = {
    solution.__name__: solution
    for solution in (
        comparing_all_pairs,
        searched,
        quantiles_on_common_steps,
        northwest_corner,
        quantile_function,
        linear_in_the_points,
    )
}


# ---- wrong


def area(x, y, combine=lambda gap, width: (gap.abs() * width).sum()):
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    return combine(cdf(x.detach(), left) - cdf(y.detach(), left), points.diff())


@checked
def sorted_pairs(x, y):
    return (x.sort().values - y.sort().values).abs().mean()


@checked
def cut_to_the_shorter(x, y):
    count = min(len(x), len(y))
    return (x.sort().values[:count] - y.sort().values[:count]).abs().mean()


@checked
def interpolated_quantiles(x, y):
    levels = torch.linspace(0, 1, 201, dtype=x.dtype)
    return (torch.quantile(x, levels) - torch.quantile(y, levels)).abs().mean()


@checked
def unsorted_pairs(x, y):
    return (x - y).abs().mean()


@checked
def difference_of_means(x, y):
    return (x.mean() - y.mean()).abs()


@checked
def second_order(x, y):
    count = math.lcm(len(x), len(y))
    ranked = [sample.sort().values.repeat_interleave(count // len(sample)) for sample in (x, y)]
    return (ranked[0] - ranked[1]).square().mean().sqrt()


@checked
def mean_over_all_pairs(x, y):
    return (x[:, None] - y).abs().mean()


@checked
def kolmogorov(x, y):
    return area(x, y, combine=lambda gap, width: gap.abs().max() + 0 * width.sum())


@checked
def signed_area(x, y):
    return area(x, y, combine=lambda gap, width: (gap * width).sum())


@checked
def cramer(x, y):
    return area(x, y, combine=lambda gap, width: (gap.square() * width).sum())


@checked
def counts_for_frequencies(x, y):
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    counts = [(sample.detach()[:, None] <= left).sum(0) for sample in (x, y)]
    return ((counts[0] - counts[1]).abs() * points.diff()).sum() / len(x)


@checked
def ties_lost(x, y):
    return area(torch.unique(x), torch.unique(y))


@checked
def no_gradient(x, y):
    return area(x.detach(), y.detach())


@checked
def gradient_of_x_only(x, y):
    return area(x, y.detach())


@checked
def slope_of_the_means(x, y):
    """The right value, the gradient of another function."""
    other = (x.mean() - y.mean()).abs()
    return other + (area(x, y) - other).detach()


@checked
def a_float(x, y):
    return area(x, y).item()


@checked
def one_element(x, y):
    return area(x, y).view(1)


@checked
def sorts_its_input(x, y):
    if not x.requires_grad:
        x[:] = x.sort().values
    return area(x, y)


@checked
def on_a_grid(x, y):
    points = torch.linspace(min(x.min(), y.min()).item(), max(x.max(), y.max()).item(), 500)
    gap = torch.sigmoid(50 * (points - x[:, None])).mean(0) - torch.sigmoid(50 * (points - y[:, None])).mean(
        0
    )
    return torch.trapezoid(gap.abs(), points)


def unchecked(x, y):
    return area(x, y)


def asserting(x, y):
    assert x.dim() == y.dim() == 1 and len(x) and len(y), "two one-dimensional samples with values"
    return area(x, y)


def flattening(x, y):
    if not x.numel() or not y.numel():
        raise ValueError("empty")
    return area(x.flatten(), y.flatten())


def empty_is_zero(x, y):
    if x.dim() != 1 or y.dim() != 1:
        raise ValueError("not one-dimensional")
    if not len(x) or not len(y):
        return torch.zeros(())
    return area(x, y)


def checks_x_only(x, y):
    if x.dim() != 1 or not len(x):
        raise ValueError("x")
    return area(x, y)


EQUAL, UNEQUAL, GRADIENT, GUARDS = (
    "distance-equal",
    "distance-unequal",
    "distance-gradient",
    "distance-guards",
)
VALUES = {EQUAL, UNEQUAL}
WRONG = {
    "sorted_pairs": (sorted_pairs, {UNEQUAL, GRADIENT, GUARDS}),
    "cut_to_the_shorter": (cut_to_the_shorter, {UNEQUAL, GRADIENT}),
    "interpolated_quantiles": (interpolated_quantiles, VALUES | {GRADIENT}),
    "unsorted_pairs": (unsorted_pairs, VALUES | {GRADIENT, GUARDS}),
    "difference_of_means": (difference_of_means, VALUES | {GRADIENT}),
    "second_order": (second_order, VALUES | {GRADIENT}),
    "mean_over_all_pairs": (mean_over_all_pairs, VALUES | {GRADIENT}),
    "kolmogorov": (kolmogorov, VALUES | {GRADIENT}),
    "signed_area": (signed_area, VALUES | {GRADIENT}),
    "cramer": (cramer, VALUES | {GRADIENT}),
    "counts_for_frequencies": (counts_for_frequencies, {UNEQUAL, GRADIENT}),
    "ties_lost": (ties_lost, {UNEQUAL, GRADIENT}),
    "no_gradient": (no_gradient, {GRADIENT}),
    "gradient_of_x_only": (gradient_of_x_only, {GRADIENT}),
    "slope_of_the_means": (slope_of_the_means, {GRADIENT}),
    "a_float": (a_float, VALUES | {GRADIENT}),
    "one_element": (one_element, VALUES),
    "sorts_its_input": (sorts_its_input, {GUARDS}),
    "on_a_grid": (on_a_grid, VALUES | {GRADIENT}),
    "unchecked": (unchecked, {GUARDS}),
    "asserting": (asserting, {GUARDS}),
    "flattening": (flattening, {GUARDS}),
    "empty_is_zero": (empty_is_zero, {GUARDS}),
    "checks_x_only": (checks_x_only, {GUARDS}),
}
