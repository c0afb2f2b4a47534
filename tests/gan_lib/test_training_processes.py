"""Several processes compute what one does: real processes, started by Fabric and by torchrun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from gan_lib.training import Processes, TrainConfig, train

PROGRAM = Path(__file__).parent / "fixtures" / "train_with_processes.py"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of what one process did, of what two did that Fabric started, and two of torchrun's."""
    root = tmp_path_factory.mktemp("processes")
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    commands = {
        "one": [PROGRAM, 1, root / "one"],
        "fabric": [PROGRAM, 2, root / "fabric"],
        "torchrun": [*torchrun, PROGRAM, 2, root / "torchrun"],
    }
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    started = {
        name: subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in commands.items()
    }
    try:
        printed = {name: process.communicate(timeout=180)[0] for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
    for name, process in started.items():
        assert process.returncode == 0, printed[name]
    return root, printed


def numbers(state, path=""):
    """The floating-point tensors and the counters of a checkpoint, by name."""
    if isinstance(state, dict):
        return {k: v for key, value in state.items() for k, v in numbers(value, f"{path}/{key}").items()}
    kept = isinstance(state, torch.Tensor) and state.is_floating_point()
    return {path: state} if kept or path.endswith("batches_seen") else {}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fabric", "torchrun"])
@pytest.mark.parametrize("kind", ["critic", "hinge", "conditional"])
def test_two_processes_do_what_one_does(runs, how, kind):
    root, _ = runs
    one, two = (torch.load(root / name / kind / "checkpoint.pt")["run"] for name in ("one", how))
    assert len(two["records"]) == 2
    expected, found = numbers(one), numbers(two)
    first = "network.0.weight" if kind == "conditional" else "0.weight"
    assert {f"/generator/{first}", "/optimizer_d/state/0/exp_avg"} <= expected.keys()
    # Adam takes steps of 1e-3: what a wrong share of the batch would change is a thousand times this
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-6)
    logs = [(root / name / kind / "log.jsonl").read_text().splitlines() for name in ("one", how)]
    for a, b in zip(*(map(json.loads, log) for log in logs), strict=True):
        for record in (a, b):
            del record["device"], record["seconds"], record["images_per_second"]
        assert b == pytest.approx(a, rel=1e-4, abs=1e-5) and "metric" in a


@pytest.mark.parametrize("how", ["fabric", "torchrun"])
def test_only_one_of_two_processes_reports(runs, how):
    root, printed = runs
    epochs = [line for line in printed[how].splitlines() if line.startswith(("Epoch ", str(root)))]
    assert len(epochs) == 9  # for each of three runs: an epoch, "going on from there", an epoch
    assert not list((root / how).rglob("*.tmp"))


def test_each_process_keeps_its_own_dropout(runs):
    states = torch.load(runs[0] / "fabric" / "hinge" / "checkpoint.pt")["run"]["random"]["dropout"]
    assert len(states) == 2 and not torch.equal(*states)


def test_torchrun_without_the_number_of_processes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    images = torch.zeros(4, 1, 32, 32, dtype=torch.uint8)
    with pytest.raises(ValueError, match="say by --devices"):
        train(TrainConfig(batch_size=4, width=2, device="cpu", out=str(tmp_path / "run")), images)
    assert not (tmp_path / "run").exists()


def test_parts_make_up_the_batch():
    batch = torch.arange(12).view(6, 2)
    assert torch.equal(torch.cat([Processes(rank, 3).part(batch) for rank in range(3)]), batch)


def test_alone_nothing_changes():
    alone, network = Processes(), nn.Linear(2, 1)
    network(torch.ones(3, 2)).sum().backward()
    before = network.weight.grad.clone()
    alone.average_gradients(network)
    assert torch.equal(network.weight.grad, before)
    assert alone.gather(5) == [5] and alone.from_first(7) == 7
    assert torch.equal(alone.mean(torch.tensor(3.0)), torch.tensor(3.0))
