"""wasserstein_1d: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
import math

import numpy as np
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


@checked
def by_counting_in_numpy(x, y):
    """The sign of F - G between neighbours comes from NumPy, the points from the graph."""
    both = torch.cat([x, y])
    values = both.detach().numpy()
    order = np.argsort(values, kind="stable")
    steps = np.where(order < len(x), 1 / len(x), -1 / len(y))
    gaps = torch.from_numpy(np.abs(np.cumsum(steps))[:-1]).to(both)
    return both[torch.from_numpy(order)].diff() @ gaps


@checked
def of_copies_sorted_in_place(x, y):
    ranked = []
    for sample in (x, y):
        own = sample.clone()
        own[:] = own[own.argsort()]
        ranked.append(own)
    levels = torch.cat([torch.arange(1, len(s), dtype=torch.float64) / len(s) for s in ranked]).sort().values
    levels = torch.cat([levels.new_zeros(1), levels, levels.new_ones(1)])
    middles, widths = (levels[1:] + levels[:-1]) / 2, levels.diff()
    gap = ranked[0][(middles * len(x)).long()] - ranked[1][(middles * len(y)).long()]
    return (gap.double().abs() * widths).sum().to(x.dtype)


class Distance:
    """A callable that is no function."""

    def __call__(self, x, y):
        return comparing_all_pairs(x.double(), y.double())


RIGHT = {
    solution.__name__: solution
    for solution in (
        comparing_all_pairs,
        searched,
        quantiles_on_common_steps,
        northwest_corner,
        quantile_function,
        linear_in_the_points,
        by_counting_in_numpy,
        of_copies_sorted_in_place,
    )
} | {"a callable object": Distance(), "a partial function": functools.partial(comparing_all_pairs)}


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


@checked
def in_single_precision(x, y):
    return area(x.float(), y.float())


@checked
def first_thousand(x, y):
    return area(x[:1000], y[:1000])


@checked
def sorts_what_needs_a_gradient(x, y):
    value = area(x, y)
    if x.requires_grad:
        x.data = x.data.sort().values
    return value


@checked
def sorts_the_second_in_place(x, y):
    if not y.requires_grad:
        y.copy_(y.sort().values)
    return area(x, y)


@checked
def leaves_a_gradient(x, y):
    value = area(x, y)
    if x.requires_grad and x.is_leaf:
        value.backward(retain_graph=True)
    return value


@checked
def asks_for_a_gradient(x, y):
    return area(x, y.requires_grad_() if y.is_leaf else y)


@checked
def gradient_for_equal_sizes_only(x, y):
    value = area(x, y)
    return value if len(x) == len(y) else value.detach() + 0 * x.sum() + 0 * y.sum()


@checked
def gradient_of_y_lost_with_x(x, y):
    return area(x, y.detach() if x.requires_grad else y)


@checked
def largest_value_dropped(x, y):
    points = torch.cat([x, y]).sort().values[:-1]
    left = points[:-1].detach()
    return ((cdf(x.detach(), left) - cdf(y.detach(), left)).abs() * points.diff()).sum()


@checked
def strictly_below(x, y):
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    gap = (x.detach()[:, None] < left).to(x).mean(0) - (y.detach()[:, None] < left).to(x).mean(0)
    return (gap.abs() * points.diff()).sum()


@checked
def absolute_values(x, y):
    return area(x.abs(), y.abs())


@checked
def infinite_where_far(x, y):
    return area(x.clamp(-25, 25), y.clamp(-25, 25))


def refuses_zeros(x, y):
    if x.dim() != 1 or y.dim() != 1 or not x.any() or not y.any():
        raise ValueError("empty")
    return area(x, y)


def refuses_single_values(x, y):
    if x.dim() != 1 or y.dim() != 1 or len(x) < 2 or len(y) < 2:
        raise ValueError("too few")
    return area(x, y)


def squeezing(x, y):
    x, y = x.squeeze(), y.squeeze()
    if x.dim() > 1 or y.dim() > 1 or not x.numel() or not y.numel():
        raise ValueError("not one-dimensional")
    return area(x.view(-1), y.view(-1))


def columns_accepted(x, y):
    x, y = (
        sample.T[0] if sample.dim() == 2 and sample.shape[1] == 1 and len(sample) else sample
        for sample in (x, y)
    )
    return checked(area)(x, y)


def type_error(x, y):
    if x.dim() != 1 or y.dim() != 1 or not len(x) or not len(y):
        raise TypeError("one-dimensional samples")
    return area(x, y)


@checked
def gradients_left_off(x, y):
    value = area(x, y)
    torch.set_grad_enabled(False)
    return value


def spoils_its_arguments(x, y):
    x.data, y.data = torch.full_like(x, torch.nan), torch.full_like(y, torch.nan)
    return x.sum() + y.sum()


def empties_its_arguments(x, y):
    x.data, y.data = torch.empty(0), torch.empty(0)
    return x.sum() + y.sum()


EQUAL, UNEQUAL, GRADIENT, GUARDS = (
    "distance-equal",
    "distance-unequal",
    "distance-gradient",
    "distance-guards",
)
VALUES = {EQUAL, UNEQUAL}
WRONG = {
    "sorted_pairs": (sorted_pairs, {UNEQUAL}),
    "cut_to_the_shorter": (cut_to_the_shorter, {UNEQUAL}),
    "interpolated_quantiles": (interpolated_quantiles, {EQUAL, UNEQUAL}),
    "unsorted_pairs": (unsorted_pairs, {EQUAL, UNEQUAL}),
    "difference_of_means": (difference_of_means, {EQUAL}),
    "second_order": (second_order, {EQUAL}),
    "mean_over_all_pairs": (mean_over_all_pairs, {EQUAL}),
    "kolmogorov": (kolmogorov, {EQUAL, UNEQUAL}),
    "signed_area": (signed_area, {EQUAL}),
    "cramer": (cramer, {EQUAL}),
    "counts_for_frequencies": (counts_for_frequencies, {UNEQUAL}),
    "ties_lost": (ties_lost, {UNEQUAL, GRADIENT}),
    "no_gradient": (no_gradient, {GRADIENT}),
    "gradient_of_x_only": (gradient_of_x_only, {GRADIENT}),
    "slope_of_the_means": (slope_of_the_means, {GRADIENT}),
    "a_float": (a_float, {GRADIENT}),
    "one_element": (one_element, {GRADIENT}),
    "sorts_its_input": (sorts_its_input, {GUARDS}),
    "on_a_grid": (on_a_grid, {EQUAL, GRADIENT}),
    "unchecked": (unchecked, {GUARDS}),
    "asserting": (asserting, {GUARDS}),
    "flattening": (flattening, {GUARDS}),
    "empty_is_zero": (empty_is_zero, {GUARDS}),
    "checks_x_only": (checks_x_only, {GUARDS}),
    "in_single_precision": (in_single_precision, {EQUAL, UNEQUAL}),
    "first_thousand": (first_thousand, VALUES),
    "sorts_what_needs_a_gradient": (sorts_what_needs_a_gradient, {GUARDS}),
    "sorts_the_second_in_place": (sorts_the_second_in_place, {GUARDS}),
    "leaves_a_gradient": (leaves_a_gradient, {GUARDS}),
    "asks_for_a_gradient": (asks_for_a_gradient, {GUARDS}),
    "gradient_for_equal_sizes_only": (gradient_for_equal_sizes_only, {GRADIENT}),
    "gradient_of_y_lost_with_x": (gradient_of_y_lost_with_x, {GRADIENT}),
    "largest_value_dropped": (largest_value_dropped, {EQUAL, UNEQUAL}),
    "strictly_below": (strictly_below, {EQUAL, UNEQUAL}),
    "absolute_values": (absolute_values, {EQUAL, GRADIENT}),
    "infinite_where_far": (infinite_where_far, VALUES),
    "refuses_zeros": (refuses_zeros, {GUARDS}),
    "refuses_single_values": (refuses_single_values, {GUARDS}),
    "squeezing": (squeezing, {GUARDS}),
    "columns_accepted": (columns_accepted, {GUARDS}),
    "type_error": (type_error, {GUARDS}),
    "gradients_left_off": (gradients_left_off, {GUARDS}),
    "spoils_its_arguments": (spoils_its_arguments, VALUES | {GRADIENT, GUARDS}),
    "empties_its_arguments": (empties_its_arguments, VALUES | {GRADIENT, GUARDS}),
}


@checked
def twice_the_area(x, y):
    return 2 * area(x, y)


@checked
def negative(x, y):
    return -area(x, y)


@checked
def swapped_gradient(x, y):
    """The right value; the gradient has the other sign."""
    value = area(x, y)
    return 2 * value.detach() - value


@checked
def sum_over_pairs(x, y):
    count = math.lcm(len(x), len(y))
    ranked = [sample.sort().values.repeat_interleave(count // len(sample)) for sample in (x, y)]
    return (ranked[0] - ranked[1]).abs().sum()


WRONG |= {
    "twice_the_area": (twice_the_area, {EQUAL}),
    "negative": (negative, {EQUAL}),
    "swapped_gradient": (swapped_gradient, {GRADIENT}),
    "sum_over_pairs": (sum_over_pairs, {EQUAL}),
}
