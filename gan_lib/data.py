"""Data: labelled images in memory, shuffled batches of them, and the toy densities of the GAN literature.

Images are uint8 until the last moment: a batch goes to the device as bytes and is scaled there.
"""

import gzip
import hashlib
import math
import os
import pickle
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F


class LabelledImages(NamedTuple):
    """images: uint8 (N, C, H, W), RGB or grey; labels: int64 (N,), positions in classes."""

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]


def load_images(name, split=None, root=None, *, download=False, pad=False):
    """Load a data set into memory, every file checked against its published content.

    Args:
        name: "cifar10" (3x32x32; torchvision's python release or the official binary one), "fashion_mnist"
            or "mnist" (1x28x28; idx files, plain or gzipped), or "fashion_mnist_10k": Fashion-MNIST's test
            split, which is part of this library.
        split: "train" or "test"; None is "train", and "test" for fashion_mnist_10k, which has no other.
        root: folder of the data sets, laid out as torchvision does; None is `data_root`.
            fashion_mnist_10k needs none.
        download: fetch through torchvision what is missing.
        pad: surround 28x28 images with background to 32x32.

    Returns: `LabelledImages`, in the files' order.
    Raises:
        ValueError: an unknown name or split, or a corrupt file.
        FileNotFoundError: files are missing and download is False.
        OSError: the download failed; no part of it is left.
    """
    splits = splits_of(name)
    split = splits[0] if split is None else split
    if split not in splits:
        raise ValueError(f"split of {name} must be one of {', '.join(splits)}; got {split!r}")
    dataset = _DATASETS[name]
    embedded = name == "fashion_mnist_10k"
    root = _ASSETS if embedded else Path(root or data_root()).expanduser()
    if download and not embedded and _complete_release(dataset, split, root) is None:
        _download(name, root)
    release = _complete_release(dataset, split, root)
    if release is None:
        raise FileNotFoundError(_what_is_missing(name, split, root))
    images, labels = release.parse(*(_read_verified(root, path) for path in release.files[split]))
    images = torch.from_numpy(images)
    if pad:
        margin = (32 - images.shape[-1]) // 2
        images = F.pad(images, (margin, margin, margin, margin))
    return LabelledImages(images, torch.from_numpy(labels.astype(np.int64)), dataset.classes)


def splits_of(name):
    """The names of a data set's splits, the default first; ValueError for an unknown data set."""
    if name not in _DATASETS:
        raise ValueError(f"data set must be one of {', '.join(DATASETS)}; got {name!r}")
    return tuple(_DATASETS[name].releases[0].files)


def data_root():
    """The folder of the data sets: $GAN_DATA, else the user's cache, $XDG_CACHE_HOME or ~/.cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("GAN_DATA") or cache / "gan_lib")


def scale(images):
    """uint8 in 0 ... 255 to float32 in [-1, 1], the range of tanh, on the same device.

    Raises: ValueError if images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8, got {images.dtype}")
    return images.to(torch.float32).sub_(127.5).div_(127.5)


def unscale(x):
    """Floats in [-1, 1] to the nearest uint8 in 0 ... 255; what lies outside is clamped. Undoes `scale`."""
    return x.detach().to(torch.float32).mul(127.5).add_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def batches(images, batch_size, generator, *, device="cpu", labels=None):
    """Iterate over one shuffled epoch in batches, scaled to [-1, 1]; an incomplete last batch is dropped.

    Args:
        images: uint8 (N, C, H, W), on any device.
        batch_size: at most N.
        generator: torch.Generator on the CPU. The call draws the whole order from it, and nothing else
            does: its state before the call reproduces the epoch.
        device: where the batches go.
        labels: (N,) or None.

    Returns: iterator over x, float32 (batch_size, C, H, W), or with labels over (x, y).
    Raises: ValueError if batch_size is not in 1 ... N, or images and labels differ in length.
    """
    if not 1 <= batch_size <= len(images):
        raise ValueError(f"batch_size must be in 1 ... {len(images)}, the number of images; got {batch_size}")
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"images and labels must be equally many, got {len(images)} and {len(labels)}")
    whole = len(images) // batch_size * batch_size
    order = torch.randperm(len(images), generator=generator)[:whole].to(images.device).split(batch_size)
    if labels is None:
        return (scale(images[index].to(device)) for index in order)
    labels = labels.to(images.device)
    return ((scale(images[index].to(device)), labels[index].to(device)) for index in order)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Equally likely round Gaussians: a density whose modes, samples and log-density are known exactly.

    Attributes:
        modes: (K, d) float, the centres.
        std: standard deviation along each axis, > 0.
    """

    modes: torch.Tensor
    std: float

    def __post_init__(self):
        if not 0 < self.std < math.inf:
            raise ValueError(f"std must be positive and finite, got {self.std}")

    def sample(self, n, generator):
        """Draw n points, (n, d), from a torch.Generator and on its device."""
        modes = self.modes.to(generator.device)
        which = torch.randint(len(modes), (n,), generator=generator, device=generator.device)
        noise = torch.randn(n, modes.shape[1], generator=generator, device=generator.device)
        return modes[which] + self.std * noise

    def log_prob(self, x):
        """Log-density in nats of points (n, d): (n,), differentiable, finite however far they are."""
        modes = self.modes.to(x)
        exponents = -(x[:, None] - modes).square().sum(2) / (2 * self.std**2)
        constant = math.log(len(modes)) + modes.shape[1] * math.log(self.std * math.sqrt(2 * math.pi))
        return exponents.logsumexp(1) - constant


def ring(modes=8, radius=1.0, std=0.01):
    """Gaussians evenly on a circle. std=0.1 is the wide variant: its modes nearly touch, and a GAN learns it
    more easily.

    Returns: `GaussianMixture`, modes (modes, 2), counter-clockwise from (radius, 0).
    Source: Lin et al. (2018), PacGAN, section 4.1 ("2D-ring").
    """
    angles = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    return GaussianMixture((radius * torch.stack([angles.cos(), angles.sin()], 1)).float(), std)


def grid(side=5, spacing=2.0, std=0.05):
    """Gaussians on a square grid around the origin; with the defaults 25, at -4, -2, 0, 2 and 4.

    Returns: `GaussianMixture`, modes (side * side, 2), row by row.
    Source: Lin et al. (2018), PacGAN, section 4.1 ("2D-grid").
    """
    ticks = spacing * (torch.arange(side) - (side - 1) / 2)
    return GaussianMixture(torch.cartesian_prod(ticks, ticks), std)


# --- files --------------------------------------------------------------------------------------------------

_ASSETS = Path(__file__).parent / "assets"

# Path under the root -> "algorithm:digest" of the content: of idx files, as they are without gzip.
CHECKSUMS = {
    path: checksum for checksum, path in map(str.split, (_ASSETS / "checksums.txt").read_text().splitlines())
}


def _parse_cifar10_binary(*files):
    """Records of one label byte and 3,072 image bytes."""
    records = np.concatenate([np.frombuffer(raw, np.uint8).reshape(-1, 1 + 3 * 32 * 32) for raw in files])
    return np.ascontiguousarray(records[:, 1:]).reshape(-1, 3, 32, 32), records[:, 0]


def _parse_cifar10_python(*files):
    """Pickled dictionaries. A pickle can run code: only content with a known checksum comes here."""
    entries = [pickle.loads(raw, encoding="latin1") for raw in files]
    images = np.concatenate([entry["data"] for entry in entries]).reshape(-1, 3, 32, 32)
    return images, np.concatenate([entry["labels"] for entry in entries])


def _parse_idx(images, labels):
    """Big-endian: two zero bytes, a type code, the number of dimensions, each as 4 bytes; then the values."""
    arrays = []
    for raw in (images, labels):
        shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
        arrays.append(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy())
    return arrays[0][:, None], arrays[1]


class _Release(NamedTuple):
    """One published form of a data set: how to parse the files of a split, and their paths under the root."""

    parse: Callable[..., tuple[np.ndarray, np.ndarray]]
    files: dict[str, tuple[str, ...]]


class _Dataset(NamedTuple):
    classes: tuple[str, ...]
    releases: tuple[_Release, ...]  # the first is the one that torchvision fetches


def _cifar10(parse, folder, suffix):
    train = tuple(f"{folder}/data_batch_{i}{suffix}" for i in range(1, 6))
    return _Release(parse, {"train": train, "test": (f"{folder}/test_batch{suffix}",)})


def _idx(folder, splits):
    files = {
        name: tuple(f"{folder}/{stem}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
        for name, stem in splits.items()
    }
    return _Release(_parse_idx, files)


_SPLITS = {"train": "train", "test": "t10k"}
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_DATASETS = {
    "cifar10": _Dataset(
        _OBJECTS,
        (
            _cifar10(_parse_cifar10_python, "cifar-10-batches-py", ""),
            _cifar10(_parse_cifar10_binary, "cifar-10-batches-bin", ".bin"),
        ),
    ),
    "fashion_mnist": _Dataset(_CLOTHES, (_idx("FashionMNIST/raw", _SPLITS),)),
    "mnist": _Dataset(tuple("0123456789"), (_idx("MNIST/raw", _SPLITS),)),
    "fashion_mnist_10k": _Dataset(_CLOTHES, (_idx("fashion_mnist_10k", {"test": "t10k"}),)),
}
DATASETS = tuple(_DATASETS)


def _find(root, path):
    """The file itself or its gzipped form, None if there is neither."""
    return next((file for file in (root / path, root / f"{path}.gz") if file.is_file()), None)


def _complete_release(dataset, split, root):
    return next((r for r in dataset.releases if all(_find(root, path) for path in r.files[split])), None)


def _what_is_missing(name, split, root):
    missing = []
    for release in _DATASETS[name].releases:
        first, *others = (path for path in release.files[split] if _find(root, path) is None)
        missing.append(f"{first} and {len(others)} more" if others else first)
    return f"{name} ({split}) is not in {root}: missing {', or else '.join(missing)}. {_remedy(root)}"


def _remedy(root):
    if root == _ASSETS:
        return "Install gan_lib again"
    return "Pass download=True, or set GAN_DATA (or root) to a folder with a good copy"


def _read_verified(root, path):
    file = _find(root, path)
    raw = file.read_bytes()
    size = f"{len(raw):,} bytes"
    if file.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{file} is corrupt: {size} that are no whole gzip file ({error}). Delete it. {_remedy(root)}"
            ) from error
    algorithm, _, expected = CHECKSUMS[path].partition(":")
    seen = hashlib.new(algorithm, raw, usedforsecurity=False).hexdigest()
    if seen != expected:
        raise ValueError(
            f"{file} is corrupt: {size}, content with {algorithm} {seen} where {expected} was expected. "
            f"Delete it. {_remedy(root)}"
        )
    return raw


def _download(name, root):
    from torchvision import datasets  # here: slow to import, and most loads need nothing of it

    fetch = {"cifar10": datasets.CIFAR10, "fashion_mnist": datasets.FashionMNIST, "mnist": datasets.MNIST}
    files = [path for split in _DATASETS[name].releases[0].files.values() for path in split]
    try:
        root.mkdir(parents=True, exist_ok=True)
        # fetched beside its place and moved once whole and verified: a failure leaves nothing behind
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            fetch[name](folder, download=True)
            for path in files:
                if _find(root, path) is None:
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(Path(folder) / path, root / path)
    except (OSError, RuntimeError, HTTPException) as error:
        raise OSError(f"could not download {name} to {root}: {error}") from error
