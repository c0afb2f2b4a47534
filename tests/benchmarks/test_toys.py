"""The toys' benchmark in small: its pairing by seeds, a short run, and what it makes of runs."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks/toys.py"
SPEC = importlib.util.spec_from_file_location("toys", SCRIPT)
toys = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(toys)


@pytest.fixture(autouse=True)
def one_thread():
    """As in the benchmark, which would leave it so for the tests that follow."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


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


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters())


def test_methods_start_from_the_same_generator_and_see_the_same_stream():
    plain, packed = (toys.start(method, seed=3) for method in toys.METHODS)
    assert weights(plain.generator).equal(weights(packed.generator))
    assert torch.randn(9, generator=plain.stream).equal(torch.randn(9, generator=packed.stream))
    other = toys.start("GAN", seed=4)
    assert not weights(plain.generator).equal(weights(other.generator))
    assert not torch.randn(9, generator=plain.stream).equal(torch.randn(9, generator=other.stream))


def test_pacgan_judges_pairs():
    points = torch.randn(6, 2)
    plain, packed = (toys.start(method, seed=1).discriminator for method in toys.METHODS)
    assert plain(points).shape == (6, 1)
    assert packed(points).shape == (3, 1)
    logits = packed(points)
    assert packed(points[[0, 1, 4, 5]]).allclose(logits[[0, 2]])
    assert not packed(points[[0, 2]]).allclose(logits[0])


@pytest.mark.parametrize("method", toys.METHODS)
def test_a_short_run_gives_a_record_that_its_seed_reproduces(method):
    run = toys.measure("grid", method, seed=2, steps=50)
    assert (run["density"], run["method"], run["seed"], run["steps"]) == ("grid", method, 2, 50)
    assert 0 <= run["modes"] <= 25
    assert 0 <= run["high_quality"] <= 1
    assert 0 <= run["kl"] <= math.log(25)
    again = toys.measure("grid", method, seed=2, steps=50)
    assert run | {"seconds": 0} == again | {"seconds": 0}
    assert toys.measure("grid", method, seed=5, steps=50)["kl"] != run["kl"]


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
