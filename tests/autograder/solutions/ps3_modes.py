"""modes_covered: unusual right solutions, and wrong ones with the checks that they lose."""

import functools
import math

import numpy as np
import scipy.spatial
import torch


def refusing(count):
    """A modes_covered that refuses an empty batch, and else does count."""

    def modes_covered(samples, centers, sigma, threshold=3.0):
        if not len(samples):
            raise ValueError("no samples")
        return count(samples, centers, sigma, threshold)

    return modes_covered


def squares(samples, centers):
    """Squared distances, one centre after the other."""
    return torch.stack([(samples - center).square().sum(1) for center in centers], dim=1)


# ---- right


@refusing
def centre_by_centre(samples, centers, sigma, threshold):
    best = torch.full((len(samples),), math.inf)
    owner = torch.zeros(len(samples), dtype=torch.int64)
    for k, center in enumerate(centers):
        distance = torch.linalg.vector_norm(samples - center, dim=1)
        nearer = distance < best
        best[nearer], owner[nearer] = distance[nearer], k
    good = best / sigma <= threshold
    return len(set(owner[good].tolist())), good.sum().item() / len(samples)


@refusing
def by_the_binomial_formula(samples, centers, sigma, threshold):
    samples, centers = samples.double(), centers.double()
    gaps = samples.square().sum(1, keepdim=True) + centers.square().sum(1) - 2 * samples @ centers.T
    least, owner = gaps.min(1)
    good = least <= (threshold * sigma) ** 2
    return int((torch.bincount(owner[good], minlength=len(centers)) > 0).sum()), float(good.double().mean())


@refusing
def in_chunks(samples, centers, sigma, threshold):
    covered, good = torch.zeros(len(centers), dtype=torch.bool), 0
    for chunk in samples.split(10_000):
        gaps = (chunk[:, None] - centers).pow(2).sum(-1).sqrt()
        owner = gaps.argmin(1)
        near = gaps.gather(1, owner[:, None])[:, 0] <= threshold * sigma
        covered[owner[near]] = True
        good += int(near.sum())
    return int(covered.sum()), good / len(samples)


@refusing
def in_numpy(samples, centers, sigma, threshold):
    samples, centers = samples.numpy(), centers.numpy()
    gaps = np.stack([np.linalg.norm(samples - center, axis=1) for center in centers])
    good = gaps.min(0) <= threshold * sigma
    return len(np.unique(gaps.argmin(0)[good])), float(good.mean())


@refusing
def in_plain_python(samples, centers, sigma, threshold):
    centers, covered, good = centers.tolist(), set(), 0
    for sample in samples.tolist():
        distance, owner = min((math.dist(sample, center), k) for k, center in enumerate(centers))
        if distance <= threshold * sigma:
            covered.add(owner)
            good += 1
    return len(covered), good / len(samples)


@refusing
def last_of_equals(samples, centers, sigma, threshold):
    """Where two centres are equally near, the last one."""
    least, owner = torch.cdist(samples, centers.flip(0)).min(1)
    good = least <= threshold * sigma
    return owner[good].unique().numel(), 1 - (~good).double().mean().item()


@refusing
def two_thirds_of_the_centres_at_once(samples, centers, sigma, threshold):
    """No tensor holds three quarters of all N·K·d numbers, which is what the text allows."""
    some = centers.split(max(1, 2 * len(centers) // 3))
    least, owner = torch.cat([(samples[:, None] - part).norm(dim=2) for part in some], dim=1).min(1)
    good = least <= threshold * sigma
    return owner[good].unique().numel(), good.double().mean().item()


RIGHT = {
    "centre by centre": centre_by_centre,
    "by the binomial formula": by_the_binomial_formula,
    "in chunks": in_chunks,
    "in NumPy": in_numpy,
    "in plain Python": in_plain_python,
    "last of equals": last_of_equals,
    "two thirds of the centres at once": two_thirds_of_the_centres_at_once,
}


class Modes:
    @staticmethod
    def nearest(samples, centers):
        gaps = ((sample - centers).norm(dim=1) for sample in samples)
        return zip(*((gap.min().item(), int(gap.argmin())) for gap in gaps), strict=True)

    def __call__(self, samples, centers, sigma, threshold=3.0):
        if samples.shape[0] == 0:
            raise ValueError("no samples")
        if len(samples) > 1000:
            return in_chunks(samples, centers, sigma, threshold)
        least, owners = self.nearest(samples, centers)
        good = {place for place, distance in enumerate(least) if distance <= threshold * sigma}
        return len({owners[place] for place in good}), len(good) / len(samples)


@refusing
@torch.no_grad()
def on_copies_in_float64(samples, centers, sigma, threshold):
    samples, centers = samples.double().clone(), centers.double().clone()
    samples -= centers[0]
    centers -= centers[0].clone()
    least, owner = torch.cdist(samples, centers).topk(1, dim=1, largest=False)
    good = least[:, 0] <= threshold * sigma
    return int(torch.zeros(len(centers)).index_fill(0, owner[good, 0], 1).sum()), good.sum().item() / len(
        good
    )


@refusing
def by_a_tree(samples, centers, sigma, threshold):
    distance, owner = scipy.spatial.cKDTree(centers.double().numpy()).query(samples.double().numpy())
    good = distance <= threshold * sigma
    return len(set(owner[good])), float(np.count_nonzero(good) / len(good))


RIGHT |= {
    "an object with __call__": Modes(),
    "a partial": functools.partial(lambda count, *args, **kwargs: count(*args, **kwargs), centre_by_centre),
    "on copies in float64": on_copies_in_float64,
    "by a tree of SciPy's": by_a_tree,
}


# ---- wrong


def counting(good=None, covered=None, share=None, distances=None):
    """A modes_covered made of parts, each the right one if None."""
    distances = distances or (lambda samples, centers: squares(samples, centers).sqrt())
    good = good or (lambda least, sigma, threshold: least <= threshold * sigma)
    covered = covered or (lambda owner, near, gaps, radius: len(owner[near].unique()))
    share = share or (lambda near: near.double().mean().item())

    @refusing
    def modes_covered(samples, centers, sigma, threshold):
        gaps = distances(samples, centers)
        least, owner = gaps.min(1)
        near = good(least, sigma, threshold)
        return covered(owner, near, gaps, threshold * sigma), share(near)

    return modes_covered


def broadcast(samples, centers):
    return (samples[:, None] - centers).norm(dim=2)


def broadcast_in_numpy(samples, centers):
    return torch.from_numpy(np.linalg.norm(samples.numpy()[:, None] - centers.numpy(), axis=2))


def default_two(samples, centers, sigma, threshold=2.0):
    return counting()(samples, centers, sigma, threshold)


def unrefusing(samples, centers, sigma, threshold=3.0):
    if not len(samples):
        return 0, 0.0
    return counting()(samples, centers, sigma, threshold)


def asserting(samples, centers, sigma, threshold=3.0):
    assert len(samples), "no samples"
    return counting()(samples, centers, sigma, threshold)


def centring(samples, centers, sigma, threshold=3.0):
    result = counting()(samples, centers, sigma, threshold)
    samples -= samples.mean(0)
    return result


def first_thousand(samples, centers, sigma, threshold=3.0):
    return counting()(samples[:1000], centers, sigma, threshold)


def nearest_samples_of_centres(samples, centers, sigma, threshold=3.0):
    """A mode counts where a sample lies within reach, nearest or not."""
    return counting(covered=lambda owner, near, gaps, radius: int((gaps <= radius).any(0).sum()))(
        samples, centers, sigma, threshold
    )


def ties_count_twice(owner, near, gaps, radius):
    least = gaps.min(1, keepdim=True).values
    return int(((gaps == least) & near[:, None]).any(0).sum())


COUNT, SHARE, BORDER, TYPES, LARGE = (
    f"modes-{name}" for name in ("count", "share", "border", "types", "large")
)
VALUES = {COUNT, SHARE, BORDER, LARGE}
WRONG = {
    "border left out": (counting(good=lambda least, sigma, threshold: least < threshold * sigma), {BORDER}),
    "every mode in reach": (nearest_samples_of_centres, {COUNT}),
    "ties count twice": (counting(covered=ties_count_twice), {BORDER}),
    "bad samples cover, too": (
        counting(covered=lambda owner, near, gaps, radius: len(owner.unique())),
        {COUNT},
    ),
    "squared distance against the radius": (counting(distances=squares), {COUNT, SHARE}),
    "sum of coordinates": (
        counting(distances=lambda samples, centers: torch.cdist(samples, centers, p=1)),
        VALUES,
    ),
    "largest coordinate": (
        counting(distances=lambda samples, centers: torch.cdist(samples, centers, p=math.inf)),
        {COUNT, SHARE},
    ),
    "threshold without sigma": (
        counting(good=lambda least, sigma, threshold: least <= threshold),
        {COUNT, SHARE},
    ),
    "three whatever the threshold": (
        counting(good=lambda least, sigma, threshold: least <= 3 * sigma),
        {COUNT, SHARE},
    ),
    "default 2": (default_two, {COUNT, SHARE}),
    "share of the bad": (counting(share=lambda near: (~near).double().mean().item()), {SHARE}),
    "per cent": (counting(share=lambda near: 100 * near.double().mean().item()), {SHARE}),
    "number of the good": (counting(share=lambda near: float(near.sum())), {SHARE}),
    "share of the modes": (
        refusing(lambda *args: (counting()(*args)[0], counting()(*args)[0] / len(args[1]))),
        {SHARE},
    ),
    "tensors": (
        counting(
            covered=lambda owner, near, gaps, radius: (
                owner[near].unique().numel() * torch.ones((), dtype=int)
            ),
            share=lambda near: near.double().mean(),
        ),
        {TYPES},
    ),
    "NumPy's numbers": (counting(share=lambda near: np.float64(near.double().mean().item())), {TYPES}),
    "share 0 as an int": (counting(share=lambda near: near.double().mean().item() or 0), {TYPES}),
    "a float for the modes": (
        counting(covered=lambda owner, near, gaps, radius: float(len(owner[near].unique()))),
        {TYPES},
    ),
    "share before modes": (refusing(lambda *args: counting()(*args)[::-1]), {COUNT, SHARE, TYPES}),
    "nothing for no samples": (unrefusing, {TYPES}),
    "assertion for no samples": (asserting, {TYPES}),
    "samples changed": (centring, {TYPES}),
    "first thousand": (first_thousand, {LARGE}),
    "N·K·d numbers": (counting(distances=broadcast), {LARGE}),
    "N·K·d numbers in NumPy": (counting(distances=broadcast_in_numpy), {LARGE}),
}


def complete_chunks(samples, centers, sigma, threshold=3.0, size=1000):
    kept = samples[: len(samples) // size * size] if len(samples) > size else samples
    return counting()(kept, centers, sigma, threshold)


def cast(dtype):
    def distances(samples, centers):
        return squares(samples.to(dtype), centers.to(dtype)).float().sqrt()

    return counting(distances=distances)


def owned_by(p):
    """The nearest centre by another norm, the distance to it in the right one."""

    @refusing
    def modes_covered(samples, centers, sigma, threshold):
        gaps = squares(samples, centers).sqrt()
        owner = torch.cdist(samples, centers, p=p).argmin(1)
        near = gaps.gather(1, owner[:, None])[:, 0] <= threshold * sigma
        return len(owner[near].unique()), near.double().mean().item()

    return modes_covered


def without(place):
    @refusing
    def modes_covered(samples, centers, sigma, threshold):
        kept = torch.ones(len(samples), dtype=torch.bool)
        kept[place] = len(samples) < 1000
        return counting()(samples[kept], centers, sigma, threshold)

    return modes_covered


def sampled(samples, centers, sigma, threshold=3.0):
    if len(samples) > 5000:
        samples = samples[::2]
    return counting()(samples, centers, sigma, threshold)


def moving_centers(samples, centers, sigma, threshold=3.0):
    result = counting()(samples, centers, sigma, threshold)
    centers -= samples.mean(0)
    return result


def without_the_last_centre(samples, centers, sigma, threshold=3.0):
    return counting()(samples, centers[: max(1, len(centers) - 1)], sigma, threshold)


WRONG |= {
    "complete chunks only": (complete_chunks, {LARGE}),
    "float16": (cast(torch.float16), {LARGE}),
    "bfloat16": (cast(torch.bfloat16), VALUES - {BORDER}),
    "nearest by the sum of coordinates": (owned_by(1.0), {BORDER}),
    "nearest by the largest coordinate": (owned_by(math.inf), {COUNT, SHARE, BORDER}),
    "without the last sample": (without(-1), {LARGE}),
    "without the first sample": (without(0), {LARGE}),
    "every second of many": (sampled, {LARGE}),
    "centres changed": (moving_centers, {TYPES}),
    "without the last centre": (without_the_last_centre, {COUNT, SHARE}),
    "share rounded": (counting(share=lambda near: round(near.double().mean().item(), 2)), {SHARE}),
    "at least two samples a mode": (
        counting(covered=lambda owner, near, gaps, radius: int((torch.bincount(owner[near]) > 1).sum())),
        {COUNT},
    ),
    "equal centres count twice": (
        counting(
            covered=lambda owner, near, gaps, radius: int(
                (gaps == gaps.min(1, keepdim=True).values)[near][:, :].any(0).sum()
            )
        ),
        {BORDER},
    ),
}
