"""Runs that are told the class of every image: the steps, the whole run, the commands."""

import copy
import json
import re

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms.functional import pil_to_tensor
from typer.testing import CliRunner

from gan_lib.__main__ import app
from gan_lib.commands.common import draw, labels_for, noise_of
from gan_lib.objectives import OBJECTIVES
from gan_lib.regularizers import dragan_penalty, gradient_penalty, r1_penalty, r2_penalty
from gan_lib.training import (
    CONDITIONAL_NETWORKS,
    PENALTIES,
    Labels,
    Processes,
    TrainConfig,
    alternating_step,
    discriminator_step,
    load_generator,
    simultaneous_step,
    train,
)
from gan_lib.training.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")


class Told(nn.Module):
    """(B, inputs) and (B,) labels to (B, outputs): a small network of both."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.inputs = inputs
        self.layers = nn.Sequential(nn.Linear(inputs + 1, 7), nn.Tanh(), nn.Linear(7, outputs)).double()

    def forward(self, x, labels):
        return self.layers(torch.cat([x, labels[:, None]], 1))


class Joined(nn.Module):
    """The same network of samples that carry their label as a last number, and pass it on if asked."""

    def __init__(self, told, passes_on):
        super().__init__()
        self.told, self.passes_on = told, passes_on

    def forward(self, x):
        y = self.told(x[:, :-1], x[:, -1])
        return torch.cat([y, x[:, -1:]], 1) if self.passes_on else y


@pytest.mark.parametrize("objective", ["non_saturating", "relativistic_average"])
@pytest.mark.parametrize("step", ["discriminator", "simultaneous", "alternating", "alternating, fresh noise"])
def test_labels_go_with_their_samples(step, objective):
    """A step with labels is the step without, on samples that have their label written into them."""
    torch.manual_seed(2)
    real, noise, fresh = (torch.randn(n, d).double() for n, d in ((6, 2), (6, 3), (6, 3)))
    labels = Labels(*(torch.randint(5, (6,)) for _ in range(3)))
    told = Told(3, 2), Told(2, 1)
    joined = Joined(copy.deepcopy(told[0]), True), Joined(copy.deepcopy(told[1]), False)

    def run(players, real, noise, fresh, **how):
        generator, discriminator = players
        optimizers = [torch.optim.SGD(network.parameters(), lr=0.5) for network in players]
        if step == "discriminator":
            optimizers = optimizers[1:]
            return discriminator_step(generator, discriminator, *optimizers, real, noise, goal, **how)
        if "fresh" in step:
            how["generator_noise"] = fresh
        update = simultaneous_step if step == "simultaneous" else alternating_step
        return update(generator, discriminator, *optimizers, real, noise, goal, **how)

    goal = OBJECTIVES[objective]
    losses = run(told, real, noise, fresh, labels=labels)
    written = [torch.cat([x, y[:, None]], 1) for x, y in zip((real, noise, fresh), labels, strict=True)]
    expected = run(joined, *written)
    torch.testing.assert_close(losses, expected, rtol=1e-12, atol=1e-14)
    for network, reference in zip(told, joined, strict=True):
        torch.testing.assert_close(network.state_dict(), reference.told.state_dict(), rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def images():
    return torch.randint(
        0, 256, (70, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )


LABELS = torch.arange(70) % 3


def tiny(out, **changes):
    settings = {"dataset": "fashion_mnist_10k", "width": 2, "latent_dim": 4, "batch_size": 16, "epochs": 3}
    settings |= {"network": "sndcgan", "conditional": True, "sample_every": 9, "device": "cpu"}
    return TrainConfig(**settings | {"out": str(out)} | changes)


def assert_same_run(first, second):
    for a, b in ((first.generator, second.generator), (first.discriminator, second.discriminator)):
        torch.testing.assert_close(a.state_dict(), b.state_dict(), rtol=0, atol=0)
    assert first.history == second.history


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("network", CONDITIONAL_NETWORKS)
def test_every_conditional_pair_trains_with_every_penalty(images, tmp_path, network, penalty):
    config = tiny(tmp_path, network=network, penalty=penalty, update="alternating", epochs=1, limit=16)
    result = train(config, images, labels=LABELS)
    assert all(weight.isfinite().all() for weight in result.discriminator.state_dict().values())


@pytest.mark.parametrize("penalty", PENALTIES[1:])
def test_penalties_know_the_labels_of_their_points(images, tmp_path, penalty):
    config = tiny(tmp_path, penalty=penalty, penalty_weight=3.0)
    run = Run(config, images, torch.device("cpu"), Processes(), LABELS, 3)
    real, fake = (torch.rand(16, 1, 32, 32, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    labels = Labels(torch.arange(16) % 3, torch.arange(16) // 6)
    critic = run.players["discriminator"].eval()  # no power iteration between the two computations
    stream = run.random["penalty"].get_state()
    found = run._penalty(real, labels)(critic, real, fake)
    draws = torch.Generator()
    draws.set_state(stream)

    def of_real(x):
        return critic(x, labels.real)

    def of_fake(x):
        return critic(x, labels.fake)

    if penalty == "gradient_penalty":
        expected = gradient_penalty(of_real, real, fake, torch.rand(16, 1, 1, 1, generator=draws))
    elif penalty == "dragan":
        noise = real.std() / 2 * torch.randn(real.shape, generator=draws)
        expected = dragan_penalty(of_real, real, noise)
    else:
        expected = r1_penalty(of_real, real) if penalty == "r1" else r2_penalty(of_fake, fake)
    torch.testing.assert_close(found, 3 * expected, rtol=1e-5, atol=0)
    # the label counts: with the other batch's labels the slopes differ
    assert not torch.allclose(r1_penalty(of_real, real), r1_penalty(of_fake, real), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"update": "alternating", "n_critic": 3, "penalty": "gradient_penalty", "ema_decay": 0.9},
        {"network": "sngan", "precision": "bfloat16"},
    ],
    ids=["critic steps", "bfloat16"],
)
def test_a_conditional_run_resumes_exactly(images, tmp_path, changes):
    whole = train(tiny(tmp_path / "whole", **changes), images, labels=LABELS)
    for epochs in (1, 2, 3):
        torch.manual_seed(epochs)
        parts = train(tiny(tmp_path / "parts", epochs=epochs, **changes), images, labels=LABELS)
    assert_same_run(whole, parts)
    if whole.ema is not None:
        torch.testing.assert_close(whole.ema.state_dict(), parts.ema.state_dict(), rtol=0, atol=0)


def test_a_run_without_the_setting_in_its_checkpoint_was_unconditional_and_goes_on(images, tmp_path):
    config = {"conditional": False, "network": "dcgan"}
    whole = train(tiny(tmp_path / "whole", **config), images)
    train(tiny(tmp_path / "old", epochs=1, **config), images)
    checkpoint = tmp_path / "old" / "checkpoint.pt"
    state = torch.load(checkpoint)
    del state["identity"]["conditional"]
    torch.save(state, checkpoint)
    assert_same_run(train(tiny(tmp_path / "old", **config), images), whole)


@pytest.mark.parametrize("other", [LABELS.flip(0), LABELS.clamp(max=1)])
def test_a_checkpoint_of_other_labels_is_refused(images, tmp_path, other):
    train(tiny(tmp_path, epochs=1), images, labels=LABELS)
    with pytest.raises(ValueError, match=r"belongs to another run \(labels \(sha256\)"):
        train(tiny(tmp_path), images, labels=other)


@pytest.mark.parametrize(
    "changes, labels, says",
    [
        (
            {"network": "dcgan"},
            LABELS,
            "conditional needs a network that takes labels, one of sngan, sndcgan; got 'dcgan'",
        ),
        ({}, None, "has labels exactly if it is conditional; conditional is True, and labels are none"),
        ({"conditional": False}, LABELS, "conditional is False, and labels are given"),
        ({}, LABELS[:69], "one for each of the 70 images; got torch.int64 (69,)"),
        (
            {},
            LABELS.float(),
            "labels must be integers, one for each of the 70 images; got torch.float32 (70,)",
        ),
        ({}, LABELS - 1, "labels count classes from 0; got -1"),
    ],
)
def test_bad_labels_are_named_before_anything_is_written(images, tmp_path, changes, labels, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        train(tiny(tmp_path / "run", **changes), images, labels=labels)
    assert not (tmp_path / "run").exists()


def test_classes_that_a_limit_leaves_out_are_known_all_the_same(images, tmp_path):
    labels = LABELS.sort().values
    result = train(tiny(tmp_path, limit=16, epochs=1), images, labels=labels)
    assert labels[:16].max() == 0 and result.generator.classes == 3


def test_the_data_set_has_its_own_labels(tmp_path):
    result = train(tiny(tmp_path, epochs=1, limit=16))
    assert result.generator.classes == 10


@pytest.fixture(scope="module")
def shades(tmp_path_factory):
    """(run folder, result) of two classes, each of one image: a dark and a bright one."""
    out = tmp_path_factory.mktemp("runs") / "shades"
    labels = torch.arange(64) % 2
    images = torch.tensor([40, 215], dtype=torch.uint8)[labels].view(-1, 1, 1, 1).expand(-1, 1, 32, 32)
    how = {"objective": "hinge", "update": "alternating", "learning_rate": 5e-3, "beta1": 0.0, "beta2": 0.9}
    config = tiny(out, width=4, epochs=30, sample_every=30, **how)
    return out, train(config, images, labels=labels)


@pytest.mark.slow
def test_the_generator_learns_what_the_label_means(shades):
    generator, noise = (
        shades[1].generator.eval(),
        torch.randn(64, 4, generator=torch.Generator().manual_seed(1)),
    )
    with torch.no_grad():
        dark, bright = (generator(noise, torch.full((64,), label)).mean().item() for label in (0, 1))
    assert dark < bright - 0.5


def test_the_sample_grid_shows_the_classes_in_order(shades):
    out, _ = shades
    grid = pil_to_tensor(Image.open(out / "samples" / "epoch_0030.png").convert("L"))[0].double()
    tiles = [
        grid[34 * i + 2 : 34 * i + 34, 34 * j + 2 : 34 * j + 34].mean() for i in range(4) for j in range(4)
    ]
    dark, bright = torch.stack(tiles[0::2]), torch.stack(tiles[1::2])
    assert dark.max() < bright.min()


def test_the_file_alone_gives_the_generator_back_with_its_classes(shades):
    generator, config = load_generator(shades[0])
    assert config.conditional and generator.classes == 2
    torch.testing.assert_close(generator.state_dict(), shades[1].generator.state_dict(), rtol=0, atol=0)


def test_labels_in_order_or_of_one_class():
    generator = nn.Identity()
    assert labels_for(generator, 5) is None
    with pytest.raises(ValueError, match="label 0 needs a generator trained with --conditional"):
        labels_for(generator, 5, 0)
    generator.classes = 3
    assert labels_for(generator, 5).tolist() == [0, 1, 2, 0, 1]
    assert labels_for(generator, 2, 2).tolist() == [2, 2]
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=rf"label must be in 0 \.\.\. 2; got {wrong}"):
            labels_for(generator, 5, wrong)


def call(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.parametrize("label", [None, 1])
def test_the_command_draws_all_classes_or_one(shades, tmp_path, label):
    given = [] if label is None else ["--label", label]
    done = call("sample", shades[0], "--count", 6, "--out", tmp_path / "some", *given)
    assert done.exit_code == 0, done.output
    found = torch.stack([pil_to_tensor(Image.open(path)) for path in sorted((tmp_path / "some").iterdir())])
    generator, config = load_generator(shades[0])
    labels = torch.arange(6) % 2 if label is None else torch.ones(6, dtype=torch.int64)
    assert torch.equal(found, draw(generator, noise_of(config, 6, 0), labels))


def test_the_command_names_a_class_that_is_none(shades, tmp_path):
    done = call("sample", shades[0], "--label", 2, "--out", tmp_path / "new.png")
    assert (done.exit_code, done.stderr) == (2, "error: label must be in 0 ... 1; got 2\n")
    assert not (tmp_path / "new.png").exists()


@pytest.mark.filterwarnings("ignore:.*covariance is singular:RuntimeWarning")  # so few samples
def test_a_conditional_run_is_trained_judged_and_evaluated_by_the_commands(tmp_path):
    out, to_json = tmp_path / "run", tmp_path / "results.json"
    small = "--dataset fashion_mnist_10k --limit 64 --batch-size 32 --epochs 1 --width 2 --latent-dim 4"
    judge = "--features pixels --feature-samples 20 --device cpu"
    flags = [*small.split(), *judge.split(), "--network", "sndcgan", "--conditional", "--out", out]
    done = call("train", *flags)
    assert done.exit_code == 0, done.output
    assert json.loads((out / "config.json").read_text())["conditional"] is True
    assert (out / "best.pt").exists()
    small = "--count 30 --limit 40 --features pixels --device cpu"
    done = call("evaluate", out, *small.split(), "--json", to_json)
    assert done.exit_code == 0, done.output
    assert json.loads(to_json.read_text())["generated"] == 30


def test_the_command_refuses_a_network_without_classes(tmp_path):
    done = call("train", "--dataset", "fashion_mnist_10k", "--conditional", "--out", tmp_path / "run")
    says = "error: conditional needs a network that takes labels, one of sngan, sndcgan; got 'dcgan'\n"
    assert (done.exit_code, done.stderr) == (2, says) and not (tmp_path / "run").exists()
