"""The recipe of the small feature networks, and the weights that it made."""

import math
import os

import pytest
import torch

from gan_lib.data import load_images
from gan_lib.metrics import features
from gan_lib.metrics.train_features import augment, main, measure_accuracy, train_classifier


@pytest.mark.parametrize("mirror", [True, False])
def test_augment_shifts_and_mirrors_each_image(mirror):
    images = torch.rand(40, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    out = augment(images, torch.Generator().manual_seed(1), mirror)
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4), value=-1.0)
    mirrored = []
    for before, after in zip(padded, out, strict=True):
        windows = before.unfold(1, 32, 1).unfold(2, 32, 1)  # (2, 9, 9, 32, 32)
        plain = (windows == after[:, None, None]).all(-1).all(-1).all(0).any()
        turned = (windows.flip(-1) == after[:, None, None]).all(-1).all(-1).all(0).any()
        assert plain or turned
        mirrored.append(bool(turned))
    assert any(mirrored) == mirror and not all(mirrored)


@pytest.mark.slow
def test_training_learns_and_repeats_itself():
    images = torch.zeros(64, 1, 32, 32, dtype=torch.uint8)
    labels = torch.arange(64) % 2
    images[labels == 1] = 200
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        network = features.fashion_cnn()
        train_classifier(network, images, labels, epochs=6, mirror=False, batch_size=16, rate=0.02)
        weights.append(network.head.weight.detach().clone())
    assert measure_accuracy(network, images, labels) == 1.0
    torch.testing.assert_close(*weights, rtol=0, atol=0)


ACCURACIES = [
    pytest.param("fashion_cnn", {"name": "fashion_mnist_10k", "pad": True}, 0.92, id="fashion_cnn"),
    pytest.param(
        "cifar_resnet20",
        {"name": "cifar10", "split": "test"},
        0.8,
        marks=pytest.mark.skipif(
            not os.environ.get("GAN_DATA"), reason="GAN_DATA names no folder of data sets"
        ),
        id="cifar_resnet20",
    ),
]
ALL = pytest.param(
    None,
    marks=pytest.mark.exhaustive(
        "tests/gan_lib/metrics/test_train_features.py::test_shipped_weights_have_the_accuracy_that_they_state"
    ),
    id="all",
)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1500, ALL])
@pytest.mark.parametrize(("network", "data", "least"), ACCURACIES)
def test_shipped_weights_have_the_accuracy_that_they_state(network, data, least, count):
    """Of some test images within four standard errors, of all of them but for rounding."""
    extractor, test = features.load_extractor(network), load_images(**data)
    images, labels = test.images[:count], test.labels[:count]
    found = features.embed(extractor, images).probabilities.argmax(1)
    stated = extractor.accuracy
    error = 2e-3 if count is None else 4 * math.sqrt(stated * (1 - stated) / count)
    assert (found == labels).float().mean().item() == pytest.approx(stated, abs=error)
    assert stated > least


def test_unknown_networks_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["vgg", "--out", "x.safetensors"])
    assert "cifar_resnet20" in capsys.readouterr().err
