"""The networks: pairs of a generator and a discriminator, by name in `PAIRS`.

The generators of all pairs are made by ``generator(latent_dim=, width=, channels=)`` and map noise
(B, latent_dim) to samples; the discriminators by ``discriminator(width=, channels=)`` and map samples to
(B, 1) logits. Every argument has a default: the size in the pair's source. The factories of "sngan" and
"sndcgan" also take ``classes=``, and their networks then labels (B,) as a second argument.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from gan_lib.networks.dcgan import dcgan_discriminator, dcgan_generator
from gan_lib.networks.layers import (
    ConditionalBatchNorm2d,
    CropEnd,
    FlattenHWC,
    KerasBatchNorm,
    ProjectionHead,
    UnflattenHWC,
)
from gan_lib.networks.mlp import mlp_discriminator, mlp_generator
from gan_lib.networks.sngan import (
    sndcgan_discriminator,
    sndcgan_generator,
    sngan_discriminator,
    sngan_generator,
)


class Pair(NamedTuple):
    """The two factories of a game."""

    generator: Callable[..., nn.Module]
    discriminator: Callable[..., nn.Module]


PAIRS = {
    "dcgan": Pair(dcgan_generator, dcgan_discriminator),
    "mlp": Pair(mlp_generator, mlp_discriminator),
    "sngan": Pair(sngan_generator, sngan_discriminator),
    "sndcgan": Pair(sndcgan_generator, sndcgan_discriminator),
}

__all__ = [
    "PAIRS",
    "ConditionalBatchNorm2d",
    "CropEnd",
    "FlattenHWC",
    "KerasBatchNorm",
    "Pair",
    "ProjectionHead",
    "UnflattenHWC",
    "dcgan_discriminator",
    "dcgan_generator",
    "mlp_discriminator",
    "mlp_generator",
    "sndcgan_discriminator",
    "sndcgan_generator",
    "sngan_discriminator",
    "sngan_generator",
]
