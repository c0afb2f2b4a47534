"""Presets named after a figure are its game, as the networks and optimizers that its program makes show;
presets named after a failure fail, and the one beside each does not."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan_lib import data, objectives, toys
from gan_lib.objectives import OBJECTIVES

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOK = ROOT / "notebooks/01_minimax.ipynb"
SLOPE = 3.0

#: preset -> method of gan_lib.toys
TOYS = {
    "Mode collapse: A plain GAN collapses": "GAN",
    "Mode collapse: Three times as long": "three times as long",
    "Mode collapse: Three steps of D": "three discriminator steps",
    "Mode collapse: Slower generator": "slower generator",
    "Mode collapse: Faster discriminator": "faster discriminator",
    "Mode collapse: Two time scales": "two time scales",
    "Mode collapse: Batch norm": "batch norm",
    "Mode collapse: PacGAN2": "PacGAN2",
    "Mode collapse: Spectral norm": "spectral norm",
    "Mode collapse: Gradient penalty": "gradient penalty",
    "Mode collapse: R1": "R1",
    "Mode collapse: Wasserstein, gradient penalty": "Wasserstein, gradient penalty",
    "Mode collapse: WGAN-GP": "WGAN-GP",
    "Mode collapse: WGAN-GP, two time scales": "WGAN-GP, two time scales",
    "What works now: Pairing": "relativistic pairing",
    "What works now: Plain, R1 and R2": "R1 and R2",
    "What works now: Pairing, R1 and R2": "pairing, R1 and R2",
    "Four failures: Collapse": "GAN",
    "Four failures: No collapse: PacGAN2": "PacGAN2",
}
#: preset -> game of book/record/wasserstein.py. Its clipped game is another one: there the generator answers
#: a critic that is clipped only after both have moved.
RECORDED = {
    "The Wasserstein distance: WGAN-GP, λ = 10": "WGAN-GP, λ = 10",
    "The Wasserstein distance: WGAN-GP, λ = 1": "WGAN-GP, λ = 1",
    "The Wasserstein distance: Wasserstein, spectral norm": "WGAN + SN",
    "The Wasserstein distance: Hinge": "hinge",
    "The Wasserstein distance: Hinge, spectral norm": "hinge + SN",
    "The Wasserstein distance: Minimax, five steps of D": "minimax",
    "The Wasserstein distance: Non-saturating, five steps of D": "non-saturating",
}


@pytest.fixture(scope="module")
def presets(engine):
    return engine("presets")


def of_network(network, letter):
    """The settings that a perceptron shows."""
    modules = list(network.modules())
    linear = [layer for layer in modules if isinstance(layer, nn.Linear)]
    (activation,) = {type(layer) for layer in modules if isinstance(layer, (nn.ReLU, nn.LeakyReLU))}
    slopes = {layer.negative_slope for layer in modules if isinstance(layer, nn.LeakyReLU)}
    assert slopes <= {0.2}
    (width,) = {layer.out_features for layer in linear[:-1]}
    name = {nn.ReLU: "relu", nn.LeakyReLU: "leaky_relu"}[activation]
    return {f"width{letter}": width, f"depth{letter}": len(linear) - 1, f"activation{letter}": name}


def of_pair(generator, discriminator, optimizer_g, optimizer_d):
    """The settings that networks and optimizers show."""
    first = next(layer for layer in generator.modules() if isinstance(layer, nn.Linear))
    judged = next(layer for layer in discriminator.modules() if isinstance(layer, nn.Linear))
    optimizers = (optimizer_g, optimizer_d)
    assert all(isinstance(optimizer, torch.optim.Adam) for optimizer in optimizers)
    (betas,) = {tuple(optimizer.param_groups[0]["betas"]) for optimizer in optimizers}
    return {
        **of_network(generator, "G"),
        **of_network(discriminator, "D"),
        "latentDim": first.in_features,
        "packing": judged.in_features // 2,
        "batchNorm": any(isinstance(layer, nn.BatchNorm1d) for layer in generator.modules()),
        "spectralNorm": any("parametrizations" in name for name, _ in discriminator.named_modules()),
        "optimizer": "adam",
        "rateG": optimizer_g.param_groups[0]["lr"],
        "rateD": optimizer_d.param_groups[0]["lr"],
        "beta1": betas[0],
        "beta2": betas[1],
    }


def name_of(objective):
    return next(name for name, one in OBJECTIVES.items() if one is objective)


def penalty_at_slope(settings):
    """What the playground's penalties are worth for a discriminator of one slope everywhere."""
    of_centre = settings["gradientPenalty"] * (SLOPE - settings["centre"]) ** 2
    return of_centre + (settings["r1"] + settings["r2"]) / 2 * SLOPE**2


def check(preset, expected, penalty):
    """A preset has what was expected, all else is as usual, and its penalties have that value."""
    penalties = {"gradientPenalty", "centre", "r1", "r2"}
    assert {name: preset[name] for name in expected} == {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()
    }
    assert penalty_at_slope(preset) == pytest.approx(penalty)
    left = {name: value for name, value in preset.items() if name not in expected and name not in penalties}
    usual = {"points": [], "realTarget": 0.9, "fakeTarget": 0}
    assert left == usual | {"clip": 0, "instanceNoise": 0, "ema": 0, "seed": 0}


def value_of(penalty):
    """Of a penalty of the library, for a discriminator of slope SLOPE at any points."""
    if penalty is None:
        return 0.0
    return penalty(lambda x: SLOPE * x[:, :1], torch.randn(8, 2), torch.randn(8, 2)).item()


@pytest.mark.parametrize("preset", TOYS)
def test_toys(presets, preset):
    method, steps = toys.METHODS[TOYS[preset]], 1000
    game = toys.start(method, 0)
    assert (method.layer, method.generator_loss, method.norm_start, method.spread) == (None, None, None, 1.0)
    expected = of_pair(game.generator, game.discriminator, game.optimizer_g, game.optimizer_d) | {
        "data": "ring", "std": data.ring().std, "batch": toys.SETTING.batch, "decay": steps * method.length,
        "criticSteps": method.critic_steps, "update": "alternating", "freshNoise": False,
        "objective": name_of(method.objective),
    }  # fmt: skip
    check(presets[preset], expected, value_of(method.penalty))


def test_the_recorded_games_of_mode_collapse_have_these_steps():
    settings = json.loads((ROOT / "book/results/mode_collapse.json").read_text())["settings"]
    assert settings["steps"] == 1000
    assert {name: value for name, value in toys.SETTING._asdict().items() if name != "betas"} == {
        name: settings[name] for name in ("latent_dim", "width", "depth", "batch", "rate_g", "rate_d")
    }


def test_the_grid_is_the_same_game(presets):
    plain, grid = (
        presets[f"Mode collapse: {name}"] for name in ("A plain GAN collapses", "The same on the grid")
    )
    assert grid == plain | {"data": "grid", "std": data.grid().std}


@pytest.fixture(scope="module")
def wasserstein():
    """The program of the recorded games on the wide ring."""
    sys.path.insert(0, str(ROOT / "book/record"))
    try:
        import wasserstein
    finally:
        sys.path.pop(0)
    return wasserstein


@pytest.mark.parametrize("preset", RECORDED)
def test_recorded_games_of_the_wide_ring(presets, wasserstein, preset, monkeypatch):
    """One iteration of the program itself, with spies in the library's place."""
    seen, penalties = [], []

    class IterationEnds(Exception):
        pass

    def move(generator, critic, *rest, penalty, **extra):
        seen.append((generator, critic, rest, extra))
        penalties.append(penalty)
        if extra:
            raise IterationEnds

    monkeypatch.setattr(wasserstein, "PAIRS", 10)
    monkeypatch.setattr(wasserstein.training, "discriminator_step", move)
    monkeypatch.setattr(wasserstein.training, "alternating_step", move)
    with pytest.raises(IterationEnds):
        wasserstein.play(0, 1, "cpu", **wasserstein.METHODS[RECORDED[preset]])
    generator, critic, (optimizer_g, optimizer_d, real, noise, objective), extra = seen[-1]
    assert real.shape[0] == noise.shape[0]
    expected = of_pair(generator, critic, optimizer_g, optimizer_d) | {
        "data": "ring", "std": wasserstein.TARGET.std, "batch": len(real), "criticSteps": len(seen),
        "decay": 0, "update": "alternating", "freshNoise": not torch.equal(extra["generator_noise"], noise),
        "objective": name_of(objective),
    }  # fmt: skip
    check(presets[preset], expected, value_of(penalties[-1]))


def test_the_opening_game(presets):
    """The notebook's own function, with a spy in place of its training step."""
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    (cell,) = [source for source in cells if source.startswith("target = data.ring(")]
    seen = []

    def spy(*arguments, generator_noise):
        seen.append((*arguments, generator_noise))

    names = {"torch": torch, "nn": nn, "data": data, "objectives": objectives, "device": "cpu"}
    names["training_step"] = spy
    exec(cell, names)
    names["play"](0, 1)
    generator, discriminator, optimizer_g, optimizer_d, real, noise, loss, fresh = seen[0]
    expected = of_pair(generator, discriminator, optimizer_g, optimizer_d) | {
        "data": "ring", "std": names["target"].std, "batch": len(real), "criticSteps": 1, "decay": 0,
        "update": "alternating", "freshNoise": not torch.equal(noise, fresh), "objective": name_of(loss),
    }  # fmt: skip
    check(presets["The minimax game: Opening: eight islands"], expected, 0.0)


def watch(engine, presets, name, counts, **changes):
    found = engine("watch", settings=presets[f"Four failures: {name}"] | changes, counts=counts)
    return [each | {"centre": np.reshape(each["samples"], (-1, 2)).mean(0)} for each in found]


def test_stall(engine, presets):
    """From the centre, with the data 4 away: plain gradient steps of the minimax loss arrive nowhere."""
    stalled, moved = (watch(engine, presets, name, [0, 80]) for name in ("Stall", "No stall: non-saturating"))
    assert abs(stalled[1]["centre"] - stalled[0]["centre"]).max() < 0.2
    assert stalled[1]["losses"]["discriminator"] < 0.01
    assert moved[1]["centre"][0] > 3


def test_unbounded_critic(engine, presets):
    """Its loss is in the tens and hundreds, where a bounded critic's is about a distance in the picture."""
    unbounded, bounded = (
        [abs(each["losses"]["discriminator"]) for each in watch(engine, presets, name, [20, 40, 60])]
        for name in ("Unbounded critic", "Bounded: gradient penalty")
    )
    assert min(unbounded) > 20 and max(bounded) < 2


def test_cycle(engine, presets):
    """The samples' centre goes round the data, crossing both axes often; with R1 it comes to rest there."""
    counts = list(range(100, 801, 20))
    circling, resting = (
        np.array([each["centre"] for each in watch(engine, presets, name, counts)])
        for name in ("Cycle", "No cycle: R1")
    )
    turns = (np.diff(np.sign(circling), axis=0) != 0).sum(0)
    assert turns.min() >= 4
    assert np.linalg.norm(circling[-20:], axis=1).mean() > 5 * np.linalg.norm(resting[-20:], axis=1).mean()
