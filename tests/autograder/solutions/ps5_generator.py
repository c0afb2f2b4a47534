"""make_generator: unusual right solutions, and wrong ones with the checks that they lose."""

import torch
import torch.nn.functional as F
from torch import nn

# ---- right


class Functional(nn.Module):
    """Own parameters, functional operations, another order of the 8192 numbers, the other crop."""

    def __init__(self, latent_dim=128):
        super().__init__()
        self.dense = nn.Parameter(0.02 * torch.randn(latent_dim, 8192))
        sizes = [(512, 256), (256, 128), (128, 64), (64, 3)]
        self.kernels = nn.ParameterList(0.02 * torch.randn(a, b, 4, 4) for a, b in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm1d(size, 1e-3, 0.01) for size in (8192, 256, 128, 64))

    def forward(self, z):
        x = F.leaky_relu(self.norms[0](z @ self.dense), 0.3)
        x = x.view(-1, 4, 4, 512).permute(0, 3, 1, 2)
        for kernel, norm in zip(self.kernels[:3], self.norms[1:], strict=True):
            x = F.conv_transpose2d(x, kernel, stride=2, padding=1)
            x = F.leaky_relu(norm(x.flatten(2)).view_as(x), 0.3)
        return F.conv_transpose2d(x, self.kernels[3], padding=1)[..., 1:, 1:].tanh()


class BiasedNorm(nn.BatchNorm2d):
    """Running variances that average the biased variance, as in Keras."""

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
            return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)
        return super().forward(x)


def generator(
    latent_dim=128, *, slope=0.3, eps=1e-3, momentum=0.01, norm=nn.BatchNorm2d, first=None, last=None,
    up=None, bias=False, dropout=0.0,
):  # fmt: skip
    """The generator with one thing changed."""
    layers = first(latent_dim) if first else [
        nn.Linear(latent_dim, 8192, bias=bias),
        nn.Unflatten(1, (8192, 1, 1)),
        norm(8192, eps=eps, momentum=momentum),
        nn.LeakyReLU(slope),
        nn.Flatten(),
        nn.Unflatten(1, (512, 4, 4)),
    ]  # fmt: skip
    for a, b in ((512, 256), (256, 128), (128, 64)):
        layers += up(a, b) if up else [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=bias)]
        layers += [norm(b, eps=eps, momentum=momentum), nn.LeakyReLU(slope), nn.Dropout(dropout)]
    layers += last or [nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=bias), nn.ZeroPad2d((0, -1, 0, -1)), nn.Tanh()]
    return nn.Sequential(*layers)


def varied(**changes):
    return lambda latent_dim=128: generator(latent_dim, **changes)


def lazy(latent_dim=128):
    layers = [nn.LazyLinear(8192, bias=False), nn.LazyBatchNorm1d(eps=1e-3, momentum=0.01), nn.LeakyReLU(0.3)]
    layers.append(nn.Unflatten(1, (512, 4, 4)))
    for channels in (256, 128, 64):
        layers += [
            nn.LazyConvTranspose2d(channels, 4, 2, 1, bias=False),
            nn.LazyBatchNorm2d(eps=1e-3, momentum=0.01),
            nn.LeakyReLU(0.3, inplace=True),
        ]
    layers += [nn.LazyConvTranspose2d(3, 4, 1, 1, bias=False), nn.ZeroPad2d((-1, 0, 0, -1)), nn.Tanh()]
    return nn.Sequential(*layers)


def last_as_a_convolution():
    return [nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(64, 3, 4, bias=False), nn.Tanh()]


RIGHT = {
    "functional": Functional,
    "Keras' running variances": varied(norm=BiasedNorm),
    "lazy layers": lazy,
    "last layer as a convolution": lambda latent_dim=128: generator(latent_dim, last=last_as_a_convolution()),
}


# ---- wrong


def dense_with_channel_norm(latent_dim):
    return [
        nn.Linear(latent_dim, 8192, bias=False),
        nn.Unflatten(1, (512, 4, 4)),
        nn.BatchNorm2d(512, 1e-3, 0.01),
        nn.LeakyReLU(0.3),
    ]


def upsampling(a, b):
    return [nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 4, padding="same", bias=False)]


class Squashed(nn.Module):
    def __init__(self, latent_dim=128):
        super().__init__()
        self.net = generator(latent_dim)

    def forward(self, z):
        return (self.net(z) + 1) / 2


class AlwaysBatch(nn.BatchNorm2d):
    def forward(self, x):
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


FORM, LAYERS, RUNNING = "generator-form", "generator-layers", "generator-running"
WRONG = {
    "ReLU": (varied(slope=0.0), {LAYERS}),
    "slope 0.2": (varied(slope=0.2), {LAYERS}),
    "slope 0.01": (varied(slope=0.01), {LAYERS}),
    "eps 1e-5": (varied(eps=1e-5), {LAYERS}),
    "momentum 0.1": (varied(momentum=0.1), {RUNNING}),
    "momentum 0.99": (varied(momentum=0.99), {RUNNING}),
    "statistics of the batch in evaluation": (varied(norm=AlwaysBatch), {RUNNING}),
    "batch norm of 512 channels": (varied(first=dense_with_channel_norm), {FORM, LAYERS, RUNNING}),
    "biases": (varied(bias=True), {FORM, RUNNING}),
    "upsampling": (varied(up=upsampling), {LAYERS, RUNNING}),
    "dropout": (varied(dropout=0.3), {LAYERS}),
    "no tanh": (
        varied(last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.ZeroPad2d((0, -1, 0, -1))]),
        {FORM, LAYERS, RUNNING},
    ),
    "images in [0, 1]": (Squashed, {LAYERS, RUNNING}),
    "kernel 3 at the end": (
        varied(last=[nn.ConvTranspose2d(64, 3, 3, 1, 1, bias=False), nn.Tanh()]),
        {FORM, LAYERS, RUNNING},
    ),
    "33 rows": (
        varied(last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.Tanh()]),
        {FORM, LAYERS, RUNNING},
    ),
    "latent_dim ignored": (lambda latent_dim=128: generator(128), {FORM, LAYERS, RUNNING}),
}  # fmt: skip
