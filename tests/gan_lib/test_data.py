import functools
import gzip
import hashlib
import io
import itertools
import math
import os
import pickle
import shutil
import struct
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from gan_lib import data
from gan_lib.data import batches, grid, load_images, ring, scale, unscale

EMBEDDED = Path(data.__file__).parent / "assets" / "fashion_mnist_10k"
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
real_data = pytest.mark.skipif(not os.environ.get("GAN_DATA"), reason="GAN_DATA names no folder of data sets")


# --- images -------------------------------------------------------------------------------------------------


def test_the_embedded_set_needs_no_split_and_no_root(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_DATA", str(tmp_path))
    images, labels, classes = load_images("fashion_mnist_10k")
    assert images.shape == (10_000, 1, 28, 28) and images.dtype == torch.uint8
    assert labels.dtype == torch.int64 and labels.bincount().tolist() == [1000] * 10
    assert [classes[i] for i in labels[:5]] == ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]
    assert (EMBEDDED / "LICENSE").read_text().startswith("The MIT License")


def test_padding_surrounds_with_background():
    plain, padded = load_images("fashion_mnist_10k").images, load_images("fashion_mnist_10k", pad=True).images
    assert padded.shape == (10_000, 1, 32, 32)
    assert padded[..., 2:-2, 2:-2].equal(plain)
    assert padded.sum() == plain.sum()


def test_unknown_names_and_splits_list_the_known():
    with pytest.raises(
        ValueError, match="one of cifar10, fashion_mnist, mnist, fashion_mnist_10k; got 'svhn'"
    ):
        load_images("svhn")
    with pytest.raises(ValueError, match="one of train, test; got 'valid'"):
        load_images("mnist", "valid")
    with pytest.raises(ValueError, match="one of test; got 'train'"):
        load_images("fashion_mnist_10k", "train")


def test_the_root_is_gan_data_then_a_cache_of_the_user(monkeypatch):
    monkeypatch.setenv("GAN_DATA", "/somewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert data.data_root() == Path("/somewhere")
    monkeypatch.setenv("GAN_DATA", "")
    assert data.data_root() == Path("/cache/gan_lib")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert data.data_root() == Path.home() / ".cache" / "gan_lib"


# --- files: Fashion-MNIST's own bytes, whole and broken -----------------------------------------------------


@pytest.fixture
def raw(tmp_path):
    """A folder of data sets with Fashion-MNIST's test split, gzipped; its folder of files."""
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name in (IMAGES, LABELS):
        shutil.copy(EMBEDDED / f"{name}.gz", folder)
    return folder


def unzip(folder, name):
    (folder / name).write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
    (folder / f"{name}.gz").unlink()
    return folder / name


@pytest.mark.parametrize("plain", [(), (IMAGES,), (IMAGES, LABELS)])
def test_idx_files_plain_or_gzipped(tmp_path, raw, plain):
    for name in plain:
        unzip(raw, name)
    expected, found = load_images("fashion_mnist_10k"), load_images("fashion_mnist", "test", tmp_path)
    assert found.images.equal(expected.images) and found.labels.equal(expected.labels)


def test_gzip_of_another_program_is_as_good(tmp_path, raw):
    content = gzip.decompress((raw / f"{LABELS}.gz").read_bytes())
    (raw / f"{LABELS}.gz").write_bytes(gzip.compress(content, 1))
    assert len(load_images("fashion_mnist", "test", str(tmp_path)).labels) == 10_000


def flip_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


BREAKS = {
    "truncated": lambda content: content[:-1000],
    "half": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "one bit": flip_bit,
    "a web page": lambda content: b"<html>404</html>",
    "longer": lambda content: content + b"\0",
}


# zeros after the end of a gzip file are allowed, so "longer" is a fault of plain files alone
@pytest.mark.parametrize(
    ("kind", "zipped"),
    [pair for pair in itertools.product(BREAKS, (True, False)) if pair != ("longer", True)],
)
def test_a_corrupt_file_is_named_with_what_to_do(tmp_path, raw, kind, zipped):
    file = raw / f"{IMAGES}.gz" if zipped else unzip(raw, IMAGES)
    file.write_bytes(BREAKS[kind](file.read_bytes()))
    with pytest.raises(ValueError, match="is corrupt") as error:
        load_images("fashion_mnist", "test", tmp_path)
    message = str(error.value)
    assert str(file) in message and f"{file.stat().st_size:,} bytes" in message
    assert "Delete it" in message and "download=True" in message and "GAN_DATA" in message


def test_a_broken_installation_says_so(tmp_path, monkeypatch):
    shutil.copytree(EMBEDDED, tmp_path / EMBEDDED.name)
    monkeypatch.setattr(data, "_ASSETS", tmp_path)
    labels = tmp_path / EMBEDDED.name / f"{LABELS}.gz"
    labels.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"{LABELS}.gz is corrupt.* Install gan_lib again"):
        load_images("fashion_mnist_10k")
    labels.unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"missing fashion_mnist_10k/{LABELS}\. Install gan_lib again"
    ):
        load_images("fashion_mnist_10k", download=True)


def test_a_missing_file_is_named_with_what_to_do(tmp_path, raw):
    (raw / f"{LABELS}.gz").unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"missing FashionMNIST/raw/{LABELS}\. Pass download.*GAN_DATA"
    ):
        load_images("fashion_mnist", "test", tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"cifar-10-batches-py/data_batch_1 and 4 more, or else cifar"
    ):
        load_images("cifar10", root=tmp_path / "nothing")


# --- files: both releases of CIFAR-10, made small -----------------------------------------------------------


class Python2Pickler(pickle._Pickler):
    """Writes as Python 2 and the NumPy of its day did: text and bytes are both its byte strings."""

    def save_string(self, value):
        raw = value.encode() if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch = pickle._Pickler.dispatch | {str: save_string, bytes: save_string}


def python2_pickle(content):
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(content)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


@pytest.fixture
def small_cifar10(tmp_path, monkeypatch):
    """(folder of the binary release, of the python release), images, labels: 5 x 4 + 4 random images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 3, 32, 32), np.uint8)
    labels = rng.integers(0, 10, 24)
    folders = tmp_path / "binary", tmp_path / "python"
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        part = slice(4 * i, 4 * i + 4)
        rows = images[part].reshape(4, -1)
        contents = {
            f"cifar-10-batches-bin/{name}.bin": np.c_[labels[part].astype(np.uint8), rows].tobytes(),
            f"cifar-10-batches-py/{name}": python2_pickle({"data": rows, "labels": labels[part].tolist()}),
        }
        for folder, (path, content) in zip(folders, contents.items(), strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
            monkeypatch.setitem(data.CHECKSUMS, path, "md5:" + hashlib.md5(content).hexdigest())
    return folders, torch.from_numpy(images), torch.from_numpy(labels)


@pytest.mark.filterwarnings("error")
def test_both_releases_of_cifar10(small_cifar10):
    folders, images, labels = small_cifar10
    for folder in folders:
        train, test = load_images("cifar10", "train", folder), load_images("cifar10", "test", folder)
        assert train.images.equal(images[:20]) and train.labels.equal(labels[:20])
        assert test.images.equal(images[20:]) and test.labels.equal(labels[20:])
        assert train.classes[3] == "cat"


def test_the_complete_release_is_taken(small_cifar10):
    (binary, python), images, _ = small_cifar10
    shutil.copytree(binary, python, dirs_exist_ok=True)
    (python / "cifar-10-batches-py" / "data_batch_3").unlink()
    assert load_images("cifar10", root=python).images.equal(images[:20])
    (python / "cifar-10-batches-bin" / "data_batch_2.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"py/data_batch_3, or else \S+bin/data_batch_2.bin\."):
        load_images("cifar10", root=python)


def test_a_strange_pickle_is_never_opened(small_cifar10, tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    (_, python), _, _ = small_cifar10
    (python / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(ValueError, match="test_batch is corrupt"):
        load_images("cifar10", "test", python)
    assert not (tmp_path / "opened").exists()


def test_checksums_of_the_python_release_are_those_of_torchvision():
    release = torchvision.datasets.CIFAR10
    for name, md5 in release.train_list + release.test_list:
        assert data.CHECKSUMS[f"{release.base_folder}/{name}"] == f"md5:{md5}"


# --- downloads: torchvision against a server of our own -----------------------------------------------------


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The folder that torchvision's mirror of Fashion-MNIST serves; its train files are the test files."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    resources = []
    for name, split in itertools.product((IMAGES, LABELS), ("train", "t10k")):
        target = folder / f"{name.replace('t10k', split)}.gz"
        shutil.copy(EMBEDDED / f"{name}.gz", target)
        resources.append((target.name, hashlib.md5(target.read_bytes()).hexdigest()))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [url])
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    yield folder
    server.shutdown()
    server.server_close()


def files_in(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_download_fetches_what_is_missing(tmp_path, mirror):
    root = tmp_path / "new" / "root"
    found = load_images("fashion_mnist", "test", root, download=True)
    assert found.images.equal(load_images("fashion_mnist_10k").images)
    raw = [
        f"FashionMNIST/raw/{split}-{kind}" for split in ("t10k", "train") for kind in (IMAGES[5:], LABELS[5:])
    ]
    assert files_in(root) == sorted(raw)
    assert [path.name for path in root.iterdir()] == ["FashionMNIST"]


def test_download_touches_neither_the_network_nor_the_files_when_all_is_there(tmp_path, raw, mirror):
    before = {file: file.stat().st_mtime_ns for file in raw.iterdir()}
    shutil.rmtree(mirror)
    load_images("fashion_mnist", "test", tmp_path, download=True)
    assert {file: file.stat().st_mtime_ns for file in raw.iterdir()} == before


def test_download_leaves_the_files_that_are_there(tmp_path, raw, mirror):
    (raw / f"{LABELS}.gz").unlink()
    mine = unzip(raw, IMAGES)
    before = mine.stat().st_ino
    load_images("fashion_mnist", "test", tmp_path, download=True)
    assert mine.stat().st_ino == before


def test_what_was_served_is_still_checked(tmp_path, mirror):
    # the mirror's train files pass torchvision's (changed) checksums, not ours
    with pytest.raises(ValueError, match="train-images-idx3-ubyte is corrupt"):
        load_images("fashion_mnist", "train", tmp_path / "root", download=True)


@pytest.mark.parametrize("kind", ["absent", "truncated", "a web page"])
def test_a_failed_download_leaves_nothing(tmp_path, mirror, kind):
    file = mirror / f"{LABELS}.gz"
    content = file.read_bytes()
    file.unlink()
    if kind != "absent":
        file.write_bytes(BREAKS[kind](content))
    root = tmp_path / "root"
    with pytest.raises(OSError, match=f"could not download fashion_mnist to {root}"):
        load_images("fashion_mnist", "test", root, download=True)
    assert list(root.iterdir()) == []


def test_a_root_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"could not download mnist to \S+file"):
        load_images("mnist", root=tmp_path / "file", download=True)


# --- real data ----------------------------------------------------------------------------------------------


@real_data
@pytest.mark.parametrize(
    ("name", "shape", "mean"),
    [  # the means that the field normalises by
        ("cifar10", (50_000, 3, 32, 32), (0.4914, 0.4822, 0.4465)),
        ("fashion_mnist", (60_000, 1, 28, 28), (0.2860,)),
        ("mnist", (60_000, 1, 28, 28), (0.1307,)),
    ],
)
def test_real_data(name, shape, mean):
    images, labels, classes = load_images(name)
    assert images.shape == shape and len(labels) == shape[0] and len(classes) == 10
    sums = images.sum((0, 2, 3), dtype=torch.int64) / 255
    torch.testing.assert_close(
        sums / (len(images) * shape[2] * shape[3]), torch.tensor(mean), atol=5e-5, rtol=0
    )
    test = load_images(name, "test")
    assert test.images.shape == (10_000, *shape[1:])
    if name != "mnist":
        assert labels.bincount().tolist() == [shape[0] // 10] * 10
        assert test.labels.bincount().tolist() == [1000] * 10


@real_data
def test_real_data_is_padded_only_where_it_is_small():
    assert load_images("mnist", "test", pad=True).images.shape[2:] == (32, 32)
    assert load_images("cifar10", "test", pad=True).images.equal(load_images("cifar10", "test").images)


# --- scaling and batches ------------------------------------------------------------------------------------

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_scale_is_exact_and_is_undone():
    x = scale(LEVELS)
    expected = (np.arange(256).astype("float32") - 127.5) / 127.5
    assert x.dtype == torch.float32 and np.array_equal(x.numpy(), expected)
    assert x.min() == -1 and x.max() == 1
    assert unscale(x).equal(LEVELS)
    assert LEVELS.equal(torch.arange(256, dtype=torch.uint8))


def test_unscale_rounds_and_clamps():
    x = torch.tensor([-1.5, -1.0, 0.49 / 127.5, 1.0, 7.0], dtype=torch.float64)
    assert unscale(x).tolist() == [0, 0, 128, 255, 255]
    assert unscale(torch.tensor([1.0], dtype=torch.bfloat16, requires_grad=True)).tolist() == [255]


def test_scale_refuses_what_is_scaled_already():
    with pytest.raises(ValueError, match=r"must be uint8, got torch\.float32"):
        scale(scale(LEVELS))


@given(n=st.integers(1, 40), batch_size=st.integers(1, 40), seed=st.integers(0, 2**63 - 1))
def test_an_epoch_is_a_permutation_that_its_generator_decides(n, batch_size, seed):
    images = torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 2, 1, 1)
    labels = torch.arange(n) + 100
    generator = torch.Generator().manual_seed(seed)
    if batch_size > n:
        with pytest.raises(ValueError, match=rf"in 1 \.\.\. {n}, the number of images; got {batch_size}"):
            batches(images, batch_size, generator)
        return
    before = generator.get_state()
    epoch = list(batches(images, batch_size, generator, labels=labels))
    after = generator.get_state()
    assert [x.shape for x, _ in epoch] == [(batch_size, 2, 1, 1)] * (n // batch_size)
    for x, y in epoch:
        assert x.equal(scale(images[y - 100]))
    drawn = torch.cat([y for _, y in epoch])
    assert len(drawn.unique()) == len(drawn) == n // batch_size * batch_size
    assert set(drawn.tolist()) <= set(labels.tolist())
    torch.rand(3)  # no other random state takes part
    generator.set_state(before)
    again = batches(images, batch_size, generator)
    assert generator.get_state().equal(after)
    assert all(x.equal(y) for x, (y, _) in zip(again, epoch, strict=True))


def test_epochs_differ():
    images, generator = LEVELS[:, None, None, None], torch.Generator().manual_seed(0)
    first, second = (torch.cat(list(batches(images, 256, generator))) for _ in range(2))
    assert not first.equal(second) and first.flatten().sort()[0].equal(second.flatten().sort()[0])


def test_labels_must_be_as_many_as_images():
    with pytest.raises(ValueError, match="got 256 and 3"):
        batches(LEVELS[:, None, None, None], 2, torch.Generator(), labels=torch.zeros(3))


# --- toy densities ------------------------------------------------------------------------------------------

TOYS = {"ring": ring(), "wide ring": ring(std=0.1), "grid": grid(), "triangle": ring(3, 2.0, 0.5)}


def test_modes_are_where_the_literature_has_them():
    assert {tuple(mode) for mode in grid().modes.tolist()} == set(
        itertools.product((-4, -2, 0, 2, 4), repeat=2)
    )
    assert grid().std == 0.05 and ring().std == 0.01
    angles = torch.atan2(*ring().modes.T.flip(0)) % (2 * math.pi)
    torch.testing.assert_close(ring().modes.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(angles, torch.arange(8) * math.pi / 4)


@pytest.mark.parametrize("name", TOYS)
def test_log_prob_is_that_of_torch_distributions(name):
    toy = TOYS[name]
    x = toy.sample(200, torch.Generator().manual_seed(0)).double()
    x = torch.cat([x, x + toy.std * 3, torch.full((1, 2), 1e4).double()])
    centres = torch.distributions.Independent(torch.distributions.Normal(toy.modes.double(), toy.std), 1)
    weights = torch.distributions.Categorical(torch.ones(len(toy.modes)).double())
    reference = torch.distributions.MixtureSameFamily(weights, centres).log_prob(x)
    assert toy.log_prob(x).isfinite().all()
    torch.testing.assert_close(toy.log_prob(x), reference, rtol=1e-10, atol=1e-10)


def test_density_has_mass_one():
    ticks = torch.linspace(-2, 2, 401, dtype=torch.float64)
    mass = ring(std=0.1).log_prob(torch.cartesian_prod(ticks, ticks)).exp().sum() * 0.01**2
    assert abs(mass - 1) < 1e-6


@pytest.mark.parametrize("name", TOYS)
def test_samples_follow_the_density(name):
    toy, n = TOYS[name], 20_000
    x = toy.sample(n, torch.Generator().manual_seed(1))
    assert x.shape == (n, 2) and x.dtype == torch.float32
    assert x.equal(toy.sample(n, torch.Generator().manual_seed(1)))
    # moments: of the equal mixture of modes, plus std² on the diagonal; within 5 standard errors
    covariance = toy.modes.T.cov(correction=0) + toy.std**2 * torch.eye(2)
    error = 5 * covariance.diagonal().sqrt() / math.sqrt(n)
    assert ((x.mean(0) - toy.modes.mean(0)).abs() < error).all()
    assert ((x.T.cov() - covariance).abs() < 10 * covariance.max() / math.sqrt(n)).all()
    if name != "triangle":  # whose modes overlap
        distance, nearest = torch.cdist(x, toy.modes).min(1)
        share = torch.bincount(nearest, minlength=len(toy.modes)) / n
        assert ((share - 1 / len(toy.modes)).abs() < 5 / math.sqrt(n * len(toy.modes))).all()
        if name != "wide ring":
            # squared distance over 2 std² is exponential: mean 1, standard deviation 1
            assert abs((distance**2).mean() / (2 * toy.std**2) - 1) < 5 / math.sqrt(n)


def test_log_prob_is_differentiable():
    x = torch.tensor([[0.99, 0.02]], dtype=torch.float64, requires_grad=True)
    (score,) = torch.autograd.grad(ring().log_prob(x).sum(), x)
    # at the mode (1, 0) alone, the others are 76 standard deviations away
    torch.testing.assert_close(score, (torch.tensor([[1.0, 0.0]]) - x.detach()) / 0.01**2)


@pytest.mark.parametrize("std", [0.0, -1.0, math.nan, math.inf])
def test_std_must_be_positive_and_finite(std):
    with pytest.raises(ValueError, match="std must be positive and finite"):
        ring(std=std)
