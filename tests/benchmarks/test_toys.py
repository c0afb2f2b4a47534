"""The toys' table: what it makes of runs, and a short recording of them."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toys = load(ROOT / "benchmarks/toys.py")


@pytest.fixture(scope="module")
def recorder():
    sys.path.insert(0, str(ROOT / "book/record"))
    threads = torch.get_num_threads()
    yield load(ROOT / "book/record/mode_collapse.py")
    torch.set_num_threads(threads)
    sys.path.remove(str(ROOT / "book/record"))


def run_of(density, method, seed, modes):
    return {
        "density": density,
        "method": method,
        "seed": seed,
        "modes": modes,
        "high_quality": 0.5,
        "kl": 0.1,
    }


def every_run(modes):
    """Runs with modes(method, seed), not in the order of the seeds."""
    return [run_of(d, m, s, modes(m, s)) for s in (3, 1, 2) for d in toys.DENSITIES for m in toys.METHODS]


def test_differences_are_taken_seed_by_seed():
    modes = {"GAN": {1: 7, 2: 4, 3: 5}, "PacGAN2": {1: 6, 2: 4, 3: 8}}
    line = toys.paired(every_run(lambda method, seed: modes[method][seed]), "ring")
    assert "2 of 3 seeds" in line
    assert "(-1, +0, +3)" in line
    assert "+0.7 ± 1.2" in line


def test_the_table_shows_mean_and_error_beside_every_published_value():
    lines = toys.table(every_run(lambda method, seed: 2 * seed)).splitlines()
    assert "| ring | GAN | here, 3 seeds | 4.0 ± 1.2 | 50.0 ± 0.0 % | 0.100 ± 0.000 |" in lines
    assert "| grid | PacGAN2 | Lin et al. (2018) | 23.8 ± 0.7 | 91.3 % | - |" in lines
    assert sum("Lin" in line or "Srivastava" in line for line in lines) == len(toys.PUBLISHED)


def test_a_single_seed_has_no_standard_error():
    mean, error = toys.mean_and_error([5])
    assert mean == 5
    assert math.isnan(error)


def test_a_missing_record_is_named_with_the_command_that_makes_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["toys.py", "--record", str(tmp_path / "none.json")])
    with pytest.raises(SystemExit):
        toys.main()
    assert "mode_collapse.py makes it" in capsys.readouterr().err


def test_a_short_recorded_run_is_reproduced_by_its_seed(recorder):
    run = recorder.measure("grid", "PacGAN2", seed=2, steps=30)
    assert (run["density"], run["method"], run["seed"]) == ("grid", "PacGAN2", 2)
    assert 0 <= run["modes"] <= run["near"] <= 25
    assert 0 <= run["high_quality"] <= 1
    assert 0 <= run["kl"] <= math.log(25) + 1e-9
    again = recorder.measure("grid", "PacGAN2", seed=2, steps=30)
    assert run | {"seconds": 0} == again | {"seconds": 0}


def test_runs_of_another_setting_are_not_kept(recorder, tmp_path):
    record = tmp_path / "record.json"
    assert recorder.earlier_runs(record, {"steps": 3}) == ([], 0)
    record.write_text(json.dumps({"settings": {"steps": 3}, "seconds": 7, "runs": [{"seed": 1}]}))
    assert recorder.earlier_runs(record, {"steps": 3}) == ([{"seed": 1}], 7)
    assert recorder.earlier_runs(record, {"steps": 4}) == ([], 0)
