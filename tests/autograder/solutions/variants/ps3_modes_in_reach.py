"""modes_covered that counts what is in reach: right solutions, and wrong ones with what they lose."""

import math

import numpy as np
import scipy.spatial
import torch
from solutions.ps3_modes import broadcast, counting, refusing, squares


def in_reach(owner, near, gaps, radius):
    return int((gaps <= radius).any(0).sum())


def covering(covered=in_reach, **parts):
    return counting(covered=covered, **parts)


# ---- right


@refusing
def centre_by_centre(samples, centers, sigma, threshold):
    good, covered = torch.zeros(len(samples), dtype=torch.bool), 0
    for center in centers:
        near = torch.linalg.vector_norm(samples - center, dim=1) <= threshold * sigma
        covered, good = covered + bool(near.any()), good | near
    return covered, good.sum().item() / len(samples)


@refusing
def in_chunks(samples, centers, sigma, threshold):
    covered, good = torch.zeros(len(centers), dtype=torch.bool), 0
    for chunk in samples.split(5_000):
        near = (chunk[:, None] - centers).pow(2).sum(-1).sqrt() <= threshold * sigma
        covered |= near.any(0)
        good += near.any(1).sum().item()
    return len(covered.nonzero()), good / len(samples)


@refusing
def in_numpy(samples, centers, sigma, threshold):
    near = np.stack(
        [np.linalg.norm(samples.numpy() - center, axis=1) <= threshold * sigma for center in centers.numpy()]
    )
    return int(near.any(1).sum()), float(near.any(0).mean())


@refusing
def by_two_trees(samples, centers, sigma, threshold):
    trees = [scipy.spatial.cKDTree(points.double().numpy()) for points in (samples, centers)]
    to_centers, _ = trees[1].query(trees[0].data)
    to_samples, _ = trees[0].query(trees[1].data)
    radius = threshold * sigma
    return int((to_samples <= radius).sum()), float((to_centers <= radius).mean())


RIGHT = {
    "centre by centre": centre_by_centre,
    "in chunks": in_chunks,
    "NumPy": in_numpy,
    "two trees": by_two_trees,
    "squares": covering(
        distances=squares,
        good=lambda least, sigma, threshold: least <= (threshold * sigma) ** 2,
        covered=lambda owner, near, gaps, radius: (gaps.min(0).values <= radius**2).sum().item(),
    ),
}


# ---- wrong


def most_of_all(owner, near, gaps, radius):
    """Modes with as many samples in reach as there are centres."""
    return int(((gaps <= radius).sum(0) > 1).sum())


def unrefusing(samples, centers, sigma, threshold=3.0):
    return covering()(samples, centers, sigma, threshold) if len(samples) else (0, 0.0)


def centring(samples, centers, sigma, threshold=3.0):
    result = covering()(samples, centers, sigma, threshold)
    samples -= samples.mean(0)
    return result


def typed(covered=int, share=float):
    def modes_covered(samples, centers, sigma, threshold=3.0):
        pair = covering()(samples, centers, sigma, threshold)
        return covered(pair[0]), share(pair[1])

    return modes_covered


COUNT, SHARE, BORDER, TYPES, LARGE = (
    f"modes-{name}" for name in ("count", "share", "border", "types", "large")
)
WRONG = {
    "nearest alone": (counting(), {COUNT}),
    "two samples needed": (covering(most_of_all), {COUNT}),
    "samples counted": (
        covering(lambda owner, near, gaps, radius: int(near.sum())),
        {COUNT},
    ),
    "pairs counted": (covering(lambda owner, near, gaps, radius: int((gaps <= radius).sum())), {COUNT}),
    "half the radius": (
        covering(lambda owner, near, gaps, radius: in_reach(owner, near, gaps, radius / 2)),
        {COUNT},
    ),
    "share of the modes": (covering(share=lambda near: float(near.any())), {SHARE}),
    "share of the others": (covering(share=lambda near: 1 - near.double().mean().item()), {SHARE}),
    "a number, not a share": (covering(share=lambda near: float(near.sum())), {SHARE}),
    "without the border": (
        covering(
            lambda owner, near, gaps, radius: int((gaps < radius).any(0).sum()),
            good=lambda least, sigma, threshold: least < threshold * sigma,
        ),
        {BORDER},
    ),
    "no error": (unrefusing, {TYPES}),
    "tensors": (typed(torch.tensor, torch.tensor), {TYPES}),
    "samples centred": (centring, {TYPES}),
    "broadcast": (covering(distances=broadcast), {LARGE}),
    "float16": (
        covering(distances=lambda samples, centers: squares(samples.half().float(), centers).sqrt()),
        {LARGE},
    ),
    "threshold of its own": (
        lambda samples, centers, sigma, threshold=3.0: covering()(samples, centers, sigma, 3.0),
        {COUNT, SHARE},
    ),
    "largest coordinate": (
        covering(distances=lambda samples, centers: torch.cdist(samples, centers, p=math.inf)),
        {COUNT, SHARE},
    ),
}
