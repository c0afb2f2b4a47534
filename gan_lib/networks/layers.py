"""Layers that more than one network is made of, and how networks start."""

import torch
from torch import nn
from torch.nn import functional as F


class KerasBatchNorm(nn.BatchNorm2d):
    """Batch norm as in Keras 3, for (B, C) and (B, C, H, W).

    The moving variance averages the batch variance that divides by n, the number of values in a channel;
    PyTorch's divides by n - 1. With `momentum` None, which `torch.optim.swa_utils.update_bn` sets for
    its time, the statistics are the plain means over the batches since they were reset.
    """

    def __init__(self, channels):
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x):
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        momentum = self.momentum
        if momentum is None:
            self.num_batches_tracked += 1
            momentum = 1 / self.num_batches_tracked.item()
        # PyTorch moves a copy: the backward pass keeps that one, so it must not be written to afterwards.
        moved = self.running_var.clone()
        y = F.batch_norm(x, self.running_mean, moved, self.weight, self.bias, True, momentum, eps=self.eps)
        # moved = (1 - m) old + m biased n / (n - 1), solved for (1 - m) old + m biased
        n = x.numel() // x.shape[1]
        self.running_var.mul_((1 - momentum) / n).add_(moved, alpha=(n - 1) / n)
        return y


class Dropout(nn.Dropout):
    """Dropout with a faster mask on the CPU, where PyTorch's takes a fifth of a step in bfloat16.

    16 random bits decide about a value, so there p is rounded to a multiple of 2^-16; what is kept is
    divided by the rounded share, and the mean stays what it was.
    """

    def forward(self, x):
        zeroed = round(self.p * 2**16)
        if not self.training or x.device.type != "cpu" or zeroed in (0, 2**16):
            return super().forward(x)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        kept = bits[: x.numel()] >= zeroed - 2**15
        mask = torch.empty_like(x, requires_grad=False)  # dense: its memory is one line, in whatever order
        torch.mul(kept, 2**16 / (2**16 - zeroed), out=mask.as_strided((x.numel(),), (1,)))
        return x * mask


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


class ConditionalBatchNorm2d(nn.Module):
    r"""Batch norm whose gain and offset depend on the class.

    .. math:: y = \gamma_c\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta_c

    The statistics are those of the whole batch, whatever its classes. Every class starts with gain 1 and
    offset 0, where the layer is plain batch norm.

    Args:
        channels: C of the feature maps; classes: number of classes.

    Call: (B, C, H, W) and (B,) int64 labels in [0, classes) to (B, C, H, W).
    Source: Dumoulin et al. (2017), equation 5; De Vries et al. (2017).
    """

    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.offset = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.offset.weight)

    def forward(self, x, labels):
        gain, offset = (embedding(labels)[:, :, None, None] for embedding in (self.gain, self.offset))
        return gain * self.norm(x) + offset


class ProjectionHead(nn.Module):
    r"""A linear score of the features, plus, with classes, their projection onto the class's own vector.

    .. math:: a(x, c) = w \cdot \varphi(x) + b + v_c \cdot \varphi(x)

    Args:
        features: length of :math:`\varphi(x)`; classes: number of classes, None for no second term.

    Call: (B, features), and (B,) labels if there are classes, to (B, 1) logits.
    Source: Miyato & Koyama (2018), equation 3 with linear :math:`\psi`.
    """

    def __init__(self, features, classes=None):
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.embedding = None if classes is None else nn.Embedding(classes, features)
        if classes is not None:
            nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, features, *labels):
        logits = self.linear(features)
        if self.embedding is not None:
            logits = logits + (self.embedding(*labels) * features).sum(1, keepdim=True)
        return logits


def batch_norm(channels, classes=None):
    """Batch norm of feature maps: class-conditional if there are classes. Called with x, and then labels."""
    return nn.BatchNorm2d(channels) if classes is None else ConditionalBatchNorm2d(channels, classes)


def check_labels(labels, classes, batch):
    """The labels as further arguments of a network's layers: () without classes, (labels,) with them.

    Raises: ValueError if labels are missing, superfluous, or not one integer for each of ``batch`` samples.
    """
    if classes is None:
        if labels is not None:
            raise ValueError("this network has no classes, so it takes no labels; make it with classes=...")
        return ()
    if labels is None:
        raise ValueError(f"this network has {classes} classes: pass labels, one integer a sample")
    if labels.shape != (batch,) or labels.is_floating_point():
        raise ValueError(
            f"labels must be {batch} integers, got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    return (labels,)


def initialised(network):
    """The network, its kernels Glorot-uniform and biases zero in place, laid out channels last."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # The faster layout for convolutions, on GPUs and CPUs; and at 4x4 the order HWC then costs no copy.
    return network.to(memory_format=torch.channels_last)


def check_sizes(**sizes):
    """Raise ValueError, with its name, at the first size that is less than 1; None stands for "none"."""
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
