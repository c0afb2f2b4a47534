"""frechet_distance over N and M: right solutions, and wrong ones with the checks that they lose."""

import math

import numpy as np
import torch
from solutions.ps4_frechet import (
    by_factors_of_qr,
    checked,
    cholesky,
    diagonal_only,
    distance,
    overlap_by_eigenvalues,
    polar,
)


def one_is_enough(real, fake):
    if real.shape[1] != fake.shape[1] or not len(real) or not len(fake):
        raise ValueError("one sample or more of one dimension")


def over_n(overlap=polar, *, correction=0, check=one_is_enough, **parts):
    return distance(overlap, correction=correction, check=check, **parts)


# ---- right


def of_the_samples(real, fake):
    one_is_enough(real, fake)
    x, y = real.double(), fake.double()
    a, b = ((s - s.mean(0)) / math.sqrt(len(s)) for s in (x, y))
    overlap = torch.linalg.svdvals(b @ a.T).sum()
    value = (x.mean(0) - y.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * overlap
    return float(value.clamp(min=0))


def torch_cov(real, fake):
    one_is_enough(real, fake)
    a, b = (torch.cov(s.double().T, correction=0).reshape(s.shape[1], s.shape[1]) for s in (real, fake))
    value = (real.double().mean(0) - fake.double().mean(0)).pow(2).sum() + a.trace() + b.trace()
    return max(0.0, (value - 2 * polar(a, b)).item())


def with_numpy(real, fake):
    one_is_enough(real, fake)
    x, y = real.numpy().astype(np.float64), fake.numpy().astype(np.float64)
    a, b = (np.atleast_2d(np.cov(s, rowvar=False, bias=True)) for s in (x, y))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0)).sum()
    gap = x.mean(0) - y.mean(0)
    return max(0.0, float(gap @ gap + np.trace(a) + np.trace(b) - 2 * inner))


RIGHT = {
    "nuclear norm of the factors": over_n(),
    "eigenvalues of the product": over_n(overlap_by_eigenvalues),
    "singular values of the samples": of_the_samples,
    "torch.cov": torch_cov,
    "NumPy's bias": with_numpy,
    "triangular factors": over_n(by_factors_of_qr),
}


# ---- wrong


def unchecked(real, fake):
    return over_n(check=lambda real, fake: None)(real, fake)


def as_a_tensor(real, fake):
    return torch.tensor(over_n()(real, fake), dtype=torch.float64)


CLOSED, GENERAL, SINGULAR, ZERO, GUARDS = (
    f"frechet-{name}" for name in ("closed", "general", "singular", "zero", "guards")
)
WRONG = {
    "denominators N - 1": (over_n(correction=1), {CLOSED}),
    "N - 1, and two samples asked for": (distance(polar), {CLOSED, GUARDS}),
    "two samples asked for": (over_n(check=checked), {GUARDS}),
    "no root": (over_n(lambda a, b: (a @ b).trace()), {CLOSED}),
    "the root once": (over_n(factor=1), {CLOSED}),
    "means not squared": (over_n(gap=torch.linalg.vector_norm), {CLOSED}),
    "only the diagonals": (over_n(diagonal_only), {CLOSED, GENERAL, SINGULAR}),
    "Cholesky factors": (over_n(cholesky), {SINGULAR}),
    "float32": (over_n(cast=torch.Tensor.float), {GENERAL}),
    "not clipped": (over_n(clip=False), {ZERO}),
    "unchecked": (unchecked, {GUARDS}),
    "a tensor": (as_a_tensor, {GUARDS}),
}
