"""The Inception Score: how sure a classifier is of each image, and how varied its answers are."""

from typing import NamedTuple

import torch

#: how far the probabilities of one image may be from adding up to one: rounding of half precision
SUM_TOLERANCE = 1e-2


class InceptionScore(NamedTuple):
    """mean: over the splits, in 1 ... number of classes; std: over the splits (divided by their number)."""

    mean: float
    std: float


def inception_score(probabilities, splits=10, generator=None):
    r"""Exponential of the mutual information of image and predicted class.

    .. math:: \exp\left(\mathbb E_x \, KL(p(y \mid x) \,\|\, p(y))\right),
              \quad p(y) = \mathbb E_x \, p(y \mid x)

    It compares with no data and cannot see collapse within a class: one image a class scores the maximum.

    Args:
        probabilities: (N, K) of the classes for each image; rows add up to 1.
        splits: parts, as equal as can be, that are scored apart; p(y) is that of the part.
        generator: torch.Generator on the CPU that shuffles the images first; None keeps their order, which
            then matters if it is not random (sorted by class, each part lacks classes).

    Returns: `InceptionScore`.
    Raises: ValueError if the rows are no probabilities or splits is not in 1 ... N.
    Source: Salimans et al. (2016), section 4; ten splits in their program.
    """
    if probabilities.dim() != 2:
        raise ValueError(f"probabilities must be (N, K), got shape {tuple(probabilities.shape)}")
    if not 1 <= splits <= len(probabilities):
        raise ValueError(f"splits must be in 1 ... {len(probabilities)}, the number of images; got {splits}")
    probabilities = probabilities.detach().to(torch.float64)
    sums = probabilities.sum(1)
    if not (probabilities >= 0).all() or not ((sums - 1).abs() <= SUM_TOLERANCE).all():
        raise ValueError(
            "rows must be probabilities (pass them through softmax): smallest value "
            f"{probabilities.min().item():g}, sums from {sums.min().item():g} to {sums.max().item():g}"
        )
    probabilities = probabilities / sums[:, None]
    if generator is not None:
        order = torch.randperm(len(probabilities), generator=generator)
        probabilities = probabilities[order.to(probabilities.device)]
    scores = torch.stack([_score(part) for part in probabilities.tensor_split(splits)])
    return InceptionScore(scores.mean().item(), scores.std(correction=0).item())


def _score(p):
    marginal = p.mean(0)
    return (torch.xlogy(p, p).sum(1).mean() - torch.xlogy(marginal, marginal).sum()).exp()
