"""The recipe on stacked MNIST: what is read off samples, and that a run repeats with its seed."""

import pytest
import torch

from gan_lib.data import scale


@pytest.fixture(scope="module")
def script(script_named):
    return script_named("stacked_recipe")


@pytest.fixture
def base(script, monkeypatch):
    for name, value in {"SAMPLES": 40, "WIDTH": 2, "BATCH": 4, "LATENT_DIM": 3}.items():
        monkeypatch.setattr(script.base, name, value)
    return script.base


@pytest.fixture(scope="module")
def digits():
    """Ten images, each of one grey; the number of the grey is the digit."""
    return (torch.arange(10) * 28).to(torch.uint8).view(10, 1, 1, 1).expand(10, 1, 32, 32)


def by_grey(images):
    """The classifier of such digits: (B, 1, 32, 32) to (B, 10)."""
    grey = (images.mean((1, 2, 3)) + 1) * 127.5 / 28
    return -(grey[:, None] - torch.arange(10)).abs()


def test_digits_are_stacked_in_three_channels_and_read_there(base, digits):
    stream, again = (torch.Generator().manual_seed(0) for _ in range(2))
    stacked = base.stack(digits, 50, stream)
    assert stacked.shape == (50, 3, 32, 32)
    chosen = torch.randint(10, (50, 3), generator=again)
    assert torch.equal(base.read(by_grey, stacked), chosen)
    found = base.covered(by_grey, stacked)
    assert found["modes"] == len({tuple(row) for row in chosen.tolist()}) > 40
    assert base.covered(by_grey, scale(digits[[7] * 9]).expand(9, 3, 32, 32))["modes"] == 1


def test_what_has_learnt_nothing_is_read_as_well(script, base, digits):
    found = script.without_training(digits, by_grey, "cpu")
    assert set(found) == {"initial", "independent pixels"}
    # pixels of all greys have the mean grey in every image
    assert found["independent pixels"]["modes"] < 10


def test_a_run_repeats_with_its_seed(script, base, digits):
    runs = [
        script.play("pairing", "R1 + R2", seed, digits, by_grey, 2, "cpu") | {"seconds": 0}
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0]["spread"] != runs[2]["spread"]
    assert runs[0]["finite"] and runs[0]["penalty"] == "R1 + R2"
