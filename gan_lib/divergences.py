r"""Exact divergences between distributions that can be written down: on a grid, or as samples of the line.

A density on a uniform grid is a tensor whose last dimension runs over the grid points, with
``p.sum(-1) * dx == 1``; a discrete distribution is the same with ``dx = 1``. Everything is in nats and
differentiable with respect to the values.
"""

import math

import torch

#: how far the total mass of a density may be from one: the error of a coarse grid, not of a wrong input
MASS_TOLERANCE = 1e-3


def _check_densities(p, q, dx):
    if p.shape != q.shape:
        raise ValueError(f"p {tuple(p.shape)} and q {tuple(q.shape)} must have the same shape")
    for name, density in (("p", p), ("q", q)):
        if not (density >= 0).all():
            raise ValueError(
                f"{name} must be nonnegative everywhere, its smallest value is {density.min().item():g}"
            )
        mass = density.sum(-1) * dx
        if not ((mass - 1).abs() <= MASS_TOLERANCE).all():
            worst = mass.flatten()[(mass - 1).abs().flatten().argmax()].item()
            raise ValueError(f"{name} must have total mass 1 (sum * dx), got {worst:g} with dx = {dx:g}")


def optimal_discriminator(p, q):
    r"""The best answer to a fixed generator, :math:`D^*(x) = p(x) / (p(x) + q(x))`.

    Args:
        p, q: (..., n) densities of the data and of the generator at the same points.

    Returns: (..., n) probabilities of "real"; 1/2 where both densities are zero: no sample ever asks there.
    Raises: ValueError if the shapes differ.
    Source: Goodfellow et al. (2014), Proposition 1.
    """
    if p.shape != q.shape:
        raise ValueError(f"p {tuple(p.shape)} and q {tuple(q.shape)} must have the same shape")
    total = p + q
    outside = total == 0
    return torch.where(outside, 0.5, p / torch.where(outside, 1.0, total))


def minimax_value(discriminator, p, q, dx=1.0):
    r"""The value of the game, :math:`V(D, G) = \int p \log D + q \log(1 - D)`.

    Args:
        discriminator: (..., n) probabilities of "real" in [0, 1] at the grid points.
        p, q: (..., n) densities of the data and of the generator.
        dx: spacing of the grid.

    Returns: (...) values in nats, at most 0; ``-inf`` if D is exactly 0 where p occurs or 1 where q does,
        to which rounding leads where one density is 1e16 times the other: keep the grid out of such tails.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Goodfellow et al. (2014), equation 1.
    """
    _check_densities(p, q, dx)
    return (torch.xlogy(p, discriminator) + torch.special.xlog1py(q, -discriminator)).sum(-1) * dx


def kl_divergence(p, q, dx=1.0):
    r"""Kullback–Leibler divergence :math:`\int p \log (p / q)`, with :math:`0 \log 0 = 0`.

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) nats in [0, inf]; ``inf`` where p has mass that q lacks.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    """
    _check_densities(p, q, dx)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1) * dx


def js_divergence(p, q, dx=1.0):
    r"""Jensen–Shannon divergence.

    .. math:: JS(p, q) = \tfrac12 KL(p \,\|\, m) + \tfrac12 KL(q \,\|\, m), \quad m = \tfrac12 (p + q)

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) nats in [0, log 2]; log 2 exactly when the supports are disjoint.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Lin (1991), equation 4.1 with equal weights.
    """
    _check_densities(p, q, dx)
    total = p + q  # not halved: half of the smallest number is zero, and the divergence would be infinite
    excess = torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p, total) - torch.xlogy(q, total)
    return (excess + math.log(2) * total).sum(-1) * dx / 2


def total_variation(p, q, dx=1.0):
    r"""Total variation :math:`\tfrac12 \int |p - q|`: the largest difference in the probability of an event.

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) values in [0, 1].
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    """
    _check_densities(p, q, dx)
    return (p - q).abs().sum(-1) * dx / 2


def wasserstein_1d_grid(p, q, dx=1.0):
    r"""1-Wasserstein distance of two densities on the line.

    .. math:: W_1(p, q) = \int |F(x) - G(x)| \, dx, \quad F, G \text{ the distribution functions}

    Args:
        p, q: (..., n) densities on the same uniform grid; dx: its spacing, in the units of the line.

    Returns: (...) distances in the units of the line.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Villani (2003), *Topics in Optimal Transportation*, Theorem 2.18 and remark (iii) after it.
    """
    _check_densities(p, q, dx)
    return ((p - q).cumsum(-1) * dx).abs().sum(-1) * dx


def wasserstein_1d(x, y):
    r"""1-Wasserstein distance of two samples of the line: the area between their distribution functions.

    Args:
        x: (n,) and y: (m,) samples; n and m may differ.

    Returns: scalar tensor in the units of the samples, differentiable with respect to both.
    Raises: ValueError if a sample is empty or not one-dimensional.
    Source: as :func:`wasserstein_1d_grid`; the integral is a finite sum between neighbouring sample points.
    """
    for name, sample in (("x", x), ("y", y)):
        if sample.dim() != 1 or len(sample) == 0:
            raise ValueError(
                f"{name} must be a nonempty one-dimensional sample, got shape {tuple(sample.shape)}"
            )
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    cdf_x, cdf_y = (
        torch.searchsorted(sample.detach().sort().values, left, right=True).to(points.dtype) / len(sample)
        for sample in (x, y)
    )
    return ((cdf_x - cdf_y).abs() * points.diff()).sum()
