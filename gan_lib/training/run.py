"""The state of a run, and an epoch of it."""

import copy
import math
import time

import numpy as np
import torch
from torchvision.utils import save_image

from gan_lib.data import batches
from gan_lib.networks import PAIRS
from gan_lib.objectives import OBJECTIVES
from gan_lib.regularizers import (
    clip_weights_,
    dragan_penalty,
    gradient_penalty,
    r1_penalty,
    r2_penalty,
    spectral_normalize,
)
from gan_lib.training.capture import CapturedStep
from gan_lib.training.ema import ema_update
from gan_lib.training.optimizers import KerasAdam
from gan_lib.training.statistics import Statistics
from gan_lib.training.steps import UPDATES, Engine, Labels, discriminator_step, gradient_norm
from gan_lib.training.streams import forked


class Run:
    """All that decides how training goes on: networks, optimizers, random generators, epochs so far.

    Args:
        config: `TrainConfig`.
        images: uint8 (N, C, 32, 32).
        device: torch.device of this process, to which the images go.
        processes: `Processes`.
        labels: (N,) integers, classes: their number; None for an unconditional run.
    """

    def __init__(self, config, images, device, processes, labels=None, classes=None):
        # one stream each: drawn from the same seed, noise and initial weights would be the same numbers
        seeds = np.random.SeedSequence(config.seed).generate_state(6).tolist()
        weights, dropout, order, noise, samples, penalty = seeds
        torch.default_generator.manual_seed(weights)
        generator, discriminator = _make_networks(config, images.shape[1], classes, device)
        self.players = {
            "generator": generator,
            "discriminator": discriminator,
            "optimizer_g": _make_optimizer(generator, config, config.learning_rate),
            "optimizer_d": _make_optimizer(
                discriminator, config, config.learning_rate_d or config.learning_rate
            ),
        }
        if config.clip is not None:
            self.players["optimizer_d"].register_step_post_hook(
                lambda *_: clip_weights_(discriminator, config.clip)
            )
        self.ema = copy.deepcopy(generator).requires_grad_(False).eval() if config.ema_decay else None
        if config.compile:
            compile_networks(generator, discriminator)
        self.engine = Engine(config.precision, device.type, processes)
        self.captured = None
        if config.capture:
            self.captured = CapturedStep(*self.players.values(), OBJECTIVES[config.objective], self.engine)
        # dropout can only draw from the global generator of its device
        cuda = device.type == "cuda"
        self.random = {
            "dropout": torch.cuda.default_generators[device.index] if cuda else torch.default_generator,
            "order": torch.Generator(),
            "noise": torch.Generator(device),
            "penalty": torch.Generator(device),
        }
        own = dropout + processes.rank  # masks of different processes must differ
        for name, seed in {"dropout": own, "order": order, "noise": noise, "penalty": penalty}.items():
            self.random[name].manual_seed(seed)
        still = torch.Generator().manual_seed(samples)
        self.sample_noise = torch.randn(16, config.latent_dim, generator=still).to(device)
        # the classes in order, again and again
        self.sample_labels = None if classes is None else torch.arange(16, device=device) % classes
        self.config, self.device, self.processes = config, device, processes
        self.images, self.classes = images.to(device), classes
        self.labels = None if labels is None else labels.long().to(device)
        self.records, self.batches_seen = [], 0
        self.kept = 0  # epochs in the run folder's checkpoint

    @property
    def _parts(self):
        ema = {} if self.ema is None else {"ema": self.ema}
        return self.players | ema | {"scaler": self.engine.scaler}

    def state_dict(self):
        """All of it; every process must call this, for each has its own stream of dropout."""
        states = {name: source.get_state() for name, source in self.random.items()}
        states["dropout"] = self.processes.gather(states["dropout"])
        return {
            "records": self.records,
            "batches_seen": self.batches_seen,
            "random": states,
            **{name: part.state_dict() for name, part in self._parts.items()},
        }

    def load_state_dict(self, state):
        self.records, self.batches_seen = state["records"], state["batches_seen"]
        states = state["random"] | {"dropout": state["random"]["dropout"][self.processes.rank]}
        for name, source in self.random.items():
            source.set_state(states[name])
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.kept = len(self.records)

    def train_epoch(self, epoch, on_step):
        """Run one epoch and return its record, which joins ``records``.

        Raises: FloatingPointError at its end if a loss or a weight is not finite, or a loss diverged.
        """
        config, start = self.config, time.perf_counter()
        g, d = Statistics("g", self.device), Statistics("d", self.device)
        first = self.batches_seen
        order = self.random["order"]
        for batch in batches(self.images, config.batch_size, order, device=self.device, labels=self.labels):
            self.batches_seen += 1
            self._step(*((batch, None) if self.labels is None else batch), g, d)
            on_step()
        record = {"epoch": epoch} | g.summary() | d.summary()
        self._check(record)
        seconds = time.perf_counter() - start
        count = (self.batches_seen - first) * config.batch_size
        timing = {"seconds": seconds, "images_per_second": count / seconds, "device": str(self.device)}
        self.records.append(record | timing)
        return self.records[-1]

    def _step(self, real, real_labels, g, d):
        config, players = self.config, self.players
        generator, discriminator = players["generator"], players["discriminator"]
        batch = self.processes.part(real), self._noise(len(real)), OBJECTIVES[config.objective]
        labels = Labels()
        if self.classes is not None:
            labels = Labels(self.processes.part(real_labels), self._fake_labels(len(real)))
        how = {"labels": labels, "penalty": self._penalty(real, labels), "engine": self.engine}
        if self.batches_seen % config.n_critic:
            d_loss = discriminator_step(generator, discriminator, players["optimizer_d"], *batch, **how)
        else:
            if config.n_critic > 1:
                how["generator_noise"] = self._noise(len(real))
                if self.classes is not None:
                    how["labels"] = labels._replace(answer=self._fake_labels(len(real)))
            if self.captured is not None:
                g_loss, d_loss = self.captured(*batch[:2])
            else:
                g_loss, d_loss = UPDATES[config.update](*players.values(), *batch, **how)
            g.add(self.processes.mean(g_loss), gradient_norm(generator))
            if self.ema is not None:
                ema_update(self.ema, generator, config.ema_decay)
        d.add(self.processes.mean(d_loss), gradient_norm(discriminator))

    def _noise(self, count):
        """This process's part of the noise of a whole batch: n processes are to do what one does."""
        size = (count, self.config.latent_dim)
        return self.processes.part(torch.randn(size, generator=self.random["noise"], device=self.device))

    def _fake_labels(self, count):
        """This process's part of uniform labels for a whole batch, from the stream of the noise."""
        generator = self.random["noise"]
        return self.processes.part(
            torch.randint(self.classes, (count,), generator=generator, device=self.device)
        )

    def _penalty(self, real, labels):
        """The penalty on this process's part of the batch; what it draws, it draws for the whole batch.

        Between a real and a fake sample the critic is told the real one's class.
        """
        kind, weight, part = self.config.penalty, self.config.penalty_weight, self.processes.part
        draw = {"generator": self.random["penalty"], "device": self.device}
        if kind == "gradient_penalty":
            eps = part(torch.rand(len(real), 1, 1, 1, **draw))
            return lambda critic, real, fake: (
                weight * gradient_penalty(_told(critic, labels.real), real, fake, eps)
            )
        if kind == "dragan":
            noise = part(real.std() / 2 * torch.randn(real.shape, **draw))
            return lambda critic, real, fake: weight * dragan_penalty(_told(critic, labels.real), real, noise)
        if kind == "r1":
            return lambda critic, real, fake: weight * r1_penalty(_told(critic, labels.real), real)
        if kind == "r2":
            return lambda critic, real, fake: weight * r2_penalty(_told(critic, labels.fake), fake)
        return None

    def _check(self, record):
        networks = self.players["generator"], self.players["discriminator"]
        weights = [weight for network in networks for weight in network.state_dict().values()]
        bad = torch.stack([(~weight.isfinite()).sum() for weight in weights]).sum().double()
        bad = self.processes.mean(bad).item() * self.processes.size  # or one would stop, and the others wait
        losses = record["g_loss"], record["d_loss"]
        found = f"epoch {record['epoch']} ended with mean G loss {losses[0]}, D loss {losses[1]}"
        kept = f"the run folder keeps its checkpoint after epoch {self.kept}"
        if bad or not all(math.isfinite(loss) for loss in losses):
            raise FloatingPointError(f"{found} and {bad:.0f} weights that are not finite; {kept}")
        if max(map(abs, losses)) > self.config.max_loss:
            raise FloatingPointError(f"{found}: diverged beyond max_loss, {self.config.max_loss:g}; {kept}")

    def sampled(self, function):
        """function(generator) of the averaged generator if there is one, else of the generator itself.

        It gets the network in evaluation mode, with running statistics, and no gradients. What it draws at
        random leaves the run's streams as they were.
        """
        generator = self.ema if self.ema is not None else self.players["generator"].eval()
        try:
            with (
                torch.no_grad(),
                forked(self.device),
                torch.compiler.set_stance("force_eager"),
            ):
                return function(generator)
        finally:
            self.players["generator"].train()

    def save_samples(self, path):
        """Draw the 16 samples of the fixed noise as a 4x4 grid, the classes in order."""
        images = self.sampled(lambda generator: _told(generator, self.sample_labels)(self.sample_noise))
        save_image(images, path, nrow=4, normalize=True, value_range=(-1, 1))


def _told(network, labels):
    """The network as a function of its first argument alone."""
    return network if labels is None else lambda x: network(x, labels)


def _make_networks(config, channels, classes, device):
    pair = PAIRS[config.network]
    sizes = {"width": config.width, "channels": channels}
    if classes is not None:
        sizes["classes"] = classes
    generator = pair.generator(latent_dim=config.latent_dim, **sizes)
    discriminator = pair.discriminator(**sizes)
    if config.spectral_norm:
        spectral_normalize(discriminator)
    return generator.to(device), discriminator.to(device)


def _make_optimizer(network, config, learning_rate):
    return KerasAdam(network.parameters(), learning_rate, (float(config.beta1), float(config.beta2)))


def compile_networks(*networks):
    """Run the networks through torch.compile, in place: the names in their state stay."""
    # The simultaneous step runs backward through one pass twice; by default a compiled backward pass has
    # given away its buffers after the first.
    torch._functorch.config.donated_buffer = False
    for network in networks:
        network.compile()
