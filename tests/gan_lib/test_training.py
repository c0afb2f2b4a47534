"""Training: each update against an independent reference, and runs that repeat and resume bit for bit."""

import io
import json
import re
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.func import functional_call

from gan_lib.networks import dcgan_discriminator, dcgan_generator
from gan_lib.objectives import OBJECTIVES, non_saturating, relativistic_pairing
from gan_lib.training import (
    UPDATES,
    KerasAdam,
    TrainConfig,
    alternating_step,
    discriminator_step,
    simultaneous_step,
    train,
)

pytestmark = pytest.mark.usefixtures("one_thread")


class Counting(nn.Sequential):
    """A small network that counts its forward passes."""

    def __init__(self, inputs, outputs):
        super().__init__(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, outputs))
        self.double()
        self.forwards = 0

    def forward(self, x):
        self.forwards += 1
        return super().forward(x)


@pytest.fixture
def game():
    """(generator, discriminator, real, noise): two small networks and unequal batches, in float64."""
    torch.manual_seed(3)
    generator, discriminator = Counting(3, 2), Counting(2, 1)
    return generator, discriminator, torch.randn(6, 2).double(), torch.randn(9, 3).double()


def sgd(network):
    return torch.optim.SGD(network.parameters(), lr=0.5)


def weights(network):
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def reference(game, objective, update, lr=0.5, penalty=None):
    """Both players' new weights by the definition: L_G and L_D as functions of (theta, phi)."""
    generator, discriminator, real, noise = game

    def g_loss(theta, phi):
        fake = functional_call(generator, theta, noise)
        compared = [functional_call(discriminator, phi, real)] if objective.needs_real else []
        return objective.generator(functional_call(discriminator, phi, fake), *compared)

    def d_loss(theta, phi):
        fake = functional_call(generator, theta, noise)
        judge = [functional_call(discriminator, phi, samples) for samples in (real, fake)]
        return objective.discriminator(*judge)

    def d_total(theta, phi):
        if penalty is None:
            return d_loss(theta, phi)
        fake = functional_call(generator, theta, noise)
        return d_loss(theta, phi) + penalty(partial(functional_call, discriminator, phi), real, fake)

    def descend(point, slope):
        return {name: point[name] - lr * slope[name] for name in point}

    theta, phi = weights(generator), weights(discriminator)
    new_phi = descend(phi, torch.func.grad(d_total, argnums=1)(theta, phi))
    seen_phi = phi if update == "simultaneous" else new_phi
    new_theta = descend(theta, torch.func.grad(g_loss, argnums=0)(theta, seen_phi))
    return new_theta, new_phi, g_loss(theta, seen_phi), d_loss(theta, phi)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("update", UPDATES)
def test_step_is_the_update_it_is_named_after(game, update, objective):
    generator, discriminator, real, noise = game
    if objective is relativistic_pairing:  # as many fakes as real samples
        game = generator, discriminator, real, noise = generator, discriminator, real, noise[: len(real)]
    theta, phi, g_loss, d_loss = reference(game, objective, update)
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        parameter.grad = torch.full_like(parameter, 1e3)  # left over from elsewhere
    losses = UPDATES[update](
        generator, discriminator, sgd(generator), sgd(discriminator), real, noise, objective
    )
    torch.testing.assert_close(weights(generator), theta, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(weights(discriminator), phi, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(losses, (g_loss, d_loss), rtol=1e-12, atol=1e-14)
    assert not any(loss.requires_grad for loss in losses)


def bump(discriminator, real, fake):
    """A penalty that both batches enter."""
    return 3 * discriminator(2 * real).square().mean() + discriminator(fake - 1).square().mean()


@pytest.mark.parametrize("update", UPDATES)
def test_a_penalty_moves_the_discriminator_and_enters_neither_loss(game, update):
    generator, discriminator, real, noise = game
    theta, phi, g_loss, d_loss = reference(game, non_saturating, update, penalty=bump)
    optimizers = sgd(generator), sgd(discriminator)

    def penalty(network, real, fake):
        assert not fake.requires_grad  # nothing should be computed for the generator
        return bump(network, real, fake)

    losses = UPDATES[update](
        generator, discriminator, *optimizers, real, noise, non_saturating, penalty=penalty
    )
    torch.testing.assert_close(weights(generator), theta, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(weights(discriminator), phi, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(losses, (g_loss, d_loss), rtol=1e-12, atol=1e-14)


def test_the_discriminators_step_is_half_an_alternating_one(game):
    generator, discriminator, real, noise = game
    theta = weights(generator)
    _, phi, _, d_loss = reference(game, non_saturating, "alternating", penalty=bump)
    loss = discriminator_step(
        generator, discriminator, sgd(discriminator), real, noise, non_saturating, penalty=bump
    )
    torch.testing.assert_close(weights(discriminator), phi, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(weights(generator), theta, rtol=0, atol=0)
    torch.testing.assert_close(loss, d_loss, rtol=1e-12, atol=1e-14)


def test_the_generator_can_answer_on_noise_of_its_own(game):
    generator, discriminator, real, noise = game
    fresh = torch.randn(5, 3).double()
    _, phi, _, d_loss = reference(game, non_saturating, "alternating", penalty=bump)
    optimizers, before = (sgd(generator), sgd(discriminator)), weights(generator)

    def answer(theta):
        fake = functional_call(generator, theta, fresh)
        return non_saturating.generator(functional_call(discriminator, phi, fake))

    slope = torch.func.grad(answer)(before)
    theta = {name: before[name] - 0.5 * slope[name] for name in before}
    losses = alternating_step(
        generator,
        discriminator,
        *optimizers,
        real,
        noise,
        non_saturating,
        generator_noise=fresh,
        penalty=bump,
    )
    torch.testing.assert_close(weights(discriminator), phi, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(weights(generator), theta, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(losses, (answer(before), d_loss), rtol=1e-12, atol=1e-14)


def test_the_two_updates_differ_in_the_generator_only(game):
    theta_s, phi_s, *_ = reference(game, non_saturating, "simultaneous")
    theta_a, phi_a, *_ = reference(game, non_saturating, "alternating")
    torch.testing.assert_close(phi_s, phi_a, rtol=0, atol=0)
    assert max((theta_s[name] - theta_a[name]).abs().max() for name in theta_s) > 1e-3


@pytest.mark.parametrize(
    "step, forwards", [(simultaneous_step, (1, 2)), (alternating_step, (1, 3))], ids=list(UPDATES)
)
def test_no_forward_pass_is_repeated(game, step, forwards):
    """Simultaneous: G once, D on real and on fake. Alternating: D once more, after it has moved."""
    generator, discriminator, real, noise = game
    step(generator, discriminator, sgd(generator), sgd(discriminator), real, noise, non_saturating)
    assert (generator.forwards, discriminator.forwards) == forwards


@pytest.mark.parametrize("step", UPDATES.values(), ids=UPDATES)
def test_steps_assume_no_cpu(step):
    """On the meta device any tensor made on the CPU by mistake raises."""
    generator, discriminator = dcgan_generator(width=4).to("meta"), dcgan_discriminator(width=4).to("meta")
    optimizers = [KerasAdam(network.parameters()) for network in (generator, discriminator)]
    real, noise = torch.empty(4, 3, 32, 32, device="meta"), torch.empty(4, 128, device="meta")
    losses = step(generator, discriminator, *optimizers, real, noise, non_saturating)
    assert [loss.device.type for loss in losses] == ["meta", "meta"]


@settings(max_examples=25, deadline=None)
@given(
    lr=st.floats(1e-5, 1e-1),
    beta1=st.floats(0.0, 0.95),
    beta2=st.floats(0.5, 0.9999),
    eps=st.sampled_from([1e-7, 1e-3, 1.0]),
    scale=st.sampled_from([1e-6, 1.0]),
)
def test_keras_adam_follows_its_formula(lr, beta1, beta2, eps, scale):
    torch.manual_seed(0)
    start = torch.randn(5, dtype=torch.float64)
    parameter = start.clone().requires_grad_()
    optimizer = KerasAdam([parameter], lr, (beta1, beta2), eps)
    expected, m, v = start, torch.zeros(5).double(), torch.zeros(5).double()
    for t in range(1, 9):
        slope = scale * torch.randn(5, dtype=torch.float64)
        parameter.grad = slope.clone()
        optimizer.step()
        m, v = beta1 * m + (1 - beta1) * slope, beta2 * v + (1 - beta2) * slope**2
        rate = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        expected = expected - rate * m / (v.sqrt() + eps)
    torch.testing.assert_close(parameter.detach(), expected, rtol=1e-9, atol=1e-12)
    assert optimizer.param_groups[0]["eps"] == eps


def test_keras_adam_is_not_torch_adam_where_gradients_are_small():
    ours, theirs = (torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for parameter, optimizer in ((ours, KerasAdam([ours])), (theirs, torch.optim.Adam([theirs], eps=1e-7))):
        parameter.grad = torch.full_like(parameter, 1e-6)
        optimizer.step()
    # first step: lr * g / (g + eps_t) with eps_t = eps / sqrt(1 - .999)
    assert 1 - ours.item() == pytest.approx(1e-3 * 1e-6 / (1e-6 + 1e-7 / 0.001**0.5), rel=1e-9)
    assert 1 - theirs.item() == pytest.approx(1e-3 * 1e-6 / (1e-6 + 1e-7), rel=1e-9)


def test_keras_adam_goes_on_exactly_from_its_state_dict(game):
    generator, discriminator, real, noise = game
    straight, saved = [], io.BytesIO()
    optimizers = [KerasAdam(network.parameters()) for network in (generator, discriminator)]
    for i in range(6):
        simultaneous_step(generator, discriminator, *optimizers, real, noise, non_saturating)
        if i == 2:
            parts = [generator, discriminator, *optimizers]
            torch.save([part.state_dict() for part in parts], saved)
    straight = weights(generator) | {f"d.{k}": v for k, v in weights(discriminator).items()}
    generator, discriminator = Counting(3, 2), Counting(2, 1)
    optimizers = [KerasAdam(network.parameters(), lr=9.0) for network in (generator, discriminator)]
    saved.seek(0)
    for part, state in zip([generator, discriminator, *optimizers], torch.load(saved), strict=True):
        part.load_state_dict(state)
    for _ in range(3):
        simultaneous_step(generator, discriminator, *optimizers, real, noise, non_saturating)
    resumed = weights(generator) | {f"d.{k}": v for k, v in weights(discriminator).items()}
    torch.testing.assert_close(resumed, straight, rtol=0, atol=0)


def test_keras_adam_refuses_parameters_of_different_age():
    old, new = (torch.ones(1, requires_grad=True) for _ in range(2))
    optimizer = KerasAdam([old, new])
    old.grad = torch.ones(1)
    optimizer.step()
    new.grad = torch.ones(1)
    with pytest.raises(ValueError, match=r"one step count; got \[0, 1\]"):
        optimizer.step()
    assert optimizer.param_groups[0]["eps"] == 1e-7


@pytest.fixture(scope="module")
def images():
    return torch.randint(
        0, 256, (70, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )


def tiny(out, **changes):
    settings = {"dataset": "fashion_mnist_10k", "width": 2, "latent_dim": 4, "batch_size": 16, "epochs": 3}
    return TrainConfig(**settings | {"out": str(out), "device": "cpu", "sample_every": 2} | changes)


def state_of(result):
    return {
        f"{role}.{name}": value
        for role, network in (("g", result.generator), ("d", result.discriminator))
        for name, value in network.state_dict().items()
    }


def same(first, second):
    """Whether two runs ended in the same weights and statistics, and logged the same losses, bit for bit."""
    a, b = state_of(first), state_of(second)
    return (
        a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a) and first.history == second.history
    )


def log_of(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def straight(images, tmp_path_factory):
    """(result, run folder) of three epochs without interruption."""
    out = tmp_path_factory.mktemp("straight")
    return train(tiny(out), images), out


def test_defaults_are_the_source_program():
    config = TrainConfig()
    assert (config.dataset, config.latent_dim, config.width) == ("cifar10", 128, 64)
    assert (config.batch_size, config.epochs, config.sample_every) == (256, 300, 10)
    assert (config.learning_rate, config.beta1) == (1e-4, 0.5)
    assert (config.objective, config.update) == ("non_saturating", "simultaneous")


def test_a_run_reports_every_epoch(images, tmp_path, capsys):
    result = train(tiny(tmp_path), images)
    lines = capsys.readouterr().out.splitlines()
    expected = [f"Epoch {e}/3 | G Loss: {g:.4f} | D Loss: {d:.4f}" for e, g, d in result.history]
    assert lines == expected and [epoch for epoch, *_ in result.history] == [1, 2, 3]
    assert re.fullmatch(r"Epoch 1/3 \| G Loss: 0\.[67]\d{3} \| D Loss: 1\.[34]\d{3}", lines[0])
    records = log_of(tmp_path)
    assert [(r["epoch"], r["g_loss"], r["d_loss"]) for r in records] == result.history
    assert all(r["device"] == "cpu" and r["seconds"] > 0 for r in records)
    assert records[0]["images_per_second"] == pytest.approx(4 * 16 / records[0]["seconds"])
    assert json.loads((tmp_path / "config.json").read_text()) == vars(tiny(tmp_path))


def test_sample_grids_are_4_by_4_of_the_fixed_noise(straight):
    _, out = straight
    grids = sorted((out / "samples").iterdir())
    assert [grid.name for grid in grids] == ["epoch_0002.png", "epoch_0003.png"]  # every second, and the last
    pixels = torch.tensor(list(Image.open(grids[-1]).convert("L").tobytes()))
    side = 4 * (32 + 2) + 2
    pixels = pixels.view(side, side)
    lines = torch.arange(side) % 34 < 2
    assert pixels[lines].eq(0).all() and pixels[:, lines].eq(0).all()
    tiles = pixels[~lines][:, ~lines].view(4, 32, 4, 32).transpose(1, 2).reshape(16, -1)
    assert len(tiles.unique(dim=0)) == 16


def test_same_seed_same_run_whatever_the_callers_random_state(images, tmp_path, straight):
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = train(tiny(tmp_path / "again"), images)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(again, straight[0])
    assert not same(train(tiny(tmp_path / "other", seed=1), images), straight[0])


def test_drawing_more_often_changes_nothing(images, tmp_path, straight):
    often = train(tiny(tmp_path, sample_every=1), images)
    assert same(often, straight[0])
    for name in ("epoch_0002.png", "epoch_0003.png"):
        assert (tmp_path / "samples" / name).read_bytes() == (straight[1] / "samples" / name).read_bytes()


def test_limit_takes_the_first_images(images, tmp_path):
    limited = train(tiny(tmp_path / "limit", limit=32, epochs=1), images)
    assert same(limited, train(tiny(tmp_path / "slice", epochs=1), images[:32]))


@pytest.mark.parametrize("update", UPDATES)
def test_a_longer_run_continues_a_shorter_one_exactly(images, tmp_path, straight, update, capsys):
    whole = (
        straight[0] if update == "simultaneous" else train(tiny(tmp_path / "whole", update=update), images)
    )
    out = tmp_path / "parts"
    train(tiny(out, update=update, epochs=1), images)
    torch.manual_seed(7)
    assert same(train(tiny(out, update=update), images), whole)
    assert [record["epoch"] for record in log_of(out)] == [1, 2, 3]
    capsys.readouterr()
    assert same(train(tiny(out, update=update), images), whole)
    assert capsys.readouterr().out == f"{out} holds 3 of 3 epochs: nothing left to do\n"


def test_remains_of_a_kill_do_no_harm(images, tmp_path, straight):
    """Killed while writing: a torn temporary file, a log that is ahead of the checkpoint and torn, too."""
    train(tiny(tmp_path, epochs=2), images)
    (tmp_path / "checkpoint.pt.tmp").write_bytes(b"PK torn")
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write('{"epoch": 3, "g_loss": 0.1}\n{"epo')
    assert same(train(tiny(tmp_path), images), straight[0])
    assert [(r["epoch"], r["g_loss"], r["d_loss"]) for r in log_of(tmp_path)] == straight[0].history


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"objective": "minimax"}, "objective 'non_saturating' -> 'minimax'"),
        ({"update": "alternating"}, "update 'simultaneous' -> 'alternating'"),
        ({"seed": 4}, "seed 0 -> 4"),
        ({"limit": 64}, "limit None -> 64"),
        ({"epochs": 2}, "already holds 3 epochs; epochs must be at least that, got 2"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_left_alone(images, straight, changes, says):
    _, out = straight
    before = content(out)
    with pytest.raises(ValueError, match=re.escape(says)):
        train(tiny(out, **changes), images)
    assert content(out) == before


def test_a_checkpoint_of_other_images_is_refused(images, straight):
    with pytest.raises(ValueError, match=r"images \(sha256\)"):
        train(tiny(straight[1]), images.flip(0))


def test_a_file_that_is_no_checkpoint_is_refused(images, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is no checkpoint of this program"):
        train(tiny(tmp_path), images)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"epochs": -1}, "epochs must be a whole number of at least 1; got -1"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2; got 1"),
        ({"batch_size": 1.5}, "batch_size must be a whole number of at least 2; got 1.5"),
        ({"limit": 0}, "limit must be a whole number of at least 1; got 0"),
        ({"seed": -3}, "seed must be a whole number of at least 0; got -3"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite; got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive and finite; got nan"),
        ({"beta1": 1.0}, "beta1 must be at least 0 and less than 1; got 1.0"),
        ({"objective": "hinges"}, f"objective must be one of {', '.join(OBJECTIVES)}; got 'hinges'"),
        ({"update": "both"}, "update must be one of simultaneous, alternating; got 'both'"),
        ({"dataset": "cifar"}, "dataset must be one of cifar10, "),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there: PyTorch sees "),
        ({"n_critic": 2}, "n_critic 2 needs update 'alternating'"),
        (
            {"n_critic": 5, "update": "alternating"},
            "n_critic must be at most an epoch's batches, 4; got 5",
        ),
        ({"batch_size": 10, "devices": 4}, "batch_size must be a multiple of the 4 processes"),
        ({"batch_size": 2, "devices": 2}, "at least 2 for each; got 2"),
        ({"devices": 2, "device": "cuda:1"}, "device 'cuda:1' is one GPU; with 2 processes say 'cuda'"),
        ({"penalty": "r3"}, "penalty must be one of none, gradient_penalty, r1, r2, dragan; got 'r3'"),
        ({"precision": "half"}, "precision must be one of float32, bfloat16, float16; got 'half'"),
        ({"network": "mlp"}, "network must be one of dcgan, sngan, sndcgan; got 'mlp'"),
        ({"strategy": "fsdp"}, "strategy must be one of auto, ddp; got 'fsdp'"),
        ({"clip": 0.0}, "clip must be positive and finite; got 0.0"),
        ({"learning_rate_d": -1.0}, "learning_rate_d must be positive and finite; got -1.0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and less than 1; got 1.0"),
        ({"patience": 3}, "patience 3 needs a metric to judge by; none was passed"),
        ({"patience": 0}, "patience must be a whole number of at least 1; got 0"),
        ({"batch_size": 71}, "batch_size must be at most the number of images, 70; got 71"),
        ({"limit": 15}, "batch_size must be at most the number of images, 15; got 16"),
    ],
)
def test_bad_settings_are_named_before_anything_is_written(images, tmp_path, changes, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        train(tiny(tmp_path / "run", **changes), images)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [torch.zeros(70, 1, 28, 28, dtype=torch.uint8), torch.zeros(70, 1, 32, 32)])
def test_images_of_another_kind_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, C, 32, 32\); got"):
        train(tiny(tmp_path / "run"), wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["discriminator weight", "generator running_mean"])
def test_numbers_that_are_not_finite_stop_the_run_and_keep_the_checkpoint(images, tmp_path, part, value):
    """A moving average enters no loss in training: only the networks' own state shows it."""
    train(tiny(tmp_path, epochs=1), images)
    checkpoint = tmp_path / "checkpoint.pt"
    state = torch.load(checkpoint)
    network, kind = part.split()
    next(tensor for name, tensor in state["run"][network].items() if name.endswith(kind))[0] = value
    torch.save(state, checkpoint)
    before = checkpoint.read_bytes()
    losses = r"G loss (nan|inf)" if kind == "weight" else r"G loss 0\.\d+"
    with pytest.raises(FloatingPointError, match=rf"epoch 2 ended with mean {losses}.* after epoch 1"):
        train(tiny(tmp_path), images)
    assert checkpoint.read_bytes() == before and len(log_of(tmp_path)) == 1


def test_a_learning_rate_that_explodes_is_noticed(images, tmp_path):
    with pytest.raises(FloatingPointError, match="epoch 1 ended with"):
        train(tiny(tmp_path, learning_rate=1e38), images)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_run_stays_on_the_gpu_and_continues(images, tmp_path):
    before = torch.cuda.get_rng_state()
    train(tiny(tmp_path, device="auto", epochs=1), images)
    result = train(tiny(tmp_path, device="cuda"), images)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert {weight.device.type for weight in state_of(result).values()} == {"cuda"}
    assert [record["device"] for record in log_of(tmp_path)] == ["cuda:0"] * 3
    with pytest.raises(ValueError, match="kind of device 'cuda' -> 'cpu'"):
        train(tiny(tmp_path), images)
