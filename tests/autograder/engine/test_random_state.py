"""States of random numbers that a call has left: followed where drawing leads there, and nowhere else."""

import random
import subprocess
import sys

import numpy
import pytest
import torch

from autograder.engine import object_state, random_state
from autograder.engine.protocol import Malformed


@pytest.fixture(autouse=True)
def before():
    """The states before a call, which draw numbers of every kind next."""
    kept = random_state.get()
    torch.manual_seed(1), numpy.random.seed(2), random.seed(3)
    torch.rand(10), numpy.random.rand(700), random.random()
    yield random_state.get()
    random_state.put(kept)


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch.rand(3),
        lambda: torch.randn(5),
        lambda: (torch.randn(699), torch.randn(1, dtype=torch.float64), torch.rand(5)),
        lambda: (torch.manual_seed(5), torch.randn(1)),
        lambda: torch.randn(1),
        lambda: [torch.randn(1) for _ in range(901)],
        lambda: torch.randn(100_000),
        lambda: torch.manual_seed(7),
        lambda: (torch.manual_seed(2**63 + 5), torch.rand(700)),
        lambda: numpy.random.rand(10_000),
        lambda: (numpy.random.randn(1001), numpy.random.rand(2)),
        lambda: numpy.random.randn(1),
        lambda: [random.gauss() for _ in range(701)],
        lambda: (random.gauss(), random.random()),
        lambda: random.sample(range(10_000), 5000),
        lambda: torch.set_grad_enabled(False),
    ],
)
def test_what_drawing_leads_to_is_followed(before, call):
    call()
    after = random_state.get()
    random_state.put(before)
    random_state.follow(before, random_state.changed(before, after))
    assert random_state.get() == after


def chosen_torch(before):
    return before[:24] + bytes(8 * random_state.WORDS) + before[-40:]


@pytest.mark.parametrize(
    ("name", "choose"),
    [
        ("torch", chosen_torch),
        ("python", lambda before: (before[0], (*[0] * random_state.WORDS, 0), None)),
        ("numpy", lambda before: (before[0], bytes(4 * random_state.WORDS), 0, 0, 0.0)),
    ],
)
def test_a_state_that_was_chosen_is_not_followed(before, name, choose):
    random_state.follow(before, {name: choose(before[name])})
    assert random_state.get() == before


def test_a_normal_number_that_was_chosen_is_not_the_next(before):
    torch.randn(1), numpy.random.randn(1), random.gauss()
    after = random_state.get()
    values = list(random_state.TORCH.unpack(after["torch"]))
    values[-5] = 0.25  # the second number of a pair
    chosen = {
        "torch": random_state.TORCH.pack(*values),
        "numpy": (*after["numpy"][:4], 0.25),
        "python": (*after["python"][:2], 0.25),
    }
    drawn = (*torch.randn(2).tolist()[1:], numpy.random.randn(2)[1], [random.gauss() for _ in range(2)][1])
    random_state.put(before)
    random_state.follow(before, chosen)  # all but the kept numbers: the next ones are made of what comes then
    assert 0.25 not in (torch.randn(1).item(), numpy.random.randn(), random.gauss()) and drawn


def test_a_number_kept_before_the_call_is_still_kept_after_it():
    torch.randn(1), numpy.random.randn(1), random.gauss()
    before = random_state.get()
    torch.rand(1000), numpy.random.rand(1000), [random.random() for _ in range(1000)]
    after = random_state.get()
    random_state.put(before)
    random_state.follow(before, random_state.changed(before, after))
    assert random_state.get() == after


def test_drawing_does_not_lead_back(before):
    numpy.random.rand(5), random.random()
    later = random_state.get()
    random_state.follow(later, {name: before[name] for name in ("numpy", "python")})
    assert random_state.get() == later


def test_the_seeds_own_words_are_no_numbers(before):
    """The first number after a seed comes from the words that follow its own."""
    values = list(random_state.TORCH.unpack(torch.Generator().manual_seed(7).get_state().numpy().tobytes()))
    values[1], values[3] = 300, 325
    random_state.follow(before, {"torch": random_state.TORCH.pack(*values)})
    assert random_state.get() == before


FUZZ = """
import random, numpy, torch
from autograder.engine import object_state, random_state
from autograder.engine.protocol import Malformed
rng = numpy.random.default_rng({seed})
torch.manual_seed(1), numpy.random.seed(2), random.seed(3)
torch.randn(3), numpy.random.randn(3), random.gauss()
generator = torch.Generator().manual_seed(1)
ODD = [0, 1, -1, 312, 623, 624, 625, 1 << 31, (1 << 31) - 1, -(1 << 31), (1 << 32) - 1]
for turn in range({turns}):
    before = random_state.get()
    torch.randn(int(rng.integers(700))), numpy.random.randn(5), random.random()
    after = random_state.get()
    random_state.put(before)
    values = list(random_state.TORCH.unpack(after["torch"]))
    for place in rng.choice([1, 2, 3, *range(628, 634)], 3):
        pick = int(rng.choice(ODD))
        bits = {{1: 31, 2: 31, 3: 64, 631: 31, 633: 8}}.get(place, 64)
        values[place] = pick % (1 << bits)
    blob = random_state.TORCH.pack(*values)
    position = int(rng.choice(ODD))
    forged = {{
        "torch": blob,
        "numpy": (*after["numpy"][:2], position, int(rng.choice(ODD)), float(rng.choice(ODD))),
        "python": (3, (*after["python"][1][:624], position), float(rng.choice(ODD))),
    }}
    for name in forged:
        try:
            random_state.follow(before, {{name: forged[name]}})
        except Malformed:
            pass
    try:
        object_state.write(generator, torch.frombuffer(bytearray(blob), dtype=torch.uint8))
    except Malformed:
        pass
    for one in (torch.default_generator, generator):
        _, left, seeded, place, *_ = random_state.TORCH.unpack(one.get_state().numpy().tobytes())
        assert 1 <= left <= 624 and seeded == 1, left
        assert left + place == 625 or (left, place) == (1, 0), (left, place)
    assert 0 <= numpy.random.get_state()[2] <= 624 and 0 <= random.getstate()[1][624] <= 624
    torch.rand(1500), torch.randn(3), torch.rand(1500, generator=generator), numpy.random.randn(1500)
    [random.gauss() for _ in range(1500)]
print("whole")
"""


@pytest.mark.parametrize("seed", range(3))
def test_no_state_makes_this_side_draw_from_other_memory(seed):
    done = subprocess.run(
        [sys.executable, "-c", FUZZ.format(seed=seed, turns=60)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]


@pytest.mark.parametrize(
    "after",
    [
        {"torch": b"x"}, {"torch": 3}, {"torch": None}, {"python": "no"}, {"numpy": None},
        {"python": (3, (*["a"] * 624, 0), None)}, {"python": (3, 5, None)},
    ],
)  # fmt: skip
def test_what_is_no_state_is_malformed(before, after):
    with pytest.raises(Malformed, match="is none"):
        random_state.follow(before, after)
    assert random_state.get() == before


def test_a_generator_that_is_passed_is_followed_in_the_same_way():
    generator, twin = torch.Generator().manual_seed(4), torch.Generator().manual_seed(4)
    torch.rand(5, generator=twin)
    object_state.write(generator, twin.get_state())
    assert generator.get_state().equal(twin.get_state())
    chosen = bytearray(chosen_torch(twin.get_state().numpy().tobytes()))
    object_state.write(generator, torch.frombuffer(chosen, dtype=torch.uint8))
    assert generator.get_state().equal(twin.get_state())
