"""Toy games: what is shared among the methods, what each one changes, and that they learn."""

import math

import pytest
import torch

from gan_lib.data import ring
from gan_lib.toys import METHODS, Setting, draw_noise, judge, play, start

SMALL = Setting(width=16, batch=16)

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters())


def linear_weights(network, factor=1.0):
    """Of the linear layers, without what a method puts between them; the weights times a factor."""
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return [(factor * layer.weight, layer.bias) for layer in layers]


@pytest.mark.parametrize("name", METHODS)
def test_all_methods_start_from_the_same_generator_and_see_the_same_stream(name):
    plain, other = (start(METHODS[method], 3, SMALL) for method in ("GAN", name))
    drawn, found = linear_weights(plain.generator, METHODS[name].spread), linear_weights(other.generator)
    if METHODS[name].norm_start == "weights":  # those of the last layer are moved
        drawn, found = drawn[:-1], found[:-1]
    torch.testing.assert_close(drawn, found)
    assert draw_noise(plain, 9).equal(draw_noise(other, 9))
    another_seed = start(METHODS[name], 4, SMALL)
    assert not weights(other.generator).equal(weights(another_seed.generator))


def test_start_leaves_the_callers_random_state_alone():
    before = torch.get_rng_state()
    start(METHODS["GAN"], 1, SMALL)
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("name", METHODS)
def test_a_short_game_moves_both_players_and_its_seed_reproduces_it(name):
    target, method = ring(), METHODS[name]
    first, again = (play(target, method, 2, 20, SMALL) for _ in range(2))
    fresh = start(method, 2, SMALL)
    assert weights(first.generator).equal(weights(again.generator))
    assert weights(first.generator).isfinite().all()
    assert not weights(first.generator).equal(weights(fresh.generator))
    assert not weights(first.discriminator).equal(weights(fresh.discriminator))
    found = judge(first, target, 200)
    assert 0 <= found.modes <= 8 and 0 <= found.high_quality <= 1 and 0 <= found.kl <= math.log(8) + 1e-9


def test_only_packs_and_minibatch_layers_let_the_discriminator_see_other_samples():
    points = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    changed = points.clone()
    changed[5] += 3.0
    sees = set()
    for name, method in METHODS.items():
        discriminator = start(method, 1, SMALL).discriminator.eval()
        if method.packing == 2:
            assert discriminator(points).shape == (4, 1)
            # sample 5 is judged together with sample 4 and with no other
            assert discriminator(points)[:2].allclose(discriminator(changed)[:2])
            assert not discriminator(points)[2].allclose(discriminator(changed)[2])
            sees.add(name)
        elif not discriminator(points)[0].allclose(discriminator(changed)[0], atol=1e-7):
            sees.add(name)
    assert sees == {"PacGAN2", "minibatch discrimination", "minibatch std"}


def test_only_the_method_named_batch_norm_normalises_the_generators_hidden_layers():
    norms = {
        name: [type(layer).__name__ for layer in start(m, 1, SMALL).generator] for name, m in METHODS.items()
    }
    hidden = ["Linear", "BatchNorm1d", "ReLU"]
    assert norms.pop("batch norm") == [*hidden, *hidden, "Linear"]
    assert all("BatchNorm1d" not in layers for layers in norms.values())


@torch.no_grad()
def test_the_start_of_batch_norm_has_its_mean_and_deviation_without_it():
    def moments(name):
        game = start(METHODS[name], 3, SMALL)
        samples = game.generator(draw_noise(game, 10_000))
        return torch.stack([samples.mean(0), samples.std(0)])

    goal, plain = moments("batch norm"), moments("GAN")
    assert (plain[1] < 0.5 * goal[1]).all()
    for name in ("batch norm's start", "batch norm's start, fixed map"):
        assert moments(name).allclose(goal, atol=0.03)
    *_, last = start(METHODS["batch norm's start, fixed map"], 3, SMALL).generator
    assert not list(last.parameters())


def test_a_methods_rates_are_factors_on_the_settings():
    for name, expected in {
        "GAN": (3e-3, 1e-3),
        "slower generator": (1e-3, 1e-3),
        "faster discriminator": (3e-3, 3e-3),
        "two time scales": (1e-3, 3e-3),
    }.items():
        game = start(METHODS[name], 1, SMALL)
        rates = [one.param_groups[0]["lr"] for one in (game.optimizer_g, game.optimizer_d)]
        assert rates == pytest.approx(expected)


def test_the_penalties_are_as_named():
    torch.manual_seed(0)
    critic, real, fake = torch.nn.Linear(2, 1), torch.randn(8, 2), torch.randn(8, 2)
    slope = critic.weight.norm().item() ** 2  # the same everywhere
    for name, expected in {"R1": slope, "R1 and R2": 2 * slope}.items():
        penalty = METHODS[name].penalty
        assert penalty(critic, real, fake).item() == pytest.approx(
            expected * penalty.keywords["weight"], rel=1e-5
        )


def test_spectral_norm_bounds_the_slope_of_the_discriminator():
    points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    logits = start(METHODS["spectral norm"], 1, SMALL).discriminator(points)
    (slopes,) = torch.autograd.grad(logits.sum(), points)
    assert slopes.norm(dim=1).max() <= 1.01


def test_rates_fall_and_watch_sees_every_step():
    seen = []

    def watch(step, game):
        seen.append((step, game.optimizer_g.param_groups[0]["lr"]))

    play(ring(), METHODS["GAN"], 1, 4, SMALL, watch=watch)
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    # a step's rate is set after it is watched
    assert [rate for _, rate in seen[1:]] == pytest.approx([3e-3, 2.25e-3, 1.5e-3, 0.75e-3])


def test_a_longer_game_takes_as_many_steps_as_its_method_says():
    steps = []
    play(ring(), METHODS["three times as long"], 1, 4, SMALL, watch=lambda step, game: steps.append(step))
    assert steps == list(range(13))


def test_a_game_without_steps_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        play(ring(), METHODS["GAN"], 1, 0, SMALL)
