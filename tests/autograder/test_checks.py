"""The scores of question cells, and the measurements that test cells use."""

import copy
import itertools
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from autograder.checks import (
    Counted,
    choice_score,
    close,
    correlation,
    fill_gradients,
    look_again,
    numeric_score,
    same,
    shown,
    shown_error,
    shown_type,
    snapshot,
    snapshot_of,
    uniform_distance,
)

LETTERS = st.integers(2, 6).map(lambda count: "ABCDEF"[:count])


@st.composite
def choices(draw):
    letters = draw(LETTERS)
    key = draw(st.sets(st.sampled_from(letters), min_size=1))
    return draw(st.sets(st.sampled_from(letters))), key, letters


@given(choices(), st.floats(0, 100))
def test_choice_score_lies_between_all_and_its_opposite(choice, points):
    answer, key, letters = choice
    assert -points <= choice_score(answer, key, letters, points) <= points
    assert choice_score(key, key, letters, points) == points
    assert choice_score(set(), key, letters, points) == 0


@given(choices())
def test_choice_score_rises_with_a_right_letter_and_falls_with_a_wrong_one(choice):
    answer, key, letters = choice
    score = choice_score(answer, key, letters, 1)
    for letter in set(letters) - answer:
        with_letter = choice_score(answer | {letter}, key, letters, 1)
        assert with_letter >= score if letter in key else with_letter <= score


@given(choices())
def test_guessing_all_letters_earns_nothing_unless_all_are_right(choice):
    _, key, letters = choice
    assert choice_score(set(letters), key, letters, 1) == (1 if key == set(letters) else 0)


@pytest.mark.parametrize(
    ("answer", "key", "share"),
    [
        ("AB", "ABC", 2 / 3),
        ("ABD", "ABC", -1 / 3),
        ("AD", "ABC", -2 / 3),
        ("AB", "A", 2 / 3),
        ("B", "A", -1 / 3),
        ("BCD", "A", -1),
        ("ABC", "AB", 1 / 2),
    ],
)
def test_choice_score_by_hand(answer, key, share):
    score = choice_score(set(answer), set(key), "ABCD", points=2)
    assert type(score) is float
    assert score == pytest.approx(2 * share)


@given(choices())
def test_guessing_earns_nothing_on_average(choice):
    """Letters ticked by the toss of a coin, whatever its chance of heads: here as many sets as there are."""
    _, key, letters = choice
    if len(key) < len(letters):
        for size in range(len(letters) + 1):
            scores = [
                choice_score(set(one), key, letters, 1) for one in itertools.combinations(letters, size)
            ]
            assert sum(scores) / len(scores) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("answer", ["AC", ["A", "C"], ("A", "C"), None, {"A": True}])
def test_an_answer_that_is_no_set_is_explained(answer):
    with pytest.raises(TypeError, match=rf"set of letters.*got {shown(answer)}$"):
        choice_score(answer, {"A", "C"}, "ABCD", 2)


@pytest.mark.parametrize("answer", [{"E"}, {"a"}, {"AC"}, {1, "A"}])
def test_a_letter_that_does_not_exist_is_refused_and_neither_it_nor_the_key_is_quoted(answer):
    with pytest.raises(ValueError, match="is no option") as raised:
        choice_score(answer, {"A", "C"}, "ABCD", 2)
    told = f"a set of {len(answer)} holds what is no option of this question: choose from A, B, C, D"
    assert str(raised.value) == told


@pytest.mark.parametrize("key", [set(), {"E"}, {"A", "E"}])
def test_a_key_that_cannot_be_is_refused(key):
    with pytest.raises(ValueError, match="must be one or more of"):
        choice_score({"A"}, key, "ABCD", 2)


@pytest.mark.parametrize(
    ("answer", "score"),
    [(0.5, 3.0), (0.51, 3.0), (0.49, 3.0), (0.52, 0.0), (-0.5, 0.0), (math.nan, 0.0), (1, 0.0)],
)
def test_numeric_score(answer, score):
    assert numeric_score(answer, expected=0.5, tolerance=0.0101, points=3) == score


@pytest.mark.parametrize("answer", ["0.5", None, True, [0.5]])
def test_an_answer_that_is_no_number_is_explained(answer):
    with pytest.raises(TypeError, match=rf"with a number; got {shown(answer)}$"):
        numeric_score(answer, 0.5, 0.1, 3)


def test_counted_counts_by_mode_and_its_count_travels_with_the_state():
    net = Counted(nn.Linear(2, 1))
    for _ in range(3):
        net(torch.zeros(1, 2))
    net.eval()(torch.zeros(1, 2))
    assert net.calls.tolist() == [1, 3]
    copied = copy.deepcopy(net)
    copied.load_state_dict(net.state_dict())
    copied(torch.zeros(1, 2))
    assert (copied.calls.tolist(), net.calls.tolist()) == ([2, 3], [1, 3])


def test_fill_gradients_is_reproducible_and_keeps_dtype():
    nets = [nn.Linear(3, 2, dtype=torch.float64) for _ in range(2)]
    for net in nets:
        fill_gradients(net, torch.Generator().manual_seed(5))
    for first, second in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert first.grad.dtype == torch.float64
        assert torch.equal(first.grad, second.grad) and first.grad.abs().min() > 0


def net():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    net(torch.randn(4, 2)).sum().backward()
    return net


CHANGES = {
    "0.weight": lambda net: net[0].weight.data.add_(1e-6),
    "0.weight.grad": lambda net: net[0].weight.grad.zero_(),
    "0.bias.grad": lambda net: setattr(net[0].bias, "grad", None),
    "0.bias.requires_grad": lambda net: net[0].bias.requires_grad_(False),
    "1.running_mean": lambda net: net[1].running_mean.add_(1e-3),
    "1.training": lambda net: net[1].eval(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_same_finds_and_names_any_change(name):
    module = net()
    before = snapshot(module)
    same("untouched", snapshot(module), before)
    CHANGES[name](module)
    with pytest.raises(AssertionError, match=rf"^the net: {name}"):
        same("the net", snapshot(module), before)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1.0, 1.0 + 5e-6),
        (torch.ones(2), torch.ones(2) + 5e-6),
        (math.inf, math.inf),
        (torch.tensor([1.0, -math.inf]), torch.tensor([1.0, -math.inf])),
        (torch.tensor([True, False]), torch.tensor([True, False])),
        (torch.tensor([2**60 + 1]), torch.tensor([2**60 + 1])),
        (torch.ones(2, requires_grad=True), torch.ones(2)),
        (torch.ones(2, 3).T, torch.ones(3, 2)),
        (torch.ones(0), torch.ones(0)),
    ],
)
def test_close_accepts(got, expected):
    close("the loss", got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1.0, 1.1),
        (torch.ones(2), torch.ones(2) + 1e-3),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.ones(0), torch.ones(2)),
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        (1.0, torch.tensor(1.0)),
        (torch.tensor(1.0), 1.0),
        (None, torch.tensor(1.0)),
        (None, 1.0),
        (1, 1.0),
        (True, 1.0),
        (np.float64(1.0), 1.0),
        ("1.0", 1.0),
        ([1.0], torch.tensor([1.0])),
        (torch.tensor([1]), torch.tensor([2])),
        (torch.ones(2, device="meta"), torch.ones(2)),
        *itertools.product([math.nan, math.inf, -math.inf], [math.nan, 1.0]),
        *itertools.product([math.nan, 1.0, -math.inf], [math.inf]),
        (1.0, math.nan),
        *(
            (torch.tensor([1.0, one]), torch.tensor([1.0, other]))
            for one, other in itertools.product([math.nan, math.inf, -math.inf, 1.0], repeat=2)
            if one != other or one != one
        ),
    ],
)
def test_close_refuses_and_names_the_property(got, expected):
    with pytest.raises(AssertionError, match=r"^the loss"):
        close("the loss", got, expected)


def test_close_counts_exactly_what_is_exact():
    with pytest.raises(AssertionError, match=r"^the count"):
        close("the count", torch.tensor([2**60]), torch.tensor([2**60 + 1]), rtol=0, atol=0)


def test_same_takes_nan_that_stayed_nan_and_no_other():
    gradient, number = torch.tensor([math.nan, 1.0]), torch.tensor([2.0, 1.0])
    same("the gradient", {"x": gradient.clone()}, {"x": gradient})
    for got, expected in ((gradient, number), (number, gradient), (math.nan, gradient)):
        with pytest.raises(AssertionError, match=r"^the gradient: x"):
            same("the gradient", {"x": got}, {"x": expected})


TENSOR_CHANGES = {
    "z": lambda z: z.detach().add_(1e-6),
    "z.grad": lambda z: z.grad.zero_(),
    "z.requires_grad": lambda z: z.requires_grad_(False),
}


@pytest.mark.parametrize("name", TENSOR_CHANGES)
def test_same_finds_any_change_of_a_tensor(name):
    z = torch.randn(3, requires_grad=True)
    z.grad = torch.tensor([math.nan, 1.0, 2.0])
    before = snapshot_of(x=torch.ones(2), z=z)
    same("untouched", snapshot_of(x=torch.ones(2), z=z), before)
    TENSOR_CHANGES[name](z)
    with pytest.raises(AssertionError, match=rf"^after the call: {name}[ :]"):
        same("after the call", snapshot_of(x=torch.ones(2), z=z), before)


SECRET = "the hidden input is 0.8154296875"  # as a student's code could spell it
Secret = type(SECRET, (), {"__repr__": lambda self: SECRET, "__str__": lambda self: SECRET})
SecretError = type(SECRET, (ValueError,), {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (-999_999, "-999999"),
        (8154296875, "10 to the 9 or more"),
        (-(10**900), "-10 to the 900 or more"),
        (0.8154296875, "0.81543"),
        (math.nan, "nan"),
        (1 + 2j, "1+2j"),
        (np.float64(0.5), "numpy.float64 0.5"),
        (SECRET, "a str"),
        (SECRET.encode(), "a bytes"),
        ([SECRET], "a list of 1"),
        ({SECRET: SECRET}, "a dict of 1"),
        (np.array([0.5, 0.25]), "a NumPy array of float64 of shape (2,)"),
        (torch.zeros(2, 3), "a float32 tensor of shape (2, 3)"),
        (torch.zeros(1).expand(2**40), "a float32 tensor of shape (10 to the 12 or more,)"),
        (torch.zeros([1] * 20), "a float32 tensor of shape (1, 1, 1, 1, 1, 1, ...)"),
        (Secret(), "an object of your own type"),
        (Secret, "a class"),
        (type(SECRET, (float,), {})(0.5), "an object of your own type"),
        (type(SECRET, (list,), {})(), "an object of your own type"),
        (type(SECRET, (nn.Module,), {})(), "an object of your own type"),
        (nn.Module(), "a Module"),
        (torch.float64, "a dtype"),
        (lambda: 0, "a function"),
    ],
)
def test_a_value_is_shown_as_a_number_or_by_its_type(value, text):
    assert shown(value) == text


def test_only_types_and_errors_of_libraries_have_a_name():
    assert [shown_type(one) for one in (1.0, np.float64(1), torch.ones(1))] == [
        "float",
        "numpy.float64",
        "Tensor",
    ]
    assert shown_type(Secret()) == "an object of your own type"
    names = [shown_error(one) for one in (ValueError(SECRET), KeyError, torch.linalg.LinAlgError())]
    assert names == ["ValueError", "KeyError", "LinAlgError"]
    assert shown_error(SecretError()) == shown_error(SecretError) == "an exception class of your own"


@pytest.mark.parametrize("expected", [1.0, torch.tensor([1.0, 2.0])])
@pytest.mark.parametrize(
    "got", [SECRET, [SECRET], Secret(), Secret, torch.full((2,), 0.8154296875), 8154296875]
)
def test_no_message_quotes_more_than_a_few_digits(got, expected):
    for check in (close, lambda what, got, expected: same(what, {"x": got}, {"x": expected})):
        with pytest.raises(AssertionError) as raised:
            check("the loss", got, expected)
        assert "8154296" not in str(raised.value)


def test_a_new_name_is_not_quoted_but_for_a_gradients():
    before = {"x": torch.ones(1), "x.requires_grad": False}
    for name, told in ((SECRET, "something new"), (f"{SECRET}.grad", "something new"), ("x.grad", "x.grad")):
        with pytest.raises(AssertionError, match=rf"^the call: {told} appeared$"):
            same("the call", before | {name: torch.ones(1)}, before)


def test_uniform_distance_of_an_even_grid_and_of_a_point():
    grid = (torch.arange(100) + 0.5) / 100
    assert uniform_distance(0.8 + 0.2 * grid, 0.8, 1.0) == pytest.approx(0.005, abs=1e-6)
    assert uniform_distance(torch.full((50,), 0.9), 0.8, 1.0) == pytest.approx(0.5)
    assert uniform_distance(torch.full((50,), 2.0), 0.8, 1.0) == pytest.approx(1.0)


def test_uniform_distance_tells_uniform_from_normal_at_the_margin_that_its_docstring_names():
    margin = 3 / 64
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        assert uniform_distance(torch.rand(4096, generator=generator), 0, 1) < margin
        normal = (0.5 + torch.randn(4096, generator=generator) / math.sqrt(12)).clamp(0, 1)
        assert uniform_distance(normal, 0, 1) > margin


def test_correlation():
    a = torch.tensor([1.0, 2.0, 4.0])
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    assert correlation(a, torch.ones(3)) == 0
    grid = torch.tensor(list(itertools.product(range(4), repeat=2)), dtype=torch.float32)
    assert correlation(grid[:, 0], grid[:, 1]) == pytest.approx(0)


def test_look_again_prints_what_was_missed_and_nothing_else(capsys):
    for missed in ({"C": "so", "A": "not so"}, True, {}, False):
        look_again("T1", missed)
    printed = capsys.readouterr().out
    assert re.fullmatch(r"T1: look again at A \(\w{8}\), C \(\w{8}\)\nT1: look again\n", printed)


def test_numbers_that_look_alike_are_said_to_differ():
    with pytest.raises(AssertionError, match=r"got 1\.70007, expected 1\.70007, 5\S*e-08 apart"):
        close("the mean", 1.70007005, 1.7000700, rtol=0, atol=1e-9)
