"""The table of methods: runs of the train command, measured as they are, and nothing else."""

import json

import pytest
import torch

from gan_lib.commands.common import draw, noise_of
from gan_lib.metrics import embed, frechet_distance, load_extractor
from gan_lib.training import TrainConfig, load_generator, train

pytestmark = [pytest.mark.filterwarnings("ignore:24 samples"), pytest.mark.usefixtures("tiny")]


@pytest.fixture(scope="module")
def script(script_named):
    return script_named("cifar10_methods")


@pytest.fixture(scope="module")
def runs(images, tmp_path_factory):
    """A folder of two runs: one with an averaged generator, one with two critic steps for each of its own."""
    folder = tmp_path_factory.mktemp("runs")
    sizes = {"width": 2, "latent_dim": 4, "batch_size": 16, "device": "cpu", "update": "alternating"}
    for name, more in {"ema": {"ema_decay": 0.5}, "critics": {"n_critic": 2, "epochs": 3}}.items():
        train(TrainConfig(**{"epochs": 2} | sizes | more, out=str(folder / name)), images)
    return folder


def table(script, folder, *words):
    """Run the script. Returns: its record."""
    script.main([*map(str, words), "--device", "cpu", "--samples", "24", "--out", str(folder)])
    return json.loads((folder / "cifar10_methods.json").read_text())


def test_what_runs_have_reached_and_what_it_took(script, runs, images, tmp_path):
    log = runs / "ema/log.jsonl"
    before = log.read_text()
    ahead = json.loads(before.splitlines()[-1]) | {"epoch": 3, "seconds": 1000.0}
    log.write_text(before + json.dumps(ahead) + "\n")  # as a kill after the checkpoint's epoch leaves it
    record = table(script, tmp_path, runs / "ema", runs / "critics")
    assert [row["run"] for row in record["runs"]] == ["ema", "critics"]
    for row in record["runs"]:
        state = torch.load(runs / row["run"] / "checkpoint.pt", weights_only=True)["run"]
        assert row["generator_steps"] == state["batches_seen"] // row["settings"]["n_critic"]
        assert (row["epochs"], row["batch_size"]) == (len(state["records"]), 16)
        assert row["seconds"] == pytest.approx(sum(epoch["seconds"] for epoch in state["records"]), rel=1e-3)
        generator, config = load_generator(runs / row["run"], ema=True)
        extractor = load_extractor("cifar_resnet20")
        drawn = draw(generator, noise_of(config, 24, seed=1))
        real, fake = (embed(extractor, x).features for x in (images.flip(2)[:24], drawn))
        assert row["metrics"]["frechet_24_cifar_resnet20"] == pytest.approx(frechet_distance(real, fake))
    assert record["real_against_real"].keys() == record["runs"][0]["metrics"].keys()
    assert record["command"].startswith("python book/record/cifar10_methods.py runs/ema runs/critics --")
    assert str(runs) not in json.dumps(record) and "device" in record and "versions" in record


def test_what_is_no_run_on_cifar10_is_refused(script, runs, tmp_path, capsys):
    other = tmp_path / "other"
    small = {"width": 2, "latent_dim": 4, "limit": 16, "batch_size": 16, "epochs": 1, "device": "cpu"}
    train(TrainConfig(**small, dataset="fashion_mnist_10k", out=str(other)))
    for folder, says in {
        other: "was trained on fashion_mnist_10k",
        tmp_path: "holds no checkpoint.pt",
        tmp_path / "nowhere": "is not there",
    }.items():
        with pytest.raises(SystemExit) as stopped:
            table(script, tmp_path, runs / "ema", folder)
        assert stopped.value.code == 2 and says in capsys.readouterr().err
    with pytest.raises(SystemExit):
        table(script, tmp_path, runs / "ema", runs / "ema")
    assert "names of their folders" in capsys.readouterr().err
    assert not (tmp_path / "cifar10_methods.json").exists()
