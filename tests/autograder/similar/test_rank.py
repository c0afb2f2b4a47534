"""Copies are ranked above honest pairs; how often not is measured, on pairs kept apart, and said."""

import itertools

import pytest
from disguises import KNOWN, UNKNOWN, disguised
from measure import copies, measured, pieces, texts

from autograder.similar import rank
from autograder.similar.rank import Table

HONEST = [f"ps2_apart_{number:02d}" for number in range(1, 11)]


def honest():
    return [pieces("ps2", texts("ps2")[name]) for name in HONEST]


@pytest.mark.parametrize("name", ["ps2_apart_11", "ps2_apart_12"])
def test_ten_copies_of_a_solution_are_above_every_pair_of_ten_honest_ones(name):
    """All handed in at once, by people who renamed, reordered and rewrote."""
    source = pieces("ps2", texts("ps2")[name])
    taken = [pieces("ps2", text) for text in copies("ps2", name, KNOWN + UNKNOWN, range(10))]
    scores = Table([*honest(), source, *taken]).scores
    highest = max(scores[pair] for pair in itertools.combinations(range(10), 2))
    assert min(scores[10, 11:]) > highest


def test_a_single_copy_of_each_of_ten_is_found():
    works = honest()
    for place, name in enumerate(HONEST):
        scores = Table([*works, pieces("ps2", disguised(texts("ps2")[name], name))]).scores
        pairs = sorted(itertools.combinations(range(11), 2), key=lambda pair: -scores[pair])
        assert pairs[0] == (place, 10)


def test_what_all_write_counts_little():
    usual, own = set(range(100)), [set(range(1000 * n, 1000 * n + 100)) for n in range(1, 21)]
    works = [usual | one for one in own]
    works.append(set(range(500, 600)) | own[0])  # of the first: what only the first has
    scores = Table(works).scores
    assert scores[0, 20] > 0.2 > 20 * scores[0, 1]


def test_scores_of_two_submissions():
    """Nobody knows what is usual: the same code has a score below 1, and is shown."""
    table = Table([{1, 2}, {1, 2}])
    assert table.scores[0, 1] == pytest.approx(1 / 4)
    assert table.rare({1, 2}) == {1, 2} == Table([{1, 2, *range(9, 99)}, {1, 2, 5}]).rare({1, 2})


def test_found_in():
    table = Table([{1, 2, 3, 4}, {3, 4}, {4, 7, 8, 9}])
    shares = table.found_in([{1, 2}, {4}], [{1, 2, 50}, {4, 2}, set()])
    assert shares.shape == (2, 3)
    assert shares[0, 0] > shares[0, 1] > 0 == shares[0, 2] == shares[1, 0]
    assert shares[0, 0] > shares[1, 1] > 0  # 4 is in all


def test_measured_error_rates_are_those_of_this_code():
    """See `measure`: after a change, run it, and correct autograder/README.md by what it prints."""
    found, known = measured(), rank.measured()
    for kind in ("honest", "copies"):
        assert found[kind] == pytest.approx(known[kind], abs=2e-4)
    assert (len(known["honest"]), len(known["copies"])) == (255, 88)
    assert rank.reached(known["honest"], known["honest"][-1]) == 1
    assert rank.reached(known["copies"], 0.0) == 88
