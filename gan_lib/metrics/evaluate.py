"""All metrics of two sets of images at once, each result under a name that says what was measured in what."""

from typing import NamedTuple

from gan_lib.metrics.coverage import density_coverage, precision_recall
from gan_lib.metrics.frechet import frechet_distance
from gan_lib.metrics.inception_score import inception_score
from gan_lib.metrics.kernel import kernel_distance
from gan_lib.metrics.neighbours import memorisation


class Result(NamedTuple):
    """One measured number.

    Attributes:
        key: the protocol in one word: metric, number of generated samples, features ("frechet_10k_pixels").
        title: the metric in words, with the features it was measured in.
        value: the number. spread: its standard deviation over splits or subsets, None if it has none.
    """

    key: str
    title: str
    value: float
    spread: float | None = None


_TITLES = {
    "frechet": "Fréchet distance",
    "kernel": "Kernel distance",
    "inception_score": "Inception Score's formula",
    "precision": "Precision",
    "recall": "Recall",
    "density": "Density",
    "coverage": "Coverage",
    "memorised": "Share memorised",
}
#: in features of the FID's own network these have names of their own, which nothing else may bear
_PUBLISHED = {
    "frechet": ("fid", "FID"),
    "kernel": ("kid", "KID"),
    "inception_score": ("inception_score", "Inception Score"),
}
METRICS = ("frechet", "kernel", "inception_score", "precision_recall", "density_coverage", "memorisation")


def evaluate(real, fake, generator, metrics=METRICS, *, kernel_subset_size=1000):
    """Metrics of generated images against real ones.

    Args:
        real, fake: `Embedded`, by the same extractor.
        generator: torch.Generator on the CPU, for the subsets and the shuffling; it alone decides them.
        metrics: names out of METRICS. The Inception Score's formula needs class probabilities: features
            without them have none, and it is left out.
        kernel_subset_size: samples in a subset of the kernel distance; fewer if a sample is smaller.

    Returns: list of `Result`, in the order of metrics.
    Raises: ValueError if the features have different names, or a metric is unknown or out of its range.
    """
    if real.name != fake.name:
        raise ValueError(f"both samples must be in the same features, got {real.name} and {fake.name}")
    results = []
    for metric in metrics:
        if metric not in METRICS:
            raise ValueError(f"metrics must be among {', '.join(METRICS)}; got {metric!r}")
        for part, value, spread in _measure(metric, real, fake, generator, kernel_subset_size):
            results.append(Result(*_name(part, fake.name, len(fake.features)), value, spread))
    return results


def _measure(metric, real, fake, generator, kernel_subset_size):
    x, y = real.features, fake.features
    if metric == "frechet":
        return [("frechet", frechet_distance(x, y), None)]
    if metric == "kernel":
        size = min(kernel_subset_size, len(x), len(y))
        return [("kernel", *kernel_distance(x, y, generator, subset_size=size))]
    if metric == "inception_score":
        if fake.probabilities is None:
            return []
        return [("inception_score", *inception_score(fake.probabilities, generator=generator))]
    if metric == "memorisation":
        return [("memorised", memorisation(x, y).share, None)]
    pair = precision_recall(x, y) if metric == "precision_recall" else density_coverage(x, y)
    return [(part, value, None) for part, value in pair._asdict().items()]


def _name(part, features, count):
    size = f"{count // 1000}k" if count % 1000 == 0 else str(count)
    if features == "inception" and part in _PUBLISHED:
        key, title = _PUBLISHED[part]
        return f"{key}_{size}", title
    return f"{part}_{size}_{features}", f"{_TITLES[part]} in {features} features"
