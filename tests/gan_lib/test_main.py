"""The command line, as processes that are really killed and as calls that are really wrong."""

import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch
from typer.testing import CliRunner

from gan_lib.__main__ import app, train
from gan_lib.commands.train import frechet_metric
from gan_lib.data import DATASETS, load_images, unscale
from gan_lib.metrics import EXTRACTORS, frechet_distance
from gan_lib.objectives import OBJECTIVES
from gan_lib.training import (
    NETWORKS,
    PENALTIES,
    PRECISIONS,
    PRESETS,
    STRATEGIES,
    UPDATES,
    TrainConfig,
)

EPOCHS = 10
TINY = f"--dataset fashion_mnist_10k --limit 512 --batch-size 64 --epochs {EPOCHS} --width 8 --sample-every 2"


def call(*arguments):
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def start(out):
    # one thread: the reference runs beside the others, and sums must be split in the same way
    return subprocess.Popen(
        [sys.executable, "-m", "gan_lib", "train", *TINY.split(), "--device", "cpu", "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # a shell that runs the tests in its background has them, and their children, ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out.splitlines()


def stop_when(reached, process, how=signal.SIGKILL):
    """Signal the process as soon as reached() holds; return its exit code and stderr."""
    deadline = time.monotonic() + 300
    while not reached():
        assert process.poll() is None, f"ended by itself: {process.stderr.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def changes(path):
    """A function that tells whether the file has been written since now."""

    def stamp():
        return path.stat().st_mtime_ns if path.exists() else None

    before = stamp()
    return lambda: stamp() != before


def kept(out):
    """Number of epochs in the checkpoint, 0 without one."""
    path = out / "checkpoint.pt"
    return len(torch.load(path)["run"]["records"]) if path.exists() else 0


def without_times(record):
    return {name: value for name, value in record.items() if name not in ("seconds", "images_per_second")}


def log_of(out):
    return [without_times(json.loads(line)) for line in (out / "log.jsonl").read_text().splitlines()]


def grids_of(out):
    return {path.name: path.read_bytes() for path in (out / "samples").iterdir()}


def assert_equal(a, b, where="checkpoint"):
    """Nested states with equal keys, and tensors and numbers that are equal to the bit; times aside."""
    if isinstance(a, dict):
        a, b = without_times(a), without_times(b)
        assert a.keys() == b.keys(), where
        for key in a:
            assert_equal(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list):
        assert_equal(dict(enumerate(a)), dict(enumerate(b)), where)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, where


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_left_alone(tmp_path):
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    checkpoint = killed / "checkpoint.pt"
    reference = start(alone)

    # before there is any checkpoint
    code, _ = stop_when((killed / "config.json").exists, start(killed))
    assert code == -signal.SIGKILL and kept(killed) == 0

    # as the first checkpoint appears
    code, _ = stop_when(changes(checkpoint), start(killed))
    done = kept(killed)
    assert code == -signal.SIGKILL and 0 < done < EPOCHS

    # between an epoch's line in the log and its checkpoint, or just after; and a torn file is left behind
    log = killed / "log.jsonl"
    code, _ = stop_when(lambda: log.read_text().count("\n") > done, start(killed))
    assert code == -signal.SIGKILL and done <= kept(killed) < EPOCHS
    (killed / "checkpoint.pt.tmp").write_bytes(b"torn")

    # amid the steps of an epoch
    done, written = kept(killed), changes(checkpoint)
    code, _ = stop_when(lambda: written() and not time.sleep(0.1), start(killed))
    assert code == -signal.SIGKILL and done < kept(killed) < EPOCHS

    # by Ctrl-C, which says how to go on
    done = kept(killed)
    code, err = stop_when(changes(checkpoint), start(killed), signal.SIGINT)
    assert code == 130 and "Traceback" not in err
    assert f"to continue from the checkpoint: python -m gan_lib train {TINY}" in err
    assert done < kept(killed) < EPOCHS

    done = kept(killed)
    lines = finish(start(killed))
    assert lines[0] == f"{killed} holds {done} of {EPOCHS} epochs: going on from there"
    assert [line.split(" |")[0] for line in lines[1:]] == [
        f"Epoch {e}/{EPOCHS}" for e in range(done + 1, EPOCHS + 1)
    ]

    lines = finish(reference)
    epoch = rf"Epoch \d+/{EPOCHS} \| G Loss: \d\.\d{{4}} \| D Loss: \d\.\d{{4}}"
    assert len(lines) == EPOCHS and all(re.fullmatch(epoch, line) for line in lines)
    assert_equal(torch.load(alone / "checkpoint.pt"), torch.load(checkpoint))
    assert log_of(alone) == log_of(killed) and len(log_of(alone)) == EPOCHS
    assert grids_of(alone) == grids_of(killed) and len(grids_of(alone)) == EPOCHS // 2


def test_the_embedded_data_set_needs_no_network(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("the network was asked for")

    monkeypatch.setattr(socket, "socket", offline)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.chdir(tmp_path)
    given = {"dataset": "fashion_mnist_10k", "limit": 32, "batch_size": 16, "width": 2, "epochs": 1}
    result = call(*[f"--{name.replace('_', '-')}={value}" for name, value in given.items()])
    assert result.exit_code == 0, result.output
    out = tmp_path / "runs" / "seed-dcgan-fashion_mnist_10k"
    assert (out / "samples" / "epoch_0001.png").exists()
    config = json.loads((out / "config.json").read_text())
    preset = {"learning_rate": 1e-4, "beta1": 0.5, "objective": "non_saturating", "latent_dim": 128}
    assert given.items() <= config.items() and preset.items() <= config.items()


@pytest.mark.slow
@pytest.mark.skipif("GAN_DATA" not in os.environ, reason="real CIFAR-10: set GAN_DATA to its folder")
def test_real_cifar10_trains_in_colour(tmp_path):
    result = call(*f"--epochs 1 --limit 64 --batch-size 32 --width 4 --no-download --out {tmp_path}".split())
    assert result.exit_code == 0, result.output
    weights = torch.load(tmp_path / "checkpoint.pt")["run"]["discriminator"]
    assert next(iter(weights.values())).shape[1] == 3


@pytest.mark.parametrize(
    "arguments, says",
    [
        ("--preset seed", f"preset must be one of {', '.join(PRESETS)}; got 'seed'"),
        ("--dataset cifar", f"dataset must be one of {', '.join(DATASETS)}; got 'cifar'"),
        ("--objective hinges", f"objective must be one of {', '.join(OBJECTIVES)}; got 'hinges'"),
        ("--network mlp", f"network must be one of {', '.join(NETWORKS)}; got 'mlp'"),
        ("--n-critic 2", "n_critic 2 needs update 'alternating': simultaneous players take turns of one"),
        ("--update both", "update must be one of simultaneous, alternating; got 'both'"),
        ("--epochs -1", "epochs must be a whole number of at least 1; got -1"),
        ("--features pixel", f"features must be one of {', '.join(EXTRACTORS)}; got 'pixel'"),
        ("--features pixels --feature-samples 1", "feature-samples must be at least 2; got 1"),
        ("--patience 2", "patience 2 needs a metric to judge by; none was passed"),
        ("--device tpu", "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
        ("--limit 100", "batch_size must be at most the number of images, 100; got 256"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, says):
    out = tmp_path / "run"
    result = call("--dataset", "fashion_mnist_10k", "--out", out, *arguments.split())
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {says}\n")
    assert not out.exists()


@pytest.mark.slow
def test_features_judge_the_generator_and_end_the_run(tmp_path):
    small = "--dataset fashion_mnist_10k --limit 1200 --batch-size 64 --width 2 --latent-dim 4 --device cpu"
    # it learns nothing, so that what its moving averages change is all, and the judge soon sees no progress
    judge = "--features pixels --feature-samples 1200 --evaluate-every 2 --patience 1 --learning-rate 1e-8"
    result = call(*small.split(), *judge.split(), "--epochs", 9, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    judged = [json.loads(line).get("metric") for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert judged[::2] == [None] * len(judged[::2]) and min(judged[1::2]) > 1
    stopped = judged[-1] >= min(judged[1:-1:2])
    assert stopped and len(judged) < 9 and "| stopped: the best metric is that of epoch" in result.output
    best = torch.load(tmp_path / "best.pt")["run"]["records"][-1]
    assert best["metric"] == min(judged[1::2])


def test_the_judges_number_is_the_frechet_distance_of_the_samples(tmp_path):
    images = load_images("fashion_mnist_10k", pad=True).images[:1100, :, ::4, ::4]
    config = TrainConfig(latent_dim=3, seed=5)
    torch.manual_seed(0)
    generator = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Unflatten(1, (1, 8, 8)))
    metric = frechet_metric("pixels", 1000, images, config)
    noise = torch.randn(1000, 3, generator=torch.Generator().manual_seed(5))
    fakes = unscale(generator(noise)).flatten(1).double() / 255
    expected = frechet_distance(images.flatten(1).double() / 255, fakes)
    assert metric(generator) == pytest.approx(expected, rel=1e-5) == metric(generator)


def test_a_missing_data_set_is_one_line_and_exit_code_2(tmp_path):
    out = tmp_path / "run"
    result = call("--dataset", "cifar10", "--data", tmp_path / "none", "--no-download", "--out", out)
    assert result.exit_code == 2 and result.stdout == "" and not out.exists()
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "none" in result.stderr


def test_a_value_that_is_no_number_is_exit_code_2():
    result = call("--epochs", "many")
    assert result.exit_code == 2 and "Error: Invalid value for '--epochs'" in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_of_another_run_is_refused(tmp_path):
    small = f"--dataset fashion_mnist_10k --limit 32 --batch-size 16 --width 2 --epochs 1 --out {tmp_path}"
    assert call(*small.split()).exit_code == 0
    result = call(*small.split(), "--objective", "minimax")
    assert result.exit_code == 2
    assert "belongs to another run (objective 'non_saturating' -> 'minimax')" in result.stderr


def test_help_says_what_every_option_means_and_its_default():
    result = call("--help")
    assert result.exit_code == 0
    examples, *options = result.stdout.split("\n  --")
    assert "python -m gan_lib train --preset seed-dcgan --dataset cifar10 --epochs 300\n" in examples
    says = {text.split()[0]: " ".join(text.split()) for text in options}
    for name in inspect.signature(train).parameters:
        assert "Default: " in says[name.replace("_", "-")], name
    named = {"dataset": DATASETS, "network": NETWORKS, "objective": OBJECTIVES}
    named |= {"penalty": PENALTIES, "update": UPDATES, "precision": PRECISIONS, "strategy": STRATEGIES}
    for option, known in named.items():
        assert f"one of {', '.join(known)}" in says[option]
