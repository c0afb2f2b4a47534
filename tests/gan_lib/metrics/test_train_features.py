"""The recipe of the small feature networks, and the weights that it made."""

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


@pytest.mark.slow
def test_shipped_weights_have_the_accuracy_that_they_state():
    extractor = features.load_extractor("fashion_cnn")
    test = load_images("fashion_mnist_10k", pad=True)
    found = features.embed(extractor, test.images).probabilities.argmax(1)
    assert (found == test.labels).float().mean().item() == pytest.approx(extractor.accuracy, abs=5e-4)
    assert extractor.accuracy > 0.92


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("GAN_DATA"), reason="GAN_DATA names no folder of data sets")
def test_shipped_colour_weights_have_the_accuracy_that_they_state():
    extractor = features.load_extractor("cifar_resnet20")
    test = load_images("cifar10", "test")
    found = features.embed(extractor, test.images).probabilities.argmax(1)
    assert (found == test.labels).float().mean().item() == pytest.approx(extractor.accuracy, abs=2e-3)
    assert extractor.accuracy > 0.8


def test_unknown_networks_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["vgg", "--out", "x.safetensors"])
    assert "cifar_resnet20" in capsys.readouterr().err
