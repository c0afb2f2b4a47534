"""frechet_distance: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools
import math

import numpy as np
import torch
from scipy import linalg


def checked(real, fake):
    if real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 2:
        raise ValueError("two samples or more of one dimension")


def moments(sample, correction=1):
    centred = sample - sample.mean(0)
    return sample.mean(0), centred.T @ centred / (len(sample) - correction)


def overlap_by_eigenvalues(a, b):
    return torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()


def distance(
    overlap=overlap_by_eigenvalues,
    *,
    cast=torch.Tensor.double,
    correction=1,
    gap=None,
    factor=2,
    clip=True,
    check=checked,
):
    """A frechet_distance with one of its parts exchanged."""

    def frechet_distance(real, fake):
        check(real, fake)
        (mean, a), (other, b) = (moments(cast(sample), correction) for sample in (real, fake))
        means = (mean - other).square().sum() if gap is None else gap(mean - other)
        value = (means + a.trace() + b.trace() - factor * overlap(a, b)).item()
        return max(0.0, value) if clip else value

    return frechet_distance


# ---- right


def with_sqrtm(real, fake):
    """The usual recipe, made safe: symmetric roots, so that nothing complex or infinite comes up."""
    checked(real, fake)
    x, y = real.numpy().astype(np.float64), fake.numpy().astype(np.float64)
    a, b = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ b @ root)
    gap = x.mean(0) - y.mean(0)
    return max(0.0, float(gap @ gap + np.trace(a) + np.trace(b) - 2 * np.sqrt(np.maximum(inner, 0)).sum()))


def complex_root_of_the_eigenvalues(a, b):
    values = np.linalg.eigvals(a.numpy() @ b.numpy())
    return torch.tensor(np.sqrt(values.astype(complex)).real.sum())


def polar(a, b):
    """The nuclear norm of the product of two factors."""
    factors = []
    for matrix in (a, b):
        values, vectors = torch.linalg.eigh(matrix)
        factors.append(vectors * values.clamp(min=0).sqrt())
    return torch.linalg.matrix_norm(factors[0].T @ factors[1], ord="nuc")


def of_the_samples(real, fake):
    checked(real, fake)
    x, y = real.double(), fake.double()
    a, b = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (x, y))
    overlap = torch.linalg.svdvals(b @ a.T).sum()
    value = (x.mean(0) - y.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * overlap
    return float(value.clamp(min=0))


def torch_cov(real, fake):
    checked(real, fake)
    a, b = (torch.cov(s.double().T).reshape(s.shape[1], s.shape[1]) for s in (real, fake))
    values = torch.linalg.eigvals(a @ b)
    value = (real.double().mean(0) - fake.double().mean(0)).pow(2).sum() + a.trace() + b.trace()
    return max(0.0, value.item() - 2 * values.sqrt().real.sum().item())


class Frechet:
    """A callable that is no function; it centres copies of its own in place."""

    def __call__(self, real, fake):
        checked(real, fake)
        (mean, a), (other, b) = (self.fit(copy.deepcopy(sample)) for sample in (real, fake))
        inner = np.linalg.svd(a @ b.T, compute_uv=False)
        value = np.sum((mean - other) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * inner.sum()
        return float(max(value, 0))

    def fit(self, sample):
        rows = sample.numpy().astype(np.float64)
        mean = rows.mean(0)
        rows -= mean
        return mean, rows / np.sqrt(len(rows) - 1)


def by_factors_of_qr(a, b):
    """Triangular factors of the roots: their product has the singular values that count."""
    triangles = []
    for matrix in (a, b):
        values, vectors = np.linalg.eigh(matrix.numpy())
        triangles.append(linalg.qr((vectors * np.sqrt(np.clip(values, 0, None))).T, mode="r")[0])
    return torch.tensor(linalg.svdvals(triangles[0] @ triangles[1].T).sum())


RIGHT = {
    "eigenvalues of the product": distance(),
    "NumPy and symmetric roots": with_sqrtm,
    "complex root of the eigenvalues": distance(complex_root_of_the_eigenvalues),
    "nuclear norm of the factors": distance(polar),
    "singular values of the samples": of_the_samples,
    "torch.cov and eigvals": torch_cov,
    "a callable object": Frechet(),
    "triangular factors": distance(by_factors_of_qr),
    "a partial function": functools.partial(distance(polar)),
}


# ---- wrong


def root_of_each_entry(a, b):
    return (a @ b).clamp(min=0).diag().sqrt().sum()


def product_of_the_roots(a, b):
    roots = []
    for matrix in (a, b):
        values, vectors = torch.linalg.eigh(matrix)
        roots.append(vectors * values.clamp(min=0).sqrt() @ vectors.T)
    return (roots[0] @ roots[1]).trace()


def diagonal_only(a, b):
    return (a.diag() * b.diag()).sqrt().sum()


def symmetric_solver(a, b):
    return torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()


def cholesky(a, b):
    factor = torch.linalg.cholesky(a)
    return torch.linalg.eigvalsh(factor.T @ b @ factor).clamp(min=0).sqrt().sum()


def with_an_offset(a, b):
    return overlap_by_eigenvalues(a + 1e-4 * torch.eye(len(a)), b + 1e-4 * torch.eye(len(b)))


def unclamped(a, b):
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.sqrt()
    return torch.linalg.eigvalsh(root.T @ b @ root).sqrt().sum()


def trace_without_root(a, b):
    return (a @ b).trace()


def root_of_the_trace(a, b):
    return (a @ b).trace().sqrt()


def uncentred(real, fake):
    checked(real, fake)
    a, b = (s.double().T @ s.double() / (len(s) - 1) for s in (real, fake))
    gap = (real.double().mean(0) - fake.double().mean(0)).square().sum()
    return max(0.0, (gap + a.trace() + b.trace() - 2 * overlap_by_eigenvalues(a, b)).item())


def changed_in_place(real, fake):
    checked(real, fake)
    value = distance()(real, fake)
    real -= real.mean(0)
    return value


def sqrtm_complex(real, fake):
    """The recipe as it is often found: the imaginary part is not dropped."""
    checked(real, fake)
    (mean, a), (other, b) = (moments(sample.double()) for sample in (real, fake))
    root = linalg.sqrtm((a @ b).numpy())
    return float((mean - other).square().sum() + np.trace(a + b - 2 * root))


def no_check(real, fake):
    pass


def only_d(real, fake):
    if real.shape[1] != fake.shape[1]:
        raise ValueError("d")


def asserted(real, fake):
    assert real.shape[1] == fake.shape[1] and min(len(real), len(fake)) >= 2


def wrapped(kind):
    return lambda real, fake: kind(distance()(real, fake))


def int_for_nothing(real, fake):
    return max(0, distance(polar, clip=False)(real, fake))


def int_for_exactly_nothing(real, fake):
    return distance(polar)(real, fake) or 0


def centred_in_place(real, fake):
    checked(real, fake)
    value = distance(polar)(real, fake)
    fake -= fake.mean(0)
    return value


def cast_in_place(real, fake):
    value = distance(polar)(real, fake)
    real.data, fake.data = real.data.double(), fake.data.double()
    return value


def constant_features_dropped(real, fake):
    checked(real, fake)
    moving = (real.var(0) > 0) & (fake.var(0) > 0)
    if not moving.any():
        return (real.double().mean(0) - fake.double().mean(0)).square().sum().item()
    return distance(polar)(real[:, moving], fake[:, moving])


def nothing_where_singular(real, fake):
    if min(len(real), len(fake)) <= real.shape[1]:
        checked(real, fake)
        return 0.0
    return distance(polar)(real, fake)


def offset_where_singular(a, b):
    if min(torch.linalg.eigvalsh(a)[0], torch.linalg.eigvalsh(b)[0]) < 1e-9:
        eye = 1e-6 * torch.eye(len(a))
        a, b = a + eye, b + eye
    return polar(a, b)


def first_hundred(real, fake):
    return distance(polar)(real[:100], fake[:100])


def equal_sizes(real, fake):
    checked(real, fake)
    count = min(len(real), len(fake))
    return distance(polar)(real[:count], fake[:count])


def covariance_by_moments(sample):
    rows = sample.float()
    return rows.mean(0), (rows.T @ rows / len(rows) - torch.outer(rows.mean(0), rows.mean(0))) * (
        len(rows) / (len(rows) - 1)
    )


def cancelling(real, fake):
    checked(real, fake)
    (mean, a), (other, b) = (covariance_by_moments(sample) for sample in (real, fake))
    value = (mean - other).square().sum() + a.trace() + b.trace() - 2 * polar(a.double(), b.double())
    return max(0.0, float(value))


def denominator_of_the_other(real, fake):
    checked(real, fake)
    (mean, a), (other, b) = (moments(sample.double()) for sample in (real, fake))
    b = b * (len(fake) - 1) / (len(real) - 1)
    value = (mean - other).square().sum() + a.trace() + b.trace() - 2 * polar(a, b)
    return max(0.0, value.item())


def only_d_smaller(real, fake):
    if real.shape[1] > fake.shape[1] or min(len(real), len(fake)) < 2:
        raise ValueError("d")


def only_real(real, fake):
    if real.shape[1] != fake.shape[1] or len(real) < 2:
        raise ValueError("N")


def only_fake(real, fake):
    if real.shape[1] != fake.shape[1] or len(fake) < 2:
        raise ValueError("M")


def both_needed(real, fake):
    if real.shape[1] != fake.shape[1] or max(len(real), len(fake)) < 2:
        raise ValueError("N and M")


def two_are_too_few(real, fake):
    if real.shape[1] != fake.shape[1] or min(len(real), len(fake)) < 3:
        raise ValueError("too few")


def sizes_must_agree(real, fake):
    if real.shape != fake.shape or len(real) < 2:
        raise ValueError("shapes")


def spoils_its_arguments(real, fake):
    real.fill_(math.nan)
    fake.fill_(math.nan)
    return math.nan


def empties_its_arguments(real, fake):
    real.data, fake.data = real.data[:0], fake.data[:0]
    return 0.0


CLOSED, GENERAL, SINGULAR, ZERO, GUARDS = (
    f"frechet-{name}" for name in ("closed", "general", "singular", "zero", "guards")
)
ALL = {CLOSED, GENERAL, SINGULAR}
WRONG = {
    "root of the diagonal of the product": (distance(root_of_each_entry), {CLOSED, GENERAL}),
    "product of the roots": (distance(product_of_the_roots), {GENERAL, SINGULAR}),
    "diagonals only": (distance(diagonal_only), ALL),
    "solver for symmetric matrices": (distance(symmetric_solver), {GENERAL, SINGULAR}),
    "Cholesky": (distance(cholesky), {SINGULAR}),
    "an offset": (distance(with_an_offset), ALL),
    "root of negative noise": (distance(unclamped), {SINGULAR, ZERO, GUARDS}),
    "trace of the product": (distance(trace_without_root), {CLOSED}),
    "root of the trace": (distance(root_of_the_trace), {CLOSED}),
    "denominator N": (distance(correction=0), {CLOSED}),
    "means not squared": (distance(gap=lambda gap: gap.norm()), {CLOSED}),
    "means forgotten": (distance(gap=lambda gap: 0), {CLOSED}),
    "means averaged": (distance(gap=lambda gap: gap.square().mean()), {CLOSED}),
    "factor 2 forgotten": (distance(factor=1), {CLOSED}),
    "root of the distance": (lambda real, fake: distance()(real, fake) ** 0.5, {CLOSED}),
    "not centred": (uncentred, {CLOSED, GENERAL}),
    "float32": (distance(cast=torch.Tensor.float), {GENERAL}),
    "not clipped": (distance(clip=False), {ZERO}),
    "complex root": (sqrtm_complex, {SINGULAR, ZERO}),
    "nothing checked": (distance(polar, check=no_check), {GUARDS}),
    "N not checked": (distance(polar, check=only_d), {GUARDS}),
    "asserts": (distance(polar, check=asserted), {GUARDS}),
    "changes its input": (changed_in_place, {GUARDS}),
    "a tensor": (wrapped(lambda value: torch.tensor(value, dtype=torch.float64)), {GUARDS}),
    "NumPy's float": (wrapped(np.float64), {GUARDS}),
    "an int where noise is below 0": (int_for_nothing, {GUARDS}),
    "an int for exactly 0": (int_for_exactly_nothing, {GUARDS}),
    "second sample centred in place": (centred_in_place, {GUARDS}),
    "samples cast in place": (cast_in_place, {GUARDS}),
    "constant features dropped": (constant_features_dropped, {SINGULAR}),
    "nothing where singular": (nothing_where_singular, {SINGULAR}),
    "an offset where singular": (distance(offset_where_singular), {SINGULAR}),
    "first hundred rows": (first_hundred, {GENERAL}),
    "cut to the shorter": (equal_sizes, ALL),
    "covariance by moments in float32": (cancelling, {GENERAL}),
    "denominator of the other sample": (denominator_of_the_other, {CLOSED}),
    "more fake features accepted": (distance(polar, check=only_d_smaller), {GUARDS}),
    "M unchecked": (distance(polar, check=only_real), {GUARDS}),
    "N unchecked": (distance(polar, check=only_fake), {GUARDS}),
    "one sample accepted beside many": (distance(polar, check=both_needed), {GUARDS}),
    "two samples refused": (distance(polar, check=two_are_too_few), {GUARDS}),
    "sizes must agree": (distance(polar, check=sizes_must_agree), {GUARDS}),
    "rounded": (lambda real, fake: round(distance(polar)(real, fake), 2), {CLOSED}),
    "never above 100": (lambda real, fake: min(100.0, distance(polar)(real, fake)), {GENERAL, SINGULAR}),
    "half precision": (distance(polar, cast=lambda sample: sample.bfloat16().double()), {CLOSED, GENERAL}),
    "nan for zeros": (
        lambda real, fake: distance(polar)(real, fake) / (1.0 if real.any() and fake.any() else math.nan),
        {SINGULAR},
    ),
    "fills its arguments with nan": (spoils_its_arguments, ALL | {ZERO, GUARDS}),
    "empties its arguments": (empties_its_arguments, ALL | {ZERO, GUARDS}),
}
