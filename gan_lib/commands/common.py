"""What the commands share: how an option reads, how an error ends, how images are drawn."""

from contextlib import contextmanager
from typing import Annotated

import torch
import typer

from gan_lib.data import unscale

_BATCH = 256


def option(says, *names, default, example=None):
    """An option whose help says what holds where it is not given, and how one writes it."""
    example = f" Example: {names[0]} {example}" if example is not None else ""
    return typer.Option(*names, help=f"{says} Default: {default}.{example}", show_default=False)


DataFolder = Annotated[
    str | None,
    option(
        "Folder of the data sets.",
        "--data",
        default="the environment's GAN_DATA, else a cache of your own",
        example="~/datasets",
    ),
]
Average = Annotated[
    bool,
    option(
        "Draw from the average of the generator's weights, where the run has one.",
        "--ema/--no-ema",
        default="--ema",
    ),
]
Device = Annotated[
    str,
    option(
        "auto (a CUDA GPU where there is one), cpu, cuda, or a certain GPU.",
        "--device",
        default="auto",
        example="cpu",
    ),
]


@contextmanager
def errors_as_lines():
    """Ends a command by one line on stderr: exit code 2 for bad input, 1 for a run that diverged."""
    try:
        yield
    except (FloatingPointError, ValueError, OSError) as error:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1 if isinstance(error, FloatingPointError) else 2) from None


def noise_of(config, count, seed):
    """(count, latent_dim) standard normal noise for the generator of a `TrainConfig`; the seed decides it."""
    return torch.randn(count, config.latent_dim, generator=torch.Generator().manual_seed(seed))


def labels_for(generator, count, label=None):
    """(count,) int64 classes to ask a generator for: all of one, or by default all in order, over and over.

    None for an unconditional generator. Raises: ValueError if it does not know the class.
    """
    classes = getattr(generator, "classes", None)
    if classes is None:
        if label is not None:
            raise ValueError(f"label {label} needs a generator trained with --conditional")
        return None
    if label is None:
        return torch.arange(count) % classes
    if not 0 <= label < classes:
        raise ValueError(f"label must be in 0 ... {classes - 1}; got {label}")
    return torch.full((count,), label)


@torch.no_grad()
def draw(generator, noise, labels=None, on_batch=lambda count: None):
    """What a generator makes of noise, batch by batch, in the mode that it is in.

    Args:
        generator: module, (B, latent_dim) to (B, C, H, W) in [-1, 1], on any device.
        noise: (N, latent_dim), on the CPU.
        labels: (N,) int64, on the CPU, for a conditional generator.
        on_batch: called with the number of images after each batch.

    Returns: uint8 (N, C, H, W), on the CPU.
    """
    device, images = next(generator.parameters()).device, []
    inputs = [noise] if labels is None else [noise, labels]
    for parts in zip(*(each.split(_BATCH) for each in inputs), strict=True):
        images.append(unscale(generator(*(part.to(device) for part in parts))).cpu())
        on_batch(len(parts[0]))
    return torch.cat(images)


def check_at_least(least, **numbers):
    """ValueError for a number that is less, or None for one that was not given."""
    for name, value in numbers.items():
        if value is not None and value < least:
            raise ValueError(f"{name} must be at least {least}; got {value}")
