"""A hundred iterations of whole games beside gan_lib.toys, from the same weights, data and noise."""

import pytest
import torch
import torch_games
from torch.nn.utils import parametrize

from gan_lib import data, toys
from gan_lib.objectives import non_saturating
from gan_lib.regularizers import clip_weights_
from gan_lib.training import ema_update, simultaneous_step

STEPS, SEED = 100, 3
SETTING = toys.Setting(width=16, batch=32)
#: what a method of gan_lib.toys is called in the playground
GAMES = {
    "GAN": {},
    "batch norm": {"batchNorm": True},
    "PacGAN2": {"packing": 2},
    "R1": {"r1": 2.0},
    "pairing, R1 and R2": {"objective": "relativistic_pairing", "r1": 2.0, "r2": 2.0},
    "WGAN-GP": {"objective": "wasserstein", "gradientPenalty": 10.0, "criticSteps": 3},
}


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def flat(tensors):
    return torch_games.flat(tensors)


def settings_of(game):
    sizes = {"widthG": 16, "widthD": 16, "batch": 32, "latentDim": 2}
    return sizes | {"decay": STEPS, "rateG": 3e-3, "rateD": 1e-3, "beta1": 0.5, "beta2": 0.99} | GAMES[game]


def initial(game):
    parts = {"generator": game.generator, "discriminator": game.discriminator}
    return {name: flat(torch_games.weights(network)) for name, network in parts.items()}


def batches(target, count):
    """What toys.play draws, in its order: data and noise from one stream, a penalty's points from another."""
    stream, shares = torch.Generator().manual_seed(SEED), torch.Generator().manual_seed(SEED)
    for _ in range(count):
        real = target.sample(SETTING.batch, stream)
        noise = torch.randn(SETTING.batch, SETTING.latent_dim, generator=stream)
        share = torch.rand(SETTING.batch, 1, generator=shares)
        yield {"real": flat([real]), "noise": flat([noise]), "share": flat([share])}


def difference(found, network):
    return (torch.tensor(found) - torch.tensor(flat(torch_games.weights(network)))).abs().max().item()


@pytest.mark.parametrize("name", GAMES)
def test_as_the_librarys_games(engine, name):
    target, method = data.ring(), toys.METHODS[name]
    start = initial(toys.start(method, SEED, SETTING))
    end = toys.play(target, method, SEED, STEPS, SETTING)
    drawn = batches(target, STEPS * method.critic_steps)
    moves = []
    for _ in range(STEPS):
        moves += [("moveDiscriminator", next(drawn)) for _ in range(method.critic_steps)]
        moves.append(("moveGenerator", {}))
    found = engine("play", settings=settings_of(name), moves=moves, **start)
    assert difference(found["generator"], end.generator) < 1e-4
    assert difference(found["discriminator"], end.discriminator) < 1e-4
    assert difference(start["generator"], end.generator) > 0.01


def test_simultaneous_sgd_with_clipping_and_average(engine):
    """What no game of toys has, beside the library's own step."""
    target, game = data.ring(), toys.start(toys.METHODS["GAN"], SEED, SETTING)
    start, average = initial(game), toys.start(toys.METHODS["GAN"], SEED, SETTING).generator
    sgd = [
        torch.optim.SGD(network.parameters(), rate)
        for network, rate in ((game.generator, 0.05), (game.discriminator, 0.1))
    ]
    moves = []
    for drawn in batches(target, STEPS):
        moves.append(("moveBoth", drawn))
        real, noise = (torch.tensor(drawn[name]).reshape(-1, 2) for name in ("real", "noise"))
        losses = simultaneous_step(game.generator, game.discriminator, *sgd, real, noise, non_saturating)
        clip_weights_(game.discriminator, 0.3)
        ema_update(average, game.generator, 0.9)
    settings = settings_of("GAN") | {"update": "simultaneous", "optimizer": "sgd", "decay": 0}
    settings |= {"rateG": 0.05, "rateD": 0.1, "clip": 0.3, "ema": 0.9}
    found = engine("play", settings=settings, moves=moves, **start)
    assert difference(found["generator"], game.generator) < 1e-10
    assert difference(found["discriminator"], game.discriminator) < 1e-10
    assert difference(found["average"], average) < 1e-10
    assert found["losses"]["generator"] == pytest.approx(losses[0].item(), rel=1e-10)
    assert found["losses"]["discriminator"] == pytest.approx(losses[1].item(), rel=1e-10)


def test_spectral_norm_takes_pytorchs_power_iterations(engine):
    """One before each move; PyTorch takes one at each forward pass."""
    s = engine("settings") | {"spectralNorm": True, "widthD": 7, "batch": 4, "rateD": 0.0, "rateG": 0.0}
    discriminator = torch_games.make_discriminator(s)
    generator = torch_games.make_generator(s)
    start = {
        "generator": flat(torch_games.weights(generator)),
        "discriminator": flat(torch_games.weights(discriminator)),
        "vectors": [1.0] + [0.0] * (len(flat(torch_games.vectors(discriminator))) - 1),
    }
    layers = [module for module in discriminator.modules() if parametrize.is_parametrized(module)]
    norms = [layer.parametrizations.weight[0] for layer in layers]
    start["vectors"] = flat(vector for norm in norms for vector in (norm._u, norm._v))
    with torch.no_grad():
        for norm, layer in zip(norms, layers, strict=True):
            weight = layer.parametrizations.weight.original
            weight.add_(torch.randn_like(weight))
            norm._power_method(weight, 2)
    start["discriminator"] = flat(torch_games.weights(discriminator))
    settings = {name: s[name] for name in ("spectralNorm", "widthD", "batch", "rateD", "rateG")}
    found = engine("vectors", settings=settings, moves=["moveDiscriminator", "moveGenerator"], **start)
    assert found == pytest.approx(flat(vector for norm in norms for vector in (norm._u, norm._v)), abs=1e-12)


def test_start_is_uniform_as_pytorchs(engine):
    """Weights within one over the root of what comes in; batch norm begins with gain 1 and shift 0."""
    settings = {"widthG": 64, "spectralNorm": True, "batchNorm": True, "seed": 5}
    found = engine("iterate", settings=settings, count=0)
    first = torch.tensor(found["generator"][: 64 * 2])
    assert 0.9 * 2**-0.5 < first.abs().max() < 2**-0.5
    assert abs(first.mean()) < 0.15
    assert found["generator"][64 * 3 : 64 * 5] == [1.0] * 64 + [0.0] * 64
    assert engine("iterate", settings=settings | {"seed": 6}, count=0)["generator"] != found["generator"]


def test_games_of_one_seed_see_the_same_data(engine):
    """Whatever else differs, so that two games beside each other differ by their settings alone."""
    plain = engine("drawn", settings={"seed": 1}, count=3)
    assert (
        engine("drawn", settings={"seed": 1, "objective": "hinge", "r1": 1.0, "widthD": 8}, count=3) == plain
    )
    assert engine("drawn", settings={"seed": 2}, count=3) != plain


LEARNT = {"widthG": 16, "widthD": 16, "batch": 64, "seed": 1}


def test_a_game_learns_the_ring(engine):
    """By itself, from its own weights and noise; before, it did not know it."""
    before, after = (engine("judge", settings=LEARNT, count=count) for count in (0, 800))
    assert after["modes"] == 8
    assert after["highQuality"] > 0.6 > before["highQuality"]
    assert after["distance"] < 0.5 * before["distance"]


def test_fresh_noise_for_the_generators_half(engine):
    """The data of the discriminator's half stay; without the setting the noise stays too."""
    reused, fresh = (
        engine("halves", settings={"criticSteps": 2, "freshNoise": freshly}) for freshly in (False, True)
    )
    assert reused == {"data": True, "noise": True}
    assert fresh == {"data": True, "noise": False}
