"""make_discriminator: unusual right solutions, and wrong ones with the checks that they lose."""

import functools

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


class OwnParameters(nn.Module):
    """Kernels laid out as (in, 4, 4, out), one draw for the dropout of all layers, float64 inside."""

    def __init__(self):
        super().__init__()
        sizes = [(3, 64), (64, 128), (128, 256)]
        self.kernels = nn.ParameterList(0.02 * torch.randn(a, 4, 4, b) for a, b in sizes)
        self.biases = nn.ParameterList(torch.zeros(b) for _, b in sizes)
        self.weight, self.bias = nn.Parameter(0.02 * torch.randn(4096)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = x.double()
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            weight = kernel.permute(3, 0, 1, 2).double()
            x = F.conv2d(x, weight, bias.double(), stride=2, padding=1)
            x = torch.where(x < 0, 0.3 * x, x)
            if self.training:
                x = x * torch.bernoulli(torch.full_like(x, 0.7)) / 0.7
        return (x.flatten(1) @ self.weight[:, None].double() + self.bias).float()


class Hooked(nn.Sequential):
    """Dropout by forward hooks."""

    def __init__(self):
        super().__init__(*discriminator(places=()))
        for layer in self:
            if isinstance(layer, nn.LeakyReLU):
                layer.register_forward_hook(lambda module, inputs, x: F.dropout(x, 0.3, module.training))


class Unfolded(nn.Module):
    """A convolution as a product of matrices."""

    def __init__(self, a, b):
        super().__init__()
        self.linear = nn.Linear(16 * a, b)

    def forward(self, x):
        columns = F.unfold(x, 4, padding=1, stride=2).transpose(1, 2)
        return self.linear(columns).transpose(1, 2).unflatten(2, (x.shape[2] // 2, -1))


def unfolded():
    layers = [layer for a, b in ((3, 64), (64, 128), (128, 256)) for layer in (
        Unfolded(a, b), nn.LeakyReLU(0.3), nn.Dropout(0.3)
    )]  # fmt: skip
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 1))


class Maker:
    def __call__(self):
        return discriminator(flat=LastRowFirst, drop=Masked)


RIGHT = {
    "own parameters": OwnParameters,
    "hooks": Hooked,
    "products of matrices": unfolded,
    "an object": Maker(),
    "a partial function": functools.partial(discriminator, drop=functools.partial(nn.Dropout, 0.3)),
    "a convolution at the end": Head,
    "dropout by hand": variety(drop=Masked),
    "another order": variety(flat=LastRowFirst),
    "lazy layers": lazy_discriminator,
}


class OneMask(nn.Module):
    """One mask for the whole batch."""

    def forward(self, x):
        return x * (torch.rand_like(x[:1]) >= 0.3) / 0.7 if self.training else x


class Undivided(nn.Module):
    """What is kept is not divided by 0.7."""

    def forward(self, x):
        return x * (torch.rand_like(x) >= 0.3) if self.training else x


class DividedLater(nn.Module):
    """Divides by 0.7 no less than multiplies in evaluation mode."""

    def forward(self, x):
        return x * (torch.rand_like(x) >= 0.3) if self.training else 0.7 * x


class ByTheLength(nn.Module):
    """Divided by the share that happens to be kept, and not by 0.7."""

    def forward(self, x):
        return x * (torch.rand_like(x) >= 0.3) / 0.75 if self.training else x


class OneChannelMask(nn.Module):
    """One mask for all channels."""

    def forward(self, x):
        return x * (torch.rand_like(x[:, :1]) >= 0.3) / 0.7 if self.training else x


class OneForEver(nn.Module):
    """A mask that is drawn once."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def forward(self, x):
        if not self.training:
            return x
        if x.shape[1:] not in self.kept:
            self.kept[x.shape[1:]] = torch.rand(64, *x.shape[1:]) >= 0.3
        return x * self.kept[x.shape[1:]][: len(x)] / 0.7


class Gaussian(nn.Module):
    def forward(self, x):
        return x * (1 + (0.3 / 0.7) ** 0.5 * torch.randn_like(x)) if self.training else x


class OwnHalf(nn.Module):
    """Every second image of a batch is left alone."""

    def forward(self, x):
        if not self.training:
            return x
        mask = (torch.rand_like(x) >= 0.3) / 0.7
        mask[1::2] = 1
        return x * mask


class Always(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.3)


class Whitened(nn.Module):
    """The logits of a batch have mean 0."""

    def forward(self, x):
        return x - x.mean() if len(x) > 1 else x


class Tied(nn.Module):
    """The last layer's bias is there, and counts for nothing."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(0.02 * torch.randn(1, 4096)), nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return F.linear(x, self.weight)


def one_other(place, kind, make):
    """The discriminator with another layer of a kind in one place."""

    def build():
        net = discriminator()
        places = [number for number, layer in enumerate(net) if isinstance(layer, kind)]
        net[places[place]] = make(net[places[place]])
        return net

    return build


@functools.cache
def kept():
    return discriminator()


def dropped(place, kind):
    return one_other(place, nn.Dropout, lambda layer: kind())


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
    "batch norm": (variety(norm=nn.BatchNorm2d), {FORM, LAYERS}),
    "no biases": (variety(bias=False), {FORM}),
    "no channel of logits": (variety(end=(nn.Flatten(0),)), {FORM, LAYERS}),
    **{
        f"{what}, layer {place + 1}": (dropped(place, kind), {DROPOUT})
        for place in range(3)
        for what, kind in (
            ("not divided", Undivided),
            ("divided by 0.75", ByTheLength),
            ("one mask for the batch", OneMask),
            ("one mask for all channels", OneChannelMask),
            ("one mask for ever", OneForEver),
            ("whole channels", lambda: nn.Dropout2d(0.3)),
            ("dropout 0.2", lambda: nn.Dropout(0.2)),
            ("normal factors", Gaussian),
            ("every second image left alone", OwnHalf),
        )
    },
    "not divided": (variety(drop=Undivided), {DROPOUT}),
    "one mask for the batch": (variety(drop=OneMask), {DROPOUT}),
    "alpha dropout": (variety(drop=lambda: nn.AlphaDropout(0.3)), {DROPOUT}),
    "multiplied in evaluation instead": (variety(drop=DividedLater), {LAYERS}),
    "dropout of the images": (lambda: nn.Sequential(nn.Dropout(0.3), *discriminator()), {DROPOUT}),
    "dropout of the logit": (variety(end=(nn.Dropout(0.3),)), {DROPOUT}),
    **{f"dropout in evaluation, layer {place + 1}": (dropped(place, Always), {LAYERS}) for place in range(3)},
    **{
        f"slope 0.2 in layer {place + 1}": (
            one_other(place, nn.LeakyReLU, lambda layer: nn.LeakyReLU(0.2)),
            {LAYERS},
        )
        for place in range(3)
    },
    "ReLU at the end": (one_other(2, nn.LeakyReLU, lambda layer: nn.ReLU()), {LAYERS}),
    "a convolution of reflected borders": (
        one_other(1, nn.Conv2d, lambda layer: nn.Conv2d(64, 128, 4, 2, 1, padding_mode="reflect")),
        {LAYERS},
    ),
    "another padding in layer 1": (
        lambda: nn.Sequential(nn.ZeroPad2d((1, -1, 1, -1)), *discriminator()),
        {LAYERS, DROPOUT},
    ),
    "no bias in layer 2": (
        one_other(1, nn.Conv2d, lambda layer: nn.Conv2d(64, 128, 4, 2, 1, bias=False)),
        {FORM},
    ),
    "a bias that counts for nothing": (one_other(0, nn.Linear, lambda layer: Tied()), {FORM, LAYERS}),
    "a layer that is not trained": (
        one_other(1, nn.Conv2d, lambda layer: layer.requires_grad_(False)),
        {FORM},
    ),
    "tanh at the end": (variety(end=(nn.Tanh(),)), {LAYERS, DROPOUT}),
    "logits of mean 0 in each batch": (variety(end=(Whitened(),)), {LAYERS, DROPOUT}),
    "the same network again": (kept, {FORM}),
    "a function": (lambda: discriminator().forward, {FORM, LAYERS, DROPOUT}),
}  # fmt: skip
