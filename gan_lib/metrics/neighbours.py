"""Nearest neighbours among features, in blocks: no matrix of all distances is ever in memory.

Distances are computed in the type of the features, from products of matrices: float32 is fast, and float64
decides ties that float32 rounds away. Features are centred first, which loses no distance and much rounding.
"""

import math
from typing import NamedTuple

import torch

_BLOCK = 2048  # rows and columns of the matrix of distances in memory at once
_GROUP = 32  # distances of a row that share a minimum
_EXACT = 1 << 24  # numbers in memory at once when distances are computed anew from differences


class Neighbours(NamedTuple):
    """distances: (n, k) float64, nearest first. indices: (n, k) positions in the reference."""

    distances: torch.Tensor
    indices: torch.Tensor


class Memorisation(NamedTuple):
    """ratios: (m,) in [0, 1], distance of the nearest over that of the second nearest training sample.
    share: of samples with a ratio below the threshold."""

    ratios: torch.Tensor
    share: float


def centred(reference, *others):
    """The samples less the mean of the first, all in the wider of their types, at least float32.

    Raises: ValueError if they are not floats (n, d) with one d, or not finite.
    """
    features = (reference, *others)
    dtype = torch.float32
    for x in features:
        if x.dim() != 2 or not x.is_floating_point() or x.shape[1] != reference.shape[1] or len(x) == 0:
            shapes = [f"{x.dtype} {tuple(x.shape)}" for x in features]
            raise ValueError(f"features must be floats (n, d) with n >= 1 and one d, got {', '.join(shapes)}")
        dtype = torch.promote_types(dtype, x.dtype)
    centre = reference.detach().to(dtype).mean(0)
    features = tuple(x.detach().to(dtype) - centre for x in features)
    if not all(x.sum().isfinite() for x in features):
        raise ValueError("features must be finite, found NaN or infinity")
    return features


def blocks(x):
    """(start, rows, squared norms) of consecutive blocks of x (n, d)."""
    return [(i * _BLOCK, rows, rows.norm(dim=1).square()) for i, rows in enumerate(x.split(_BLOCK))]


def squared_distances(rows, row_norms, columns, column_norms):
    """(n, m) squared Euclidean distances; rounding may leave them slightly negative."""
    return torch.addmm(column_norms, rows, columns.T, alpha=-2).add_(row_norms[:, None])


def squared_radii(x, k):
    """Squared distance of each sample to its k-th nearest other one.

    Radii below what the arithmetic resolves count as what it resolves: copies lie in each other's balls.

    Args:
        x: (n, d), centred. k: in 1 ... n - 1.

    Returns: (n,), in the type of x.
    Raises: ValueError if k is out of range.
    """
    if not 1 <= k < len(x):
        raise ValueError(f"k must be in 1 ... {len(x) - 1}, the number of other samples; got {k}")
    nearest, norms = x.new_full((len(x), k), torch.inf), x.norm(dim=1).square()
    _keep_nearest(x, norms, nearest)
    return torch.maximum(nearest[:, -1], 16 * torch.finfo(x.dtype).eps * norms)


def nearest_neighbours(queries, reference, k=1):
    """The k nearest reference samples of each query, with distances exact enough to tell a copy (0).

    Args:
        queries: (n, d), reference: (m, d) features. k: in 1 ... m.

    Returns: `Neighbours`.
    Raises: ValueError if k is out of range or the features do not fit each other.
    """
    if not 1 <= k <= len(reference):
        raise ValueError(f"k must be in 1 ... {len(reference)}, the size of the reference; got {k}")
    centred_reference, centred_queries = centred(reference, queries)
    candidates = min(k + 3, len(reference))  # some to spare: rounding may have swapped neighbours
    distances, indices = [], []
    for _, rows, norms in blocks(centred_queries):
        best = rows.new_full((len(rows), candidates), torch.inf)
        which = torch.zeros(best.shape, dtype=torch.int64, device=rows.device)
        for start, columns, column_norms in blocks(centred_reference):
            block = squared_distances(rows, norms, columns, column_norms)
            values, places = block.topk(min(candidates, block.shape[1]), largest=False)
            best, order = torch.cat([best, values], 1).topk(candidates, largest=False)
            which = torch.cat([which, places + start], 1).gather(1, order)
        distances.append(_exact_distances(rows, centred_reference, which))
        indices.append(which)
    distances, order = torch.cat(distances).sort(1)
    return Neighbours(distances[:, :k], torch.cat(indices).gather(1, order)[:, :k])


def memorisation(train, fake, threshold=1 / 3):
    """Which generated samples are copies: far nearer to one training sample than to any other.

    Held-out real samples in place of the generated ones give the share to compare with. What is found is
    nearly exact copies: one that is shifted, compressed or blurred is soon missed (`copy_test` sees it), and
    so is a copy of near-duplicates in the data, whose ratio is near 1.

    Args:
        train: (n, d), n >= 2, fake: (m, d) features.
        threshold: of the ratio, in (0, 1].

    Returns: `Memorisation`.
    Raises: ValueError if the threshold is out of range or the features do not fit each other.
    Source: Yoon et al. (2023), "Diffusion probabilistic models generalize when they fail to memorize".
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be in (0, 1], got {threshold}")
    if len(train) < 2:
        raise ValueError(f"at least 2 training samples are needed, got {len(train)}")
    first, second = nearest_neighbours(fake, train, k=2).distances.unbind(1)
    ratios = torch.where(first == 0, 0.0, first / second)
    return Memorisation(ratios, (ratios < threshold).double().mean().item())


def _keep_nearest(x, norms, nearest):
    """Bring nearest (n, k), squared distances in ascending order, down to those among x itself.

    One half among itself, the other, then the two against each other: every pair once.
    """
    if len(x) <= max(1, _BLOCK // 4):  # so few at once, each pair twice
        return _keep_smallest(nearest, squared_distances(x, norms, x, norms).fill_diagonal_(torch.inf))
    # whole blocks where there are several: matrices of equal, large sides are multiplied fastest
    step = _BLOCK if len(x) > _BLOCK else 1
    half = step * max(1, len(x) // step // 2)
    parts = [(x[:half], norms[:half], nearest[:half]), (x[half:], norms[half:], nearest[half:])]
    for part in parts:
        _keep_nearest(*part)
    first, second = (list(zip(*(each.split(_BLOCK) for each in part), strict=True)) for part in parts)
    for rows, row_norms, row_nearest in first:
        for columns, column_norms, column_nearest in second:
            distances = squared_distances(rows, row_norms, columns, column_norms)
            _keep_smallest(row_nearest, distances)
            _keep_smallest(column_nearest, distances.T)


def _keep_smallest(nearest, distances):
    """Bring nearest (n, k), in ascending order, down to the smallest of itself and of distances (n, m).

    Minima are found much faster than the k smallest, and those lie in the k groups with the smallest minima.
    """
    k, per = nearest.shape[1], math.gcd(distances.shape[1], _GROUP)
    if distances.stride(1) == 1:
        minima = distances.unflatten(1, (per, -1)).amin(1)
    else:  # reduced along the memory, however it is looked at
        minima = distances.T.unflatten(0, (per, -1)).amin(0).T.contiguous()
    groups = minima.shape[1]
    (closer,) = (minima.amin(1) < nearest[:, -1]).nonzero(as_tuple=True)
    chosen = minima[closer].topk(min(k, groups), largest=False).indices
    members = chosen[:, :, None] + groups * torch.arange(per, device=chosen.device)
    values = distances[closer[:, None], members.flatten(1)]
    nearest[closer] = torch.cat([nearest[closer], values], 1).topk(k, largest=False).values


def _exact_distances(rows, reference, which):
    """(n, c) float64 distances of each row to the reference samples at which (n, c), from differences."""
    step = max(1, _EXACT // (which.shape[1] * rows.shape[1]))
    parts = [
        (reference[index].double() - row[:, None].double()).norm(dim=2)
        for row, index in zip(rows.split(step), which.split(step), strict=True)
    ]
    return torch.cat(parts)
