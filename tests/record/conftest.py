"""What tests of the recording scripts share: the scripts as modules, and a CIFAR-10 of a few images."""

import importlib
from functools import partial
from pathlib import Path

import pytest
import torch

from gan_lib.data import LabelledImages
from gan_lib.training import TrainConfig

RECORD = Path(__file__).parents[2] / "book/record"
TINY = {"width": 2, "latent_dim": 4, "batch_size": 16, "learning_rate": 0.02}


@pytest.fixture(scope="session")
def script_named():
    """A function from the name of a script of book/record to its module; they import one another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(RECORD))
        yield importlib.import_module


@pytest.fixture(scope="session")
def images():
    return torch.randint(
        0, 256, (48, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


@pytest.fixture
def tiny(script_named, images, monkeypatch):
    """The scripts find the images as CIFAR-10, upside down as its test split, and train tiny networks."""

    def load_images(name, split="train", root=None, **_):
        assert name == "cifar10"
        found = images if split == "train" else images.flip(2)
        return LabelledImages(found, torch.arange(48) % 10, tuple("0123456789"))

    for name in ("dcgan_cifar10", "cifar10_methods"):
        monkeypatch.setattr(script_named(name), "load_images", load_images)
    monkeypatch.setattr(script_named("dcgan_cifar10"), "TrainConfig", partial(TrainConfig, **TINY))
