"""Games in the plane: a plain GAN and the remedies against mode collapse, trained alike and judged alike.

`METHODS` names them. Each differs from the first, the plain GAN, in what its row says and in nothing else:
what the discriminator sees, what holds it back, how often and how fast it learns, how the generator starts,
what it is told. Kind of optimizer, data and noise are the same for all.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from gan_lib.metrics import mode_coverage
from gan_lib.networks import mlp_discriminator, mlp_generator
from gan_lib.objectives import Objective, non_saturating, relativistic_pairing, wasserstein
from gan_lib.regularizers import (
    MinibatchDiscrimination,
    MinibatchStd,
    feature_matching,
    gradient_penalty,
    pack,
    pulling_away,
    r1_penalty,
    r2_penalty,
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
        rate_g, rate_d: factors on the setting's learning rates.
        norm: whether the generator normalises its hidden layers by their batch.
        spread: factor on the initial weights of the generator.
        norm_start: "weights" or "map": the first samples have the mean and the standard deviation along each
            axis that `norm` would give them, by the last layer's initial weights and bias or by a fixed map
            behind that layer; nothing is normalised. None: they stay as they are.
        length: factor on the number of steps.
    """

    objective: Objective = non_saturating
    packing: int = 1
    layer: Callable[[int], nn.Module] | None = None
    extra: int = 0
    spectral: bool = False
    penalty: Callable | None = None
    critic_steps: int = 1
    generator_loss: Callable | None = None
    rate_g: float = 1.0
    rate_d: float = 1.0
    norm: bool = False
    spread: float = 1.0
    norm_start: str | None = None
    length: int = 1


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


class FixedMap(nn.Module):
    """factor * x + shift along each axis; neither is trained."""

    def __init__(self, factor, shift):
        super().__init__()
        self.register_buffer("factor", factor)
        self.register_buffer("shift", shift)

    def forward(self, x):
        return self.factor * x + self.shift


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


def _gradient_penalty(critic, real, fake, weight=10.0):
    return weight * gradient_penalty(critic, real, fake)


def _r1(discriminator, real, fake, weight):
    return weight * r1_penalty(discriminator, real)


def _r1_and_r2(discriminator, real, fake, weight):
    return weight * (r1_penalty(discriminator, real) + r2_penalty(discriminator, fake))


METHODS = {
    "GAN": Method(),
    "three times as long": Method(length=3),
    "three discriminator steps": Method(critic_steps=3),
    "slower generator": Method(rate_g=1 / 3),
    "faster discriminator": Method(rate_d=3.0),
    "two time scales": Method(rate_g=1 / 3, rate_d=3.0),
    "batch norm": Method(norm=True),
    "batch norm's start": Method(norm_start="weights"),
    "batch norm's start, fixed map": Method(norm_start="map"),
    "wider start": Method(spread=3.0),
    "minibatch std": Method(layer=lambda width: MinibatchStd(), extra=1),
    "minibatch discrimination": Method(layer=partial(MinibatchDiscrimination, kernels=3, dim=2), extra=3),
    "PacGAN2": Method(packing=2),
    "unrolled": Method(generator_loss=unrolled_loss),
    "feature matching": Method(generator_loss=feature_matching_loss),
    "pulling-away term": Method(generator_loss=pulling_away_loss),
    "spectral norm": Method(spectral=True),
    "gradient penalty": Method(penalty=_gradient_penalty),
    "R1": Method(penalty=partial(_r1, weight=1.0)),
    "relativistic pairing": Method(objective=relativistic_pairing),
    "R1 and R2": Method(penalty=partial(_r1_and_r2, weight=1.0)),
    "pairing, R1 and R2": Method(objective=relativistic_pairing, penalty=partial(_r1_and_r2, weight=1.0)),
    "Wasserstein, gradient penalty": Method(objective=wasserstein, penalty=_gradient_penalty),
    "WGAN-GP": Method(objective=wasserstein, penalty=_gradient_penalty, critic_steps=3),
    "WGAN-GP, two time scales": Method(
        objective=wasserstein, penalty=_gradient_penalty, critic_steps=3, rate_g=1 / 3, rate_d=3.0
    ),
}


def start(method, seed, setting=SETTING, device="cpu"):
    """A `Game` before its first step.

    The stream and the generator's initial weights depend on the seed alone; a `Method` can scale the weights,
    move the last layer's outputs and put batch norm between the layers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the weights are drawn on the CPU, and no GPU is reseeded
        generator = _make_generator(method, setting).to(device)
        discriminator = _make_discriminator(method, setting).to(device)
    optimizer_g, optimizer_d = (
        torch.optim.Adam(network.parameters(), rate, setting.betas, fused=True)
        for network, rate in zip((generator, discriminator), _rates(method, setting), strict=True)
    )
    return Game(generator, discriminator, optimizer_g, optimizer_d, torch.Generator(device).manual_seed(seed))


def play(target, method, seed, steps, setting=SETTING, *, device="cpu", watch=None):
    """Train one pair on a toy density.

    Args:
        target: `gan_lib.data.GaussianMixture` of the plane. method: `Method`. seed: of networks and stream.
        steps: updates of the generator, `Method.length` times. setting: `Setting`. device: where.
        watch: called as watch(step, game) before the first step and after each.

    Returns: `Game`, trained.
    Raises: ValueError if there are no steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    game, rates, steps = start(method, seed, setting, device), _rates(method, setting), steps * method.length
    with forked(device):
        torch.manual_seed(seed)  # a gradient penalty draws its points from the global state
        for step in range(steps):
            if watch is not None:
                watch(step, game)
            for optimizer, rate in zip((game.optimizer_g, game.optimizer_d), rates, strict=True):
                optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
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
    """`gan_lib.metrics.mode_coverage` of fresh samples; batch norm uses the statistics of these."""
    return mode_coverage(game.generator(draw_noise(game, count)), target.modes, target.std, radius)


def _rates(method, setting):
    return setting.rate_g * method.rate_g, setting.rate_d * method.rate_d


def _make_generator(method, setting):
    layers = list(mlp_generator(setting.latent_dim, setting.width, depth=setting.depth))
    for layer in layers[::2]:
        layer.weight.data.mul_(method.spread)
    if method.norm:
        layers = _normalised(layers, setting)
    if method.norm_start is not None:
        factor, shift = _map_to_norm(layers, setting)
        if method.norm_start == "map":
            layers.append(FixedMap(factor, shift))
        else:
            layers[-1].weight.data.mul_(factor[:, None])
            layers[-1].bias.data.mul_(factor).add_(shift)
    return nn.Sequential(*layers)


def _normalised(layers, setting):
    """The layers of a perceptron, with batch norm before each activation."""
    layers = list(layers)
    for place in range(len(layers) - 2, 0, -2):
        layers.insert(place, nn.BatchNorm1d(setting.width))
    return layers


@torch.no_grad()
def _map_to_norm(layers, setting, count=10_000):
    """Factor and shift that give the samples the mean and standard deviation that batch norm would."""
    noise = torch.randn(count, setting.latent_dim, generator=torch.Generator().manual_seed(0))
    own, normed = (nn.Sequential(*some)(noise) for some in (layers, _normalised(layers, setting)))
    factor = normed.std(0) / own.std(0)
    return factor, normed.mean(0) - factor * own.mean(0)


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
    if method.generator_loss is not None:
        loss = method.generator_loss(game.discriminator, real, fake)
    elif method.objective.needs_real:
        loss = method.objective.generator(game.discriminator(fake), game.discriminator(real).detach())
    else:
        loss = method.objective.generator(game.discriminator(fake))
    game.optimizer_g.zero_grad()
    loss.backward(inputs=list(game.generator.parameters()))
    game.optimizer_g.step()
