"""Losses, penalties and both players' gradients beside PyTorch's in float64, on random games."""

import random
import zlib
from itertools import product

import pytest
import torch
import torch_games

from gan_lib.objectives import OBJECTIVES

PENALTIES = {
    "none": {},
    "gradient penalty": {"gradientPenalty": 10.0},
    "zero-centred": {"gradientPenalty": 3.0, "centre": 0.0},
    "centred elsewhere": {"gradientPenalty": 0.7, "centre": 2.5},
    "R1": {"r1": 2.0},
    "R2": {"r2": 0.3},
    "all": {"gradientPenalty": 1.0, "r1": 0.5, "r2": 0.25},
}
LAYERS = {
    "leaky": {"activationD": "leaky_relu", "activationG": "relu"},
    "tanh": {"activationD": "tanh", "activationG": "tanh"},
    "spectral, batch norm": {"spectralNorm": True, "batchNorm": True, "activationG": "leaky_relu"},
    "tanh, spectral, batch norm": {
        "activationD": "tanh", "activationG": "tanh", "spectralNorm": True, "batchNorm": True,
    },
}  # fmt: skip
CASES = list(product(OBJECTIVES, PENALTIES, LAYERS))
assert len(CASES) >= 200


def settings_of(objective, penalty, layers, draw):
    """A case's settings; sizes, packing, noise and labels are drawn."""
    packing = draw.choice((1, 1, 2, 3))
    return {
        "objective": objective,
        "packing": packing,
        "batch": packing * draw.randint(2, 6),
        "latentDim": draw.randint(1, 5),
        "widthG": draw.randint(1, 9),
        "depthG": draw.randint(1, 3),
        "widthD": draw.randint(1, 9),
        "depthD": draw.randint(1, 3),
        "instanceNoise": draw.choice((0.0, 0.0, 0.3)),
        "realTarget": draw.uniform(0.6, 1),
        "fakeTarget": draw.uniform(0, 0.4),
    } | PENALTIES[penalty] | LAYERS[layers]  # fmt: skip


def make_case(engine, case):
    """Settings, networks in PyTorch, and a batch: all from the case's own seed."""
    seed = zlib.crc32(repr(case).encode())
    torch.manual_seed(seed)
    s = engine("settings") | settings_of(*case, random.Random(seed))
    generator, discriminator = torch_games.make_generator(s), torch_games.make_discriminator(s)
    with torch.no_grad():  # gains, shifts and slopes away from what they start with
        for p in (*generator.parameters(), *discriminator.parameters()):
            p.add_(0.3 * torch.randn_like(p))
    shapes = {"real": 2, "noise": s["latentDim"], "realNoise": 2, "fakeNoise": 2}
    batch = {name: torch.randn(s["batch"], k, dtype=torch.float64) for name, k in shapes.items()}
    batch["share"] = torch.rand(s["batch"], 1, dtype=torch.float64)
    return s, generator, discriminator, batch


def of_engine(engine, s, generator, discriminator, batch):
    return engine(
        "gradients",
        settings=s,
        generator=torch_games.flat(torch_games.weights(generator)),
        discriminator=torch_games.flat(torch_games.weights(discriminator)),
        vectors=torch_games.flat(torch_games.vectors(discriminator)),
        batch={name: torch_games.flat([values]) for name, values in batch.items()},
    )


def worst_error(found, expected):
    """Largest difference in any parameter tensor, relative to its largest entry, or to a millionth of the
    largest of all: of a bias that batch norm takes off again, the gradient is a rounding error."""
    largest = max(tensor.abs().max().item() for tensor in expected)
    worst = 0.0
    for tensor in expected:
        part, found = found[: tensor.numel()], found[tensor.numel() :]
        scale = max(tensor.abs().max().item(), 1e-6 * largest)
        difference = (torch.tensor(part, dtype=torch.float64) - tensor.flatten()).abs().max().item()
        worst = max(worst, difference / scale if difference else 0.0)
    assert not found
    return worst


def errors_of(engine, case):
    """Worst relative errors of the losses and of both gradients."""
    s, generator, discriminator, batch = make_case(engine, case)
    g_loss, d_loss, penalty, fake = torch_games.losses(s, generator, discriminator, batch)
    found = of_engine(engine, s, generator, discriminator, batch)
    losses = {"generator": g_loss, "discriminator": d_loss, "penalty": penalty}
    of_losses = max(abs(found["losses"][k] - v.item()) / max(1, abs(v.item())) for k, v in losses.items())
    of_fake = (torch.tensor(found["fake"], dtype=torch.float64) - fake.flatten()).abs().max().item()

    def gradients(loss, network):
        mine = torch_games.weights(network)
        parts = torch.autograd.grad(loss, mine, retain_graph=True, allow_unused=True)
        return [torch.zeros_like(p) if part is None else part for p, part in zip(mine, parts, strict=True)]

    of_g = worst_error(found["generator"], gradients(g_loss, generator))
    of_d = worst_error(found["discriminator"], gradients(d_loss + penalty, discriminator))
    return max(of_losses, of_fake), of_g, of_d


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_are_pytorchs(engine, objective):
    for case in CASES:
        if case[0] == objective:
            assert max(errors_of(engine, case)) < 1e-6, case
