r"""Exact divergences between distributions that can be written down: on a grid, as Gaussians, or as samples;
and the estimate of a critic beside them.

A density on a uniform grid is a tensor whose last dimension runs over the grid points, with
``p.sum(-1) * dx == 1``; a discrete distribution is the same with ``dx = 1``. Divergences are in nats,
transport distances in the units of the line; all that is exact is differentiable.

Two Gaussians have a Kullback–Leibler divergence, a Hellinger distance and a 2-Wasserstein distance in closed
form. Their Jensen–Shannon divergence has none, because their mixture is no Gaussian: take it on a grid.
"""

import math

import torch

#: how far the total mass of a density may be from one: the error of a coarse grid, not of a wrong input
MASS_TOLERANCE = 1e-3
#: the most pairs of samples between which a transport plan is sought: 2000 x 2000 take about a second
MAX_PAIRS = 10_000_000


def _check_densities(p, q, dx):
    if p.shape != q.shape:
        raise ValueError(f"p {tuple(p.shape)} and q {tuple(q.shape)} must have the same shape")
    for name, density in (("p", p), ("q", q)):
        if not (density >= 0).all():
            raise ValueError(
                f"{name} must be nonnegative everywhere, its smallest value is {density.min().item():g}"
            )
        mass = density.sum(-1) * dx
        if not ((mass - 1).abs() <= MASS_TOLERANCE).all():
            worst = mass.flatten()[(mass - 1).abs().flatten().argmax()].item()
            raise ValueError(f"{name} must have total mass 1 (sum * dx), got {worst:g} with dx = {dx:g}")


def optimal_discriminator(p, q):
    r"""The best answer to a fixed generator, :math:`D^*(x) = p(x) / (p(x) + q(x))`.

    Args:
        p, q: (..., n) densities of the data and of the generator at the same points.

    Returns: (..., n) probabilities of "real"; 1/2 where both densities are zero: no sample ever asks there.
    Raises: ValueError if the shapes differ.
    Source: Goodfellow et al. (2014), Proposition 1.
    """
    if p.shape != q.shape:
        raise ValueError(f"p {tuple(p.shape)} and q {tuple(q.shape)} must have the same shape")
    total = p + q
    outside = total == 0
    return torch.where(outside, 0.5, p / torch.where(outside, 1.0, total))


def minimax_value(discriminator, p, q, dx=1.0):
    r"""The value of the game, :math:`V(D, G) = \int p \log D + q \log(1 - D)`.

    Args:
        discriminator: (..., n) probabilities of "real" in [0, 1] at the grid points.
        p, q: (..., n) densities of the data and of the generator.
        dx: spacing of the grid.

    Returns: (...) values in nats, at most 0; ``-inf`` if D is exactly 0 where p occurs or 1 where q does,
        to which rounding leads where one density is 1e16 times the other: keep the grid out of such tails.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Goodfellow et al. (2014), equation 1.
    """
    _check_densities(p, q, dx)
    return (torch.xlogy(p, discriminator) + torch.special.xlog1py(q, -discriminator)).sum(-1) * dx


def kl_divergence(p, q, dx=1.0):
    r"""Kullback–Leibler divergence :math:`\int p \log (p / q)`, with :math:`0 \log 0 = 0`.

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) nats in [0, inf]; ``inf`` where p has mass that q lacks.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    """
    _check_densities(p, q, dx)
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1) * dx


def js_divergence(p, q, dx=1.0):
    r"""Jensen–Shannon divergence.

    .. math:: JS(p, q) = \tfrac12 KL(p \,\|\, m) + \tfrac12 KL(q \,\|\, m), \quad m = \tfrac12 (p + q)

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) nats in [0, log 2]; log 2 exactly when the supports are disjoint.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Lin (1991), equation 4.1 with equal weights.
    """
    _check_densities(p, q, dx)
    total = p + q  # not halved: half of the smallest number is zero, and the divergence would be infinite
    excess = torch.xlogy(p, p) + torch.xlogy(q, q) - torch.xlogy(p, total) - torch.xlogy(q, total)
    return (excess + math.log(2) * total).sum(-1) * dx / 2


def total_variation(p, q, dx=1.0):
    r"""Total variation :math:`\tfrac12 \int |p - q|`: the largest difference in the probability of an event.

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) values in [0, 1].
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    """
    _check_densities(p, q, dx)
    return (p - q).abs().sum(-1) * dx / 2


def hellinger(p, q, dx=1.0):
    r"""Hellinger distance.

    .. math:: H(p, q) = \sqrt{\tfrac12 \int (\sqrt p - \sqrt q)^2}, \qquad
              H^2 \le TV \le \sqrt 2\, H

    Args:
        p, q: (..., n) densities on the same grid; dx: its spacing.

    Returns: (...) values in [0, 1]; 1 exactly when the supports are disjoint. Where a density or the distance
        is zero its slope is infinite; the gradient there is given as 0.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Le Cam & Yang (2000), *Asymptotics in Statistics*, chapter 3.
    """
    _check_densities(p, q, dx)
    return _root((_root(p) - _root(q)).square().sum(-1) * dx / 2)


def _root(x, order=2):
    """x^(1/order), with the gradient 0 at 0 where autograd would make infinity, and with it nan."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0) ** (1 / order), 0.0)


def wasserstein_1d_grid(p, q, dx=1.0):
    r"""1-Wasserstein distance of two densities on the line.

    .. math:: W_1(p, q) = \int |F(x) - G(x)| \, dx, \quad F, G \text{ the distribution functions}

    Args:
        p, q: (..., n) densities on the same uniform grid; dx: its spacing, in the units of the line.

    Returns: (...) distances in the units of the line.
    Raises: ValueError if a density is negative, has not mass 1, or the shapes differ.
    Source: Villani (2003), *Topics in Optimal Transportation*, Theorem 2.18 and remark (iii) after it.
    """
    _check_densities(p, q, dx)
    return ((p - q).cumsum(-1) * dx).abs().sum(-1) * dx


def wasserstein_1d(x, y):
    r"""1-Wasserstein distance of two samples of the line: the area between their distribution functions.

    Args:
        x: (n,) and y: (m,) samples; n and m may differ.

    Returns: scalar tensor in the units of the samples, differentiable with respect to both.
    Raises: ValueError if a sample is empty or not one-dimensional.
    Source: as :func:`wasserstein_1d_grid`; the integral is a finite sum between neighbouring sample points.
    """
    for name, sample in (("x", x), ("y", y)):
        if sample.dim() != 1 or len(sample) == 0:
            raise ValueError(
                f"{name} must be a nonempty one-dimensional sample, got shape {tuple(sample.shape)}"
            )
    points = torch.cat([x, y]).sort().values
    left = points[:-1].detach()
    cdf_x, cdf_y = (
        torch.searchsorted(sample.detach().sort().values, left, right=True).to(points.dtype) / len(sample)
        for sample in (x, y)
    )
    return ((cdf_x - cdf_y).abs() * points.diff()).sum()


def wasserstein(x, y, order=1):
    r"""Wasserstein distance of two samples in any dimension, by the exact optimal transport plan.

    .. math:: W_r(x, y) = \left(\min_\pi \sum_{ij} \pi_{ij} \lVert x_i - y_j\rVert_2^r\right)^{1/r}

    over the plans that move mass 1/n from each x to mass 1/m at each y.

    Args:
        x: (n, d) and y: (m, d) samples; n m at most `MAX_PAIRS`.
        order: r, 1 or 2 as a rule, at least 1.

    Returns: scalar tensor in the units of the samples, differentiable with respect to both.
    Raises: ValueError if the samples are empty, not two-dimensional, of unequal d, not finite or too many, or
        if the order is less than 1; RuntimeError if the solver does not finish.
    Source: network simplex of POT (Flamary et al., 2021), ``ot.emd2``.
    """
    import ot  # here: slow to import, and most divergences need nothing of it

    _check_samples(x, y)
    if len(x) * len(y) > MAX_PAIRS:
        raise ValueError(
            f"{len(x):,} and {len(y):,} samples make {len(x) * len(y):,} pairs, more than {MAX_PAIRS:,}: "
            "take fewer of them"
        )
    if not order >= 1:
        raise ValueError(f"order must be at least 1, got {order}")
    # by differences: the faster way by inner products loses the digits of short distances
    distance = torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist")
    masses = [torch.full((len(v),), 1 / len(v), dtype=torch.float64, device=x.device) for v in (x, y)]
    cost, log = ot.emd2(*masses, distance**order, numItermax=10_000_000, log=True)
    if log["warning"] is not None:
        raise RuntimeError(f"no optimal transport plan for {len(x)} and {len(y)} samples: {log['warning']}")
    return _root(cost, order).to(x.dtype)


def _check_samples(x, y):
    for name, sample in (("x", x), ("y", y)):
        if sample.dim() != 2 or sample.numel() == 0:
            raise ValueError(f"{name} must be a nonempty (n, d) sample, got shape {tuple(sample.shape)}")
        if not sample.isfinite().all():
            raise ValueError(
                f"{name} must be finite, got {(~sample.isfinite()).sum().item()} values that are not"
            )
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must have the same dimension, got {x.shape[1]} and {y.shape[1]}")


def kl_gaussians(mean_p, cov_p, mean_q, cov_q):
    r"""Kullback–Leibler divergence of two Gaussians.

    .. math:: \tfrac12\left[\operatorname{tr} \Sigma_q^{-1}\Sigma_p - d
              + (\mu_q - \mu_p)^\top \Sigma_q^{-1} (\mu_q - \mu_p)
              + \log\frac{\det\Sigma_q}{\det\Sigma_p}\right]

    Args:
        mean_p, mean_q: (d,); cov_p, cov_q: (d, d), positive definite.

    Returns: scalar tensor in nats.
    Raises: ValueError if the shapes do not fit, or a covariance is not symmetric positive definite.
    Source: Kullback (1959), *Information Theory and Statistics*, section 9.1.
    """
    factor_p, factor_q = _check_gaussians(mean_p, cov_p, mean_q, cov_q)
    whitened = torch.linalg.solve_triangular(
        factor_q, torch.cat([factor_p, (mean_q - mean_p)[:, None]], 1), upper=False
    )
    return (whitened.square().sum() - len(mean_p)) / 2 + _half_log_det(factor_q) - _half_log_det(factor_p)


def hellinger_gaussians(mean_p, cov_p, mean_q, cov_q):
    r"""Hellinger distance of two Gaussians.

    .. math:: H^2 = 1 - \frac{(\det\Sigma_p \det\Sigma_q)^{1/4}}{\det(\bar\Sigma)^{1/2}}
              \exp\left(-\tfrac18 (\mu_p - \mu_q)^\top \bar\Sigma^{-1} (\mu_p - \mu_q)\right), \quad
              \bar\Sigma = \tfrac12 (\Sigma_p + \Sigma_q)

    Args, Raises: as :func:`kl_gaussians`.
    Returns: scalar tensor in [0, 1]; at 0 its gradient is given as 0.
    Source: Pardo (2006), *Statistical Inference Based on Divergence Measures*, page 51.
    """
    factor_p, factor_q = _check_gaussians(mean_p, cov_p, mean_q, cov_q)
    factor = torch.linalg.cholesky((cov_p + cov_q) / 2)
    shift = torch.linalg.solve_triangular(factor, (mean_p - mean_q)[:, None], upper=False)
    log_affinity = (_half_log_det(factor_p) + _half_log_det(factor_q)) / 2 - _half_log_det(factor)
    return _root(-torch.expm1(log_affinity - shift.square().sum() / 8))


def wasserstein_gaussians(mean_p, cov_p, mean_q, cov_q):
    r"""2-Wasserstein distance of two Gaussians.

    .. math:: W_2^2 = \lVert\mu_p - \mu_q\rVert^2 + \operatorname{tr}\left(\Sigma_p + \Sigma_q
              - 2\,(\Sigma_p^{1/2} \Sigma_q \Sigma_p^{1/2})^{1/2}\right)

    Args, Raises: as :func:`kl_gaussians`.
    Returns: scalar tensor in the units of the samples: the root, not the square.
    Source: Dowson & Landau (1982); Olkin & Pukelsheim (1982).
    """
    factor_p, factor_q = _check_gaussians(mean_p, cov_p, mean_q, cov_q)
    # tr (A^1/2 B A^1/2)^1/2 is the sum of the singular values of L_A^T L_B, for any L L^T = A: no root needed
    overlap = torch.linalg.svdvals(factor_p.T @ factor_q).sum()
    spread = cov_p.trace() + cov_q.trace() - 2 * overlap
    return _root((mean_p - mean_q).square().sum() + spread.clamp(min=0))


def _check_gaussians(mean_p, cov_p, mean_q, cov_q):
    """The covariances' lower Cholesky factors."""
    d, factors = len(mean_p) if mean_p.dim() else 0, []
    for name, mean, cov in (("p", mean_p, cov_p), ("q", mean_q, cov_q)):
        if d == 0 or mean.shape != (d,) or cov.shape != (d, d):
            raise ValueError(
                f"means must be (d,) and covariances (d, d) with one d, got {tuple(mean.shape)} and "
                f"{tuple(cov.shape)} for {name} where d is {d}"
            )
        factor, failed = torch.linalg.cholesky_ex(cov)
        if failed or not torch.allclose(cov, cov.T, rtol=1e-5, atol=1e-8 * cov.abs().max().item()):
            raise ValueError(
                f"the covariance of {name} must be symmetric and positive definite, got {cov.tolist()}"
            )
        factors.append(factor)
    return factors


def _half_log_det(factor):
    return factor.diagonal().log().sum()


def critic_distance(
    x, y, critic, *, penalty=None, project=None, steps=500, learning_rate=1e-3, batch_size=256, generator=None
):
    r"""A critic's estimate of the 1-Wasserstein distance, the dual of the transport problem.

    .. math:: W_1(p, q) = \sup_{\lVert f\rVert_{Lip} \le 1} \mathbb E_p[f] - \mathbb E_q[f]

    What it estimates is decided by what keeps the critic Lipschitz: spectral normalisation gives at most
    :math:`W_1`, clipping :math:`K W_1` with an unknown K, a gradient penalty somewhat more than :math:`W_1`;
    and nothing at all, a number without bound. Hold it against `wasserstein` or `wasserstein_1d`.

    Args:
        x: (n, *) and y: (m, *) samples.
        critic: module (B, *) to (B, 1); trained in place by Adam.
        penalty: called with (critic, x batch, y batch), a scalar added to the critic's loss, weight included.
        project: called with the critic after every step; changes it in place.
        steps, learning_rate, batch_size: of the training; batches are drawn with replacement.
        generator: CPU `torch.Generator` that draws the batches, None for the global one.

    Returns: float, the mean difference over all samples after training, with the critic in evaluation mode;
        the critic goes back to training mode.
    Raises: ValueError if steps or batch_size is less than 1, or a sample is empty.
    Source: Arjovsky et al. (2017), equation 2; Villani (2003), Theorem 1.14.
    """
    if min(steps, batch_size, len(x), len(y)) < 1:
        raise ValueError(
            f"steps, batch_size and both samples must be at least 1, got {steps}, {batch_size}, "
            f"{len(x)} and {len(y)}"
        )
    optimizer = torch.optim.Adam(critic.parameters(), learning_rate)
    critic.train()
    for _ in range(steps):
        batch_x, batch_y = (
            sample[torch.randint(len(sample), (batch_size,), generator=generator).to(sample.device)]
            for sample in (x, y)
        )
        loss = critic(batch_y).mean() - critic(batch_x).mean()
        if penalty is not None:
            loss = loss + penalty(critic, batch_x, batch_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if project is not None:
            project(critic)
    critic.eval()
    with torch.no_grad():
        estimate = (critic(x).mean() - critic(y).mean()).item()
    critic.train()
    return estimate
