"""Feature spaces: what a metric of images compares them in. No number means anything without its name.

"inception" is the network of the published FID, Inception Score and KID. The small ones, trained by this
project on Fashion-MNIST and CIFAR-10, serve where its weights cannot be had; "pixels" needs no weights.
"""

import hashlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

_ASSETS = Path(__file__).parents[1] / "assets"
_INCEPTION_SHA256 = "6726825d"  # its first digits, as in the name of the published file


class Extractor(NamedTuple):
    """name: of the features. network: uint8 (B, C, H, W) to features (B, d) and class probabilities (B, K) or
    None. device: where it runs. accuracy: of its classes on the test split, in [0, 1], None if unknown."""

    name: str
    network: Callable
    device: torch.device
    accuracy: float | None = None


class Embedded(NamedTuple):
    """name: of the features. features: (N, d). probabilities: (N, K) of classes, or None."""

    name: str
    features: torch.Tensor
    probabilities: torch.Tensor | None = None


def load_extractor(name, *, device="cpu", root=None, download=False):
    """A feature extractor by name.

    Args:
        name: "inception" (2048 features, colour or grey), "cifar_resnet20" (64, 32x32 colour), "fashion_cnn"
            (128, 28x28 or 32x32 grey) or "pixels" (all of them, in [0, 1]).
        device: where it runs and leaves its results.
        root: folder of the weights; None is PyTorch's cache for inception, this library for the others.
        download: fetch the weights of inception (91 MB) if they are missing.

    Returns: `Extractor`.
    Raises:
        ValueError: an unknown name, or weights that are not the ones meant.
        FileNotFoundError: the weights are missing. OSError: the download failed.
    """
    if name not in EXTRACTORS:
        raise ValueError(f"features must be one of {', '.join(EXTRACTORS)}; got {name!r}")
    device = torch.device(device)
    if name == "pixels":
        return Extractor(name, lambda images: (images.flatten(1) / 255, None), device)
    if name == "inception":
        return Extractor(name, _inception(root, device, download), device)
    path = Path(root or _ASSETS) / f"{name}.safetensors"
    classifier, accuracy = _load_classifier(name, path)
    return Extractor(name, _Classify(name, classifier.to(device).eval()), device, accuracy)


@torch.inference_mode()
def embed(extractor, images, batch_size=256):
    """Features of images, batch by batch; the results of one image do not depend on the others.

    Args:
        extractor: `Extractor`. images: uint8 (N, C, H, W), N >= 1, on any device. batch_size: of its batches.

    Returns: `Embedded`, on the extractor's device.
    Raises: ValueError if images are not uint8 (N, C, H, W), or not of the extractor's kind.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or len(images) == 0:
        raise ValueError(f"images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    results = [extractor.network(batch.to(extractor.device)) for batch in images.split(batch_size)]
    features, probabilities = zip(*results, strict=True)
    known = probabilities[0] is not None
    return Embedded(extractor.name, torch.cat(features), torch.cat(probabilities) if known else None)


class Classifier(nn.Module):
    """(B, C, 32, 32) in [-1, 1] to features (B, d) and logits (B, classes), which are linear in them."""

    def __init__(self, body, width, classes=10):
        super().__init__()
        self.body, self.head = body, nn.Linear(width, classes)

    def forward(self, x):
        features = self.body(x)
        return features, self.head(features)


def fashion_cnn():
    """A small convolutional network for grey 32x32 images (28x28 padded): 128 features, 10 classes.

    Returns: `Classifier`, in training mode, randomly initialised.
    """
    layers = []
    for before, after in ((1, 32), (32, 64), (64, 128)):
        layers += [*_convolution(before, after), nn.ReLU(), nn.MaxPool2d(2)]
    dense = [nn.Flatten(), nn.Linear(128 * 4 * 4, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU()]
    return Classifier(nn.Sequential(*layers, *dense), 128)


def cifar_resnet20():
    """The 20-layer residual network for CIFAR-10: 64 features, 10 classes, shortcuts without parameters.

    Returns: `Classifier`, in training mode, randomly initialised.
    Source: He et al. (2016), section 4.2.
    """
    layers = [*_convolution(3, 16), nn.ReLU()]
    for before, after, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        layers += [_Residual(before, after, stride), _Residual(after, after), _Residual(after, after)]
    network = Classifier(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 64)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def save_classifier(classifier, path, accuracy):
    """Write weights as `load_extractor` reads them: safetensors, with the accuracy on the test split.

    Raises: ValueError if accuracy is not in [0, 1].
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be in [0, 1], got {accuracy}")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    save_file(weights, path, metadata={"accuracy": str(float(accuracy))})


_CLASSIFIERS = {"cifar_resnet20": (cifar_resnet20, 3), "fashion_cnn": (fashion_cnn, 1)}
EXTRACTORS = ("inception", *_CLASSIFIERS, "pixels")


class _Residual(nn.Module):
    def __init__(self, before, after, stride=1):
        super().__init__()
        self.stride, self.extra = stride, after - before
        self.body = nn.Sequential(
            *_convolution(before, after, stride), nn.ReLU(), *_convolution(after, after)
        )

    def forward(self, x):
        shortcut = F.pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
        return F.relu(self.body(x) + shortcut)


def _convolution(before, after, stride=1):
    return (
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
    )


class _Classify(NamedTuple):
    """Images to features and probabilities by one of this project's classifiers."""

    name: str
    classifier: nn.Module

    def __call__(self, images):
        channels, (height, width) = _CLASSIFIERS[self.name][1], images.shape[2:]
        sizes = (28, 32) if channels == 1 else (32,)
        if images.shape[1] != channels or height != width or width not in sizes:
            wanted = " or ".join(f"{channels}x{size}x{size}" for size in sizes)
            raise ValueError(f"images for {self.name} must be {wanted}, got {tuple(images.shape[1:])}")
        margin = (32 - width) // 2
        x = F.pad(images, (margin,) * 4).to(torch.float32).sub_(127.5).div_(127.5)
        features, logits = self.classifier(x)
        return features, logits.softmax(1)


def _load_classifier(name, path):
    if not path.is_file():
        raise FileNotFoundError(
            f"the weights of {name} are missing: no file {path}. Train them: "
            f"python -m gan_lib.metrics.train_features {name} --out {path}"
        )
    with safe_open(path, "pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (it is no dictionary)
        accuracy = (file.metadata() or {}).get("accuracy")
    classifier = _CLASSIFIERS[name][0]()
    try:
        classifier.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path} holds no weights of {name}: {error}") from error
    return classifier, None if accuracy is None else float(accuracy)


def _inception(root, device, download):
    # here: slow to import, and only this extractor needs it
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

    path = Path(root or Path(torch.hub.get_dir()) / "checkpoints") / URL_INCEPTION_V3.rpartition("/")[2]
    if not path.is_file():
        if not download:
            raise FileNotFoundError(
                f"the weights of inception are missing: no file {path}. Pass download=True, or fetch them "
                f"on a machine with a network from {URL_INCEPTION_V3} and put them there"
            )
        _download(URL_INCEPTION_V3, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(_INCEPTION_SHA256):
        raise ValueError(
            f"{path} is corrupt: sha256 {digest} where {_INCEPTION_SHA256}... was expected. Delete it"
        )
    network = FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
    ).to(device)

    def classify(images):
        if images.shape[1] not in (1, 3):
            raise ValueError(f"images for inception must have 1 or 3 channels, got {images.shape[1]}")
        features, logits = network(images.expand(-1, 3, -1, -1))
        return features, logits.softmax(1)

    return classify


def _download(url, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=_INCEPTION_SHA256, progress=False)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(
            f"could not download the weights of inception from {url}: {error}. On a machine without a "
            f"network, put the file at {path}, or choose other features: {', '.join(EXTRACTORS[1:])}"
        ) from error
