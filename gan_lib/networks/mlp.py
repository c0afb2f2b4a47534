"""A multilayer perceptron pair, for points of the plane and other short vectors."""

from itertools import pairwise

from torch import nn

from gan_lib.networks.layers import check_sizes


def mlp_generator(latent_dim=2, width=128, channels=2, depth=2):
    """A perceptron with ReLU and a linear output, which can reach any point.

    Args:
        latent_dim: length of the noise vector.
        width: units of each hidden layer; depth: how many hidden layers.
        channels: coordinates of a sample, 2 for points of the plane.

    Returns: module, (B, latent_dim) to (B, channels).
    Raises: ValueError if a size is less than 1.
    """
    check_sizes(latent_dim=latent_dim, width=width, channels=channels, depth=depth)
    return _perceptron([latent_dim, *[width] * depth, channels], nn.ReLU)


def mlp_discriminator(width=128, channels=2, depth=2):
    """A perceptron with LeakyReLU of slope 0.2; it treats samples independently, as gradient penalties need.

    Args:
        width: units of each hidden layer; depth: how many hidden layers.
        channels: coordinates of a sample; m times as many for samples packed by m.

    Returns: module, (B, channels) to (B, 1) logits.
    Raises: ValueError if a size is less than 1.
    """
    check_sizes(width=width, channels=channels, depth=depth)
    return _perceptron([channels, *[width] * depth, 1], lambda: nn.LeakyReLU(0.2))


def _perceptron(sizes, activation):
    layers = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])
