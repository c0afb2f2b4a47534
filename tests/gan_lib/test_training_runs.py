"""Whole runs: every regulariser and pair, critic steps, the averaged generator, early stopping."""

import json
import math

import pytest
import torch
from torch import nn

from gan_lib.networks import dcgan_generator
from gan_lib.training import (
    NETWORKS,
    PENALTIES,
    PRESETS,
    Engine,
    Processes,
    TrainConfig,
    alternating_step,
    ema_update,
    gradient_norm,
    train,
)
from gan_lib.training import run as run_module
from gan_lib.training.run import Run
from gan_lib.training.statistics import Statistics

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def images():
    return torch.randint(
        0, 256, (70, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )


def tiny(out, **changes):
    settings = {"dataset": "fashion_mnist_10k", "width": 2, "latent_dim": 4, "batch_size": 16, "epochs": 3}
    return TrainConfig(**settings | {"out": str(out), "device": "cpu", "sample_every": 9} | changes)


def alternating(out, **changes):
    return tiny(out, update="alternating", **changes)


def log_of(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint_of(out, name="checkpoint.pt"):
    return torch.load(out / name)["run"]


def assert_same(a, b, where="run"):
    """Nested states that are equal to the bit; times aside."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - {"seconds", "images_per_second"}:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        assert_same(dict(enumerate(a)), dict(enumerate(b)), where)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, where


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_penalty_trains_every_pair(images, tmp_path, network, penalty):
    plain = train(alternating(tmp_path / "none", network=network, epochs=1, limit=16), images)
    config = alternating(tmp_path / "run", network=network, penalty=penalty, epochs=1, limit=16)
    result = train(config, images)
    moved = [
        (a - b).abs().max()
        for a, b in zip(result.discriminator.parameters(), plain.discriminator.parameters(), strict=True)
    ]
    assert all(weight.isfinite().all() for weight in result.discriminator.state_dict().values())
    assert (max(moved) > 0) == (penalty != "none")


def test_the_penaltys_weight_counts(images, tmp_path):
    runs = [
        train(tiny(tmp_path / str(w), penalty="r1", penalty_weight=w, epochs=1), images) for w in (0.1, 10.0)
    ]
    first, second = (next(run.discriminator.parameters()) for run in runs)
    assert not torch.equal(first, second)


def test_clipping_bounds_the_critic_alone(images, tmp_path):
    result = train(alternating(tmp_path, objective="wasserstein", clip=0.01, n_critic=2, epochs=1), images)
    assert max(p.abs().max() for p in result.discriminator.parameters()) <= 0.01
    assert max(p.abs().max() for p in result.generator.parameters()) > 0.5


def test_spectral_norm_bounds_every_layer(images, tmp_path):
    result = train(tiny(tmp_path, spectral_norm=True, objective="hinge", learning_rate=1e-2), images)
    layers = [m for m in result.discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        norms = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() for layer in layers]
    # after a step the power iteration is one behind; without it these kernels have norms up to 2
    assert len(norms) == 4 and norms == pytest.approx([1.0] * 4, abs=0.15)


def test_critic_steps_take_fresh_data_and_noise_and_their_count_survives_epochs(
    images, tmp_path, monkeypatch
):
    seen, answers = [], []

    def spied(step):
        def recording(*args, **kwargs):
            seen.append((step.__name__, *(a for a in args if isinstance(a, torch.Tensor))))
            if "generator_noise" in kwargs:
                answers.append(kwargs["generator_noise"])
            return step(*args, **kwargs)

        return recording

    monkeypatch.setattr(run_module, "discriminator_step", spied(run_module.discriminator_step))
    updates = {name: spied(step) for name, step in run_module.UPDATES.items()}
    monkeypatch.setattr(run_module, "UPDATES", updates)
    train(alternating(tmp_path, n_critic=3), images)
    names = [name for name, *_ in seen]
    assert (
        names == ["discriminator_step", "discriminator_step", "alternating_step"] * 4
    )  # 3 epochs of 4 batches
    # Gulrajani et al. (2017), algorithm 1: noise for every critic step, and again for the generator's
    noises = torch.stack([noise for *_, noise in seen] + answers).flatten(1)
    assert len(answers) == 4 and len(noises.unique(dim=0)) == 16
    for epoch in range(3):
        shown = torch.cat([real for _, real, _ in seen[4 * epoch : 4 * epoch + 4]]).flatten(1)
        assert len(shown.unique(dim=0)) == 64  # no image twice
    state = checkpoint_of(tmp_path)
    ages = {
        name: {int(part["step"]) for part in state[f"optimizer_{name}"]["state"].values()} for name in "gd"
    }
    assert ages == {"g": {4}, "d": {12}}


def test_players_who_take_turns_of_one_share_the_fake_images(images, tmp_path, monkeypatch):
    given = []

    def recording(*args, **kwargs):
        given.append(kwargs.get("generator_noise"))
        return alternating_step(*args, **kwargs)

    monkeypatch.setattr(run_module, "UPDATES", {"alternating": recording})
    train(alternating(tmp_path, epochs=1), images)
    assert given == [None] * 4


def test_two_time_scales(images, tmp_path):
    train(tiny(tmp_path, learning_rate=2e-4, learning_rate_d=5e-4, beta1=0.0, beta2=0.9, epochs=1), images)
    state = checkpoint_of(tmp_path)
    groups = [state[f"optimizer_{name}"]["param_groups"][0] for name in "gd"]
    assert [group["lr"] for group in groups] == [2e-4, 5e-4]
    assert [tuple(group["betas"]) for group in groups] == [(0.0, 0.9)] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"ema_decay": 0.9, "update": "alternating", "n_critic": 3, "penalty": "gradient_penalty"},
        {"precision": "float16", "penalty": "dragan"},
        {"precision": "bfloat16", "network": "sndcgan", "objective": "relativistic_average"},
    ],
    ids=["ema and critic steps", "float16", "bfloat16"],
)
def test_whatever_is_switched_on_resumes_exactly(images, tmp_path, changes):
    whole = train(tiny(tmp_path / "whole", **changes), images)
    for epochs in (1, 2, 3):
        parts = train(tiny(tmp_path / "parts", epochs=epochs, **changes), images)
    whole_state, parts_state = checkpoint_of(tmp_path / "whole"), checkpoint_of(tmp_path / "parts")
    assert_same(whole_state, parts_state)
    assert whole.history == parts.history
    assert ("ema" in whole_state) == (whole.ema is not None) == ("ema_decay" in changes)
    assert bool(whole_state["scaler"]) == (changes.get("precision") == "float16")


def closed_form(model, start, decay, steps):
    """Where the average is after so many steps towards a model that stands still."""
    return {
        name: parameter + decay**steps * (start[name] - parameter)
        for name, parameter in model.named_parameters()
    }


def test_ema_follows_its_formula_and_copies_buffers():
    torch.manual_seed(1)
    model, average = (dcgan_generator(latent_dim=3, width=2).double() for _ in range(2))
    model(torch.randn(8, 3).double())  # its moving averages leave their initial values
    start = {name: p.detach().clone() for name, p in average.named_parameters()}
    model_before = {name: value.clone() for name, value in model.state_dict().items()}
    identities = [id(p) for p in average.parameters()]
    for _ in range(7):
        ema_update(average, model, 0.8)
    for name, expected in closed_form(model, start, 0.8, 7).items():
        torch.testing.assert_close(average.get_parameter(name), expected, rtol=1e-12, atol=1e-14)
    copies = dict(average.named_buffers())
    for name, buffer in model.named_buffers():
        assert torch.equal(copies[name], buffer) and copies[name].dtype == buffer.dtype
        assert copies[name].data_ptr() != buffer.data_ptr()
    kept = {name: value.clone() for name, value in copies.items()}
    model(torch.randn(8, 3).double())
    assert all(torch.equal(kept[name], value) for name, value in average.named_buffers())
    assert [id(p) for p in average.parameters()] == identities
    assert all(torch.equal(model_before[n], p) for n, p in model.named_parameters())


def test_ema_of_decay_0_is_the_model_and_of_decay_1_stands_still():
    torch.manual_seed(1)
    model, average = (dcgan_generator(latent_dim=3, width=2) for _ in range(2))
    model(torch.randn(8, 3))
    before = [p.detach().clone() for p in average.parameters()]
    ema_update(average, model, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(average.parameters(), before, strict=True))
    ema_update(average, model, 0.0)
    noise = torch.randn(4, 3)
    assert torch.equal(average.eval()(noise), model.eval()(noise))


def test_ema_refuses_what_is_no_copy_and_what_is_no_decay():
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\]; got 1.5"):
        ema_update(nn.Linear(1, 1), nn.Linear(1, 1), 1.5)
    with pytest.raises(ValueError, match="must have the same parts; they differ in bias"):
        ema_update(nn.Linear(1, 1), nn.Linear(1, 1, bias=False), 0.5)


def test_a_run_averages_its_generator_from_the_start_and_draws_from_the_average(images, tmp_path):
    config = tiny(tmp_path, ema_decay=0.75, batch_size=70, epochs=1)
    start = Run(config, images, torch.device("cpu"), Processes()).players["generator"]
    judged = []
    result = train(config, images, metric=lambda generator: judged.append(generator) or 1.0)
    assert judged == [result.ema] and not result.ema.training and result.generator.training
    for name, average in result.ema.named_parameters():
        expected = 0.75 * start.get_parameter(name) + 0.25 * result.generator.get_parameter(name)
        torch.testing.assert_close(average, expected)
    raw = train(tiny(tmp_path / "raw", batch_size=70, epochs=1), images)
    torch.testing.assert_close(raw.generator.state_dict(), result.generator.state_dict(), rtol=0, atol=0)
    grids = [folder / "samples" / "epoch_0001.png" for folder in (tmp_path, tmp_path / "raw")]
    assert grids[0].read_bytes() != grids[1].read_bytes()


def scores(*values):
    """A metric that answers these values one after the other."""
    answers = iter(values)
    return lambda generator: next(answers)


def test_a_run_stops_when_the_metric_no_longer_improves_and_keeps_the_best(images, tmp_path, capsys):
    out = tmp_path / "run"
    result = train(tiny(out, epochs=9, patience=2), images, scores(3.0, 2.0, 2.0, 5.0))
    assert [epoch for epoch, *_ in result.history] == [1, 2, 3, 4]
    assert [record["metric"] for record in log_of(out)] == [3.0, 2.0, 2.0, 5.0]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith("| Metric: 5.0000 | stopped: the best metric is that of epoch 2, 2 evaluations ago")
    assert (out / "samples" / "epoch_0004.png").exists()
    # the best checkpoint is the run as it was after that epoch: one can go on from it
    shorter = tmp_path / "shorter"
    train(tiny(shorter, epochs=2), images, scores(3.0, 2.0))
    assert_same(checkpoint_of(out, "best.pt"), checkpoint_of(shorter))

    again = train(tiny(out, epochs=9, patience=2), images, scores())
    assert again.history == result.history
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith(f"{out} holds 4 of 9 epochs: nothing left to do")
    )
    more = train(tiny(out, epochs=6, patience=4), images, scores(1.0, 7.0))
    assert len(more.history) == 6 and len(checkpoint_of(out, "best.pt")["records"]) == 5


def test_the_metric_is_asked_every_so_many_epochs_and_disturbs_nothing(images, tmp_path):
    def draws(generator):
        assert not generator.training and not torch.is_grad_enabled()
        return torch.rand(()).item() + generator(torch.randn(5, 4)).mean().item()

    undisturbed = train(tiny(tmp_path / "alone", epochs=5), images)
    judged = train(tiny(tmp_path / "judged", epochs=5, evaluate_every=2), images, draws)
    assert judged.history == undisturbed.history
    assert ["metric" in record for record in log_of(tmp_path / "judged")] == [False, True, False, True, False]
    assert not (tmp_path / "alone" / "best.pt").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_metric_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(images, tmp_path, value):
    with pytest.raises(FloatingPointError, match=rf"epoch 2 ended with metric {value}.* after epoch 1"):
        train(tiny(tmp_path), images, scores(1.0, value))
    assert len(checkpoint_of(tmp_path)["records"]) == 1 and len(log_of(tmp_path)) == 1


def test_a_metric_that_would_never_be_asked_is_refused(images, tmp_path):
    with pytest.raises(ValueError, match="evaluate_every must be at most epochs, 3; got 4"):
        train(tiny(tmp_path / "run", evaluate_every=4), images, scores(1.0))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_diverges_stops_the_run_and_keeps_the_checkpoint(images, tmp_path):
    train(tiny(tmp_path, epochs=1), images)
    with pytest.raises(FloatingPointError, match=r"epoch 2 .*: diverged beyond max_loss, 0\.01; .* epoch 1"):
        train(tiny(tmp_path, max_loss=0.01), images)
    assert len(checkpoint_of(tmp_path)["records"]) == 1


def test_losses_and_gradients_are_logged_for_every_epoch(images, tmp_path):
    result = train(tiny(tmp_path, batch_size=35, epochs=1, limit=35), images)
    (record,) = log_of(tmp_path)
    for player, network in (("g", result.generator), ("d", result.discriminator)):
        # a single step: its gradients are still there
        norm = gradient_norm(network).item()
        assert record[f"{player}_gradient_norm"] == pytest.approx(norm, rel=1e-6) and norm > 0
        assert record[f"{player}_gradient_norm_max"] == record[f"{player}_gradient_norm"]
        assert record[f"{player}_loss_std"] == 0 and record[f"{player}_skipped"] == 0


def test_statistics_are_those_of_the_steps():
    statistics = Statistics("d", torch.device("cpu"))
    losses, norms = [0.5, 1.5, 4.0, -2.0], [3.0, math.inf, 1.0, math.nan]
    for loss, norm in zip(losses, norms, strict=True):
        statistics.add(torch.tensor(loss), torch.tensor(norm))
    summary = statistics.summary()
    spread = torch.tensor(losses).std(correction=0).item()
    assert summary == pytest.approx(
        {
            "d_loss": 1.0,
            "d_loss_std": spread,
            "d_gradient_norm": 2.0,
            "d_gradient_norm_max": 3.0,
            "d_skipped": 2,
        }
    )


def test_overflowing_steps_of_float16_are_counted(images, tmp_path, monkeypatch):
    def hot(*args, **kwargs):
        engine = Engine(*args, **kwargs)
        engine.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
        return engine

    monkeypatch.setattr(run_module, "Engine", hot)
    train(tiny(tmp_path, precision="float16", epochs=1), images)
    (record,) = log_of(tmp_path)
    assert 0 < record["g_skipped"] <= 4 and math.isfinite(record["g_gradient_norm"])


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "seed-dcgan"])
def test_presets_run(images, tmp_path, name):
    changes = {"width": 2, "batch_size": 8, "epochs": 1, "limit": 40, "out": str(tmp_path), "device": "cpu"}
    settings = vars(PRESETS[name]) | changes
    result = train(TrainConfig(**settings), images)
    assert len(result.history) == 1


def test_presets_make_40_000_updates_of_the_generator():
    for name, config in PRESETS.items():
        if name != "seed-dcgan":
            updates = config.epochs * (50_000 // config.batch_size) / config.n_critic
            assert 40_000 <= updates < 41_000, name


def test_a_run_that_keeps_few_checkpoints_goes_on_from_the_last(images, tmp_path):
    whole = train(tiny(tmp_path / "whole", epochs=5), images)

    def kill(epoch, result):
        if epoch == 4:
            raise KeyboardInterrupt

    config = tiny(tmp_path / "cut", epochs=5, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        train(config, images, on_epoch=kill)
    assert len(checkpoint_of(tmp_path / "cut")["records"]) == 3
    assert [record["epoch"] for record in log_of(tmp_path / "cut")] == [1, 2, 3]
    again = train(config, images)
    assert_same(checkpoint_of(tmp_path / "cut"), checkpoint_of(tmp_path / "whole"))
    assert again.history == whole.history
    assert [record["epoch"] for record in log_of(tmp_path / "cut")] == [1, 2, 3, 4, 5]


def test_epochs_without_a_checkpoint_are_logged_and_a_failure_names_the_kept_one(images, tmp_path):
    config = tiny(tmp_path, epochs=5, checkpoint_every=3, max_loss=1e6)

    def spoil(epoch, result):
        if epoch == 4:
            assert [record["epoch"] for record in log_of(tmp_path)] == [1, 2, 3]
            next(result.generator.parameters()).data.fill_(math.nan)

    with pytest.raises(FloatingPointError, match=r"epoch 5 .*keeps its checkpoint after epoch 3"):
        train(config, images, on_epoch=spoil)
    assert [record["epoch"] for record in log_of(tmp_path)] == [1, 2, 3, 4]


def test_a_new_best_is_kept_between_two_checkpoints(images, tmp_path):
    config = tiny(tmp_path, epochs=3, checkpoint_every=9)

    def kill(epoch, result):
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, images, scores(2.0, 1.0, 3.0), on_epoch=kill)
    for name in ("best.pt", "checkpoint.pt"):
        assert len(checkpoint_of(tmp_path, name)["records"]) == 2


def test_after_each_epoch_the_caller_sees_the_networks_as_they_are(images, tmp_path):
    seen = []

    def look(epoch, result):
        weights = [weight.clone() for weight in result.generator.state_dict().values()]
        seen.append((epoch, weights, result.history, result.ema is not None))

    result = train(tiny(tmp_path, ema_decay=0.9), images, on_epoch=look)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3]
    for count, (_, weights, history, averaged) in enumerate(seen, 1):
        assert averaged and history == result.history[:count]
        assert any(not torch.equal(*pair) for pair in zip(weights, seen[count - 2][1], strict=True))
    for a, b in zip(seen[-1][1], result.generator.state_dict().values(), strict=True):
        assert torch.equal(a, b)
