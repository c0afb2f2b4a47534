"""The networks of the course: the DCGAN pair of its source program, a Keras model rebuilt to the last detail.

What Keras does otherwise than PyTorch, and this module follows: LeakyReLU has slope 0.3; batch norm has
epsilon 1e-3, keeps 99 % of its moving averages a step and averages the *biased* variance; kernels start
Glorot-uniform and biases at zero; vectors become images, and images vectors, in the order row, column,
channel; a transposed convolution of stride 1 with padding "same" crops one row and column at the start and
two at the end.
"""

import torch
from torch import nn
from torch.nn import functional as F


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
    _check_sizes(latent_dim=latent_dim, width=width, channels=channels)
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
    return _initialised(nn.Sequential(*layers))


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
    _check_sizes(width=width, channels=channels)
    layers = []
    for before, after in ((channels, width), (width, 2 * width), (2 * width, 4 * width)):
        layers += [
            nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1),
            _leaky_relu(),
            nn.Dropout(dropout),
        ]
    layers += [FlattenHWC(4, 4), nn.Linear(4 * 4 * 4 * width, 1)]
    return _initialised(nn.Sequential(*layers))


class KerasBatchNorm(nn.BatchNorm2d):
    """Batch norm as in Keras 3, for (B, C) and (B, C, H, W).

    The moving variance averages the batch variance that divides by n, the number of values in a channel;
    PyTorch's divides by n - 1.
    """

    def __init__(self, channels):
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x):
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        # PyTorch moves a copy: the backward pass keeps that one, so it must not be written to afterwards.
        moved = self.running_var.clone()
        y = F.batch_norm(
            x, self.running_mean, moved, self.weight, self.bias, True, self.momentum, eps=self.eps
        )
        # moved = (1 - m) old + m biased n / (n - 1), solved for (1 - m) old + m biased
        n = x.numel() // x.shape[1]
        self.running_var.mul_((1 - self.momentum) / n).add_(moved, alpha=(n - 1) / n)
        return y


class UnflattenHWC(nn.Module):
    """(B, height width C) to (B, C, height, width); the vector holds rows of pixels of channels."""

    def __init__(self, height, width):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        return x.unflatten(1, (self.height, self.width, -1)).permute(0, 3, 1, 2)


class FlattenHWC(nn.Module):
    """(B, C, height, width) to (B, height width C): rows of pixels of channels. Other sizes: ValueError."""

    def __init__(self, height, width):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        if x.shape[2:] != (self.height, self.width):
            raise ValueError(
                f"feature maps must be {self.height}x{self.width} here, got {tuple(x.shape[2:])}; "
                "the images must be 32x32 (load_images(..., pad=True) makes 28x28 so)"
            )
        return x.permute(0, 2, 3, 1).flatten(1)


class CropEnd(nn.Module):
    """(B, C, H, W) to (B, C, H - 1, W - 1) without the last row and column: the rest of Keras' crop."""

    def forward(self, x):
        return x[..., :-1, :-1]


def _leaky_relu():
    return nn.LeakyReLU(0.3, inplace=True)  # in place: memory traffic is a good part of a step on a CPU


def _initialised(network):
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # The faster layout for convolutions, on GPUs and CPUs; and at 4x4 the order HWC then costs no copy.
    return network.to(memory_format=torch.channels_last)


def _check_sizes(**sizes):
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
