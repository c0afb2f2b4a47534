"""The DCGAN pair of the course: its source program, a Keras model rebuilt to the last detail.

What Keras does otherwise than PyTorch, and this module follows: LeakyReLU has slope 0.3; batch norm has
epsilon 1e-3, keeps 99 % of its moving averages a step and averages the *biased* variance; kernels start
Glorot-uniform and biases at zero; vectors become images, and images vectors, in the order row, column,
channel; a transposed convolution of stride 1 with padding "same" crops one row and column at the start and
two at the end.
"""

from torch import nn

from gan_lib.networks.layers import (
    CropEnd,
    Dropout,
    FlattenHWC,
    KerasBatchNorm,
    UnflattenHWC,
    check_sizes,
    initialised,
)


def dcgan_generator(latent_dim=128, width=64, channels=3):
    """A deep convolutional generator; 3,838,720 parameters with the defaults, if one counts them like Keras,
    moving averages included.

    Args:
        latent_dim: length of the noise vector.
        width: channels of the last hidden images; the first have eight times as many.
        channels: 3 for colour, 1 for grey.

    Returns: module, (B, latent_dim) float to (B, channels, 32, 32) in [-1, 1]. Its weights and output are
        laid out in memory channels last.
    Raises: ValueError if a size is less than 1.
    Source: after Radford et al. (2016), but with LeakyReLU, a dense first layer and a last layer of stride 1.
    """
    check_sizes(latent_dim=latent_dim, width=width, channels=channels)
    layers = [
        nn.Linear(latent_dim, 4 * 4 * 8 * width, bias=False),
        KerasBatchNorm(4 * 4 * 8 * width),
        _leaky_relu(),
        UnflattenHWC(4, 4),
    ]
    for before, after in ((8 * width, 4 * width), (4 * width, 2 * width), (2 * width, width)):
        layers += [
            nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False),
            KerasBatchNorm(after),
            _leaky_relu(),
        ]
    layers += [
        nn.ConvTranspose2d(width, channels, kernel_size=4, stride=1, padding=1, bias=False),
        CropEnd(),
        nn.Tanh(),
    ]
    return initialised(nn.Sequential(*layers))


def dcgan_discriminator(width=64, channels=3, dropout=0.3):
    """A deep convolutional discriminator without batch norm; 662,977 parameters with the defaults.

    Args:
        width: channels of the first hidden images; the last have four times as many.
        channels: of the images.
        dropout: probability of zeroing an activation, after each convolution.

    Returns: module, (B, channels, 32, 32) in [-1, 1] to (B, 1) logits. Its weights are laid out in memory
        channels last.
    Raises: ValueError if a size is less than 1 or dropout is no probability; the module, on other images.
    Source: after Radford et al. (2016), but with dropout in batch norm's place.
    """
    check_sizes(width=width, channels=channels)
    layers = []
    for before, after in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [
            nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1),
            _leaky_relu(),
            Dropout(dropout),
        ]
    layers += [FlattenHWC(4, 4), nn.Linear(4 * 4 * 4 * width, 1)]
    return initialised(nn.Sequential(*layers))


def _leaky_relu():
    return nn.LeakyReLU(0.3, inplace=True)  # in place: memory traffic is a good part of a step on a CPU
