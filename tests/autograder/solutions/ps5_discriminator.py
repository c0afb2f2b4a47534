"""make_discriminator: unusual right solutions, and wrong ones with the checks that they lose."""

import torch
import torch.nn.functional as F
from torch import nn

# ---- right


class Head(nn.Module):
    """A convolution for the linear layer, dropout before LeakyReLU (they commute), functional."""

    def __init__(self):
        super().__init__()
        sizes = [(3, 64), (64, 128), (128, 256)]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in sizes)
        self.head = nn.Conv2d(256, 1, 4)

    def forward(self, x):
        for convolution in self.convolutions:
            x = F.leaky_relu(F.dropout(convolution(x), 0.3, self.training), 0.3)
        return self.head(x).flatten(1)


class Masked(nn.Module):
    """Dropout by hand."""

    def forward(self, x):
        return x * (torch.rand_like(x) >= 0.3) / 0.7 if self.training else x


class LastRowFirst(nn.Module):
    """Other order of the 4096 numbers."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def discriminator(
    *, slope=0.3, drop=lambda: nn.Dropout(0.3), flat=nn.Flatten, bias=True, end=(), stride=2, padding=1,
    norm=None, places=(0, 1, 2),
):  # fmt: skip
    layers = []
    for place, (a, b) in enumerate(((3, 64), (64, 128), (128, 256))):
        layers += [nn.Conv2d(a, b, 4, stride, padding, bias=bias)]
        layers += [norm(b)] if norm else []
        layers += [nn.LeakyReLU(slope)]
        layers += [drop()] if place in places else []
    return nn.Sequential(*layers, flat(), nn.Linear(4096, 1), *end)


def variety(**changes):
    return lambda: discriminator(**changes)


def lazy_discriminator():
    layers = [layer for channels in (64, 128, 256) for layer in (
        nn.LazyConv2d(channels, 4, 2, 1), nn.Dropout(0.3), nn.LeakyReLU(0.3)
    )]  # fmt: skip
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1))


RIGHT = {
    "a convolution at the end": Head,
    "dropout by hand": variety(drop=Masked),
    "another order": variety(flat=LastRowFirst),
    "lazy layers": lazy_discriminator,
}

FORM, LAYERS, DROPOUT = "discriminator-form", "discriminator-layers", "discriminator-dropout"
WRONG = {
    "a sigmoid": (variety(end=(nn.Sigmoid(),)), {LAYERS}),
    "slope 0.2": (variety(slope=0.2), {LAYERS}),
    "slope 0.01": (variety(slope=0.01), {LAYERS}),
    "dropout 0.25": (variety(drop=lambda: nn.Dropout(0.25)), {DROPOUT}),
    "dropout 0.5": (variety(drop=nn.Dropout), {DROPOUT}),
    "dropout of whole channels": (variety(drop=lambda: nn.Dropout2d(0.3)), {DROPOUT}),
    "no dropout": (variety(places=()), {DROPOUT}),
    "no dropout in the first layer": (variety(places=(1, 2)), {DROPOUT}),
    "no dropout in the second layer": (variety(places=(0, 2)), {DROPOUT}),
    "no dropout in the last layer": (variety(places=(0, 1)), {DROPOUT}),
    "batch norm": (variety(norm=nn.BatchNorm2d), {FORM, LAYERS, DROPOUT}),
    "no biases": (variety(bias=False), {FORM, LAYERS}),
    "no channel of logits": (variety(end=(nn.Flatten(0),)), {FORM, LAYERS}),
}  # fmt: skip
