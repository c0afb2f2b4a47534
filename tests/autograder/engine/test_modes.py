"""States of random numbers that a call has left: followed where drawing leads there, and nowhere else."""

import random

import numpy
import pytest
import torch

from autograder.engine import modes, state
from autograder.engine.wire import Malformed


@pytest.fixture(autouse=True)
def before():
    """The states before a call, which draw numbers of every kind next."""
    kept = modes.get()
    torch.manual_seed(1), numpy.random.seed(2), random.seed(3)
    torch.rand(10), numpy.random.rand(700), random.random()
    yield modes.get()
    modes.put(kept)


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.rand(3),
        lambda: torch.randn(5),
        lambda: torch.randn(100_000),
        lambda: torch.manual_seed(7),
        lambda: (torch.manual_seed(2**63 + 5), torch.rand(700)),
        lambda: numpy.random.rand(10_000),
        lambda: random.sample(range(10_000), 5000),
        lambda: torch.set_grad_enabled(False),
    ],
)
def test_what_drawing_leads_to_is_followed(before, call):
    call()
    after = modes.get()
    modes.put(before)
    modes.follow(before, modes.changed(before, after))
    assert modes.get() == after


def chosen_torch(before):
    return before[: modes.HEADER] + bytes(8 * modes.WORDS) + before[modes.CACHE :]


@pytest.mark.parametrize(
    ("name", "choose"),
    [
        ("torch", chosen_torch),
        ("python", lambda before: (before[0], (*[0] * modes.WORDS, 0), None)),
        ("numpy", lambda before: (before[0], bytes(4 * modes.WORDS), 0, 0, 0.0)),
    ],
)
def test_a_state_that_was_chosen_is_not_followed(before, name, choose):
    modes.follow(before, {name: choose(before[name])})
    assert modes.get() == before


def test_a_normal_number_that_was_chosen_is_not_the_next(before):
    torch.randn(5)
    after = modes.get()["torch"]
    modes.follow(before, {"torch": after[:-8] + numpy.float32(1e30).tobytes() + after[-4:]})
    assert torch.randn(1).abs() < 9


@pytest.mark.parametrize(
    "after",
    [
        {"torch": b"x"}, {"torch": 3}, {"torch": None}, {"python": "no"}, {"numpy": None},
        {"python": (3, (*["a"] * 624, 0), None)}, {"python": (3, 5, None)},
    ],
)  # fmt: skip
def test_what_is_no_state_is_malformed(before, after):
    with pytest.raises(Malformed, match="is none"):
        modes.follow(before, after)
    assert modes.get() == before


def test_a_generator_that_is_passed_is_followed_in_the_same_way():
    generator, twin = torch.Generator().manual_seed(4), torch.Generator().manual_seed(4)
    torch.rand(5, generator=twin)
    state.write(generator, twin.get_state())
    assert generator.get_state().equal(twin.get_state())
    chosen = bytearray(chosen_torch(twin.get_state().numpy().tobytes()))
    state.write(generator, torch.frombuffer(chosen, dtype=torch.uint8))
    assert generator.get_state().equal(twin.get_state())
