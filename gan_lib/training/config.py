"""What a training run is: its settings, checked, and the presets."""

import math
from dataclasses import dataclass
from inspect import signature

from gan_lib.data import DATASETS
from gan_lib.networks import PAIRS
from gan_lib.objectives import OBJECTIVES
from gan_lib.training.steps import PRECISIONS, UPDATES

NETWORKS = tuple(name for name in PAIRS if name != "mlp")  # that one makes points of the plane
CONDITIONAL_NETWORKS = tuple(
    name for name in NETWORKS if "classes" in signature(PAIRS[name].generator).parameters
)
PENALTIES = ("none", "gradient_penalty", "r1", "r2", "dragan")
STRATEGIES = ("auto", "ddp")


@dataclass(frozen=True)
class TrainConfig:
    """What a run is. The defaults are the course's source program: a DCGAN on CIFAR-10.

    Attributes:
        dataset: a name of `gan_lib.data.DATASETS`; 28x28 images are padded to 32x32.
        data: folder of the data sets, None for the default of `gan_lib.data.load_images`.
        download: fetch a missing data set.
        limit: use only the first images of the data set, None for all.
        network: a name of `NETWORKS`, the pairs of `gan_lib.networks.PAIRS` that make 32x32 images.
        latent_dim, width: of the pair's factories.
        conditional: both networks are told the class of an image, the real one's or one drawn uniformly for
            the generator. Needs a pair of `CONDITIONAL_NETWORKS`.
        spectral_norm: divide the discriminator's layers by their largest singular values.
        objective: a name of `gan_lib.objectives.OBJECTIVES`.
        penalty, penalty_weight: a name of `PENALTIES`, and its factor in the discriminator's loss; for "r1"
            and "r2" that is the source's gamma / 2.
        clip: bound of the discriminator's weights after each of its updates, None for none.
        update: "simultaneous" or "alternating".
        n_critic: updates of the discriminator for one of the generator, each with a batch and noise of its
            own; the generator then answers on fresh noise. More than 1 needs "alternating".
        learning_rate: of the generator's `KerasAdam`, and of the discriminator's too if
        learning_rate_d: is None: its own learning rate (two time scales).
        beta1, beta2: of both.
        ema_decay: decay of the averaged generator, which then draws the samples; 0 for none.
        batch_size, epochs: an epoch shows each image to the discriminator once and drops the incomplete last
            batch. The batch is shared among the processes.
        seed: decides the initial weights, batch order, noise and dropout.
        precision: "float32", "bfloat16" or "float16"; see `Engine`.
        compile: run the networks through torch.compile.
        capture: replay the passes of each step as one CUDA graph (`CapturedStep`): the same numbers, sooner.
            Needs a GPU, one process, and the simultaneous update of an unconditional pair without a penalty.
        device: "auto" (cuda where there is one, else cpu), "cpu", "cuda" or "cuda:N".
        devices, nodes, strategy: processes on a machine, machines, "auto" or "ddp"; see `start_processes`.
        max_loss: a mean loss of an epoch beyond this in absolute value stops the run as diverged.
        evaluate_every: epochs between two evaluations of the metric passed to `train`, if one is.
        patience: stop after so many evaluations in a row without a new best, None for never.
        sample_every: draw the sample grid after every so many epochs, and after the last.
        checkpoint_every: write the checkpoint after every so many epochs, the last, and a new best.
        out: the run folder.

    Raises: ValueError on a value out of range, naming it.
    """

    dataset: str = "cifar10"
    data: str | None = None
    download: bool = False
    limit: int | None = None
    network: str = "dcgan"
    latent_dim: int = 128
    width: int = 64
    conditional: bool = False
    spectral_norm: bool = False
    objective: str = "non_saturating"
    penalty: str = "none"
    penalty_weight: float = 10.0
    clip: float | None = None
    update: str = "simultaneous"
    n_critic: int = 1
    learning_rate: float = 1e-4
    learning_rate_d: float | None = None
    beta1: float = 0.5
    beta2: float = 0.999
    ema_decay: float = 0.0
    batch_size: int = 256
    epochs: int = 300
    seed: int = 0
    precision: str = "float32"
    compile: bool = False
    capture: bool = False
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    max_loss: float = 1e6
    evaluate_every: int = 1
    patience: int | None = None
    sample_every: int = 10
    checkpoint_every: int = 1
    out: str = "runs/seed-dcgan-cifar10"

    def __post_init__(self):
        names = {
            "dataset": DATASETS,
            "network": NETWORKS,
            "objective": OBJECTIVES,
            "penalty": PENALTIES,
            "update": UPDATES,
            "precision": PRECISIONS,
            "strategy": STRATEGIES,
        }
        for field, known in names.items():
            if getattr(self, field) not in known:
                raise ValueError(f"{field} must be one of {', '.join(known)}; got {getattr(self, field)!r}")
        # a batch of one has no variance to normalise by
        least = {"latent_dim": 1, "width": 1, "batch_size": 2, "epochs": 1, "seed": 0, "n_critic": 1}
        least |= {"devices": 1, "nodes": 1, "limit": 1, "patience": 1}
        least |= {"evaluate_every": 1, "sample_every": 1, "checkpoint_every": 1}
        for field, bound in least.items():
            value = getattr(self, field)
            if value is None and field in ("limit", "patience"):
                continue
            if not isinstance(value, int) or value < bound:
                raise ValueError(f"{field} must be a whole number of at least {bound}; got {value!r}")
        for field in ("learning_rate", "learning_rate_d", "penalty_weight", "clip", "max_loss"):
            value = getattr(self, field)
            if value is None and field in ("learning_rate_d", "clip"):
                continue
            if not 0 < value < math.inf:
                raise ValueError(f"{field} must be positive and finite; got {value!r}")
        for field in ("beta1", "beta2", "ema_decay"):
            if not 0 <= getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 0 and less than 1; got {getattr(self, field)!r}")
        self._check_combinations()

    def _check_combinations(self):
        if self.conditional and self.network not in CONDITIONAL_NETWORKS:
            raise ValueError(
                f"conditional needs a network that takes labels, one of {', '.join(CONDITIONAL_NETWORKS)}; "
                f"got {self.network!r}"
            )
        if self.n_critic > 1 and self.update != "alternating":
            raise ValueError(
                f"n_critic {self.n_critic} needs update 'alternating': simultaneous players take turns of one"
            )
        processes = self.devices * self.nodes
        if self.batch_size % processes or self.batch_size < 2 * processes:
            raise ValueError(
                f"batch_size must be a multiple of the {processes} processes, at least 2 for each; "
                f"got {self.batch_size}"
            )
        plain = self.update == "simultaneous" and self.penalty == "none" and not self.conditional
        if self.capture and (not plain or processes > 1 or self.device == "cpu"):
            raise ValueError(
                "capture needs a GPU, one process, update 'simultaneous', no penalty and no classes; "
                f"got device {self.device!r}, {processes} processes, update {self.update!r}, "
                f"penalty {self.penalty!r}, conditional {self.conditional}"
            )
        if processes > 1 and self.device.startswith("cuda:"):
            raise ValueError(f"device {self.device!r} is one GPU; with {processes} processes say 'cuda'")


# The course's source program; and others at the budget usual for comparisons on CIFAR-10, 40 000 updates of
# the generator with 64 images each. 781 batches make an epoch.
PRESETS = {
    "seed-dcgan": TrainConfig(),
    # Gulrajani et al. (2017), algorithm 1's defaults; the DCGAN pair's critic has no batch norm
    "wgan-gp": TrainConfig(
        objective="wasserstein",
        penalty="gradient_penalty",
        update="alternating",
        n_critic=5,
        beta1=0.0,
        beta2=0.9,
        batch_size=64,
        epochs=257,
    ),
    # Miyato et al. (2018), table 4 and setting C of table 1
    "sngan": TrainConfig(
        network="sngan",
        width=128,
        objective="hinge",
        update="alternating",
        n_critic=5,
        learning_rate=2e-4,
        beta1=0.0,
        beta2=0.9,
        batch_size=64,
        epochs=257,
    ),
    # Radford et al. (2016) for the optimizer; Yazıcı et al. (2019) for the average
    "ns-ema": TrainConfig(
        update="alternating",
        learning_rate=2e-4,
        ema_decay=0.999,
        batch_size=64,
        epochs=52,
    ),
}
