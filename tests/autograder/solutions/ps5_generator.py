"""make_generator: unusual right solutions, and wrong ones with the checks that they lose."""

import copy
import functools

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
    layers += copy.deepcopy(last) or [
        nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=bias),
        nn.ZeroPad2d((0, -1, 0, -1)),
        nn.Tanh(),
    ]
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


def one_norm(latent_dim, place, norm):
    """The generator with another batch norm in one place."""
    net = generator(latent_dim)
    places = [number for number, layer in enumerate(net) if isinstance(layer, nn.BatchNorm2d)]
    net[places[place]] = norm(net[places[place]].num_features, eps=1e-3, momentum=0.01)
    return net


def one_slope(latent_dim, place, layer):
    net = generator(latent_dim)
    places = [number for number, layer in enumerate(net) if isinstance(layer, nn.LeakyReLU)]
    net[places[place]] = layer
    return net


def last_as_a_convolution():
    return [nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(64, 3, 4, bias=False), nn.Tanh()]


class HandNorm(nn.Module):
    """Batch norm by hand, running statistics in one buffer, computed in float64."""

    def __init__(self, size, eps=1e-3, momentum=0.01):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size, 1))
        self.offset = nn.Parameter(torch.zeros(size, 1))
        self.register_buffer("running", torch.stack([torch.zeros(size), torch.ones(size)]))
        self.eps, self.momentum = eps, momentum

    def forward(self, x):
        flat = x.double().flatten(2) if x.dim() > 2 else x.double()[..., None]
        if self.training:
            var, mean = torch.var_mean(flat, (0, 2), correction=0)
            with torch.no_grad():
                self.running *= 1 - self.momentum
                self.running += self.momentum * torch.stack([mean, var])
        else:
            mean, var = self.running.double()
        flat = (flat - mean[:, None]) * (var[:, None] + self.eps).rsqrt()
        return (flat * self.gain + self.offset).view(x.shape).to(x.dtype)


class FrozenStatistics(nn.Module):
    """Running statistics as parameters that are not trained."""

    def __init__(self, size, eps=1e-3, momentum=0.01):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(size)), nn.Parameter(torch.randn(size))
        self.mean = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.var = nn.Parameter(torch.ones(size), requires_grad=False)
        self.options = momentum, eps

    def forward(self, x):
        mean, var = self.mean.data, self.var.data
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, *self.options)


class Twice(nn.Sequential):
    """A subclass of Sequential; slopes by maximum, tanh by a hook."""

    def __init__(self, latent_dim):
        layers = list(generator(latent_dim))
        super().__init__(*(Slope() if isinstance(layer, nn.LeakyReLU) else layer for layer in layers[:-1]))
        self.register_forward_hook(lambda module, inputs, output: output.tanh())


class Slope(nn.Module):
    def forward(self, x):
        return torch.maximum(x, 0.3 * x)


class AsConvolution(nn.Module):
    """A transposed convolution as a convolution of its input, spread out, with the kernel turned round."""

    def __init__(self, a, b):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(a, b, 4, 4))

    def forward(self, x):
        wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2] - 1, 2 * x.shape[3] - 1)
        wide[..., ::2, ::2] = x
        return F.conv2d(wide, self.weight.flip(2, 3).transpose(0, 1), padding=2)


def factory(make, latent_dim=128):
    return make(latent_dim)


RIGHT = {
    "functional": Functional,
    "norms by hand": varied(norm=HandNorm),
    "running statistics that are parameters": varied(norm=FrozenStatistics),
    "a hook and a maximum": functools.partial(factory, Twice),
    "transposed convolutions spelled out": varied(up=lambda a, b: [AsConvolution(a, b)]),
    "Keras' first norm, PyTorch's others": lambda latent_dim=128: one_norm(latent_dim, 0, BiasedNorm),
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


def changed_norm(**changes):
    return lambda size, eps, momentum: nn.BatchNorm2d(size, **({"eps": eps, "momentum": momentum} | changes))


class OneStatistic(nn.BatchNorm2d):
    """The statistics of all channels together."""

    def forward(self, x):
        if self.training:
            mean, var = x.mean().expand(self.num_features), x.var().expand(self.num_features)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)


class NoOffset(nn.BatchNorm2d):
    """The offset is there, and counts for nothing."""

    def forward(self, x):
        return super().forward(x) - self.bias.detach().view(-1, 1, 1)


class FrozenNorm(nn.BatchNorm2d):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.weight.requires_grad_(False)


class RunningAlways(nn.BatchNorm2d):
    """Normalizes by the running statistics in training, too."""

    def forward(self, x):
        if self.training:
            super().forward(x)
        mean, var = self.running_mean.clone(), self.running_var.clone()
        return F.batch_norm(x, mean, var, self.weight, self.bias, False, 0.0, self.eps)


class MovesAlways(nn.BatchNorm2d):
    """Its running statistics move in evaluation mode, too."""

    def forward(self, x):
        out = super().forward(x)
        if not self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
        return out


class StartsElsewhere(nn.BatchNorm2d):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.running_var *= 0.9


class InstanceWise(nn.BatchNorm2d):
    """Statistics of each image."""

    def forward(self, x):
        if not self.training or x.shape[2] == 1:
            return super().forward(x)
        return F.instance_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


class Resized(nn.Module):
    def forward(self, x):
        return F.interpolate(x, 32)


def convolution(*more, **options):
    return [nn.Conv2d(64, 3, 4, bias=False, **options), *more, nn.Tanh()]


class Cut(nn.Module):
    """A network whose gradient stops in the middle."""

    def forward(self, x):
        return x.detach()


@functools.cache
def kept(latent_dim=128):
    return generator(latent_dim)


LAST = nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False)


def shared_last(latent_dim=128):
    net = generator(latent_dim)
    net[-3] = LAST
    return net


def elsewhere(place, norm):
    return lambda latent_dim=128: one_norm(latent_dim, place, norm)


FORM, LAYERS, RUNNING = "generator-form", "generator-layers", "generator-running"
WRONG = {
    "ReLU": (varied(slope=0.0), {LAYERS}),
    "slope 0.2": (varied(slope=0.2), {LAYERS}),
    "slope 0.01": (varied(slope=0.01), {LAYERS}),
    "eps 1e-5": (varied(eps=1e-5), {LAYERS}),
    "momentum 0.1": (varied(momentum=0.1), {RUNNING}),
    "momentum 0.99": (varied(momentum=0.99), {RUNNING}),
    "statistics of the batch in evaluation": (varied(norm=AlwaysBatch), {RUNNING}),
    "batch norm of 512 channels": (varied(first=dense_with_channel_norm), {FORM}),
    "biases": (varied(bias=True), {FORM}),
    "upsampling": (varied(up=upsampling), {LAYERS, RUNNING}),
    "dropout": (varied(dropout=0.3), {LAYERS}),
    "no tanh": (
        varied(last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.ZeroPad2d((0, -1, 0, -1))]),
        {FORM},
    ),
    "images in [0, 1]": (Squashed, {LAYERS, RUNNING}),
    "a sigmoid at the end": (
        varied(
            last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.ZeroPad2d((0, -1, 0, -1)), nn.Sigmoid()]
        ),
        {LAYERS},
    ),
    "kernel 3 at the end": (
        varied(last=[nn.ConvTranspose2d(64, 3, 3, 1, 1, bias=False), nn.Tanh()]),
        {FORM, LAYERS, RUNNING},
    ),
    "33 rows": (
        varied(last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.Tanh()]),
        {FORM},
    ),
    "latent_dim ignored": (lambda latent_dim=128: generator(128), {FORM}),
    **{
        f"momentum 0.1 in norm {place + 1}": (elsewhere(place, changed_norm(momentum=0.1)), {RUNNING})
        for place in range(4)
    },
    "momentum right in the first norm only": (
        lambda latent_dim=128: generator(
            latent_dim,
            norm=lambda size, eps, momentum: nn.BatchNorm2d(size, eps, 0.01 if size == 8192 else 0.1),
        ),
        {RUNNING},
    ),
    "momentum 0.02 in the last norm": (elsewhere(3, changed_norm(momentum=0.02)), {RUNNING}),
    "no momentum in norm 2": (elsewhere(1, changed_norm(momentum=None)), {RUNNING}),
    **{
        f"eps 1e-5 in norm {place + 1}": (elsewhere(place, changed_norm(eps=1e-5)), {LAYERS})
        for place in range(4)
    },
    **{
        f"slope 0.2 in layer {place + 1}": (
            lambda latent_dim=128, place=place: one_slope(latent_dim, place, nn.LeakyReLU(0.2)),
            {LAYERS},
        )
        for place in range(4)
    },
    **{
        f"statistics of the batch in evaluation, norm {place + 1}": (elsewhere(place, AlwaysBatch), {RUNNING})
        for place in range(4)
    },
    "running statistics in training, norm 3": (elsewhere(2, RunningAlways), {LAYERS, RUNNING}),
    "statistics that move in evaluation, norm 2": (elsewhere(1, MovesAlways), {RUNNING}),
    "variance that starts at 0.9, norm 4": (elsewhere(3, StartsElsewhere), {RUNNING}),
    "one statistic for all channels, norm 3": (elsewhere(2, OneStatistic), {FORM, LAYERS, RUNNING}),
    "no offset in norm 2": (elsewhere(1, NoOffset), {LAYERS, RUNNING}),
    "no gain in norm 2": (elsewhere(1, changed_norm(affine=False)), {FORM, LAYERS, RUNNING}),
    "a gain that is not trained": (elsewhere(2, FrozenNorm), {FORM, LAYERS, RUNNING}),
    "statistics of each image, norm 4": (elsewhere(3, InstanceWise), {LAYERS, RUNNING}),
    "no running statistics": (elsewhere(3, changed_norm(track_running_stats=False)), {FORM, RUNNING}),
    "dropout in one layer": (
        lambda latent_dim=128: one_slope(latent_dim, 2, nn.Sequential(nn.LeakyReLU(0.3), nn.Dropout(0.1))),
        {LAYERS},
    ),
    "the last layer an ordinary convolution, resized": (
        varied(last=convolution(Resized(), padding=1)),
        {LAYERS, RUNNING},
    ),
    "the last layer an ordinary convolution of reflected borders": (
        varied(last=convolution(padding="same", padding_mode="reflect")),
        {LAYERS, RUNNING},
    ),
    "the last layer an ordinary convolution of repeated borders": (
        varied(last=convolution(padding="same", padding_mode="replicate")),
        {LAYERS, RUNNING},
    ),
    "the last layer an ordinary convolution, a row and a column of zeros": (
        varied(last=convolution(nn.ZeroPad2d((0, 1, 0, 1)), padding=1)),
        {LAYERS, RUNNING},
    ),
    "the last layer an ordinary convolution, all padding on one side": (
        varied(last=[nn.ZeroPad2d((3, 0, 3, 0)), *convolution()]),
        {LAYERS, RUNNING},
    ),
    "clamped": (
        varied(
            last=[nn.ConvTranspose2d(64, 3, 4, 1, 1, bias=False), nn.ZeroPad2d((0, -1, 0, -1)), nn.Hardtanh()]
        ),
        {LAYERS, RUNNING},
    ),
    "a bias at the end": (
        varied(last=[nn.ConvTranspose2d(64, 3, 4, 1, 1), nn.ZeroPad2d((0, -1, 0, -1)), nn.Tanh()]),
        {FORM},
    ),
    "the gradient stops in the middle": (
        lambda latent_dim=128: one_slope(latent_dim, 1, nn.Sequential(nn.LeakyReLU(0.3), Cut())),
        {FORM},
    ),
    "the same network again": (kept, {FORM, RUNNING}),
    "the last layer shared by all": (shared_last, {FORM}),
    "a function": (lambda latent_dim=128: generator(latent_dim).forward, {FORM, LAYERS, RUNNING}),
}  # fmt: skip
