"""mean_as_float: unusual right solutions, and wrong ones with the checks that they lose."""

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


def changing(t):
    t.detach().mul_(0.5)
    return 2 * t.detach().double().mean().item()


def cutting(t):
    return t.requires_grad_(False).double().mean().item()


TYPE, PRECISION, GUARDS = "mean-type", "mean-precision", "mean-guards"
WRONG = {
    "float32": (checked(lambda t: t.float().mean().item()), {PRECISION}),
    "own dtype": (lambda t: t.mean().item(), {TYPE, PRECISION, GUARDS}),
    "float64 after the mean": (checked(lambda t: t.float().mean().double().item()), {PRECISION}),
    "float64 after the sum": (checked(lambda t: t.sum().double().item() / t.numel()), {PRECISION}),
    "numpy.float64": (checked(lambda t: t.detach().double().numpy().mean()), {TYPE}),
    "numpy in float32": (checked(lambda t: float(np.mean(t.detach().float().numpy()))), {PRECISION}),
    "a tensor": (checked(lambda t: t.double().mean()), {TYPE}),
    "numpy without detach": (checked(lambda t: float(t.numpy().mean(dtype=np.float64))), {PRECISION, GUARDS}),
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
    "tensor changed": (checked(changing), {TYPE, PRECISION, GUARDS}),
    "requires_grad switched off": (checked(cutting), {PRECISION, GUARDS}),
    "rounded": (checked(lambda t: round(t.detach().double().mean().item(), 6)), {PRECISION}),
    "an int for integers": (
        checked(lambda t: t.double().mean().item() if t.is_floating_point() else int(t.sum()) // t.numel()),
        {TYPE, PRECISION},
    ),
}
