"""Whether a generator has learnt its training images by heart: is it nearer to them than to held-out ones?

Training and held-out images are draws from the same data. A generator that has learnt the distribution has no
reason to be nearer to the ones than to the others; one that copies has, even if its copies are changed.
`memorisation` looks at one sample at a time, and finds copies that are nearly exact.
"""

from typing import NamedTuple

import torch

from gan_lib.metrics.frechet import frechet_distance
from gan_lib.metrics.neighbours import centred, nearest_neighbours


class TrainTestGap(NamedTuple):
    """to_train, to_test: distances of the generated samples. gap: (to_test - to_train) / (to_test + to_train)
    in [-1, 1]; 1 for the training samples themselves."""

    to_train: float
    to_test: float
    gap: float


class CopyTest(NamedTuple):
    """share: of generated samples whose nearest real sample is a training one, in [0, 1].
    expected, deviation: mean and standard deviation of that share over all choices of the training samples.
    score: (share - expected) / deviation, about standard normal for a generator that copies nothing."""

    share: float
    expected: float
    deviation: float
    score: float


def train_test_gap(train, test, fake, distance=frechet_distance):
    """How much nearer generated samples are to the training samples than to held-out ones, as a whole.

    If the real samples were split at random and the generator does not depend on the split, the gap has mean
    0 over all splits: to exchange the halves is to change its sign. How far from 0 chance leads, a third set
    of real samples shows. Far from the data both distances are large and the gap is small, for copies too.

    Args:
        train, test: (n, d) features of as many training as held-out samples. fake: (m, d) features.
        distance: function of two sets of features, a number >= 0.

    Returns: `TrainTestGap`.
    Raises: ValueError if train and test differ in size, on which most distances depend, or a distance is
        negative (as an unbiased estimate can be), or both are 0.
    """
    if len(train) != len(test):
        raise ValueError(f"train and test must have as many samples, got {len(train)} and {len(test)}")
    to_train, to_test = float(distance(train, fake)), float(distance(test, fake))
    if min(to_train, to_test) < 0 or to_train + to_test == 0:
        raise ValueError(f"distances must not be negative, nor both 0; got {to_train} and {to_test}")
    return TrainTestGap(to_train, to_test, (to_test - to_train) / (to_test + to_train))


def copy_test(train, test, fake):
    r"""Whether generated samples have their nearest real sample among the training samples too often.

    With :math:`c_i` the number of generated samples that are nearest to real sample i, of :math:`N = n + n'`,
    and training samples drawn from these N at random, the share has

    .. math:: \text{mean } \frac nN, \qquad
        \text{variance } \frac{n\,n'}{N (N - 1)} \Bigl(\frac{\sum_i c_i^2}{m^2} - \frac1N\Bigr)

    for every generator that does not depend on the draw, however good or bad: that is exact. The test tells
    that there are copies, not which. It misses a few among many samples, and copies so changed that in these
    features other images are as near as their originals: try several features.

    Args:
        train: (n, d), test: (n', d), real samples that were split at random, none of them in both.
        fake: (m, d) features. All of one d.

    Returns: `CopyTest`.
    Raises: ValueError if the features do not fit each other, or the share can have one value only.
    Source: after Meehan et al. (2020), who compare distances to training samples; mean and variance are those
        of a sum over a sample drawn without replacement.
    """
    centred(train, test, fake)
    nearest = nearest_neighbours(fake, torch.cat([train, test])).indices[:, 0]
    n, total, m = len(train), len(train) + len(test), len(fake)
    share = (nearest < n).double().mean().item()
    spread = total * nearest.bincount().square().sum().item() - m**2  # a whole number: 0 is 0
    if spread == 0:
        raise ValueError(f"each of the {total} real samples is nearest to equally many of {m} generated ones")
    variance = n * (total - n) * spread / (total**2 * (total - 1) * m**2)
    deviation = variance**0.5
    return CopyTest(share, n / total, deviation, (share - n / total) / deviation)
