"""Steps in lower precision, the scaler's bookkeeping, and torch.compile."""

import pytest
import torch
from torch import nn

from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import non_saturating, wasserstein
from gan_lib.regularizers import gradient_penalty
from gan_lib.training import (
    UPDATES,
    Engine,
    KerasAdam,
    alternating_step,
    discriminator_step,
    gradient_norm,
    simultaneous_step,
)
from gan_lib.training.run import compile_networks

pytestmark = pytest.mark.usefixtures("one_thread")


class CountingScaler(torch.amp.GradScaler):
    """A real scaler that writes down what is asked of it."""

    def __init__(self, **settings):
        super().__init__("cpu", **settings)
        self.asked = []

    def scale(self, outputs):
        self.asked.append("scale")
        return super().scale(outputs)

    def step(self, optimizer):
        self.asked.append("step")
        return super().step(optimizer)

    def update(self):
        self.asked.append("update")
        return super().update()


def make_pair(seed=0):
    """(generator, discriminator, their optimizers, real, noise): perceptrons on points of the plane."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in (generator, discriminator)]
    return generator, discriminator, *optimizers, torch.randn(8, 2), torch.randn(8, 3)


def flat(network):
    return torch.cat([p.detach().reshape(-1) for p in network.parameters()])


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("update", UPDATES)
def test_lower_precision_takes_nearly_the_same_step(update, precision):
    full, low = make_pair(), make_pair()
    start = flat(full[0])
    exact = UPDATES[update](*full, non_saturating)
    seen = []
    for network in low[:2]:
        network[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    engine = Engine(precision)
    losses = UPDATES[update](*low, non_saturating, engine=engine)
    assert set(seen) == {getattr(torch, precision)}
    assert {p.dtype for network in low[:2] for p in network.parameters()} == {torch.float32}
    assert [loss.dtype for loss in losses] == [torch.float32] * 2
    torch.testing.assert_close(losses, exact, rtol=2e-2, atol=0)
    for i in (0, 1):
        torch.testing.assert_close(flat(low[i]), flat(full[i]), rtol=0, atol=2e-3)
    assert (flat(low[0]) - start).abs().max() > 5e-3  # the tolerance would not hide a step left out


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, float16; got 'half'"):
        Engine("half")


@pytest.mark.parametrize("update", UPDATES)
def test_the_scaler_is_updated_once_an_iteration_and_last(update):
    engine = Engine("float16")
    engine.scaler = CountingScaler()
    UPDATES[update](*make_pair(), non_saturating, engine=engine)
    assert sorted(engine.scaler.asked) == ["scale", "scale", "step", "step", "update"]
    assert engine.scaler.asked[-1] == "update"


def test_the_scale_grows_once_in_as_many_iterations_as_it_should():
    """Two updates an iteration would let it grow twice."""
    pair, engine = make_pair(), Engine("float16")
    engine.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    for _ in range(2):
        alternating_step(*pair, non_saturating, engine=engine)
    generator, discriminator, _, optimizer_d, real, noise = pair
    discriminator_step(generator, discriminator, optimizer_d, real, noise, non_saturating, engine=engine)
    assert engine.scaler.get_scale() == 2048.0


@pytest.mark.parametrize("update", UPDATES)
def test_an_overflow_leaves_out_that_players_step_alone(update):
    def overflow(discriminator, real, fake):
        return sum(p.sum() for p in discriminator.parameters()) * torch.inf

    pair, engine = make_pair(), Engine("float16")
    engine.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    before = flat(pair[0]), flat(pair[1])
    UPDATES[update](*pair, non_saturating, penalty=overflow, engine=engine)
    assert not torch.equal(flat(pair[0]), before[0]) and torch.equal(flat(pair[1]), before[1])
    assert engine.scaler.get_scale() == 512.0
    assert gradient_norm(pair[0]).isfinite() and not gradient_norm(pair[1]).isfinite()


def test_gradients_are_left_unscaled():
    full, low, engine = make_pair(), make_pair(), Engine("float16")
    alternating_step(*full, non_saturating)
    alternating_step(*low, non_saturating, engine=engine)
    assert gradient_norm(low[1]).item() == pytest.approx(gradient_norm(full[1]).item(), rel=1e-2)
    by_hand = sum(p.grad.square().sum() for p in full[1].parameters()).sqrt().item()
    assert gradient_norm(full[1]).item() == pytest.approx(by_hand, rel=1e-6)


def test_a_norm_of_no_gradients_is_refused():
    with pytest.raises(ValueError, match="no parameter of the network has a gradient"):
        gradient_norm(nn.Linear(1, 1))


def test_a_penalty_is_computed_in_full_precision():
    dtypes = []

    def penalty(discriminator, real, fake):
        value = gradient_penalty(discriminator, real, fake)
        dtypes.extend([discriminator(real).dtype, fake.dtype, value.dtype])
        return 10 * value

    alternating_step(*make_pair(), wasserstein, penalty=penalty, engine=Engine("bfloat16"))
    assert dtypes == [torch.float32] * 3


def test_the_courses_pair_trains_in_bfloat16():
    torch.manual_seed(0)
    generator, discriminator = dcgan_generator(width=4), dcgan_discriminator(width=4)
    optimizers = [KerasAdam(network.parameters()) for network in (generator, discriminator)]
    before = flat(generator)
    real, noise = torch.rand(8, 3, 32, 32) * 2 - 1, torch.randn(8, 128)
    losses = simultaneous_step(
        generator, discriminator, *optimizers, real, noise, non_saturating, engine=Engine("bfloat16")
    )
    assert all(0.3 < loss < 3 for loss in losses) and not torch.equal(flat(generator), before)


def test_compiled_networks_take_the_same_step_even_with_a_penalty():
    """Linear layers without biases: there is then no code that a C++ compiler would have to translate."""
    eps = torch.rand(8, 1)

    def penalty(discriminator, real, fake):
        return gradient_penalty(discriminator, real, fake, eps)

    def make_linear_pair():
        torch.manual_seed(0)
        networks = [
            nn.Sequential(nn.Linear(a, 4, bias=False), nn.Linear(4, b, bias=False))
            for a, b in ((3, 2), (2, 1))
        ]
        optimizers = [torch.optim.SGD(network.parameters(), lr=0.1) for network in networks]
        return *networks, *optimizers, torch.randn(8, 2), torch.randn(8, 3)

    plain, compiled = make_linear_pair(), make_linear_pair()
    compile_networks(*compiled[:2])
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    exact = simultaneous_step(*plain, wasserstein, penalty=penalty)
    losses = simultaneous_step(*compiled, wasserstein, penalty=penalty)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
    torch.testing.assert_close(losses, exact)
    for i in (0, 1):
        torch.testing.assert_close(flat(compiled[i]), flat(plain[i]))
    # deep networks need this, whose compilation would take the test minutes
    assert not torch._functorch.config.donated_buffer
    assert compiled[0].state_dict().keys() == plain[0].state_dict().keys()
