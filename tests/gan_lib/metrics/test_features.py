"""Feature extractors: what they accept, where their weights come from, and what happens without them."""

import hashlib

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from gan_lib.data import load_images, scale
from gan_lib.metrics import EXTRACTORS, embed, features, load_extractor

INCEPTION = URL_INCEPTION_V3.rpartition("/")[2]
NETWORKS = {"cifar_resnet20": (features.cifar_resnet20, 3), "fashion_cnn": (features.fashion_cnn, 1)}


def images(n, channels=3, size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


@pytest.fixture(params=NETWORKS)
def saved(request, tmp_path):
    """Name, network and folder of a classifier that has seen a batch, so that its batch norm matters."""
    name = request.param
    torch.manual_seed(0)
    network = NETWORKS[name][0]()
    network(scale(images(64, NETWORKS[name][1])))
    features.save_classifier(network, tmp_path / f"{name}.safetensors", accuracy=0.875)
    return name, network.eval(), tmp_path


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="inception, cifar_resnet20, fashion_cnn, pixels; got 'vgg'"):
        load_extractor("vgg")
    assert EXTRACTORS == ("inception", "cifar_resnet20", "fashion_cnn", "pixels")


def test_pixels_are_the_pixels():
    x = load_images("fashion_mnist_10k").images[:50]
    found = embed(load_extractor("pixels"), x, batch_size=7)
    assert found.name == "pixels" and found.probabilities is None
    torch.testing.assert_close(found.features, x.flatten(1).float() / 255)


def test_a_classifier_is_found_again_with_its_accuracy(saved):
    name, network, folder = saved
    extractor = load_extractor(name, root=folder)
    assert (extractor.name, extractor.accuracy) == (name, 0.875)
    x = images(10, NETWORKS[name][1])
    found = embed(extractor, x)
    with torch.no_grad():
        expected, logits = network(scale(x))
    torch.testing.assert_close(found.features, expected)
    torch.testing.assert_close(found.probabilities, logits.softmax(1))
    assert found.features.shape == (10, {"cifar_resnet20": 64, "fashion_cnn": 128}[name])
    assert found.name == name and not found.features.requires_grad


def test_the_batches_of_an_embedding_do_not_matter(saved):
    name, _, folder = saved
    extractor, x = load_extractor(name, root=folder), images(30, NETWORKS[name][1])
    whole, parts = embed(extractor, x), embed(extractor, x, batch_size=4)
    torch.testing.assert_close(parts.features, whole.features, rtol=1e-4, atol=1e-5)


def test_the_residual_network_is_the_published_one():
    network = features.cifar_resnet20()
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 20
    assert sum(p.numel() for p in network.parameters()) == 269_722  # 0.27 million in the paper's table 6


def test_a_downsampling_block_starts_as_its_shortcut():
    block = features._Residual(2, 4, stride=2).eval()
    torch.nn.init.zeros_(block.body[-1].weight)
    x = torch.rand(1, 2, 4, 4)
    expected = torch.cat([x[..., ::2, ::2], torch.zeros(1, 2, 2, 2)], 1)
    torch.testing.assert_close(block(x), expected)


def test_grey_images_may_come_unpadded(tmp_path):
    torch.manual_seed(0)
    features.save_classifier(features.fashion_cnn(), tmp_path / "fashion_cnn.safetensors", accuracy=0.5)
    extractor = load_extractor("fashion_cnn", root=tmp_path)
    x = images(5, 1, 28)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    torch.testing.assert_close(embed(extractor, x).features, embed(extractor, padded).features)


@pytest.mark.parametrize(
    "name, shape, wanted",
    [
        ("cifar_resnet20", (1, 32, 32), "3x32x32"),
        ("cifar_resnet20", (3, 28, 28), "3x32x32"),
        ("fashion_cnn", (3, 32, 32), "1x28x28 or 1x32x32"),
        ("fashion_cnn", (1, 32, 28), "1x28x28 or 1x32x32"),
    ],
)
def test_other_images_are_refused(name, shape, wanted, tmp_path):
    features.save_classifier(NETWORKS[name][0](), tmp_path / f"{name}.safetensors", accuracy=0.5)
    extractor = load_extractor(name, root=tmp_path)
    with pytest.raises(ValueError, match=f"{name} must be {wanted}, got "):
        embed(extractor, torch.zeros(2, *shape, dtype=torch.uint8))


@pytest.mark.parametrize("bad", [torch.zeros(2, 3, 32, 32), images(2)[0], images(2)[:0]])
def test_only_images_are_embedded(bad):
    with pytest.raises(ValueError, match=r"uint8 \(N, C, H, W\), got torch"):
        embed(load_extractor("pixels"), bad)


@pytest.mark.parametrize("name", NETWORKS)
def test_missing_weights_are_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{name} are missing: no file .*{name}\.safetensors"):
        load_extractor(name, root=tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    features.save_classifier(features.fashion_cnn(), tmp_path / "cifar_resnet20.safetensors", accuracy=0.5)
    with pytest.raises(ValueError, match=r"cifar_resnet20\.safetensors holds no weights of cifar_resnet20"):
        load_extractor("cifar_resnet20", root=tmp_path)


def test_an_accuracy_is_a_share(tmp_path):
    with pytest.raises(ValueError, match=r"\[0, 1\], got 91"):
        features.save_classifier(features.fashion_cnn(), tmp_path / "x.safetensors", accuracy=91)


def test_inception_without_weights_says_where_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="download=True, or fetch them") as error:
        load_extractor("inception")
    assert URL_INCEPTION_V3 in str(error.value)
    assert str(tmp_path / "hub" / "checkpoints" / INCEPTION) in str(error.value)


def test_inception_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    """A port of this machine where nobody listens: what a machine without a network does with any address."""
    monkeypatch.setattr(
        "torch_fidelity.feature_extractor_inceptionv3.URL_INCEPTION_V3", f"http://127.0.0.1:9/{INCEPTION}"
    )
    with pytest.raises(OSError, match=r"could not download .*cifar_resnet20, fashion_cnn, pixels"):
        load_extractor("inception", root=tmp_path / "new", download=True)
    assert list((tmp_path / "new").iterdir()) == []


def test_other_content_is_no_inception(tmp_path):
    (tmp_path / INCEPTION).write_bytes(b"half a file")
    digest = hashlib.sha256(b"half a file").hexdigest()
    with pytest.raises(ValueError, match=rf"corrupt: sha256 {digest} where 6726825d\.\.\. was expected"):
        load_extractor("inception", root=tmp_path)


@pytest.mark.slow
def test_inception_is_the_network_of_torch_fidelity(tmp_path, monkeypatch):
    """With random weights in the place of the published ones: the network and all of the path are real."""

    class Untrained(FeatureExtractorInceptionV3):
        def load_state_dict(self, _):
            torch.nn.init.normal_(self.fc.weight, std=0.1)

    path = tmp_path / INCEPTION
    torch.save({}, path)
    torch.manual_seed(0)
    reference = Untrained("untrained", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path))
    torch.save(reference.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(features, "_INCEPTION_SHA256", digest[:8])
    extractor = load_extractor("inception", root=tmp_path)
    colour, grey = images(2), images(1, 1)
    found = embed(extractor, colour)
    expected, logits = reference(colour)
    torch.testing.assert_close(found.features, expected)
    torch.testing.assert_close(found.probabilities, logits.softmax(1))
    assert found.name == "inception" and found.features.shape == (2, 2048)
    torch.testing.assert_close(
        embed(extractor, grey).features, embed(extractor, grey.repeat(1, 3, 1, 1)).features
    )
    with pytest.raises(ValueError, match="1 or 3 channels, got 2"):
        embed(extractor, images(1, 2))
