"""inception_score with exponentials of samples: right solutions, and wrong ones with what they lose."""

import math

import numpy as np
import torch
from solutions.ps4_score import checked, scoring


def divergences(rows):
    return (torch.xlogy(rows, rows) - torch.xlogy(rows, rows.mean(0))).sum(1)


def exponents(rows):
    return divergences(rows).exp().mean()


# ---- right


def with_numpy(probs, splits=1):
    checked(probs, splits)
    scores = []
    for part in np.array_split(probs.numpy().astype(np.float64), splits):
        ratio = np.divide(part, part.mean(0), out=np.ones_like(part), where=part > 0)
        scores.append(np.exp((part * np.log(ratio)).sum(1)).mean())
    return float(np.mean(scores)), float(np.std(scores))


def plain_python(probs, splits=1):
    checked(probs, splits)
    scores = []
    for part in torch.tensor_split(probs.double(), splits):
        marginal, total = part.mean(0).tolist(), 0.0
        for row in part.tolist():
            total += math.exp(sum(p * math.log(p / q) for p, q in zip(row, marginal, strict=True) if p))
        scores.append(total / len(part))
    mean = sum(scores) / splits
    return mean, (sum((score - mean) ** 2 for score in scores) / splits) ** 0.5


RIGHT = {
    "NumPy": with_numpy,
    "plain Python": plain_python,
    "products of powers": scoring(
        lambda rows: (rows / rows.mean(0).clamp(min=1e-300)).pow(rows).prod(1).mean()
    ),
    "logarithm of a sum": scoring(
        lambda rows: (divergences(rows).logsumexp(0) - math.log(len(rows))).exp(),
    ),
    "by entropies": scoring(
        lambda rows: (-torch.special.entr(rows).sum(1) - torch.xlogy(rows, rows.mean(0)).sum(1)).exp().mean()
    ),
}


# ---- wrong


def one_marginal(probs, splits=1):
    """p(y) of all rows for every part."""
    checked(probs, splits)
    probs = probs.double()
    ratios = (torch.xlogy(probs, probs) - torch.xlogy(probs, probs.mean(0))).sum(1).exp()
    scores = torch.stack([part.mean() for part in ratios.tensor_split(splits)])
    return scores.mean().item(), scores.std(correction=0).item()


def unchecked(probs, splits=1):
    scores = torch.stack([exponents(part) for part in probs.double().tensor_split(splits)])
    return scores.mean().item(), scores.std(correction=0).item()


def as_tensors(probs, splits=1):
    return tuple(torch.tensor(value, dtype=torch.float64) for value in scoring(exponents)(probs, splits))


VALUES, SPLITS, DIGITS, GUARDS = "score-values", "score-splits", "score-digits", "score-guards"
WRONG = {
    "exponential last": (scoring(lambda rows: divergences(rows).mean().exp()), {VALUES}),
    "no exponential": (scoring(lambda rows: divergences(rows).mean()), {VALUES}),
    "a sum": (scoring(lambda rows: divergences(rows).exp().sum()), {VALUES}),
    "the largest": (scoring(lambda rows: divergences(rows).exp().max()), {VALUES}),
    "the median": (scoring(lambda rows: divergences(rows).exp().median()), {VALUES}),
    "in bits": (scoring(lambda rows: (divergences(rows) / math.log(2)).exp().mean()), {VALUES}),
    "the other divergence": (
        scoring(
            lambda rows: (
                (torch.xlogy(rows.mean(0), rows.mean(0)) - torch.xlogy(rows.mean(0), rows + 1e-9))
                .sum(1)
                .exp()
                .mean()
            )
        ),
        {VALUES},
    ),
    "exponential of each entry": (
        scoring(lambda rows: (rows * (rows / rows.mean(0).clamp(min=1e-300))).sum(1).mean()),
        {VALUES},
    ),
    "one p(y) for all parts": (one_marginal, {SPLITS}),
    "sample deviation": (scoring(exponents, spread=1), {SPLITS}),
    "equal parts alone": (
        scoring(exponents, cut=lambda rows, splits: rows[: len(rows) // splits * splits].chunk(splits)),
        {SPLITS},
    ),
    "float32": (scoring(exponents, cast=torch.Tensor.float), {DIGITS}),
    "tensors": (as_tensors, {DIGITS}),
    "unchecked": (unchecked, {GUARDS}),
}
