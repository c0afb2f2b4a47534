"""spectral_normalize where sigma is above 1: right solutions, and wrong ones with what they lose."""

import torch
import torch.nn.functional as F
from solutions.ps2_spectral import normalise_with, unit


def capped(W, sigma, u, before):
    return W / sigma.clamp(min=1), u


def normalising(result=capped, **parts):
    return normalise_with(result=result, **parts)


# ---- right


def branching(W, sigma, u, before):
    return (W / sigma if sigma > 1 else W / 1), u


def rank_one(W, u, n_iter=1, eps=1e-12):
    fixed = W.detach().double().flatten(1)
    u = u.double()
    for _ in range(n_iter):
        v = unit(fixed.T @ u, eps)
        u = unit(fixed @ v, eps)
    sigma = (W * torch.outer(u, v).view(W.shape)).sum()
    return (W / torch.relu(sigma - 1).add(1)).float(), u.float()


def with_einsum(W, u, n_iter=1, eps=1e-12):
    matrix = W.flatten(1)
    for _ in range(n_iter):
        v = unit(torch.einsum("oi,o->i", matrix.detach(), u), eps)
        u = unit(torch.einsum("oi,i->o", matrix.detach(), v), eps)
    sigma = torch.einsum("o,oi,i->", u, matrix, v)
    return W.div(torch.maximum(sigma, torch.ones(()))), u


RIGHT = {
    "branching": normalising(branching),
    "rank one": rank_one,
    "with einsum": with_einsum,
    "times the smaller": normalising(
        lambda W, sigma, u, before: (W * sigma.reciprocal().clamp(max=1), u),
    ),
    "columns in another order": normalising(matrix=lambda W: W.flatten(1).flip(1)),
}


# ---- wrong


def small_detached(W, sigma, u, before):
    """The slope of sigma also where it is not divided by."""
    return W / sigma * sigma.detach().clamp(max=1), u


def in_place(W, sigma, u, before):
    normalised = W / sigma.clamp(min=1)
    W.data.copy_(normalised.detach())
    return normalised, u


def of_all(function):
    def sigma(matrix, u, v):
        return function(matrix)

    return sigma


VALUE, VECTOR, GRADIENT, WEIGHT = (f"spectral-{name}" for name in ("value", "vector", "gradient", "weight"))
WRONG = {
    "always divided": (normalise_with(), {VALUE}),
    "only below 1": (normalising(lambda W, sigma, u, before: (W / sigma.clamp(max=1), u)), {VALUE, GRADIENT}),
    "never divided": (normalising(lambda W, sigma, u, before: (W / 1, u)), {VALUE, GRADIENT}),
    "from 2 on": (normalising(lambda W, sigma, u, before: (W / sigma.clamp(min=2), u)), {VALUE, GRADIENT}),
    "1 added": (normalising(lambda W, sigma, u, before: (W / (1 + sigma), u)), {VALUE}),
    "entries clamped": (
        normalising(lambda W, sigma, u, before: (W.clamp(-1, 1), u)),
        {VALUE, GRADIENT},
    ),
    "Frobenius norm": (normalising(sigma=of_all(torch.linalg.matrix_norm)), {VALUE, GRADIENT}),
    "sigma detached": (
        normalising(lambda W, sigma, u, before: (W / sigma.detach().clamp(min=1), u)),
        {GRADIENT},
    ),
    "slope of a small sigma": (normalising(small_detached), {GRADIENT}),
    "through the iteration": (normalising(graph=True), {VECTOR, GRADIENT}),
    "one iteration": (normalising(iterations=lambda n_iter: 1), {VECTOR}),
    "u as it came": (normalising(lambda W, sigma, u, before: (capped(W, sigma, u, u)[0], before)), {VECTOR}),
    "u of the normalised weight": (
        normalising(
            lambda W, sigma, u, before: (capped(W, sigma, u, u)[0], F.normalize(u, dim=0) / sigma.detach())
        ),
        {VECTOR},
    ),
    "in place": (normalising(in_place), {GRADIENT, WEIGHT}),
}
