r"""The kernel distance of two samples of features: the squared maximum mean discrepancy (MMD²), without bias.

In features of the Inception-v3 network of 2015 it is the KID; in others it is called by their name.
"""

from typing import NamedTuple

import torch

_BLOCK = 2048  # rows and columns of the kernel matrix in memory at once


class KernelDistance(NamedTuple):
    """value: mean over the subsets, may be negative; std: over the subsets (divided by their number)."""

    value: float
    std: float


def mmd2(x, y):
    r"""Unbiased estimate of MMD² with the kernel :math:`k(a, b) = (a^\top b / d + 1)^3`, in float64.

    .. math:: \frac{1}{n(n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(y_i, y_j)
              - \frac{2}{nm} \sum_{i,j} k(x_i, y_j)

    Its mean is that of :func:`kernel_distance`, its variance smaller: it uses every pair. Memory is bounded.

    Args:
        x: (n, d), y: (m, d) features, floats, at least two each.

    Returns: float; negative values are legitimate, the mean over equal distributions is 0.
    Raises: ValueError if the dimensions differ or there are fewer than two samples.
    Source: Gretton et al. (2012), equation 3; kernel of Bińkowski et al. (2018).
    """
    _check(x, y)
    return _within(x) + _within(y) - 2 * _between(x, y)


def kernel_distance(real, fake, generator, subsets=100, subset_size=1000):
    """Mean and spread of :func:`mmd2` over random subsets: the protocol of the published KID.

    Args:
        real: (n, d), fake: (m, d) features.
        generator: torch.Generator on the CPU; it alone decides the subsets, drawn without replacement.
        subsets: how many. subset_size: samples of each kind in one, in 2 ... min(n, m).

    Returns: `KernelDistance`.
    Raises: ValueError if subsets or subset_size is out of range, or the features do not fit each other.
    Source: Bińkowski et al. (2018); 100 subsets of 1000 in their program.
    """
    _check(real, fake)
    if not 2 <= subset_size <= min(len(real), len(fake)):
        raise ValueError(
            f"subset_size must be in 2 ... {min(len(real), len(fake))}, the smaller sample; got {subset_size}"
        )
    if subsets < 1:
        raise ValueError(f"subsets must be at least 1, got {subsets}")
    values = []
    for _ in range(subsets):
        pair = [
            features[torch.randperm(len(features), generator=generator)[:subset_size].to(features.device)]
            for features in (real, fake)
        ]
        values.append(mmd2(*pair))
    values = torch.tensor(values, dtype=torch.float64)
    return KernelDistance(values.mean().item(), values.std(correction=0).item())


def _check(x, y):
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"features must be (n, d) and (m, d), got {tuple(x.shape)} and {tuple(y.shape)}")
    if min(len(x), len(y)) < 2:
        raise ValueError(f"at least 2 samples of each kind are needed, got {len(x)} and {len(y)}")


def _kernel(x, y):
    x, y = x.to(torch.float64), y.to(torch.float64)
    return torch.mm(x, y.T).div_(x.shape[1]).add_(1).pow_(3)


def _within(x):
    """Mean of the kernel over pairs of different samples; blocks above the diagonal count twice."""
    total = 0.0
    blocks = x.split(_BLOCK)
    for i, rows in enumerate(blocks):
        own = _kernel(rows, rows)
        total += (own.sum() - own.trace()).item()
        total += sum(2 * _kernel(rows, columns).sum().item() for columns in blocks[i + 1 :])
    return total / (len(x) * (len(x) - 1))


def _between(x, y):
    total = sum(_kernel(rows, block).sum().item() for rows in x.split(_BLOCK) for block in y.split(_BLOCK))
    return total / (len(x) * len(y))
