"""Games in the plane: a plain GAN and the remedies against mode collapse, trained alike and judged alike.

`METHODS` names them. Generator, optimizers, data and noise are the same for all; they differ in what the
discriminator sees, in what holds it back, or in what the generator is told.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from gan_lib.metrics import mode_coverage
from gan_lib.networks import mlp_discriminator, mlp_generator
from gan_lib.objectives import Objective, non_saturating, wasserstein
from gan_lib.regularizers import (
    MinibatchDiscrimination,
    MinibatchStd,
    feature_matching,
    gradient_penalty,
    pack,
    pulling_away,
    spectral_normalize,
)
from gan_lib.training import discriminator_step, unrolled_discriminator
from gan_lib.training.streams import forked


class Setting(NamedTuple):
    """What all methods share.

    latent_dim: of the standard normal noise. width, depth: of both perceptrons, depth at least 2. batch:
    samples a step. rate_g, rate_d: Adam's first learning rates, which fall linearly to 0; betas: of both.
    """

    latent_dim: int = 2
    width: int = 64
    depth: int = 2
    batch: int = 128
    rate_g: float = 3e-3
    rate_d: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.99)


SETTING = Setting()


class Method(NamedTuple):
    """One way to play.

    Attributes:
        objective: of both players, where nothing below says otherwise.
        packing: how many samples the discriminator judges at a time.
        layer: makes, from the width, a layer before the discriminator's last hidden one.
        extra: how many features that layer adds.
        spectral: whether the discriminator is spectrally normalised.
        penalty: on the discriminator, as in `gan_lib.training.discriminator_step`.
        critic_steps: updates of the discriminator for one of the generator.
        generator_loss: of (discriminator, real, fake); None: the objective's.
    """

    objective: Objective = non_saturating
    packing: int = 1
    layer: Callable[[int], nn.Module] | None = None
    extra: int = 0
    spectral: bool = False
    penalty: Callable | None = None
    critic_steps: int = 1
    generator_loss: Callable | None = None


class Discriminator(nn.Module):
    """body: samples to features; head: features to one logit for each sample, or for each pack of samples."""

    def __init__(self, body, head):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x):
        return self.head(self.body(x))


class Pack(nn.Module):
    """`gan_lib.regularizers.pack` as a layer."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return pack(x, self.size)


class Game(NamedTuple):
    """Two networks, their optimizers, and the torch.Generator that data and noise come from."""

    generator: nn.Module
    discriminator: Discriminator
    optimizer_g: torch.optim.Optimizer
    optimizer_d: torch.optim.Optimizer
    stream: torch.Generator


def feature_matching_loss(discriminator, real, fake):
    """The generator matches the mean features of the body's last layer, and nothing else."""
    return feature_matching(discriminator.body(real), discriminator.body(fake))


def pulling_away_loss(discriminator, real, fake, weight=1.0):
    """The non-saturating loss, and features that pull away from each other."""
    features = discriminator.body(fake)
    return non_saturating.generator(discriminator.head(features)) + weight * pulling_away(features)


def unrolled_loss(discriminator, real, fake, steps=3, rate=0.1):
    """The non-saturating loss against the discriminator as it would be after some more steps."""
    ahead = unrolled_discriminator(discriminator, real, fake, non_saturating, steps=steps, rate=rate)
    return non_saturating.generator(ahead(fake))


def _penalty(critic, real, fake, weight=10.0):
    return weight * gradient_penalty(critic, real, fake)


METHODS = {
    "GAN": Method(),
    "PacGAN2": Method(packing=2),
    "minibatch std": Method(layer=lambda width: MinibatchStd(), extra=1),
    "minibatch discrimination": Method(layer=partial(MinibatchDiscrimination, kernels=3, dim=2), extra=3),
    "feature matching": Method(generator_loss=feature_matching_loss),
    "pulling-away term": Method(generator_loss=pulling_away_loss),
    "spectral norm": Method(spectral=True),
    "unrolled": Method(generator_loss=unrolled_loss),
    "WGAN-GP": Method(objective=wasserstein, penalty=_penalty, critic_steps=3),
}


def start(method, seed, setting=SETTING, device="cpu"):
    """A `Game` before its first step. Generator and stream depend on the seed alone, not on the `Method`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the weights are drawn on the CPU, and no GPU is reseeded
        generator = mlp_generator(setting.latent_dim, setting.width, depth=setting.depth).to(device)
        discriminator = _make_discriminator(method, setting).to(device)
    optimizer_g, optimizer_d = (
        torch.optim.Adam(network.parameters(), rate, setting.betas, fused=True)
        for network, rate in ((generator, setting.rate_g), (discriminator, setting.rate_d))
    )
    return Game(generator, discriminator, optimizer_g, optimizer_d, torch.Generator(device).manual_seed(seed))


def play(target, method, seed, steps, setting=SETTING, *, device="cpu", watch=None):
    """Train one pair on a toy density.

    Args:
        target: `gan_lib.data.GaussianMixture` of the plane. method: `Method`. seed: of networks and stream.
        steps: updates of the generator. setting: `Setting`. device: where.
        watch: called as watch(step, game) before the first step and after each.

    Returns: `Game`, trained.
    Raises: ValueError if there are no steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    game = start(method, seed, setting, device)
    with forked(device):
        torch.manual_seed(seed)  # a gradient penalty draws its points from the global state
        for step in range(steps):
            if watch is not None:
                watch(step, game)
            game.optimizer_g.param_groups[0]["lr"] = setting.rate_g * (1 - step / steps)
            game.optimizer_d.param_groups[0]["lr"] = setting.rate_d * (1 - step / steps)
            for _ in range(method.critic_steps):
                real, noise = _move_discriminator(game, method, target, setting.batch)
            _move_generator(game, method, real, noise)
        if watch is not None:
            watch(steps, game)
    return game


def draw_noise(game, count):
    """(count, latent_dim) standard normal noise from the game's stream."""
    size = (count, game.generator[0].in_features)
    return torch.randn(size, generator=game.stream, device=game.stream.device)


@torch.no_grad()
def judge(game, target, count=2500, radius=3.0):
    """`gan_lib.metrics.mode_coverage` of fresh samples."""
    return mode_coverage(game.generator(draw_noise(game, count)), target.modes, target.std, radius)


def _make_discriminator(method, setting):
    *body, head = mlp_discriminator(setting.width, 2 * method.packing, setting.depth)
    if method.layer is not None:
        body[-2:-2] = [method.layer(setting.width)]
        body[-2] = nn.Linear(setting.width + method.extra, setting.width)
    if method.packing > 1:
        body.insert(0, Pack(method.packing))
    discriminator = Discriminator(nn.Sequential(*body), head)
    return spectral_normalize(discriminator) if method.spectral else discriminator


def _move_discriminator(game, method, target, batch):
    real, noise = target.sample(batch, game.stream), draw_noise(game, batch)
    discriminator_step(
        game.generator,
        game.discriminator,
        game.optimizer_d,
        real,
        noise,
        method.objective,
        penalty=method.penalty,
    )
    return real, noise


def _move_generator(game, method, real, noise):
    fake = game.generator(noise)
    if method.generator_loss is None:
        loss = method.objective.generator(game.discriminator(fake))
    else:
        loss = method.generator_loss(game.discriminator, real, fake)
    game.optimizer_g.zero_grad()
    loss.backward(inputs=list(game.generator.parameters()))
    game.optimizer_g.step()
