"""The command line: ``python -m gan_lib train --help``."""

import shlex
import sys
from dataclasses import replace
from typing import Annotated

import typer

from gan_lib.data import DATASETS
from gan_lib.objectives import OBJECTIVES
from gan_lib.training import PRESETS, UPDATES, TrainConfig
from gan_lib.training import train as run_training

_DEFAULT = TrainConfig()

app = typer.Typer(
    help="Generative adversarial networks: train one, and look at what it makes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text: the examples keep their lines, and errors are lines, not boxes
    pretty_exceptions_enable=False,
)


def _option(says, *names, default, example=None):
    """An option that is None unless given, so that the preset decides; its help says what that gives."""
    example = f" Example: {names[0]} {example}" if example is not None else ""
    return typer.Option(*names, help=f"{says} Default: {default}.{example}", show_default=False)


@app.callback()
def commands():
    """Keeps `train` a subcommand although it is the only one."""


@app.command()
def train(
    preset: Annotated[
        str,
        _option(
            f"Settings to start from; every option given here overrides them. One of {', '.join(PRESETS)}.",
            "--preset",
            default="seed-dcgan",
        ),
    ] = "seed-dcgan",
    dataset: Annotated[
        str | None,
        _option(
            f"What to learn: one of {', '.join(DATASETS)}. The last is part of the library.",
            "--dataset",
            default=_DEFAULT.dataset,
            example="fashion_mnist_10k",
        ),
    ] = None,
    data: Annotated[
        str | None,
        _option(
            "Folder of the data sets.",
            "--data",
            default="the environment's GAN_DATA, else a cache of your own",
            example="~/datasets",
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option(
            "--download/--no-download",
            help="Fetch the data set when it is missing. Default: --download.",
            show_default=False,
        ),
    ] = True,
    limit: Annotated[
        int | None,
        _option(
            "Use only so many images, for a quick look.", "--limit", default="all of them", example="5000"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        _option(
            "Passes over the data in all; ask for more than a finished run had to continue it.",
            "--epochs",
            default=_DEFAULT.epochs,
            example="1",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        _option("Images in a step.", "--batch-size", default=_DEFAULT.batch_size, example="64"),
    ] = None,
    width: Annotated[
        int | None,
        _option(
            "Channels of the networks at full resolution; fewer run faster and draw worse.",
            "--width",
            default=_DEFAULT.width,
            example="16",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        _option(
            f"What the players minimise: one of {', '.join(OBJECTIVES)}.",
            "--objective",
            default=_DEFAULT.objective,
            example="minimax",
        ),
    ] = None,
    update: Annotated[
        str | None,
        _option(
            f"Both players at once, or the discriminator first: one of {', '.join(UPDATES)}.",
            "--update",
            default=_DEFAULT.update,
            example="alternating",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        _option("Decides everything random in the run.", "--seed", default=_DEFAULT.seed, example="1"),
    ] = None,
    device: Annotated[
        str | None,
        _option(
            "auto (a CUDA GPU where there is one), cpu, cuda, or a certain GPU.",
            "--device",
            default=_DEFAULT.device,
            example="cuda:1",
        ),
    ] = None,
    sample_every: Annotated[
        int | None,
        _option(
            "Draw a grid of 16 samples after every so many epochs, and after the last.",
            "--sample-every",
            default=_DEFAULT.sample_every,
            example="1",
        ),
    ] = None,
    out: Annotated[
        str | None,
        _option(
            "Run folder: config.json, log.jsonl, samples/, and checkpoint.pt after every epoch.",
            "--out",
            default="runs/PRESET-DATASET",
            example="runs/first",
        ),
    ] = None,
):
    """Train a GAN. The same command again continues a run that was stopped.

    \b
    The course's source program:
      python -m gan_lib train --preset seed-dcgan --dataset cifar10 --epochs 300
    A quick look, minutes on two cores:
      python -m gan_lib train --epochs 1 --limit 5000
    Without any download:
      python -m gan_lib train --dataset fashion_mnist_10k --epochs 5
    """
    given = {
        "dataset": dataset,
        "data": data,
        "limit": limit,
        "epochs": epochs,
        "batch_size": batch_size,
        "width": width,
        "objective": objective,
        "update": update,
        "seed": seed,
        "device": device,
        "sample_every": sample_every,
    }
    given = {name: value for name, value in given.items() if value is not None}
    try:
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
        config = replace(PRESETS[preset], download=download, **given)
        config = replace(config, out=out or f"runs/{preset}-{config.dataset}")
        run_training(config)
    except KeyboardInterrupt:
        again = shlex.join(["python", "-m", "gan_lib", *sys.argv[1:]])
        typer.echo(f"\nstopped; to continue after the last whole epoch: {again}", err=True)
        raise typer.Exit(130) from None
    except FloatingPointError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app(prog_name="python -m gan_lib")
