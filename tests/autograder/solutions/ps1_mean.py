"""mean_as_float: unusual right solutions, and wrong ones with the checks that they lose."""

import fractions
import functools
import math
import statistics

import numpy as np
import torch


def checked(mean):
    """mean(t) behind the contract's two refusals."""

    def mean_as_float(t):
        if t.numel() == 0 or t.is_complex():
            raise ValueError(f"{t.dtype}, {tuple(t.shape)}")
        return mean(t)

    return mean_as_float


def running_mean(t):
    mean = 0.0
    for count, entry in enumerate(t.detach().double().flatten().tolist(), 1):
        mean += (entry - mean) / count
    return mean


RIGHT = {
    "a running mean": checked(running_mean),
    "math.fsum": checked(lambda t: math.fsum(t.detach().flatten().tolist()) / t.numel()),
    "statistics.fmean": checked(lambda t: statistics.fmean(t.detach().flatten().tolist())),
    "NumPy": checked(lambda t: t.detach().double().numpy().mean().item()),
    "sum in float64": checked(lambda t: t.sum(dtype=torch.float64).item() / t.numel()),
    "mean in float64": checked(lambda t: torch.mean(t, dtype=torch.float64).item()),
    "dot product with ones": checked(
        lambda t: (
            float(t.detach().double().flatten() @ torch.ones(t.numel(), dtype=torch.float64)) / t.numel()
        )
    ),
    "float() of a tensor that requires a gradient (it warns)": checked(lambda t: float(t.double().mean())),
}


class Mean:
    def __call__(self, t):
        return self.of(t)

    of = staticmethod(checked(lambda t: torch.mean(t.to(torch.float64)).item()))


def in_chunks(t):
    def sums(entries, size=1000):
        return (entries[start : start + size].sum().item() for start in range(0, len(entries), size))

    return math.fsum(sums(t.detach().reshape(-1).double())) / t.numel()


def in_fractions(t):
    entries = [fractions.Fraction(entry) for entry in t.detach().double().flatten().tolist()]
    return float(sum(entries) / len(entries))


@torch.no_grad()
def dimension_by_dimension(t):
    t = t.double().clone()
    while t.dim():
        t = t.mean(-1)
    return t.item()


def refusing(mean, t):
    return checked(mean)(t)


RIGHT |= {
    "an object with __call__": Mean(),
    "a partial": functools.partial(refusing, lambda t: t.detach().to(torch.double).mean().item()),
    "in chunks": checked(in_chunks),
    "in fractions": checked(in_fractions),
    "dimension by dimension, under no_grad": checked(dimension_by_dimension),
    "einsum": checked(
        lambda t: torch.einsum("i->", t.detach().double().flatten()).item() / math.prod(t.shape)
    ),
    "a histogram's way": checked(
        lambda t: (lambda values, counts: (values.double() @ counts.double()).item() / t.numel())(
            *torch.unique(t.detach(), return_counts=True)
        )
    ),
    "NumPy with a dtype": checked(lambda t: float(np.mean(t.detach().double().numpy(), dtype="f8"))),
}


def changing(t):
    t.detach().mul_(0.5)
    return 2 * t.detach().double().mean().item()


def cutting(t):
    return t.requires_grad_(False).double().mean().item()


TYPE, PRECISION, GUARDS = "mean-type", "mean-precision", "mean-guards"
WRONG = {
    "float32": (checked(lambda t: t.float().mean().item()), {PRECISION}),
    "own dtype": (lambda t: t.mean().item(), {PRECISION, GUARDS}),
    "float64 after the mean": (checked(lambda t: t.float().mean().double().item()), {PRECISION}),
    "float64 after the sum": (checked(lambda t: t.sum().double().item() / t.numel()), {PRECISION}),
    "numpy.float64": (checked(lambda t: t.detach().double().numpy().mean()), {TYPE}),
    "numpy in float32": (checked(lambda t: float(np.mean(t.detach().float().numpy()))), {PRECISION}),
    "a tensor": (checked(lambda t: t.double().mean()), {TYPE}),
    "numpy without detach": (checked(lambda t: float(t.numpy().mean(dtype=np.float64))), {PRECISION}),
    "no refusal": (lambda t: t.detach().double().mean().item(), {GUARDS}),
    "empty gives 0": (
        lambda t: checked(lambda t: t.detach().double().mean().item())(t) if t.numel() else 0.0,
        {GUARDS},
    ),
    "real part of a complex tensor": (
        lambda t: checked(lambda t: t.detach().double().mean().item())(t.real if t.is_complex() else t),
        {GUARDS},
    ),
    "another error": (
        lambda t: t.detach().double().mean().item() if t.numel() and not t.is_complex() else 1 / 0,
        {GUARDS},
    ),
    "divides by the length": (
        checked(lambda t: t.detach().double().sum().item() / (len(t) if t.dim() else 1)),
        {PRECISION},
    ),
    "median": (checked(lambda t: t.detach().double().median().item()), {PRECISION}),
    "tensor changed": (checked(changing), {PRECISION, GUARDS}),
    "requires_grad switched off": (checked(cutting), {PRECISION, GUARDS}),
    "rounded": (checked(lambda t: round(t.detach().double().mean().item(), 6)), {PRECISION}),
    "an int for integers": (
        checked(lambda t: t.double().mean().item() if t.is_floating_point() else int(t.sum()) // t.numel()),
        {TYPE, PRECISION},
    ),
}


def exactly(t):
    return t.detach().double().mean().item()


def only_for(chosen, wrong, right=exactly):
    """A mean that is wrong for the tensors that are chosen."""
    return checked(lambda t: wrong(t) if chosen(t) else right(t))


class float_of_my_own(float):
    pass


float_of_my_own.__name__ = "float"


def full_chunks(t, size=1000):
    entries = t.detach().double().flatten()
    return (entries[: len(entries) // size * size] if len(entries) > size else entries).mean().item()


def then(change):
    def mean(t):
        found = exactly(t)
        change(t)
        return found

    return checked(mean)


def to_float64(t):
    if t.dtype == torch.float32:
        t.data = t.data.double()


def with_backward(t):
    if t.requires_grad and t.is_leaf:
        t.sum().backward()


WRONG |= {
    "sum of integers in int64": (
        only_for(lambda t: t.dtype == torch.int64, lambda t: t.sum().item() / t.numel()),
        {PRECISION},
    ),
    "float32 for half precision": (
        only_for(
            lambda t: t.dtype in (torch.float16, torch.bfloat16), lambda t: t.detach().float().mean().item()
        ),
        {PRECISION},
    ),
    "float32 for integers": (
        only_for(lambda t: not t.is_floating_point(), lambda t: t.float().mean().item()),
        {PRECISION},
    ),
    "float32 for bool": (
        only_for(lambda t: t.dtype == torch.bool, lambda t: t.float().mean().item()),
        {PRECISION},
    ),
    "complete chunks only": (checked(full_chunks), {PRECISION}),
    "the first thousand": (checked(lambda t: exactly(t.flatten()[:1000])), {PRECISION}),
    "mean of the rows' means in float32": (
        only_for(lambda t: t.dim() > 1, lambda t: t.detach().float().mean(1).double().mean().item()),
        {PRECISION},
    ),
    "the memory, not the entries": (
        only_for(
            lambda t: t.dtype == torch.float32 and not t.is_contiguous(),
            lambda t: torch.empty(0).set_(t.detach().untyped_storage()).double().mean().item(),
        ),
        {PRECISION},
    ),
    "absolute values": (checked(lambda t: t.detach().double().abs().mean().item()), {PRECISION}),
    "nothing for zero": (checked(lambda t: exactly(t) or None), {TYPE, PRECISION}),
    "an int where it is whole": (
        checked(lambda t: int(exactly(t)) if exactly(t).is_integer() else exactly(t)),
        {TYPE},
    ),
    "a float of its own": (checked(lambda t: float_of_my_own(exactly(t))), {TYPE, PRECISION}),
    "numpy.float64 for float64": (
        only_for(lambda t: t.dtype == torch.float64, lambda t: t.detach().numpy().mean()),
        {TYPE},
    ),
    "a string": (checked(lambda t: str(exactly(t))), {TYPE, PRECISION}),
    "empty in one dimension only": (
        lambda t: exactly(t) if t.dim() > 1 and not t.is_complex() else checked(exactly)(t),
        {GUARDS},
    ),
    "complex64 refused, complex128 not": (
        lambda t: checked(exactly)(t.real if t.dtype == torch.complex128 else t),
        {GUARDS},
    ),
    "complex with imaginary parts only": (
        lambda t: checked(exactly)(t.real if t.is_complex() and not t.imag.any() else t),
        {GUARDS},
    ),
    "TypeError for complex": (
        lambda t: checked(exactly)(t) if not t.is_complex() else exactly(None),
        {GUARDS},
    ),
    "zeros left behind": (then(lambda t: t.detach().zero_()), {GUARDS}),
    "converted in place": (then(to_float64), {GUARDS}),
    "flattened in place": (
        then(lambda t: None if t.requires_grad else t.unsqueeze_(0)),
        {GUARDS},
    ),
    "gradients filled in": (then(with_backward), {GUARDS}),
    "grad mode left off": (then(lambda t: torch.set_grad_enabled(False)), {GUARDS}),
}


WRONG |= {
    "sum instead of the mean": (checked(lambda t: t.detach().double().sum().item()), {PRECISION}),
    "sign": (checked(lambda t: -exactly(t)), {PRECISION}),
    "a column's mean": (checked(lambda t: exactly(t[..., :1]) if t.dim() else exactly(t)), {PRECISION}),
}
