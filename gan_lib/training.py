"""Training a GAN: one step of each update scheme, and the loop around it, which resumes exactly after a kill.

A run folder holds ``config.json``, ``log.jsonl`` (one line an epoch), ``samples/epoch_0010.png`` and
``checkpoint.pt``. `train` on a folder with a checkpoint continues it.
"""

import hashlib
import io
import json
import math
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torchvision.utils import save_image
from tqdm import tqdm

from gan_lib.data import DATASETS, batches, load_images
from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import OBJECTIVES


def simultaneous_step(generator, discriminator, optimizer_g, optimizer_d, real, noise, objective):
    r"""One simultaneous update: both players move from the same point.

    .. math:: \theta \leftarrow \theta - \eta\,\nabla_\theta L_G(\theta, \phi), \qquad
              \phi \leftarrow \phi - \eta\,\nabla_\phi L_D(\theta, \phi)

    The networks run forward once, on ``real`` and on ``generator(noise)``; both gradients come from that pass
    and are complete before either optimizer steps.

    Args:
        generator, discriminator: modules; the discriminator returns logits.
        optimizer_g, optimizer_d: their optimizers. Gradients left over from before are discarded.
        real: (B, *) real samples.
        noise: (B', latent_dim) the generator's input.
        objective: `gan_lib.objectives.Objective`.

    Returns: (g_loss, d_loss), detached scalars on the device, as they were before the update.
    """
    fake = generator(noise)
    real_logits, fake_logits = discriminator(real), discriminator(fake)
    g_loss, d_loss = objective.generator(fake_logits), objective.discriminator(real_logits, fake_logits)
    optimizer_g.zero_grad()
    optimizer_d.zero_grad()
    # `inputs` keeps each loss away from the other player's weights, and saves computing those gradients
    g_loss.backward(inputs=list(generator.parameters()), retain_graph=True)
    d_loss.backward(inputs=list(discriminator.parameters()))
    optimizer_g.step()
    optimizer_d.step()
    return g_loss.detach(), d_loss.detach()


def alternating_step(generator, discriminator, optimizer_g, optimizer_d, real, noise, objective):
    r"""One alternating update: the generator answers the discriminator that has just moved.

    .. math:: \phi' = \phi - \eta\,\nabla_\phi L_D(\theta, \phi), \qquad
              \theta' = \theta - \eta\,\nabla_\theta L_G(\theta, \phi')

    Both halves use the same fake samples. Arguments as in `simultaneous_step`.

    Returns: (g_loss, d_loss), detached scalars; d_loss before the update, g_loss against the new
        discriminator.
    """
    fake = generator(noise)
    d_loss = objective.discriminator(discriminator(real), discriminator(fake.detach()))
    optimizer_d.zero_grad()
    d_loss.backward()
    optimizer_d.step()
    g_loss = objective.generator(discriminator(fake))
    optimizer_g.zero_grad()
    g_loss.backward(inputs=list(generator.parameters()))
    optimizer_g.step()
    return g_loss.detach(), d_loss.detach()


UPDATES = {"simultaneous": simultaneous_step, "alternating": alternating_step}


class KerasAdam(torch.optim.Adam):
    r"""Adam as Keras computes it, with epsilon outside the bias correction ("epsilon hat").

    .. math:: \theta \leftarrow \theta - \eta\,\frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}\,
              \frac{m_t}{\sqrt{v_t} + \hat\varepsilon}

    PyTorch divides by :math:`\sqrt{v_t / (1-\beta_2^t)} + \varepsilon`. So this step is PyTorch's with
    :math:`\varepsilon_t = \hat\varepsilon / \sqrt{1-\beta_2^t}` (32 times as much at t = 1).

    Args:
        params, lr, betas, eps: as in `torch.optim.Adam`, with Keras' defaults.

    Source: Kingma & Ba (2015), end of section 2 (the reordered form); Keras 3, ``optimizers/adam.py``.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-7):
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        eps_hats = [group["eps"] for group in self.param_groups]
        try:
            for group in self.param_groups:
                moving = [p for p in group["params"] if p.grad is not None]
                steps = {int(self.state[p]["step"]) if p in self.state else 0 for p in moving}
                if len(steps) > 1:
                    raise ValueError(f"parameters of a group must share one step count; got {sorted(steps)}")
                t = 1 + max(steps, default=0)
                group["eps"] /= math.sqrt(1 - group["betas"][1] ** t)
            super().step()
        finally:
            for group, eps_hat in zip(self.param_groups, eps_hats, strict=True):
                group["eps"] = eps_hat
        return loss


@dataclass(frozen=True)
class TrainConfig:
    """What a run is. The defaults are the course's source program: a DCGAN on CIFAR-10.

    Attributes:
        dataset: a name of `gan_lib.data.DATASETS`; 28x28 images are padded to 32x32.
        data: folder of the data sets, None for the default of `gan_lib.data.load_images`.
        download: fetch a missing data set.
        limit: use only the first images of the data set, None for all.
        latent_dim, width: of `gan_lib.networks.dcgan_generator`; width also of its discriminator.
        objective: a name of `gan_lib.objectives.OBJECTIVES`.
        update: "simultaneous" or "alternating".
        learning_rate, beta1: of both players' `KerasAdam`.
        batch_size, epochs: an epoch drops its incomplete last batch.
        seed: decides the initial weights, batch order, noise and dropout.
        device: "auto" (cuda where there is one, else cpu), "cpu", "cuda" or "cuda:N".
        sample_every: draw the sample grid after every so many epochs, and after the last.
        out: the run folder.

    Raises: ValueError on a value out of range, naming it.
    """

    dataset: str = "cifar10"
    data: str | None = None
    download: bool = False
    limit: int | None = None
    latent_dim: int = 128
    width: int = 64
    objective: str = "non_saturating"
    update: str = "simultaneous"
    learning_rate: float = 1e-4
    beta1: float = 0.5
    batch_size: int = 256
    epochs: int = 300
    seed: int = 0
    device: str = "auto"
    sample_every: int = 10
    out: str = "runs/seed-dcgan-cifar10"

    def __post_init__(self):
        names = {"dataset": DATASETS, "objective": OBJECTIVES, "update": UPDATES}
        for field, known in names.items():
            if getattr(self, field) not in known:
                raise ValueError(f"{field} must be one of {', '.join(known)}; got {getattr(self, field)!r}")
        # a batch of one has no variance to normalise by
        least = {"latent_dim": 1, "width": 1, "batch_size": 2, "epochs": 1, "seed": 0, "sample_every": 1}
        if self.limit is not None:
            least["limit"] = 1
        for field, bound in least.items():
            value = getattr(self, field)
            if not isinstance(value, int) or value < bound:
                raise ValueError(f"{field} must be a whole number of at least {bound}; got {value!r}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite; got {self.learning_rate!r}")
        if not 0 <= self.beta1 < 1:
            raise ValueError(f"beta1 must be at least 0 and less than 1; got {self.beta1!r}")


PRESETS = {"seed-dcgan": TrainConfig()}

# A resumed run may be longer, report more or less often, or find its files elsewhere; no more.
_MAY_CHANGE = {"data", "download", "epochs", "device", "sample_every", "out"}


class TrainResult(NamedTuple):
    """The trained networks, in training mode on the run's device, and [(epoch, g_loss, d_loss), ...]."""

    generator: nn.Module
    discriminator: nn.Module
    history: list[tuple[int, float, float]]


def train(config, images=None):
    """Train the DCGAN pair as ``config`` says, or go on where a killed run stopped.

    A checkpoint is written after every epoch, atomically; not within one, since a kill then costs minutes
    at most, and an epoch's end leaves neither a half-used batch order nor partial sums to keep. `train`
    continues the checkpoint of a run with the same settings that it finds in ``config.out``. Weights and
    losses are then those of an uninterrupted run, bit for bit on a CPU with the same number of threads,
    and on a GPU as far as its kernels repeat themselves. Only data, download, epochs, sample_every, out
    and the number of the GPU may differ from before; images are compared by content. The caller's random
    state neither matters nor changes.

    Args:
        config: `TrainConfig`.
        images: uint8 (N, C, 32, 32) to train on instead of loading ``config.dataset``.

    Returns: `TrainResult`.
    Raises:
        ValueError: settings that cannot run, or that differ from the checkpoint's; nothing has been written.
        FloatingPointError: a loss or a weight is no longer finite; the last good checkpoint stays.
    """
    device = _find_device(config.device)
    if images is None:
        images = load_images(config.dataset, root=config.data, download=config.download, pad=True).images
    images = images[: config.limit]
    _check_images(images, config.batch_size)
    identity = _identity(config, images, device)
    checkpoint = Path(config.out) / "checkpoint.pt"
    state = _read_checkpoint(checkpoint, identity, config.epochs) if checkpoint.exists() else None

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        run = _Run(config, images.to(device), device)
        if state is not None:
            run.load_state_dict(state["run"])
        out = Path(config.out)
        (out / "samples").mkdir(parents=True, exist_ok=True)
        _write_atomically(out / "config.json", json.dumps(asdict(config), indent=2, default=str).encode())
        _write_atomically(out / "log.jsonl", b"".join(_json_line(record) for record in run.records))
        done, steps = len(run.records), len(images) // config.batch_size
        if done:
            next_to_do = "going on from there" if done < config.epochs else "nothing left to do"
            _say(f"{out} holds {done} of {config.epochs} epochs: {next_to_do}")
        with tqdm(total=config.epochs * steps, initial=done * steps, unit="step", disable=None) as bar:
            for epoch in range(done + 1, config.epochs + 1):
                record = run.train_epoch(epoch, on_step=bar.update)
                if epoch % config.sample_every == 0 or epoch == config.epochs:
                    run.save_samples(out / "samples" / f"epoch_{epoch:04d}.png")
                with open(out / "log.jsonl", "ab") as log:
                    log.write(_json_line(record))
                buffer = io.BytesIO()
                torch.save({"identity": identity, "run": run.state_dict()}, buffer)
                _write_atomically(checkpoint, buffer.getvalue())
                losses = f"G Loss: {record['g_loss']:.4f} | D Loss: {record['d_loss']:.4f}"
                _say(f"Epoch {epoch}/{config.epochs} | {losses}")
    history = [(record["epoch"], record["g_loss"], record["d_loss"]) for record in run.records]
    return TrainResult(run.players["generator"], run.players["discriminator"], history)


class _Run:
    """All that decides how training goes on: networks, optimizers, random generators, epochs so far."""

    def __init__(self, config, images, device):
        # one stream each: drawn from the same seed, noise and initial weights would be the same numbers
        seeds = np.random.SeedSequence(config.seed).generate_state(5).tolist()
        weights, dropout, order, noise, samples = seeds
        torch.default_generator.manual_seed(weights)
        generator = dcgan_generator(config.latent_dim, config.width, images.shape[1]).to(device)
        discriminator = dcgan_discriminator(config.width, images.shape[1]).to(device)
        adam = {"lr": config.learning_rate, "betas": (float(config.beta1), 0.999)}
        self.players = {
            "generator": generator,
            "discriminator": discriminator,
            "optimizer_g": KerasAdam(generator.parameters(), **adam),
            "optimizer_d": KerasAdam(discriminator.parameters(), **adam),
        }
        # dropout can only draw from the global generator of its device
        cuda = device.type == "cuda"
        self.random = {
            "dropout": torch.cuda.default_generators[device.index] if cuda else torch.default_generator,
            "order": torch.Generator(),
            "noise": torch.Generator(device),
        }
        for name, seed in {"dropout": dropout, "order": order, "noise": noise}.items():
            self.random[name].manual_seed(seed)
        still = torch.Generator().manual_seed(samples)
        self.sample_noise = torch.randn(16, config.latent_dim, generator=still).to(device)
        self.config, self.images, self.device = config, images, device
        self.records = []

    def state_dict(self):
        return {
            "records": self.records,
            "random": {name: source.get_state() for name, source in self.random.items()},
            **{name: player.state_dict() for name, player in self.players.items()},
        }

    def load_state_dict(self, state):
        self.records = state["records"]
        for name, source in self.random.items():
            source.set_state(state["random"][name])
        for name, player in self.players.items():
            player.load_state_dict(state[name])

    def train_epoch(self, epoch, on_step):
        """Run one epoch and return its record, which joins ``records``."""
        config, start = self.config, time.perf_counter()
        step, objective = UPDATES[config.update], OBJECTIVES[config.objective]
        # summed on the device: reading a loss makes the host wait for the GPU
        total, count = torch.zeros(2, dtype=torch.float64, device=self.device), 0
        for real in batches(self.images, config.batch_size, self.random["order"], device=self.device):
            size = (len(real), config.latent_dim)
            noise = torch.randn(size, generator=self.random["noise"], device=self.device)
            total += torch.stack(step(*self.players.values(), real, noise, objective))
            count += 1
            on_step()
        g_loss, d_loss = (total / count).tolist()
        networks = self.players["generator"], self.players["discriminator"]
        weights = [weight for network in networks for weight in network.state_dict().values()]
        if not math.isfinite(g_loss + d_loss) or not all(w.isfinite().all() for w in weights):
            raise FloatingPointError(
                f"epoch {epoch} ended with mean G loss {g_loss}, D loss {d_loss} and "
                f"{sum((~w.isfinite()).sum().item() for w in weights)} weights that are not finite; "
                f"the run folder keeps its checkpoint after epoch {epoch - 1}"
            )
        seconds = time.perf_counter() - start
        self.records.append(
            {
                "epoch": epoch,
                "g_loss": g_loss,
                "d_loss": d_loss,
                "seconds": seconds,
                "images_per_second": count * config.batch_size / seconds,
                "device": str(self.device),
            }
        )
        return self.records[-1]

    @torch.no_grad()
    def save_samples(self, path):
        """Draw the 16 samples of the fixed noise, with running statistics, as a 4x4 grid."""
        generator = self.players["generator"].eval()
        save_image(generator(self.sample_noise), path, nrow=4, normalize=True, value_range=(-1, 1))
        generator.train()


def _find_device(name):
    """The torch.device that a config names, with its index, or ValueError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not (kind == "cuda" and index.isdecimal())):
        raise ValueError(f"device must be auto, cpu, cuda or cuda:N; got {name!r}")
    if kind == "cpu":
        return torch.device("cpu")
    index = int(index or 0)
    if index >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} is not there: PyTorch sees {torch.cuda.device_count()} CUDA devices"
        )
    return torch.device("cuda", index)


def _check_images(images, batch_size):
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[2:] != (32, 32):
        seen = f"{images.dtype} {tuple(images.shape)}"
        raise ValueError(f"images must be uint8 of shape (N, C, 32, 32); got {seen}")
    if len(images) < batch_size:
        raise ValueError(f"batch_size must be at most the number of images, {len(images)}; got {batch_size}")


def _identity(config, images, device):
    """What must be equal for a run to go on as if it had not stopped."""
    settings = {name: value for name, value in asdict(config).items() if name not in _MAY_CHANGE}
    content = hashlib.sha256(images.cpu().contiguous().numpy()).hexdigest()
    # a GPU's random state cannot go on on a CPU, nor the other way round
    return settings | {"kind of device": device.type, "images (sha256)": content}


def _read_checkpoint(path, identity, epochs):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before, done = state["identity"], len(state["run"]["records"])
    except Exception as error:
        raise ValueError(
            f"{path} is no checkpoint of this program ({type(error).__name__}); choose another folder"
        ) from error
    changed = [
        f"{name} {before.get(name)!r} -> {identity.get(name)!r}"
        for name in before | identity
        if before.get(name) != identity.get(name)
    ]
    if changed:
        raise ValueError(f"{path} belongs to another run ({'; '.join(changed)}); choose another folder")
    if done > epochs:
        raise ValueError(f"{path} already holds {done} epochs; epochs must be at least that, got {epochs}")
    return state


def _write_atomically(path, content):
    """Replace a file's content so that whoever kills the process finds the old one or the new one, whole."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _json_line(record):
    return (json.dumps(record) + "\n").encode()


def _say(line):
    tqdm.write(line)
    sys.stdout.flush()  # a line an epoch should be seen when it is written, also through a pipe
