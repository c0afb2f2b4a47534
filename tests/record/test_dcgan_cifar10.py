"""The script of the lab's recorded run: goes on exactly, measures what it kept, records whole files."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from gan_lib.metrics import load_extractor
from gan_lib.training import TrainConfig, load_generator

SCRIPT = Path(__file__).parents[2] / "book/record/dcgan_cifar10.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("record_dcgan_cifar10", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images():
    return torch.randint(
        0, 256, (48, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def config(out, epochs):
    sizes = {
        "width": 2,
        "latent_dim": 4,
        "batch_size": 16,
        "epochs": epochs,
        "sample_every": 5,
        "learning_rate": 0.02,
    }
    return TrainConfig(**sizes, ema_decay=0.5, device="cpu", out=str(out))


def test_kept_epochs(script):
    assert script.kept_epochs(3) == [1, 2, 3]
    assert script.kept_epochs(43) == [*range(1, 26), 30, 40, 43]


def test_a_continued_run_keeps_the_same_networks(script, images, tmp_path):
    script.train_and_keep(config(tmp_path / "whole", 3), images)
    script.train_and_keep(config(tmp_path / "parts", 1), images)
    # killed between the checkpoint and the networks
    (tmp_path / "parts/networks_0001.safetensors").unlink()
    script.train_and_keep(config(tmp_path / "parts", 3), images)
    for epoch in (1, 2, 3):
        whole, parts = (
            load_file(tmp_path / name / f"networks_{epoch:04d}.safetensors") for name in ("whole", "parts")
        )
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.filterwarnings("ignore:24 samples")
def test_what_is_kept_is_measured_drawn_and_recorded(script, images, tmp_path):
    settings = config(tmp_path / "run", 2)
    script.train_and_keep(settings, images)
    pixels = load_extractor("pixels")
    rows, floor = script.measure_kept(settings, images, images.flip(0), pixels, samples=24)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows == script.measure_kept(settings, images, images.flip(0), pixels, samples=24)[0]
    names = {"frechet_24_pixels", "precision_24_pixels", "recall_24_pixels"}
    assert set(floor) == set(rows[0]["generator"]) == set(rows[0]["ema"]) == names
    assert set(rows[1]["discriminator"]["held_out"]) == {"loss", "accuracy"}

    script.draw_pictures(settings, 3, tmp_path)
    with Image.open(tmp_path / "dcgan_cifar10.webp") as movie:
        assert movie.n_frames == 2
    record = script.record(settings, rows, floor, samples=24)
    assert record == json.loads(json.dumps(record))
    assert [row["epoch"] for row in record["trace"]] == [1, 2]
    assert str(tmp_path) not in json.dumps(record)


def test_loaded_networks_are_the_trained_ones(script, images, tmp_path):
    settings = config(tmp_path / "run", 1)
    script.train_and_keep(settings, images)
    networks = script.load_networks(settings, tmp_path / "run/networks_0001.safetensors", 3, "cpu")
    noise = torch.randn(3, 4)
    for name, ema in (("generator", False), ("ema", True)):
        trained, _ = load_generator(tmp_path / "run", ema=ema)
        assert torch.equal(networks[name](noise), trained(noise))
    assert networks["discriminator"].training is False


def test_the_walk_keeps_the_length_of_its_ends(script):
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    walk = script.slerp(a, b, torch.linspace(0, 1, 5)[:, None])
    assert torch.allclose(walk.norm(dim=1), torch.full((5,), 3.0))
    assert torch.allclose(walk[0], a, atol=1e-6) and torch.allclose(walk[-1], b, atol=1e-6)
