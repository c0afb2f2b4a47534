"""What nbgrader makes of right and wrong solutions: exactly what the checks alone make of them.

By default it judges one right and one wrong solution of every task; `pytest --matrix=all` (or
`--matrix=ps2,ps3-std-one-root`) judges every one of them, those of variants of contracts as well, and prints
the table.
"""

import json
from pathlib import Path

import pytest
from matrix import judge, transposed
from solutions import Case, cases, of_variant

from autograder.bank import contracts

STANDARD = cases()
CASES = STANDARD + [case for name in contracts.load() for case in of_variant(name)]
NUMBERS = sorted({case.assignment for case in CASES})
# inexact: wrong solutions that lost points, but not in the cells that they break
HEAD = "task", "right", "rejected", "wrong", "accepted", "inexact"


def chosen(config):
    """The cases that the command line asks for."""
    wanted = config.getoption("matrix")
    if wanted == "some":
        return some(STANDARD)
    numbers = NUMBERS if wanted == "all" else wanted.split(",")
    if unknown := set(numbers) - set(NUMBERS):
        raise pytest.UsageError(f"--matrix: {sorted(unknown)} are none of {NUMBERS}")
    return [case for case in CASES if case.assignment in numbers]


def some(cases, right=1, wrong=1):
    """So many of each task, spread over its lists."""
    picked = []
    for task in dict.fromkeys((case.assignment, case.task) for case in cases):
        for count, kind in ((right, True), (wrong, False)):
            its = [case for case in cases if case[:2] == task and (not case.lost) == kind]
            picked += [its[place * len(its) // count] for place in range(count)]
    return picked


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", chosen(metafunc.config), ids=str)


@pytest.fixture(scope="module")
def verdicts(request, tmp_path_factory):
    cases = chosen(request.config)
    assignments = {
        number: request.getfixturevalue(number)
        for number in NUMBERS
        if any(case.assignment == number for case in cases)
    }
    return judge(assignments, cases, tmp_path_factory.mktemp("matrix"))


def test_a_solution_loses_in_the_engine_what_it_breaks(verdicts, case):
    assert verdicts[case] == case.lost


def test_no_wrong_solution_is_accepted_and_no_right_one_rejected(request, verdicts, capsys):
    rows = table(verdicts)
    with capsys.disabled():
        for name, *entries in [HEAD, *rows]:
            print(f"\n{name:18}", *(f"{entry!s:>11}" for entry in entries), end="")
        print()
    if path := request.config.getoption("matrix_json"):
        Path(path).write_text(json.dumps([record(case, lost) for case, lost in verdicts.items()], indent=1))
    assert [row[0] for row in rows if row[2] or row[4]] == []


def table(verdicts):
    """Rows of HEAD, one for every task, and their sum."""
    rows = {}
    for case, lost in verdicts.items():
        row = rows.setdefault(f"{case.assignment} {case.task}", [0] * 5)
        row[2 if case.lost else 0] += 1
        row[3 if case.lost else 1] += bool(lost) != bool(case.lost)
        row[4] += bool(lost) == bool(case.lost) and lost != case.lost
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    return [(name, *row) for name, row in rows.items()]


def record(case, lost):
    """The verdict on a case, for JSON."""
    names = {"assignment": case.assignment, "task": case.task, "solution": case.name}
    return names | {"right": not case.lost, "expected": sorted(case.lost), "lost": sorted(lost)}


def test_the_table_counts_what_was_accepted_rejected_and_lost_elsewhere():
    def case(task, name, *lost):
        return Case("ps", task, name, None, frozenset(lost))

    verdicts = {
        case("a", "fine"): frozenset(),
        case("a", "rejected"): frozenset({"x"}),
        case("a", "accepted", "x"): frozenset(),
        case("b", "elsewhere", "x"): frozenset({"y"}),
        case("b", "as it should", "x"): frozenset({"x"}),
    }
    assert table(verdicts) == [
        ("ps a", 2, 1, 1, 1, 0),
        ("ps b", 0, 0, 2, 0, 1),
        ("all", 2, 1, 3, 1, 1),
    ]
    assert [[case.name for case in row] for row in transposed(list(verdicts))] == [
        ["fine", "elsewhere"],
        ["rejected", "as it should"],
        ["accepted"],
    ]
