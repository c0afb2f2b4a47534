"""The networks of spectral normalisation for 32x32: a residual pair ("SNGAN") and a plain one ("SNDCGAN").

With ``classes`` they are conditional: the generator's batch norms take their gain and offset from the class,
and the discriminator adds the projection of its features onto a vector of the class.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from gan_lib.networks.layers import (
    FlattenHWC,
    ProjectionHead,
    UnflattenHWC,
    batch_norm,
    check_labels,
    check_sizes,
    initialised,
)
from gan_lib.regularizers import spectral_normalize


def sngan_generator(latent_dim=128, width=128, channels=3, classes=None):
    """The residual generator; 4,276,739 parameters with the defaults.

    Args:
        latent_dim: length of the noise vector.
        width: feature maps of the discriminator that belongs to it; this network has twice as many.
        channels: of the images. classes: number of classes, None for an unconditional network.

    Returns: module, (B, latent_dim), and (B,) int64 labels if there are classes, to (B, channels, 32, 32) in
        [-1, 1]. Laid out channels last.
    Raises: ValueError if a size is less than 1; the module, on labels missing or superfluous.
    Source: Miyato et al. (2018), table 4a; conditional: Miyato & Koyama (2018).
    """
    check_sizes(latent_dim=latent_dim, width=width, channels=channels, classes=classes)
    return _residual_initialised(ResNetGenerator(latent_dim, 2 * width, channels, classes))


def sngan_discriminator(width=128, channels=3, classes=None):
    """The residual discriminator, spectrally normalised throughout; 1,053,825 parameters with the defaults.

    Args:
        width: feature maps of every layer.
        channels: of the images. classes: number of classes, None for an unconditional network.

    Returns: module, (B, channels, 32, 32) in [-1, 1], and (B,) int64 labels if there are classes, to (B, 1)
        logits. Laid out channels last.
    Raises: ValueError if a size is less than 1; the module, on labels missing or superfluous.
    Source: Miyato et al. (2018), table 4b; conditional: Miyato & Koyama (2018).
    """
    check_sizes(width=width, channels=channels, classes=classes)
    return _normalised(_residual_initialised(ResNetDiscriminator(width, channels, classes)))


def sndcgan_generator(latent_dim=128, width=64, channels=3, classes=None):
    """The plain convolutional generator of the same work; 3,811,907 parameters with the defaults.

    Args:
        latent_dim: length of the noise vector.
        width: channels of the last hidden images; the first have eight times as many.
        channels: of the images. classes: number of classes, None for an unconditional network.

    Returns, Raises: as :func:`sngan_generator`.
    Source: Miyato et al. (2018), table 3a.
    """
    check_sizes(latent_dim=latent_dim, width=width, channels=channels, classes=classes)
    return initialised(PlainGenerator(latent_dim, width, channels, classes))


def sndcgan_discriminator(width=64, channels=3, classes=None):
    """The plain convolutional discriminator, spectrally normalised throughout; 2,935,873 parameters with the
    defaults.

    Args:
        width: channels of the first hidden images; the last have eight times as many.
        channels: of the images. classes: number of classes, None for an unconditional network.

    Returns, Raises: as :func:`sngan_discriminator`; the module raises on other images, too.
    Source: Miyato et al. (2018), table 3b. Its authors' program is wider: there the strided convolutions
        already double the channels.
    """
    check_sizes(width=width, channels=channels, classes=classes)
    return _normalised(initialised(PlainDiscriminator(width, channels, classes)))


class ResNetGenerator(nn.Module):
    """Noise, a dense layer to 4x4, three residual blocks that double it, batch norm, ReLU, 3x3, tanh."""

    def __init__(self, latent_dim, width, channels, classes):
        super().__init__()
        self.classes = classes
        self.dense = nn.Sequential(nn.Linear(latent_dim, 4 * 4 * width), UnflattenHWC(4, 4))
        self.blocks = nn.ModuleList(UpBlock(width, classes) for _ in range(3))
        self.norm = nn.BatchNorm2d(width)
        self.image = nn.Conv2d(width, channels, kernel_size=3, padding=1)

    def forward(self, z, labels=None):
        given = check_labels(labels, self.classes, len(z))
        x = self.dense(z)
        for block in self.blocks:
            x = block(x, *given)
        return torch.tanh(self.image(F.relu(self.norm(x))))


class ResNetDiscriminator(nn.Module):
    """Four residual blocks, the first two of which halve the size, ReLU, sum over pixels, linear head."""

    def __init__(self, width, channels, classes):
        super().__init__()
        self.classes = classes
        self.blocks = nn.Sequential(
            DownBlock(channels, width, halve=True, from_image=True),
            DownBlock(width, width, halve=True),
            DownBlock(width, width, halve=False),
            DownBlock(width, width, halve=False),
        )
        self.head = ProjectionHead(width, classes)

    def forward(self, x, labels=None):
        given = check_labels(labels, self.classes, len(x))
        return self.head(F.relu(self.blocks(x)).sum((2, 3)), *given)


class UpBlock(nn.Module):
    """A residual block that doubles the size: (B, width, H, W), and labels if any, to (B, width, 2H, 2W)."""

    def __init__(self, width, classes):
        super().__init__()
        self.norm1, self.norm2 = batch_norm(width, classes), batch_norm(width, classes)
        self.conv1, self.conv2 = (nn.Conv2d(width, width, kernel_size=3, padding=1) for _ in range(2))
        self.skip = nn.Conv2d(width, width, kernel_size=1)

    def forward(self, x, *labels):
        residual = self.conv1(_double(F.relu(self.norm1(x, *labels))))
        residual = self.conv2(F.relu(self.norm2(residual, *labels)))
        return residual + _double(
            self.skip(x)
        )  # a 1x1 convolution may as well come first: a quarter of the work


class DownBlock(nn.Module):
    """A residual block: (B, before, H, W) to (B, after, H/2, W/2), or to (B, after, H, W) if not ``halve``.

    ``from_image`` leaves out the first ReLU, which would throw away half of an image's values.
    """

    def __init__(self, before, after, *, halve, from_image=False):
        super().__init__()
        self.halve, self.from_image = halve, from_image
        self.conv1 = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.skip = nn.Conv2d(before, after, kernel_size=1) if halve or before != after else nn.Identity()

    def forward(self, x):
        residual = self.conv1(x if self.from_image else F.relu(x))
        residual = self.conv2(F.relu(residual))
        if self.halve:
            residual, x = F.avg_pool2d(residual, 2), F.avg_pool2d(x, 2)
        return residual + self.skip(x)


class PlainGenerator(nn.Module):
    """Noise, a dense layer to 4x4, three transposed convolutions with batch norm and ReLU, 3x3, tanh."""

    def __init__(self, latent_dim, width, channels, classes):
        super().__init__()
        self.classes = classes
        self.dense = nn.Sequential(nn.Linear(latent_dim, 4 * 4 * 8 * width), UnflattenHWC(4, 4))
        widths = (8 * width, 4 * width), (4 * width, 2 * width), (2 * width, width)
        self.convs = nn.ModuleList(
            nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1, bias=False)
            for before, after in widths
        )
        self.norms = nn.ModuleList(batch_norm(after, classes) for _, after in widths)
        self.image = nn.Conv2d(width, channels, kernel_size=3, padding=1)

    def forward(self, z, labels=None):
        given = check_labels(labels, self.classes, len(z))
        x = self.dense(z)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x), *given))
        return torch.tanh(self.image(x))


class PlainDiscriminator(nn.Module):
    """Pairs of a 3x3 and a strided 4x4 convolution, a last 3x3, all with LeakyReLU, and a linear head."""

    def __init__(self, width, channels, classes):
        super().__init__()
        self.classes = classes
        layers, before = [], channels
        for after in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(before, after, kernel_size=3, padding=1), _leaky_relu()]
            layers += [nn.Conv2d(after, after, kernel_size=4, stride=2, padding=1), _leaky_relu()]
            before = after
        layers += [nn.Conv2d(before, 8 * width, kernel_size=3, padding=1), _leaky_relu(), FlattenHWC(4, 4)]
        self.features = nn.Sequential(*layers)
        self.head = ProjectionHead(4 * 4 * 8 * width, classes)

    def forward(self, x, labels=None):
        given = check_labels(labels, self.classes, len(x))
        return self.head(self.features(x), *given)


def _double(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _leaky_relu():
    return nn.LeakyReLU(0.1, inplace=True)


def _residual_initialised(network):
    """Residual branches start with a gain of sqrt(2), as in the authors' program."""
    initialised(network)
    for block in network.modules():
        if isinstance(block, UpBlock | DownBlock):
            for conv in (block.conv1, block.conv2):
                nn.init.xavier_uniform_(conv.weight, gain=math.sqrt(2))
    return network


def _normalised(discriminator):
    if discriminator.head.embedding is not None:
        spectral_norm(discriminator.head.embedding)  # as in Miyato & Koyama's program
    return spectral_normalize(discriminator)
