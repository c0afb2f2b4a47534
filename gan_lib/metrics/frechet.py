r"""The Fréchet distance of two samples of features: the squared W2 distance of the Gaussians fitted to them.

In features of the Inception-v3 network of 2015 it is the FID; in others it is called by their name.
"""

import warnings
from typing import NamedTuple

import torch
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpstrf

_ROWS = 4096  # converted to float64 at a time: bounds the memory of an update, whatever the batch


class Moments:
    """Mean and covariance of features that come in batches, in float64, whatever the sizes of the batches.

    Attributes:
        count: number of samples seen.
        mean: (d,) float64, None before the first sample.
        scatter: (d, d) float64, sum of the outer products of the samples less their mean; its lower triangle
            alone holds, the other may be anything.
    Source: Chan, Golub and LeVeque (1983), the pairwise update.
    """

    def __init__(self):
        self.count, self.mean, self.scatter = 0, None, None

    def update(self, features):
        """Take in features (n, d), real numbers of any floating type; n may be 0. Returns self.

        Raises: ValueError if they are not a floating (n, d), not finite, or of another d than before.
        """
        if features.dim() != 2 or not features.is_floating_point():
            raise ValueError(
                f"features must be floats (n, d), got {features.dtype} of shape {tuple(features.shape)}"
            )
        for rows in features.detach().split(_ROWS):
            if len(rows) == 0:
                continue
            rows = rows.to(torch.float64)
            mean = rows.mean(0)
            if not mean.isfinite().all():
                raise ValueError("features must be finite, found NaN or infinity")
            self._combine(len(rows), mean, _outer_products(rows - mean))
        return self

    def merge(self, other):
        """Take in all that other has seen: how parts of a data set come together. Returns self."""
        if other.count:
            self._combine(other.count, other.mean, other.scatter)
        return self

    def _combine(self, count, mean, scatter):
        if not self.count:
            self.count, self.mean, self.scatter = count, mean.clone(), scatter.clone()
            return
        if mean.shape != self.mean.shape:
            raise ValueError(f"features must have {len(self.mean)} dimensions as before, got {len(mean)}")
        total = self.count + count
        shift = mean.to(self.mean) - self.mean
        self.scatter += scatter.to(self.scatter)
        self.scatter.addr_(shift, shift, alpha=self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    @property
    def covariance(self):
        """(d, d) float64, divided by count - 1. Raises: ValueError with fewer than two samples."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 samples, got {self.count}")
        lower = self.scatter.tril()
        return (lower + lower.tril(-1).T) / (self.count - 1)


class Extrapolation(NamedTuple):
    """distance: at infinitely many samples. slope: of the line in 1/N. sizes, distances: (n,) it fits."""

    distance: float
    slope: float
    sizes: torch.Tensor
    distances: torch.Tensor


def frechet_distance(a, b):
    r"""Fréchet distance of two samples of features.

    .. math:: \lVert \mu_a - \mu_b \rVert^2
              + \operatorname{Tr}(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2})

    It is the *square* of W2, sees the first two moments alone, and is biased upwards by about c/N: compare
    values at equal N only (or see :func:`frechet_infinity`).

    Args:
        a, b: `Moments`, or features (N, d); at least two samples each.

    Returns: float >= 0. With N <= d the covariance of a sample is singular: the value is defined and exact
        for that covariance, but mostly bias; a RuntimeWarning says so.
    Raises: ValueError if the dimensions differ or there are fewer than two samples.
    Source: Heusel et al. (2017), equation 6; Dowson and Landau (1982).
    """
    a, b = _moments(a), _moments(b)
    for moments in (a, b):
        if 2 <= moments.count <= len(moments.mean):
            warnings.warn(
                f"{moments.count} samples of {len(moments.mean)} dimensions: their covariance is singular, "
                "the Fréchet distance is defined but mostly the bias of a small sample",
                RuntimeWarning,
                stacklevel=2,
            )
    return frechet_distance_of_gaussians(a.mean, a.covariance, b.mean, b.covariance)


def frechet_distance_of_gaussians(mean_a, covariance_a, mean_b, covariance_b):
    r"""Fréchet distance of N(mean_a, covariance_a) and N(mean_b, covariance_b), on the CPU in float64.

    With :math:`\Sigma_a = F_a^\top F_a` and :math:`\Sigma_b = F_b^\top F_b` the trace of
    :math:`(\Sigma_a \Sigma_b)^{1/2}` is the sum of the singular values of :math:`F_b F_a^\top`. Pivoted
    Cholesky factors have as many rows as the covariance has rank, so nothing is singular any more, and their
    rows fall in size, which keeps small eigenvalues of the Gram matrix accurate in practice. No complex
    numbers, no general square root, only symmetric eigenvalues: several times faster than ``sqrtm``.

    Args:
        mean_a, mean_b: (d,); covariance_a, covariance_b: (d, d), symmetric, positive semidefinite.

    Returns: float >= 0.
    Raises: ValueError if shapes differ, values are not finite, or a covariance is not positive semidefinite.
    """
    means = [torch.as_tensor(m).detach().to("cpu", torch.float64) for m in (mean_a, mean_b)]
    covariances = [torch.as_tensor(c).detach().to("cpu", torch.float64) for c in (covariance_a, covariance_b)]
    d = means[0].numel()
    shapes = [tuple(x.shape) for x in (*means, *covariances)]
    if shapes != [(d,), (d,), (d, d), (d, d)]:
        raise ValueError(f"means must be (d,) and covariances (d, d) with one d, got {shapes}")
    cross = _factor(covariances[1]) @ _factor(covariances[0]).T
    if cross.shape[0] < cross.shape[1]:
        cross = cross.T
    eigenvalues = torch.linalg.eigvalsh(cross.T @ cross)
    root_trace = eigenvalues.clamp_(min=0).sqrt_().sum()
    distance = (means[0] - means[1]).square().sum() - 2 * root_trace
    return max(0.0, (distance + covariances[0].trace() + covariances[1].trace()).item())


def bias_curve(real, fake, sizes, generator):
    """Fréchet distance of random subsets of the generated features to all real ones: how it falls with N.

    Args:
        real: `Moments` or features (M, d). fake: features (N, d).
        sizes: of the subsets, each in 2 ... N, each drawn without replacement and apart from the others.
        generator: torch.Generator on the CPU.

    Returns: (len(sizes),) float64 distances.
    Raises: ValueError if a size is out of range.
    """
    real = _moments(real)
    distances = []
    for size in map(int, sizes):
        if not 2 <= size <= len(fake):
            raise ValueError(f"sizes must be in 2 ... {len(fake)}, the number of samples; got {size}")
        chosen = torch.randperm(len(fake), generator=generator)[:size].to(fake.device)
        distances.append(frechet_distance(real, fake[chosen]))
    return torch.tensor(distances, dtype=torch.float64)


def frechet_infinity(real, fake, generator, sizes=None):
    r"""The Fréchet distance at infinitely many generated samples, by a line through the bias curve in 1/N.

    It removes the bias of the generated sample; that of the real one stays. It may come out negative.

    Args:
        real: `Moments` or features (M, d). fake: features (N, d).
        generator: torch.Generator on the CPU, for the subsets.
        sizes: at least two different ones; None is 15 from N/10 to N, evenly spaced, the paper's choice.

    Returns: `Extrapolation`.
    Raises: ValueError if a size is out of range or all are equal.
    Source: Chong and Forsyth (2020), section 3.
    """
    if sizes is None:
        sizes = torch.linspace(len(fake) / 10, len(fake), 15).round()
    sizes = torch.as_tensor(sizes).to(torch.int64)
    if len(sizes.unique()) < 2:
        raise ValueError(f"a line needs at least two different sizes, got {sizes.tolist()}")
    distances = bias_curve(real, fake, sizes, generator)
    inverse = 1 / sizes.to(torch.float64)
    design = torch.stack([torch.ones_like(inverse), inverse / inverse.mean()], 1)
    intercept, slope = torch.linalg.lstsq(design, distances[:, None]).solution.flatten()
    return Extrapolation(intercept.item(), (slope / inverse.mean()).item(), sizes, distances)


def _outer_products(rows):
    """(d, d) sum of the outer products of rows (n, d), lower triangle; half a product, on a CPU."""
    if rows.device.type != "cpu":
        return rows.T @ rows
    return torch.from_numpy(dsyrk(1.0, rows.numpy().T)).T


def _moments(x):
    return x if isinstance(x, Moments) else Moments().update(x)


def _factor(covariance):
    """F (rank, d) with Fᵀ F = covariance, by Cholesky with complete pivoting: rows of falling size."""
    if not covariance.sum().isfinite():
        raise ValueError("covariances must be finite, found NaN or infinity")
    lower, pivots, rank, _ = dpstrf(covariance.numpy().T, lower=1)
    upper = torch.from_numpy(lower).T.triu()[:rank]  # LAPACK's columns are rows in memory
    factor = upper[:, torch.from_numpy(pivots).argsort()]
    # What is no covariance has no factor: seen on a random vector, without a product of matrices.
    probe = torch.randn(len(covariance), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image = covariance @ probe
    if (image - factor.T @ (factor @ probe)).norm() > 1e-5 * covariance.norm() * len(probe) ** 0.5:
        raise ValueError(
            "covariances must be symmetric and positive semidefinite; one of shape "
            f"{tuple(covariance.shape)} is not: it has no Cholesky factor beyond rank {rank}"
        )
    return factor
