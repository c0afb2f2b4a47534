"""The script of the lab's recorded run: goes on exactly, measures what it kept, records whole files."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from gan_lib.metrics import load_extractor
from gan_lib.training import TrainConfig, load_generator, train

pytestmark = pytest.mark.filterwarnings("ignore:24 samples")
SIZES = {"width": 2, "latent_dim": 4, "batch_size": 16, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def script(script_named):
    return script_named("dcgan_cifar10")


def config(out, epochs, **settings):
    sizes = SIZES | {"epochs": epochs, "sample_every": 5}
    return TrainConfig(**sizes | settings, ema_decay=0.5, device="cpu", out=str(out))


def main(script, folder, *words):
    """Run the script on a CPU with the results in folder/results. Returns: the names of what is there."""
    results = folder / "results"
    script.main([*words, "--device", "cpu", "--samples", "24", "--out", str(results)])
    return sorted(path.name for path in results.glob("*"))


def test_kept_epochs(script):
    assert script.kept_epochs(3) == [1, 2, 3]
    assert script.kept_epochs(43) == [*range(1, 26), 30, 40, 43]


def test_a_killed_run_goes_on_and_keeps_the_same_networks(script, images, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(script, "train", lambda *a, **k: calls.append(0) or train(*a, **k))
    script.train_and_keep(config(tmp_path / "whole", 5, checkpoint_every=2), images)
    assert len(calls) == 1  # each call costs the checkpoint, a digest of all images and the start of the run

    def killed(path, content):
        if path.name == "networks_0004.safetensors":
            raise KeyboardInterrupt
        write(path, content)

    write = script.write_atomically
    monkeypatch.setattr(script, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        script.train_and_keep(config(tmp_path / "parts", 5, checkpoint_every=2), images)
    monkeypatch.setattr(script, "write_atomically", write)
    done = tmp_path / "parts/metrics_0003_24.json", tmp_path / "parts/metrics_0002_24.json"
    for file in done:
        file.write_text("{}")
    script.train_and_keep(config(tmp_path / "parts", 5, checkpoint_every=2), images)
    # the third epoch was repeated, the second was in the checkpoint
    assert [file.exists() for file in done] == [False, True]
    for epoch in range(1, 6):
        whole, parts = (
            load_file(tmp_path / name / f"networks_{epoch:04d}.safetensors") for name in ("whole", "parts")
        )
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[name], parts[name]) for name in whole)


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

    script.draw_pictures(settings, 3, torch.device("cpu"), tmp_path / "named")
    with Image.open(tmp_path / "named.webp") as movie:
        assert movie.n_frames == 2
    record = script.record(settings, "cpu", rows, floor, samples=24)
    assert record == json.loads(json.dumps(record))
    assert [row["epoch"] for row in record["trace"]] == [1, 2]
    assert str(tmp_path) not in json.dumps(record)


@pytest.mark.usefixtures("tiny")
def test_a_run_writes_files_of_its_name(script, tmp_path):
    work = "--epochs", "2", "--work", str(tmp_path / "run")
    assert main(script, tmp_path, *work, "--train") == []
    stem = "dcgan_cifar10"
    first = [f"{stem}.json", f"{stem}.webp", f"{stem}_walk.png"]
    assert main(script, tmp_path, *work) == first
    work = "--epochs", "1", "--seed", "1", "--work", str(tmp_path / "other"), "--name", "other"
    assert main(script, tmp_path, *work, "--no-pictures") == [*first, "other.json"]
    record = json.loads((tmp_path / "results/other.json").read_text())
    assert record["provenance"]["command"] == (
        "python book/record/dcgan_cifar10.py --epochs 1 --precision float32 --device cpu --seed 1 "
        "--samples 24 --name other --no-pictures"
    )


@pytest.mark.usefixtures("tiny")
def test_a_folder_is_measured_with_its_own_settings_and_times(script, tmp_path):
    """Also one whose config.json is older than some settings, and whose run has not ended."""
    work = "--work", str(tmp_path / "run")
    main(script, tmp_path, *work, "--epochs", "3", "--precision", "bfloat16", "--seed", "5", "--train")
    file, log = tmp_path / "run/config.json", tmp_path / "run/log.jsonl"
    younger = ("capture", "checkpoint_every")
    settings = {name: value for name, value in json.loads(file.read_text()).items() if name not in younger}
    file.write_text(json.dumps(settings | {"epochs": 300}))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    times = ({"seconds": s, "images_per_second": 48 / s} for s in (0.5123, 0.2468))
    log.write_text("".join(json.dumps(row | time) + "\n" for row, time in zip(rows, times, strict=False)))

    main(script, tmp_path, *work, "--measure")
    record = json.loads((tmp_path / "results/dcgan_cifar10.json").read_text())
    assert (record["settings"]["precision"], record["settings"]["seed"]) == ("bfloat16", 5)
    assert record["settings"]["capture"] is record["settings"]["tf32"] is False
    # of the third epoch there are networks, but no line in the log: a run that was killed will repeat it
    assert [row["epoch"] for row in record["metrics"]] == [1, 2]
    about = record["provenance"]
    assert about["command"].startswith("python book/record/dcgan_cifar10.py --epochs 2 --precision bfloat16")
    assert about["seconds"] == pytest.approx(0.7591, abs=1e-6)
    assert about["seconds_an_epoch"] == 0.38  # a tenth of a second counts where 300 epochs take a minute
    assert about["images_per_second"] == round((48 / 0.5123 + 48 / 0.2468) / 2)
    assert {"device", "versions"} <= about.keys()


def test_without_a_finished_epoch_nothing_is_measured(script, tmp_path, capsys):
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun/config.json").write_text("{}")
    (tmp_path / "begun/log.jsonl").write_text("")
    for name in ("begun", "nowhere"):
        with pytest.raises(SystemExit) as stopped:
            main(script, tmp_path, "--measure", "--work", str(tmp_path / name))
        assert stopped.value.code == 2
        assert f"{name} holds no run that has finished an epoch" in capsys.readouterr().err


def test_the_device_of_the_run_is_named(script):
    """Also where another one measures."""
    row = {"seconds": 2.0, "images_per_second": 100.0}
    assert script.timing([row | {"device": "cuda:0"}], "cpu")["device"] == "cuda:0"
    assert "CPU" in script.timing([row | {"device": "cpu"}], "cpu")["device"]


def test_on_a_gpu_steps_are_captured_and_checkpoints_rare(script, tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(script, "find_device", torch.device)
    monkeypatch.setattr(script, "train_and_keep", lambda config, images: asked.append(config))
    for more in ([], ["--no-capture"]):
        script.main(["--epochs", "30", "--device", "cuda", "--train", *more])
    assert [config.capture for config in asked] == [True, False]
    assert [config.checkpoint_every for config in asked] == [10, 10]


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


def test_a_walk_between_parallel_vectors_follows_the_chord(script):
    """Also where rounding puts their cosine above 1, and where they are merely close."""
    a = torch.randn(200, 128, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 1, 5)[:, None, None]
    for b in (a, 2 * a, a + 1e-6):
        torch.testing.assert_close(script.slerp(a, b, t), (1 - t) * a + t * b)
    assert script.slerp(a, -a, t).isfinite().all()
