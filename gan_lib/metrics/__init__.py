"""Metrics of generative models: every one a function of features, and the features that images go through."""

from gan_lib.metrics.copying import copy_test, train_test_gap
from gan_lib.metrics.coverage import (
    density_coverage,
    mode_coverage,
    precision_recall,
    stacked_mnist_modes,
)
from gan_lib.metrics.disturbances import DISTURBANCES
from gan_lib.metrics.evaluate import METRICS, evaluate
from gan_lib.metrics.features import EXTRACTORS, Embedded, embed, load_extractor
from gan_lib.metrics.frechet import (
    Moments,
    bias_curve,
    frechet_distance,
    frechet_distance_of_gaussians,
    frechet_infinity,
)
from gan_lib.metrics.inception_score import inception_score
from gan_lib.metrics.kernel import kernel_distance, mmd2
from gan_lib.metrics.neighbours import memorisation, nearest_neighbours

__all__ = [
    "DISTURBANCES",
    "EXTRACTORS",
    "METRICS",
    "Embedded",
    "Moments",
    "bias_curve",
    "copy_test",
    "density_coverage",
    "embed",
    "evaluate",
    "frechet_distance",
    "frechet_distance_of_gaussians",
    "frechet_infinity",
    "inception_score",
    "kernel_distance",
    "load_extractor",
    "memorisation",
    "mmd2",
    "mode_coverage",
    "nearest_neighbours",
    "precision_recall",
    "stacked_mnist_modes",
    "train_test_gap",
]
