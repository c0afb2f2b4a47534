"""The playground's networks and losses in PyTorch: built from the library, from the same settings."""

import torch
from torch import nn

from gan_lib import objectives, regularizers

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.2), "tanh": nn.Tanh}


class Pack(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return regularizers.pack(x, self.size)


def perceptron(inputs, width, depth, outputs, activation, batch_norm=False):
    layers = []
    for _ in range(depth):
        norm = [nn.BatchNorm1d(width)] if batch_norm else []
        layers += [nn.Linear(inputs, width), *norm, ACTIVATIONS[activation]()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs)).double()


def make_generator(s):
    return perceptron(s["latentDim"], s["widthG"], s["depthG"], 2, s["activationG"], s["batchNorm"])


def make_discriminator(s):
    """In evaluation mode: there spectral norm computes with the vectors that it has."""
    network = perceptron(2 * s["packing"], s["widthD"], s["depthD"], 1, s["activationD"])
    if s["spectralNorm"]:
        regularizers.spectral_normalize(network)
    return nn.Sequential(Pack(s["packing"]), network).eval()


def weights(network):
    """All parameters in one list, in the engine's order."""
    named = {
        name.replace("parametrizations.weight.original", "weight"): p
        for name, p in network.named_parameters()
    }
    prefixes = dict.fromkeys(name.rpartition(".")[0] for name in named)
    return [named[f"{prefix}.{kind}"] for prefix in prefixes for kind in ("weight", "bias")]


def vectors(discriminator):
    """u and v of each spectral norm."""
    found = dict(discriminator.named_buffers())
    return [found[name] for name in found if name.endswith(("_u", "_v"))]


def flat(tensors):
    return [value for tensor in tensors for value in tensor.detach().flatten().tolist()]


def losses(s, generator, discriminator, batch):
    """generator loss, discriminator loss, penalty, fake points."""
    objective = objectives.OBJECTIVES[s["objective"]]
    if s["objective"] == "label_smoothing":
        objective = objectives.label_smoothing(s["realTarget"], s["fakeTarget"])
    fake = generator(batch["noise"])
    seen_real = batch["real"] + s["instanceNoise"] * batch["realNoise"]
    seen_fake = fake + s["instanceNoise"] * batch["fakeNoise"]
    real_logits, fake_logits = discriminator(seen_real), discriminator(seen_fake)
    return (
        objective.generator(fake_logits, real_logits),
        objective.discriminator(real_logits, fake_logits),
        penalty(s, discriminator, seen_real.detach(), seen_fake.detach(), batch["share"]),
        fake,
    )


def penalty(s, discriminator, real, fake, share):
    total = torch.zeros((), dtype=torch.float64)
    if s["gradientPenalty"]:
        total = total + s["gradientPenalty"] * centred_penalty(discriminator, real, fake, share, s["centre"])
    if s["r1"]:
        total = total + s["r1"] / 2 * regularizers.r1_penalty(discriminator, real)
    if s["r2"]:
        total = total + s["r2"] / 2 * regularizers.r2_penalty(discriminator, fake)
    return total


def centred_penalty(discriminator, real, fake, share, centre):
    """The library's at centre 1; at others, by autograd."""
    if centre == 1:
        return regularizers.gradient_penalty(discriminator, real, fake, share)
    mixed = (share * real + (1 - share) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(mixed).sum(), mixed, create_graph=True)
    return (slopes.norm(dim=1) - centre).square().mean()
