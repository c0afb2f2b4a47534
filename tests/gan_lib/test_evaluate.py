"""The command that measures: runs and folders of images, as a table and as JSON."""

import io
import json
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import to_pil_image
from typer.testing import CliRunner

from gan_lib import metrics
from gan_lib.__main__ import app
from gan_lib.commands.common import draw, noise_of
from gan_lib.data import DATASETS, load_images
from gan_lib.metrics import EXTRACTORS, embed, load_extractor
from gan_lib.metrics import features as features_module
from gan_lib.training import TrainConfig, load_generator, train

DATA = "fashion_mnist_10k"
NOISE = torch.randint(256, (1, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
to_pil_image(NOISE).save(_file := io.BytesIO(), "png")
PNG = _file.getvalue()


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "average"
    config = TrainConfig(
        dataset=DATA, width=4, latent_dim=6, batch_size=32, epochs=1, limit=128, ema_decay=0.5, device="cpu",
        out=str(out),
    )  # fmt: skip
    train(config)
    return out


@pytest.fixture(scope="module")
def real():
    return load_images(DATA, pad=True).images


@pytest.fixture(scope="module")
def folder(tmp_path_factory, real):
    """The data set's images 100 ... 139 as files, and a file that is none."""
    folder = tmp_path_factory.mktemp("images")
    for index, image in enumerate(real[100:140]):
        to_pil_image(image).save(folder / f"{index:03d}.PNG")
    (folder / "notes.txt").write_text("not an image")
    return folder


def call(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def report_of(*arguments):
    result = call(*arguments, "--json", "-")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def values(report):
    return {result["key"]: result["value"] for result in report["results"]}


def test_a_run_is_measured_on_its_own_samples(run, real):
    report = report_of(run, "--count", 40, "--limit", 60, "--seed", 3)
    generator, config = load_generator(run)
    extractor = load_extractor("fashion_cnn")
    fake = draw(generator, noise_of(config, 40, seed=3))
    embedded = [embed(extractor, images) for images in (real[:60], fake)]
    with pytest.warns(RuntimeWarning, match="singular"):
        expected = metrics.evaluate(*embedded, torch.Generator().manual_seed(3))
    assert values(report) == pytest.approx({result.key: result.value for result in expected}, rel=1e-6)
    assert list(report["results"][0]) == ["key", "title", "value", "spread"]
    assert len(report["results"]) == 8 and report["results"][1]["spread"] > 0
    about = {"images": str(run), "dataset": DATA, "split": "test", "features": "fashion_cnn", "seed": 3}
    about |= {"real": 60, "generated": 40, "ema": True, "accuracy": extractor.accuracy}
    assert about.items() <= report.items()
    assert len(report["warnings"]) == 2 and "60 samples of 128 dimensions" in report["warnings"][0]


def test_the_average_can_be_left_out(run):
    with_it, without = (report_of(run, "--count", 20, "--limit", 20, flag) for flag in ("--ema", "--no-ema"))
    assert (with_it["ema"], without["ema"]) == (True, False)
    assert values(with_it) != values(without)


def test_a_folder_of_the_data_sets_own_images_is_found_out(folder):
    report = report_of(folder, "--dataset", DATA, "--limit", 200, "--features", "pixels")
    found = values(report)
    assert found["memorised_40_pixels"] == found["precision_40_pixels"] == 1
    assert report["generated"] == 40 and report["ema"] is None and report["accuracy"] is None
    # in features without classes there is no such score
    assert not any("inception" in key for key in found)


def test_images_of_a_folder_are_picked_by_the_seed(folder):
    how = ["--dataset", DATA, "--limit", 30, "--features", "pixels", "--count", 12]
    first, again, other = (values(report_of(folder, *how, "--seed", seed)) for seed in (1, 1, 2))
    assert first == again and first["frechet_12_pixels"] != other["frechet_12_pixels"]


def test_unpadded_images_meet_unpadded_data_and_grey_may_be_stored_as_colour(tmp_path):
    small = load_images(DATA).images[:12]
    for index, image in enumerate(small):
        to_pil_image(image.expand(3, -1, -1)).save(tmp_path / f"{index:02d}.png")
    report = report_of(tmp_path, "--dataset", DATA, "--limit", 12, "--features", "pixels")
    assert values(report)["frechet_12_pixels"] == pytest.approx(0, abs=1e-6)


def test_jpeg_is_read_too(tmp_path, real):
    for index, image in enumerate(real[:12]):
        to_pil_image(image).save(tmp_path / f"{index:02d}.{'jpeg' if index % 2 else 'JPG'}", quality=95)
    report = report_of(tmp_path, "--dataset", DATA, "--limit", 12, "--features", "pixels")
    assert report["generated"] == 12 and 0 < values(report)["frechet_12_pixels"] < 1


@pytest.mark.slow
def test_a_real_process_prints_a_table_and_writes_json(run, tmp_path):
    command = [sys.executable, "-m", "gan_lib", "evaluate", run, "--count", "20", "--limit", "30"]
    command += ["--json", tmp_path / "new" / "results.json"]
    # one thread, like here: sums must be split in the same way
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    table = done.stdout
    assert "features: fashion_cnn" in table and f"{DATA} (test)" in table and "FID" not in table
    assert "20 images judged, 30 real ones" in table
    assert [text in done.stderr for text in ("sampling", "features, real images", "generated")] == [True] * 3
    assert "warning: 20 samples of 128 dimensions: their covariance is singular" in done.stderr
    report = json.loads((tmp_path / "new" / "results.json").read_text())
    for result in report["results"]:
        (row,) = [line for line in table.splitlines() if f" {result['title']} " in line]
        assert f" {result['value']:.5g} " in row
    assert values(report) == pytest.approx(values(report_of(run, "--count", 20, "--limit", 30)), rel=1e-9)


def test_on_the_standard_output_json_stands_alone(run):
    result = call(run, "--count", 10, "--limit", 10, "--json", "-")
    assert json.loads(result.stdout)["generated"] == 10 and "Fréchet distance" in result.stderr


@pytest.mark.parametrize("weights", [True, False], ids=["with weights", "without"])
def test_colour_is_judged_by_the_residual_network(tmp_path, monkeypatch, weights):
    """CIFAR-10 itself is not part of the library: its place is taken by coloured noise."""
    noise = torch.randint(0, 256, (24, 3, 32, 32), dtype=torch.uint8)
    loaded = load_images(DATA)._replace(images=noise)
    monkeypatch.setattr("gan_lib.commands.evaluate.load_images", lambda *_, **__: loaded)
    monkeypatch.setattr(features_module, "_ASSETS", tmp_path)
    if weights:
        network = features_module.cifar_resnet20()
        features_module.save_classifier(network, tmp_path / "cifar_resnet20.safetensors", 0.5)
    (tmp_path / "images").mkdir()
    for index, image in enumerate(noise[:12]):
        to_pil_image(image).save(tmp_path / "images" / f"{index:02d}.png")
    result = call(tmp_path / "images", "--dataset", "cifar10", "--json", "-")
    if weights:
        report = json.loads(result.stdout)
        assert (report["features"], report["accuracy"], report["split"]) == ("cifar_resnet20", 0.5, "train")
        assert values(report)["memorised_12_cifar_resnet20"] == 1
    else:
        assert result.exit_code == 2 and result.stderr.count("error: ") == 1
        assert "error: the weights of cifar_resnet20 are missing: no file" in result.stderr


def test_a_data_set_that_is_not_there_is_said_before_anything_is_drawn(run, tmp_path):
    result = call(run, "--dataset", "cifar10", "--data", tmp_path, "--no-download")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: cifar10 (train) is not in {tmp_path}: missing ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, says",
    [
        ("nowhere", "nowhere is not there; name a run folder of the train command or a checkpoint"),
        ("empty", f"a folder of images needs --dataset: one of {', '.join(DATASETS)}"),
        (f"empty --dataset {DATA}", "empty holds neither checkpoint.pt nor PNG or JPEG images"),
        (f"folder --dataset {DATA} --count 41", "folder holds 40 images; at least 41 are needed"),
        (f"few --dataset {DATA}", "few holds 1 images; at least 10 are needed"),
        ("notes.txt", "notes.txt is no checkpoint of this program (UnpicklingError); name another file"),
        ("run --dataset cifar", f"data set must be one of {', '.join(DATASETS)}; got 'cifar'"),
        ("run --split train", f"split of {DATA} must be one of test; got 'train'"),
        ("run --features pixel", f"features must be one of {', '.join(EXTRACTORS)}; got 'pixel'"),
        ("run --count 9", "count must be at least 10; got 9"),
        ("run --limit 9", "limit must be at least 10; got 9"),
        ("run --seed -1", "seed must be at least 0; got -1"),
        ("run --device tpu", "device must be auto, cpu, cuda or cuda:N; got 'tpu'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, folder, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(run)
    (tmp_path / "folder").symlink_to(folder)
    (tmp_path / "notes.txt").write_text("not a checkpoint")
    for name in ("empty", "few"):
        (tmp_path / name).mkdir()
    Image.new("L", (32, 32)).save("few/0.png")
    result = call(*arguments.split())
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {says}\n")


@pytest.mark.parametrize(
    "odd, says",
    [
        (b"torn", "5.png cannot be read as an image: cannot identify image file"),
        (PNG[: len(PNG) // 2], "5.png cannot be read as an image: "),
        (
            Image.new("I;16", (32, 32)),
            "5.png cannot be read as an image: its values are of mode I;16, not bytes",
        ),
        (
            Image.new("L", (30, 32)),
            "images must all have one size; 0.png is 32x32, 5.png is 30x32",
        ),
        (
            Image.new("RGB", (32, 32), "red"),
            f"of images are 32x32 in colour, those of {DATA} 32x32 in grey",
        ),
    ],
    ids=["no image", "torn", "of 16 bits", "of another size", "in colour"],
)
def test_an_odd_image_is_named(tmp_path, monkeypatch, odd, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for index in range(10):
        Image.new("L", (32, 32), index).save(f"images/{index}.png")
    if isinstance(odd, bytes):
        (tmp_path / "images" / "5.png").write_bytes(odd)
    else:
        odd.save("images/5.png")
    result = call("images", "--dataset", DATA, "--features", "pixels")
    assert (result.exit_code, result.stdout) == (2, "")
    error = result.stderr.splitlines()[-1]  # after the progress bar
    assert error.startswith("error: ") and says in error


def test_images_of_another_size_than_the_data_are_refused(tmp_path):
    for index in range(10):
        Image.new("L", (64, 64), index).save(tmp_path / f"{index}.png")
    result = call(tmp_path, "--dataset", DATA, "--features", "pixels")
    assert result.exit_code == 2
    assert f"are 64x64 in colour, those of {DATA} 28x28 in grey" not in result.stderr
    assert f"are 64x64 in grey, those of {DATA} 28x28 in grey" in result.stderr


def test_help_teaches():
    result = CliRunner().invoke(app, ["evaluate", "--help"])
    assert result.exit_code == 0 and "python -m gan_lib evaluate runs/first\n" in result.stdout
    options = [" ".join(text.split()) for text in result.stdout.split("\n  --")[1:]]
    assert len(options) == 12 and all("Default: " in text for text in options[:-1])  # the last is --help
    says = {text.split()[0]: text for text in options}
    assert f"one of {', '.join(DATASETS)}" in says["dataset"]
    assert f"one of {', '.join(EXTRACTORS)}" in says["features"]
