"""inception_score: unusual right solutions, and wrong ones with the checks that they lose."""

import math

import numpy as np
import torch
import torch.nn.functional as F


def checked(probs, splits):
    if (probs < 0).any() or ((probs.double().sum(1) - 1).abs() > 1e-3).any() or len(probs) < splits:
        raise ValueError("no table of probabilities")


def divergence(rows):
    return (torch.xlogy(rows, rows) - torch.xlogy(rows, rows.mean(0))).sum(1).mean()


def scoring(
    score=lambda rows: divergence(rows).exp(), cut=torch.tensor_split, spread=0, cast=torch.Tensor.double
):
    """An inception_score with its own score of a part, its own cut, or its own precision."""

    def inception_score(probs, splits=1):
        checked(probs, splits)
        scores = torch.stack([score(part) for part in cut(cast(probs), splits)])
        std = scores.std(correction=spread) if len(scores) > 1 else scores[0] * 0
        return scores.mean().item(), std.item()

    return inception_score


# ---- right


def with_numpy(probs, splits=1):
    checked(probs, splits)
    scores = []
    for part in np.array_split(probs.numpy().astype(np.float64), splits):
        ratio = np.divide(part, part.mean(0), out=np.ones_like(part), where=part > 0)
        scores.append(np.exp((part * np.log(ratio)).sum(1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


def by_entropies(rows):
    return (torch.special.entr(rows.mean(0)).sum() - torch.special.entr(rows).sum(1).mean()).exp()


def by_kl_div(rows):
    marginal = rows.mean(0).clamp(min=1e-300).log().expand_as(rows)
    return F.kl_div(marginal, rows, reduction="batchmean").exp()


def plain_python(probs, splits=1):
    checked(probs, splits)
    rows, scores, start = probs.tolist(), [], 0
    for index in range(splits):
        stop = start + len(rows) // splits + (1 if index < len(rows) % splits else 0)
        part, start = rows[start:stop], stop
        total = 0.0
        for k in range(len(part[0])):
            mean = sum(row[k] for row in part) / len(part)
            total += sum(row[k] * math.log(row[k] / mean) for row in part if row[k])
        scores.append(math.exp(total / len(part)))
    mean = sum(scores) / splits
    return mean, (sum(score**2 for score in scores) / splits - mean**2 + 0.0) ** 0.5 if splits > 1 else 0.0


def tiny_offset(rows):
    rows = rows + 1e-16
    return (rows * (rows / rows.mean(0)).log()).sum(1).mean().exp()


RIGHT = {
    "NumPy": with_numpy,
    "by entropies": scoring(by_entropies),
    "F.kl_div": scoring(by_kl_div),
    "plain Python": plain_python,
    "tiny offset": scoring(tiny_offset),
}


# ---- wrong


def zero_times_log(rows):
    return (rows * (rows.log() - rows.mean(0).log())).sum(1).mean().exp()


def mean_of_exponentials(rows):
    return (torch.xlogy(rows, rows) - torch.xlogy(rows, rows.mean(0))).sum(1).exp().mean()


def reversed_kl(rows):
    marginal = rows.mean(0)
    return (torch.xlogy(marginal, marginal) - torch.xlogy(marginal, rows + 1e-12)).sum(1).mean().exp()


def mean_over_entries(rows):
    return F.kl_div(rows.mean(0).clamp(min=1e-300).log().expand_as(rows), rows, reduction="mean").exp()


def whole_marginal(probs, splits=1):
    marginal = probs.double().mean(0)

    def score(rows):
        return (torch.xlogy(rows, rows) - torch.xlogy(rows, marginal)).sum(1).mean().exp()

    return scoring(score)(probs, splits)


def drop_the_rest(probs, splits):
    size = len(probs) // splits
    return [probs[i * size : (i + 1) * size] for i in range(splits)]


def shuffled(probs, splits):
    return torch.tensor_split(probs[torch.randperm(len(probs))], splits)


def interleaved(probs, splits):
    return [probs[i::splits] for i in range(splits)]


def larger_parts_last(probs, splits):
    return [part.flip(0) for part in torch.tensor_split(probs.flip(0), splits)][::-1]


def asserting(probs, splits=1):
    assert not (probs < 0).any() and ((probs.sum(1) - 1).abs() <= 1e-3).all() and len(probs) >= splits
    return scoring()(probs, splits)


def unchecked(check):
    def inception_score(probs, splits=1):
        if check(probs, splits):
            raise ValueError("no table of probabilities")
        scores = torch.stack(
            [divergence(part.abs()).exp() for part in torch.tensor_split(probs.double(), splits)]
        )
        return scores.mean().item(), scores.std(correction=0).item()

    return inception_score


def renormalising(probs, splits=1):
    if (probs < 0).any() or len(probs) < splits:
        raise ValueError("negative, or too few")
    return scoring()(probs / probs.sum(1, keepdim=True), splits)


def too_strict(probs, splits=1):
    if ((probs.double().sum(1) - 1).abs() > 1e-5).any():
        raise ValueError("rows must sum to 1")
    return scoring()(probs, splits)


def of_all_rows(probs, splits):
    return (probs.sum() - len(probs)).abs() > 1e-3 or (probs < 0).any() or len(probs) < splits


def of_sums(probs, splits):
    return ((probs.sum(1) - 1).abs() > 1e-3).any() or len(probs) < splits


def of_entries(probs, splits):
    return ((probs.sum(1) - 1).abs() > 1e-3).any() or (probs < 0).any()


def in_place(probs, splits=1):
    checked(probs, splits)
    out = scoring()(probs, splits)
    probs += 1e-12 if probs.dtype == torch.float64 else 1e-6
    return out


def tensors(probs, splits=1):
    return tuple(torch.tensor(number, dtype=torch.float64) for number in scoring()(probs, splits))


def numpy_numbers(probs, splits=1):
    return tuple(np.float64(number) for number in scoring()(probs, splits))


def mean_only(probs, splits=1):
    return scoring()(probs, splits)[0]


V, S, D, C = "score-values", "score-splits", "score-digits", "score-guards"
WRONG = {
    "nan from zeros": (scoring(zero_times_log), {V, S}),
    "a large offset": (scoring(lambda rows: divergence(rows + 1e-3).exp()), {V, S, D}),
    "an offset of 1e-6": (scoring(lambda rows: tiny_offset(rows + 1e-6)), {V, S, D}),
    "without exp": (scoring(divergence), {V, S, D}),
    "base 2": (scoring(lambda rows: 2 ** divergence(rows)), {V, S, D}),
    "bits": (scoring(lambda rows: (divergence(rows) / math.log(2)).exp()), {V, S, D}),
    "mean of exponentials": (scoring(mean_of_exponentials), {V, S, D}),
    "KL reversed": (scoring(reversed_kl), {V, S, D}),
    "mean over entries": (scoring(mean_over_entries), {V, S, D}),
    "float32": (scoring(cast=torch.Tensor.float), {D}),
    "dtype of the input": (scoring(cast=lambda probs: probs), {D}),
    "marginal of all rows": (whole_marginal, {S, D}),
    "rest dropped": (scoring(cut=drop_the_rest), {S, D}),
    "torch.chunk": (scoring(cut=lambda probs, splits: probs.chunk(splits)), {S, D}),
    "shuffled": (scoring(cut=shuffled), {S, D}),
    "interleaved": (scoring(cut=interleaved), {S, D}),
    "larger parts last": (scoring(cut=larger_parts_last), {S, D}),
    "splits ignored": (scoring(cut=lambda probs, splits: [probs]), {S, D}),
    "sample deviation": (scoring(spread=1), {S}),
    "asserts": (asserting, {C}),
    "nothing checked": (unchecked(lambda *_: False), {C}),
    "only the total checked": (unchecked(of_all_rows), {C}),
    "negative entries accepted": (unchecked(of_sums), {C}),
    "too many parts accepted": (unchecked(of_entries), {C}),
    "normalises instead": (renormalising, {C}),
    "too strict": (too_strict, {C}),
    "changes its input": (in_place, {C}),
    "returns tensors": (tensors, {D}),
    "returns NumPy's numbers": (numpy_numbers, {D}),
    "mean only": (mean_only, {V, S, D}),
}
