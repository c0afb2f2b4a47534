"""``python -m gan_lib train``: options to a `TrainConfig`, and the judge that keeps the best checkpoint."""

import shlex
import sys
from dataclasses import fields, replace
from functools import cache
from typing import Annotated

import typer

from gan_lib.commands.common import DataFolder, draw, errors_as_lines, labels_for, noise_of, option
from gan_lib.data import DATASETS, load_images
from gan_lib.metrics import EXTRACTORS, Moments, embed, frechet_distance, load_extractor
from gan_lib.objectives import OBJECTIVES
from gan_lib.training import (
    CONDITIONAL_NETWORKS,
    NETWORKS,
    PENALTIES,
    PRECISIONS,
    PRESETS,
    STRATEGIES,
    UPDATES,
    TrainConfig,
    find_device,
    keep_freed_memory,
)
from gan_lib.training import train as run_training

_DEFAULT = TrainConfig()
_SETTINGS = {field.name for field in fields(TrainConfig)} - {"out"}


@errors_as_lines()
def train(
    preset: Annotated[
        str,
        option(
            f"Settings to start from; every option given here overrides them. One of {', '.join(PRESETS)}.",
            "--preset",
            default="seed-dcgan",
        ),
    ] = "seed-dcgan",
    dataset: Annotated[
        str | None,
        option(
            f"What to learn: one of {', '.join(DATASETS)}. The last is part of the library.",
            "--dataset",
            default=_DEFAULT.dataset,
            example="fashion_mnist_10k",
        ),
    ] = None,
    data: DataFolder = None,
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
        option(
            "Use only so many images, for a quick look.", "--limit", default="all of them", example="5000"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        option(
            "Passes over the data in all; ask for more than a finished run had to continue it.",
            "--epochs",
            default=_DEFAULT.epochs,
            example="1",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        option("Images in a step.", "--batch-size", default=_DEFAULT.batch_size, example="64"),
    ] = None,
    network: Annotated[
        str | None,
        option(
            f"The pair of networks: one of {', '.join(NETWORKS)}.",
            "--network",
            default=_DEFAULT.network,
            example="sngan",
        ),
    ] = None,
    width: Annotated[
        int | None,
        option(
            "Channels of the networks at full resolution; fewer run faster and draw worse.",
            "--width",
            default=_DEFAULT.width,
            example="16",
        ),
    ] = None,
    latent_dim: Annotated[
        int | None,
        option(
            "Length of the generator's noise vector.",
            "--latent-dim",
            default=_DEFAULT.latent_dim,
            example="64",
        ),
    ] = None,
    conditional: Annotated[
        bool | None,
        option(
            "Tell both networks the class of each image; the network must be one of "
            f"{', '.join(CONDITIONAL_NETWORKS)}.",
            "--conditional/--no-conditional",
            default="--no-conditional",
        ),
    ] = None,
    spectral_norm: Annotated[
        bool | None,
        option(
            "Divide the discriminator's layers by their spectral norms; sngan and sndcgan always do.",
            "--spectral-norm/--no-spectral-norm",
            default="--no-spectral-norm",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        option(
            f"What the players minimise: one of {', '.join(OBJECTIVES)}.",
            "--objective",
            default=_DEFAULT.objective,
            example="minimax",
        ),
    ] = None,
    penalty: Annotated[
        str | None,
        option(
            f"Added to the discriminator's loss: one of {', '.join(PENALTIES)}.",
            "--penalty",
            default=_DEFAULT.penalty,
            example="gradient_penalty",
        ),
    ] = None,
    penalty_weight: Annotated[
        float | None,
        option(
            "The penalty's factor; for r1 and r2 it is the half of their gamma.",
            "--penalty-weight",
            default=_DEFAULT.penalty_weight,
            example="5",
        ),
    ] = None,
    clip: Annotated[
        float | None,
        option(
            "Clamp the discriminator's weights to within this of zero after each of its updates.",
            "--clip",
            default="no clipping",
            example="0.01",
        ),
    ] = None,
    update: Annotated[
        str | None,
        option(
            f"Both players at once, or the discriminator first: one of {', '.join(UPDATES)}.",
            "--update",
            default=_DEFAULT.update,
            example="alternating",
        ),
    ] = None,
    n_critic: Annotated[
        int | None,
        option(
            "Updates of the discriminator for one of the generator; more than 1 needs --update alternating.",
            "--n-critic",
            default=_DEFAULT.n_critic,
            example="5",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        option(
            "Step size of both players' Adam.",
            "--learning-rate",
            default=_DEFAULT.learning_rate,
            example="2e-4",
        ),
    ] = None,
    learning_rate_d: Annotated[
        float | None,
        option(
            "Step size of the discriminator's, where it has its own (two time scales).",
            "--learning-rate-d",
            default="that of --learning-rate",
            example="4e-4",
        ),
    ] = None,
    beta1: Annotated[
        float | None,
        option(
            "Adam's decay of the mean gradient.",
            "--beta1",
            default=_DEFAULT.beta1,
            example="0",
        ),
    ] = None,
    beta2: Annotated[
        float | None,
        option(
            "Adam's decay of the mean squared gradient.",
            "--beta2",
            default=_DEFAULT.beta2,
            example="0.9",
        ),
    ] = None,
    ema_decay: Annotated[
        float | None,
        option(
            "Draw samples from an average of the generator's weights with this decay; 0 is none.",
            "--ema-decay",
            default=_DEFAULT.ema_decay,
            example="0.999",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        option("Decides everything random in the run.", "--seed", default=_DEFAULT.seed, example="1"),
    ] = None,
    device: Annotated[
        str | None,
        option(
            "auto (a CUDA GPU where there is one), cpu, cuda, or a certain GPU.",
            "--device",
            default=_DEFAULT.device,
            example="cuda:1",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        option(
            f"Of the forward passes: one of {', '.join(PRECISIONS)}; weights stay in float32.",
            "--precision",
            default=_DEFAULT.precision,
            example="bfloat16",
        ),
    ] = None,
    compile: Annotated[
        bool | None,
        option(
            "Run the networks through torch.compile: slow to start, then faster on a GPU.",
            "--compile/--no-compile",
            default="--no-compile",
        ),
    ] = None,
    capture: Annotated[
        bool | None,
        option(
            "Replay the passes of each step as one CUDA graph: the same numbers, sooner. On one GPU, with "
            "--update simultaneous and without a penalty.",
            "--capture/--no-capture",
            default="--no-capture",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        option(
            "Processes on this machine, a GPU each; they share each batch. Under torchrun, say its number.",
            "--devices",
            default=_DEFAULT.devices,
            example="2",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        option(
            "Machines, each started by torchrun or SLURM.",
            "--nodes",
            default=_DEFAULT.nodes,
            example="2",
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        option(
            f"Of Lightning Fabric, which starts the processes: one of {', '.join(STRATEGIES)}.",
            "--strategy",
            default=_DEFAULT.strategy,
            example="ddp",
        ),
    ] = None,
    max_loss: Annotated[
        float | None,
        option(
            "An epoch whose mean loss is larger than this, in absolute value, stops the run as diverged.",
            "--max-loss",
            default=_DEFAULT.max_loss,
            example="1000",
        ),
    ] = None,
    features: Annotated[
        str | None,
        option(
            "Judge the generator by the Fréchet distance in these features, and keep the best checkpoint as "
            f"best.pt: one of {', '.join(EXTRACTORS)}.",
            "--features",
            default="no judge",
            example="cifar_resnet20",
        ),
    ] = None,
    feature_samples: Annotated[
        int,
        option("Images that the generator makes to be judged.", "--feature-samples", default="10000"),
    ] = 10_000,
    evaluate_every: Annotated[
        int | None,
        option("Epochs between two judgements.", "--evaluate-every", default=_DEFAULT.evaluate_every),
    ] = None,
    patience: Annotated[
        int | None,
        option(
            "Stop after so many judgements in a row without a new best.",
            "--patience",
            default="never",
            example="5",
        ),
    ] = None,
    sample_every: Annotated[
        int | None,
        option(
            "Draw a grid of 16 samples after every so many epochs, and after the last.",
            "--sample-every",
            default=_DEFAULT.sample_every,
            example="1",
        ),
    ] = None,
    checkpoint_every: Annotated[
        int | None,
        option(
            "Write the checkpoint after every so many epochs, after the last, and with a new best.",
            "--checkpoint-every",
            default=_DEFAULT.checkpoint_every,
            example="10",
        ),
    ] = None,
    out: Annotated[
        str | None,
        option(
            "Run folder: config.json, log.jsonl, samples/, and checkpoint.pt.",
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
    With another objective, stopped when the images no longer improve:
      python -m gan_lib train --preset wgan-gp --features cifar_resnet20 --evaluate-every 5 --patience 4
    One class at will:
      python -m gan_lib train --preset sngan --conditional --out runs/conditional
    On one GPU, in the fewest minutes:
      python -m gan_lib train --precision bfloat16 --capture --checkpoint-every 10
    On the two GPUs of a machine:
      python -m gan_lib train --preset wgan-gp --devices 2 --strategy ddp
    """
    given = dict(locals())
    given = {name: value for name, value in given.items() if name in _SETTINGS and value is not None}
    try:
        if preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
        config = replace(PRESETS[preset], **given)
        config = replace(config, out=out or f"runs/{preset}-{config.dataset}")
        images, labels, _ = load_images(config.dataset, root=config.data, download=config.download, pad=True)
        metric = None
        if features is not None:
            metric = frechet_metric(features, feature_samples, images[: config.limit], config)
        keep_freed_memory()
        run_training(config, images, metric, labels if config.conditional else None)
    except KeyboardInterrupt:
        again = shlex.join(["python", "-m", "gan_lib", *sys.argv[1:]])
        typer.echo(f"\nstopped; to continue from the checkpoint: {again}", err=True)
        raise typer.Exit(130) from None


def frechet_metric(features, samples, images, config):
    """A metric for `train`: how far what a generator makes of one and the same noise is from the images."""
    if samples < 2:
        raise ValueError(f"feature-samples must be at least 2; got {samples}")
    extractor = load_extractor(features, device=find_device(config.device), download=config.download)
    noise = noise_of(config, samples, config.seed)

    @cache
    def real():  # once, and on the one process that judges
        return Moments().update(embed(extractor, images).features)

    def metric(generator):
        return frechet_distance(
            real(), embed(extractor, draw(generator, noise, labels_for(generator, samples))).features
        )

    return metric
