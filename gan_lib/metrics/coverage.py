"""How faithful samples are, and how much of the data they cover: neighbourhoods of features, modes of toys.

What lies at the rim of a ball counts as inside, as in the papers; prdc, the program of Naeem et al., leaves
it out, which differs only where distances tie.
"""

import math
from typing import NamedTuple

import torch

from gan_lib.metrics.neighbours import blocks, centred, squared_distances, squared_radii


class PrecisionRecall(NamedTuple):
    """precision: share of generated samples near real ones; recall: of real ones near generated ones."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """density: real balls around a generated sample, over k; coverage: share of real balls that are hit."""

    density: float
    coverage: float


class ModeCoverage(NamedTuple):
    """modes: how many have a good sample. high_quality: share of good samples. kl: nats, of the histogram of
    nearest modes to the uniform one. counts: (K,) that histogram."""

    modes: int
    high_quality: float
    kl: float
    counts: torch.Tensor


class StackedModes(NamedTuple):
    """modes: combinations of classes that occur. kl: nats, of their histogram to the uniform one."""

    modes: int
    kl: float


def precision_recall(real, fake, k=3):
    """Improved precision and recall: is a sample inside a ball that reaches to a k-th nearest neighbour?

    Precision asks of generated samples whether a ball around a real one holds them, recall the reverse; so
    exchanging the samples exchanges the two.

    Args:
        real: (n, d), fake: (m, d) features; float64 where ties matter.
        k: of the neighbour that a ball reaches to, not counting its centre; less than n and m.

    Returns: `PrecisionRecall`, both in [0, 1].
    Raises: ValueError if k is out of range or the features do not fit each other.
    Source: Kynkäänniemi et al. (2019), equations 1 and 2.
    """
    real, fake = centred(real, fake)
    real_radii, fake_radii = squared_radii(real, k), squared_radii(fake, k)
    inside_real = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    inside_fake = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows, columns, outside in _block_pairs(real, fake, fake_radii):
        inside_fake[rows] |= outside.amin(1) <= 0
        inside_real[columns] |= outside.sub_(real_radii[rows, None]).amin(0) <= -fake_radii[columns]
    return PrecisionRecall(_share(inside_real), _share(inside_fake))


def density_coverage(real, fake, k=5):
    """Density and coverage: only balls around real samples count, so outliers of the generator do no harm.

    Equal distributions have density 1 on average and coverage 1 - (n-1)...(n-k) / ((2n-1)...(2n-k)) at n = m.

    Args:
        real: (n, d), fake: (m, d) features; float64 where ties matter.
        k: of the neighbour that a ball reaches to, not counting its centre; less than n.

    Returns: `DensityCoverage`: density in [0, n / k], coverage in [0, 1].
    Raises: ValueError if k is out of range or the features do not fit each other.
    Source: Naeem et al. (2020), section 3.
    """
    real, fake = centred(real, fake)
    radii = squared_radii(real, k)
    inside = 0
    covered = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    for rows, _, distances in _block_pairs(real, fake):
        inside += (distances <= radii[rows, None]).count_nonzero().item()
        covered[rows] |= distances.amin(1) <= radii[rows]
    return DensityCoverage(inside / (k * len(fake)), _share(covered))


def mode_coverage(samples, modes, std, radius=3.0):
    """Modes of a mixture of round Gaussians that samples reach, and how well they keep to them.

    A sample is good within `radius` standard deviations of its nearest mode. Of the true density's samples in
    the plane 1 - exp(-radius² / 2), 98.9 % at radius 3, are good, and with N of them the KL is about
    (K - 1) / (2 N), not 0.

    Args:
        samples: (N, d). modes: (K, d), the centres, equally likely. std: along each axis, > 0.
        radius: in standard deviations.

    Returns: `ModeCoverage`. A sample that is not finite is nearest to none: it is not good and not counted.
    Raises: ValueError if shapes do not fit, std is not positive, or there are no samples.
    Source: Lin et al. (2018), PacGAN, section 4.1; after Srivastava et al. (2017), VEEGAN.
    """
    if samples.dim() != 2 or modes.dim() != 2 or samples.shape[1] != modes.shape[1] or len(samples) == 0:
        raise ValueError(
            f"samples must be (N, d) with N >= 1 and modes (K, d), got {tuple(samples.shape)} "
            f"and {tuple(modes.shape)}"
        )
    if not std > 0:
        raise ValueError(f"std must be positive, got {std}")
    samples = samples.detach().double()
    total = len(samples)
    samples = samples[samples.isfinite().all(1)]
    distance, nearest = torch.cdist(
        samples, modes.to(samples), compute_mode="donot_use_mm_for_euclid_dist"
    ).min(1)
    good = distance <= radius * std
    reached = len(nearest[good].unique())
    counts = nearest.bincount(minlength=len(modes))
    return ModeCoverage(reached, good.sum().item() / total, _kl_to_uniform(counts), counts)


def stacked_mnist_modes(digits, classes=10):
    """Modes of stacked MNIST, images whose channels are digits, by what a classifier reads in each channel.

    Args:
        digits: (N, channels) integers in 0 ... classes - 1. Three channels of ten digits are 1000 modes.
        classes: of one channel.

    Returns: `StackedModes`. With N samples of the truth, the KL is about (modes - 1) / (2 N), not 0.
    Raises: ValueError if digits are no integers (N, channels) in range.
    Source: Metz et al. (2017), Unrolled GAN; Lin et al. (2018), PacGAN.
    """
    if digits.dim() != 2 or digits.numel() == 0 or digits.is_floating_point():
        raise ValueError(f"digits must be integers (N, channels), got {digits.dtype} {tuple(digits.shape)}")
    if digits.min() < 0 or digits.max() >= classes:
        raise ValueError(
            f"digits must be in 0 ... {classes - 1}, got {digits.min().item()} to {digits.max().item()}"
        )
    places = classes ** torch.arange(digits.shape[1], device=digits.device)
    counts = (digits.long() * places).sum(1).bincount(minlength=classes ** digits.shape[1])
    return StackedModes(counts.count_nonzero().item(), _kl_to_uniform(counts))


def _block_pairs(real, fake, fake_radii=None):
    """(slice of real, slice of fake, squared distances less any squared radii of fake) of pairs of blocks."""
    fake_blocks = blocks(fake)
    for i, rows, row_norms in blocks(real):
        for j, columns, column_norms in fake_blocks:
            these = slice(j, j + len(columns))
            less = column_norms if fake_radii is None else column_norms - fake_radii[these]
            yield slice(i, i + len(rows)), these, squared_distances(rows, row_norms, columns, less)


def _share(mask):
    return mask.double().mean().item()


def _kl_to_uniform(counts):
    if counts.sum() == 0:
        return math.nan
    p = counts.double() / counts.sum()
    return math.log(len(p)) + torch.xlogy(p, p).sum().item()
