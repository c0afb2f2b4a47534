"""inception_score: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools
import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from scipy import special


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
    return mean, (sum((score - mean) ** 2 for score in scores) / splits) ** 0.5


def tiny_offset(rows):
    rows = rows + 1e-16
    return (rows * (rows / rows.mean(0)).log()).sum(1).mean().exp()


class Score:
    """A callable that is no function; the table is a deep copy that it may spoil."""

    def part(self, rows):
        rows = rows / 1.0
        weighted = rows * (rows.clamp_min(1e-320).log() - rows.mean(0).clamp_min(1e-320).log())
        return math.exp(weighted.sum(1).mean().item())

    def __call__(self, probs, splits=1):
        checked(probs, splits)
        table = copy.deepcopy(probs).double()
        scores = [self.part(part) for part in table.tensor_split(splits)]
        return statistics.fmean(scores), statistics.pstdev(scores)


def by_scipy(probs, splits=1):
    checked(probs, splits)
    scores = []
    for part in np.array_split(probs.numpy().astype(float), splits):
        divergences = special.rel_entr(part, part.mean(0, keepdims=True)).sum(1)
        scores.append(np.exp(divergences.mean()))
    return float(np.mean(scores)), float(np.sqrt(np.mean(np.square(scores - np.mean(scores)))))


RIGHT = {
    "NumPy": with_numpy,
    "by entropies": scoring(by_entropies),
    "F.kl_div": scoring(by_kl_div),
    "plain Python": plain_python,
    "tiny offset": scoring(tiny_offset),
    "a callable object": Score(),
    "SciPy": by_scipy,
    "a partial function": functools.partial(scoring(by_entropies)),
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


def clamped_in_place(probs, splits=1):
    checked(probs, splits)
    return scoring()(probs.clamp_(min=1e-12), splits)


def normalised_in_place(probs, splits=1):
    checked(probs, splits)
    out = scoring()(probs, splits)
    probs /= probs.sum(1, keepdim=True)
    return out


def renormalised(probs, splits=1):
    checked(probs, splits)
    return scoring()(probs.double() / probs.double().sum(1, keepdim=True), splits)


def checking(*, low=0.0, apart=1e-3, rows=slice(None)):
    """A check of its own for the table, or for some of the rows."""

    def inception_score(probs, splits=1):
        chosen = probs.double()[rows]
        if (chosen < low).any() or ((chosen.sum(1) - 1).abs() > apart).any() or len(probs) < splits:
            raise ValueError("no table of probabilities")
        scores = torch.stack([divergence(part.abs()).exp() for part in probs.double().tensor_split(splits)])
        return scores.mean().item(), scores.std(correction=0).item()

    return inception_score


def of_large_sums(probs, splits):
    return (probs < 0).any() or (probs.double().sum(1) > 1.001).any() or len(probs) < splits


def whole_numbers(probs, splits=1):
    """As ints where the numbers are whole."""
    return tuple(int(number) if number == int(number) else number for number in scoring()(probs, splits))


def deviation_an_int(probs, splits=1):
    mean, std = scoring()(probs, splits)
    return mean, std if splits > 1 else 0


def nan_for_one_part(probs, splits=1):
    checked(probs, splits)
    scores = torch.stack([divergence(part).exp() for part in probs.double().tensor_split(splits)])
    return scores.mean().item(), scores.std(correction=0).item() if splits > 1 else math.nan


def by_moments(probs, splits=1):
    """The root of a difference of two means, which may be below 0."""
    checked(probs, splits)
    scores = torch.stack([divergence(part).exp() for part in probs.double().tensor_split(splits)])
    return scores.mean().item(), (scores.square().mean() - scores.mean().square()).item() ** 0.5


def first_thousand(probs, splits=1):
    checked(probs, splits)
    return scoring()(probs[:1000], splits)


def score_of_the_mean(probs, splits=1):
    checked(probs, splits)
    parts = [divergence(part) for part in probs.double().tensor_split(splits)]
    spread = torch.stack(parts).exp().std(correction=0) if splits > 1 else torch.zeros(())
    return torch.stack(parts).mean().exp().item(), spread.item()


def swapped(probs, splits=1):
    return scoring()(probs, splits)[::-1]


def listed(probs, splits=1):
    return [*scoring()(probs, splits), 0.0]


def one_class_dropped(rows):
    return divergence(rows[:, : max(1, rows.shape[1] - 1)]).exp()


def refuses_one_row(probs, splits=1):
    if len(probs) < 2:
        raise ValueError("too few rows")
    return scoring()(probs, splits)


def refuses_whole_rows(probs, splits=1):
    if len(probs) <= splits > 1:
        raise ValueError("too few rows")
    return scoring()(probs, splits)


def spoils_its_arguments(probs, splits=1):
    probs.fill_(math.nan)
    return math.nan, math.nan


def empties_its_arguments(probs, splits=1):
    probs.data = torch.empty(0)
    return 1.0, 0.0


V, S, D, C = "score-values", "score-splits", "score-digits", "score-guards"
WRONG = {
    "nan from zeros": (scoring(zero_times_log), {V}),
    "a large offset": (scoring(lambda rows: divergence(rows + 1e-3).exp()), {V}),
    "an offset of 1e-6": (scoring(lambda rows: tiny_offset(rows + 1e-6)), {V, D}),
    "without exp": (scoring(divergence), {V}),
    "base 2": (scoring(lambda rows: 2 ** divergence(rows)), {V}),
    "bits": (scoring(lambda rows: (divergence(rows) / math.log(2)).exp()), {V}),
    "mean of exponentials": (scoring(mean_of_exponentials), {V}),
    "KL reversed": (scoring(reversed_kl), {V}),
    "mean over entries": (scoring(mean_over_entries), {V}),
    "float32": (scoring(cast=torch.Tensor.float), {D}),
    "dtype of the input": (scoring(cast=lambda probs: probs), {D}),
    "marginal of all rows": (whole_marginal, {S}),
    "rest dropped": (scoring(cut=drop_the_rest), {S}),
    "torch.chunk": (scoring(cut=lambda probs, splits: probs.chunk(splits)), {S}),
    "shuffled": (scoring(cut=shuffled), {S}),
    "interleaved": (scoring(cut=interleaved), {S}),
    "larger parts last": (scoring(cut=larger_parts_last), {S}),
    "splits ignored": (scoring(cut=lambda probs, splits: [probs]), {S}),
    "sample deviation": (scoring(spread=1), {S}),
    "asserts": (asserting, {C}),
    "nothing checked": (unchecked(lambda *_: False), {C}),
    "only the total checked": (unchecked(of_all_rows), {C}),
    "negative entries accepted": (unchecked(of_sums), {C}),
    "too many parts accepted": (unchecked(of_entries), {C}),
    "normalises instead": (renormalising, {V, C}),
    "too strict": (too_strict, {C}),
    "changes its input": (in_place, {C}),
    "returns tensors": (tensors, {D}),
    "returns NumPy's numbers": (numpy_numbers, {D}),
    "mean only": (mean_only, {S}),
    "clamps its input": (clamped_in_place, {C}),
    "normalises its input": (normalised_in_place, {C}),
    "rows normalised": (renormalised, {V}),
    "a tolerance of 2e-3": (checking(apart=2e-3), {C}),
    "a tolerance of 5e-4": (checking(apart=5e-4), {C}),
    "negative down to -1e-3 accepted": (checking(low=-2e-3), {C}),
    "negative down to -1e-5 accepted": (checking(low=-1e-5), {C}),
    "zeros refused": (checking(low=1e-300), {C}),
    "first row unchecked": (checking(rows=slice(1, None)), {C}),
    "last row unchecked": (checking(rows=slice(None, -1)), {C}),
    "first thousand rows checked": (checking(rows=slice(1000)), {C}),
    "sums below 1 accepted": (unchecked(of_large_sums), {C}),
    "ints where they are whole": (whole_numbers, {D}),
    "deviation an int for one part": (deviation_an_int, {D}),
    "deviation nan for one part": (nan_for_one_part, {S}),
    "deviation by moments": (by_moments, {S}),
    "first thousand rows": (first_thousand, {V, S}),
    "score of the mean divergence": (score_of_the_mean, {S}),
    "mean and deviation swapped": (swapped, {V, S}),
    "three numbers": (listed, {V, S, D}),
    "last class dropped": (scoring(one_class_dropped), {V}),
    "one row refused": (refuses_one_row, {C}),
    "parts of one row refused": (refuses_whole_rows, {C}),
    "an offset of 1e-9": (scoring(lambda rows: tiny_offset(rows + 1e-8)), {D}),
    "median of the scores": (
        lambda probs, splits=1: (
            sorted(scoring()(part, 1)[0] for part in probs.tensor_split(splits))[splits // 2],
            scoring()(probs, splits)[1],
        ),
        {S},
    ),
    "fills its arguments with nan": (spoils_its_arguments, {V, S, C}),
    "empties its arguments": (empties_its_arguments, {V, S, C}),
}
