"""Sampling: the loader of checkpoints, and the command that draws from them."""

import os
import subprocess
import sys

import pytest
import torch
import typer
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor
from typer.testing import CliRunner

from gan_lib.__main__ import app
from gan_lib.commands.common import draw, errors_as_lines, noise_of
from gan_lib.data import unscale
from gan_lib.training import NETWORKS, TrainConfig, load_generator, train

pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(out, **changes):
    settings = {"dataset": "fashion_mnist_10k", "width": 4, "latent_dim": 6, "batch_size": 16, "epochs": 2}
    return TrainConfig(**settings | {"out": str(out), "device": "cpu", "learning_rate": 1e-2} | changes)


def images_of(channels, count=32):
    generator = torch.Generator().manual_seed(5)
    return torch.randint(0, 256, (count, channels, 32, 32), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, result) of a run with an averaged generator and a best checkpoint, that of its first epoch."""
    out, judgements = tmp_path_factory.mktemp("runs") / "average", iter([1.0, 2.0])
    return out, train(tiny(out, ema_decay=0.5), images_of(1), metric=lambda _: next(judgements))


def call(*arguments):
    return CliRunner().invoke(app, ["sample", *map(str, arguments)])


def read(path):
    with Image.open(path) as image:
        return pil_to_tensor(image)


def assert_same_weights(a, b):
    assert a.state_dict().keys() == b.state_dict().keys()
    assert all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


def test_the_generator_comes_back_as_it_was_trained(trained):
    out, result = trained
    before = torch.get_rng_state()
    average, config = load_generator(out)
    assert torch.equal(torch.get_rng_state(), before)
    assert_same_weights(average, result.ema)
    assert not average.training and not any(p.requires_grad for p in average.parameters())
    assert (config.dataset, config.width, config.latent_dim, config.epochs) == ("fashion_mnist_10k", 4, 6, 2)
    last, _ = load_generator(str(out / "checkpoint.pt"), ema=False)
    assert_same_weights(last, result.generator)
    assert not torch.equal(last[0].weight, average[0].weight)


def test_the_best_checkpoint_is_that_of_its_epoch(trained, tmp_path):
    out, _ = trained
    first = train(tiny(tmp_path, ema_decay=0.5, epochs=1), images_of(1))
    best, config = load_generator(out / "best.pt")
    assert config.epochs == 1
    assert_same_weights(best, first.ema)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_pair_in_grey_and_colour_is_rebuilt_from_the_file_alone(tmp_path, network, channels):
    config = tiny(tmp_path, network=network, spectral_norm=True, epochs=1)
    result = train(config, images_of(channels, 16))
    generator, _ = load_generator(tmp_path)
    assert_same_weights(generator, result.generator)
    assert generator(torch.zeros(2, 6)).shape == (2, channels, 32, 32)


def test_without_an_average_there_is_the_generator(tmp_path):
    result = train(tiny(tmp_path, epochs=1), images_of(1))
    assert_same_weights(load_generator(tmp_path, ema=True)[0], result.generator)


def test_a_checkpoint_whose_weights_do_not_fit_is_refused(trained, tmp_path):
    state = torch.load(trained[0] / "checkpoint.pt")
    for change in ({"width": 5}, {"network": "sndcgan"}):
        broken = {**state, "identity": state["identity"] | change}
        torch.save(broken, tmp_path / "odd.pt")
        with pytest.raises(ValueError, match=r"odd\.pt holds no \w+ generator of width"):
            load_generator(tmp_path / "odd.pt")


def test_a_grid_shows_the_samples_in_rows(trained, tmp_path):
    grid = tmp_path / "new" / "samples.png"
    result = call(trained[0], "--count", 5, "--columns", 3, "--seed", 7, "--out", grid)
    assert (result.exit_code, result.stdout) == (0, f"wrote 5 images to {grid}\n")
    noise = torch.randn(5, 6, generator=torch.Generator().manual_seed(7))
    expected = unscale(trained[1].ema(noise))
    shown = read(grid)
    assert shown.shape == (3, 2 + 2 * 34, 2 + 3 * 34)
    for index, image in enumerate(expected):
        top, left = 2 + 34 * (index // 3), 2 + 34 * (index % 3)
        assert torch.equal(shown[:, top : top + 32, left : left + 32], image.expand(3, -1, -1))


def test_a_folder_gets_a_file_an_image(trained, tmp_path):
    folder = tmp_path / "many"
    assert call(trained[0], "--count", 11, "--no-ema", "--out", folder).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"{index:02d}.png" for index in range(11)]
    noise = torch.randn(11, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = unscale(trained[1].generator.eval()(noise))
    assert torch.equal(torch.stack([read(path) for path in sorted(folder.iterdir())]), expected)


def test_a_name_with_a_slash_is_a_folder_whatever_its_ending(trained, tmp_path):
    assert call(trained[0], "--count", 1, "--out", f"{tmp_path}/v1.png/").exit_code == 0
    assert [path.name for path in (tmp_path / "v1.png").iterdir()] == ["0.png"]


def test_batches_are_drawn_apart_and_counted(trained):
    generator, config = load_generator(trained[0])
    counts, noise = [], noise_of(config, 300, seed=1)
    images = draw(generator, noise, on_batch=counts.append)
    assert counts == [256, 44] and images.shape == (300, 1, 32, 32) and images.dtype == torch.uint8
    difference = images[256:].int() - unscale(generator(noise[256:])).int()
    assert difference.abs().max() <= 1 and images[0].ne(images[256]).any()


@pytest.mark.slow
def test_a_real_process_draws_the_same_images_again(trained, tmp_path):
    here, there = tmp_path / "here.png", tmp_path / "there.png"
    assert call(trained[0], "--count", 4, "--out", here).exit_code == 0
    command = [sys.executable, "-m", "gan_lib", "sample", trained[0], "--count", "4", "--out", there]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}  # like here: sums must be split in the same way
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert done.stdout == f"wrote 4 images to {there}\n" and "4/4" in done.stderr
    assert here.read_bytes() == there.read_bytes()


def test_another_seed_draws_other_images(trained, tmp_path):
    for seed in (1, 2):
        assert (
            call(trained[0], "--count", 4, "--seed", seed, "--out", tmp_path / f"{seed}.png").exit_code == 0
        )
    assert (tmp_path / "1.png").read_bytes() != (tmp_path / "2.png").read_bytes()


@pytest.mark.parametrize(
    "arguments, says",
    [
        ("nowhere", "nowhere is not there; name a run folder of the train command or a checkpoint"),
        ("empty", "empty holds no checkpoint.pt; name a run folder of the train command or a checkpoint"),
        (
            "foreign.pt",
            "foreign.pt is no checkpoint of this program (UnpicklingError); name another file",
        ),
        ("weights.pt", "weights.pt is no checkpoint of this program (KeyError); name another file"),
        ("run --count 0", "count must be at least 1; got 0"),
        ("run --columns -2", "columns must be at least 1; got -2"),
        ("run --seed -1", "seed must be at least 0; got -1"),
        ("run --device tpu", "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
        ("run --out a.gif", "out must be a folder, or a file that ends in .png; got 'a.gif'"),
        ("run --out README", "out must be a folder, or a file that ends in .png; got 'README'"),
        ("run --out full", "out must be a .png file, or a new or empty folder; full holds files"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(trained, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(trained[0])
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "foreign.pt").write_bytes(b"not a checkpoint")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "weights.pt")
    for path in ("README", "full/0.png"):
        (tmp_path / path).touch()
    before = sorted(tmp_path.rglob("*"))
    result = call(*arguments.split())
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {says}\n")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error, code", [(ValueError, 2), (OSError, 2), (FloatingPointError, 1)])
def test_an_error_of_many_lines_ends_as_one(capsys, error, code):
    with pytest.raises(typer.Exit) as ended, errors_as_lines():
        raise error("first\n  second")
    assert ended.value.exit_code == code and capsys.readouterr() == ("", "error: first second\n")


def test_help_teaches():
    result = CliRunner().invoke(app, ["sample", "--help"])
    assert result.exit_code == 0 and "python -m gan_lib sample runs/first\n" in result.stdout
    options = result.stdout.split("\n  --")[1:]
    assert len(options) == 8 and all("Default: " in text for text in options[:-1])  # the last is --help
