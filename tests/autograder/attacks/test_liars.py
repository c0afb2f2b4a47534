"""How many points wrong solutions win by lies about their arguments that fit every function.

What a lie hides, a line in the solution could have mended. So a win is compared with what the same solution
wins by such a line, which tells the truth (`liars.OPENLY`): what is won beyond that is won by the lie.

By default a few solutions of two tasks lie. `--attacks=all` lets all of every assignment, `--attacks=ps2` all
of that one; what they win is printed.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from liars import LIARS, OPENLY, liars_worker

sys.path.insert(0, str(Path(__file__).parents[1]))

from solutions import cases

WRONG = [case for case in cases() if case.lost]
TASKS = sorted({case[:2] for case in WRONG})
FEW = {("ps1", "clear"), ("ps3", "std")}
ALLOWED = 0.005  # of the points that these solutions are to lose, by lies alone


class Win(NamedTuple):
    """What the lies of a solution win, and the same in the open: dicts from a cell to its points."""

    lied: dict
    openly: dict


def chosen(config, task):
    wanted, its = config.getoption("attacks"), [case for case in WRONG if case[:2] == task]
    if wanted == "some":
        return its[:: max(1, len(its) // 4)] if task in FEW else []
    return its if wanted == "all" or task[0] in wanted.split(",") else []


@pytest.fixture(scope="module")
def won(request):
    """Points to lose and points won: dict from a task to (float, dict from a case to its Win)."""
    torch.set_num_threads(1)
    found = {}
    for task in TASKS:
        if not chosen(request.config, task):
            continue
        assignment = request.getfixturevalue(task[0])
        points = {cell.id: cell.metadata.nbgrader.points for cell in assignment.checks[task[1]]}
        at_stake, wins = 0.0, {}
        for case in chosen(request.config, task):
            at_stake += sum(points[cell] for cell in case.lost)
            win = win_of(assignment, case, points)
            if win.lied:
                wins[case] = win
        found[task] = at_stake, wins
    return found


def win_of(assignment, case, points):
    """What a solution wins. Args: points, dict from a cell to its points. Returns: Win."""
    lied = set().union(*(case.lost - lost(assignment, case, liar) for liar in LIARS.values()))
    openly = set()
    if lied:
        for mend in OPENLY:
            openly |= case.lost - assignment.lost(case.task, mend(case.solution), across=False)
            torch.set_grad_enabled(True)
    return Win(
        *({cell: points[cell] for cell in sorted(cells) if points[cell]} for cells in (lied, lied & openly))
    )


def lost(assignment, case, liar):
    """The cells that a solution loses when its process lies."""
    harness = sys.modules[type(assignment).__module__]
    names, setup = assignment.namespace(case.task), assignment.namespace("setup")
    own = [name for name in names if name not in setup]
    names[assignment.function(case.task)] = case.solution
    honest, harness.Worker = harness.Worker, liars_worker(liar)
    try:
        return assignment._lost_across(case.task, names, own, setup)
    finally:
        harness.Worker = honest


def test_lies_win_no_more_than_a_line_that_tells_the_truth(won, capsys):
    at_stake, lied, openly, lines = 0.0, 0.0, 0.0, []
    for task, (points, wins) in won.items():
        at_stake += points
        for case, win in wins.items():
            lied += sum(win.lied.values())
            openly += sum(win.openly.values())
            beyond = ", ".join(win.lied.keys() - win.openly.keys())
            lines.append(
                f"{' '.join(task)}: {case.name}: {win.lied}" + f" by the lie alone: {beyond}" * bool(beyond)
            )
    lines.append(
        f"liars win {lied:g} of {at_stake:g} points ({lied / at_stake:.2%}), {openly:g} of them in the open"
    )
    with capsys.disabled():
        print("", *lines, sep="\n")
    assert lied - openly <= ALLOWED * at_stake


def test_a_lie_that_pays_is_found_and_so_is_the_line_that_does_the_same(request):
    case = next(case for case in cases() if case[:2] == ("ps3", "std") and case.name == "x changed in place")
    assert win_of(request.getfixturevalue("ps3"), case, {"std-copy": 1.0}) == Win(
        {"std-copy": 1.0}, {"std-copy": 1.0}
    )


def test_a_right_solution_that_lies_is_found_where_it_changes_its_arguments(request):
    """The lies are told: a right `clear_grads` that reports its arguments untouched fails its checks."""
    case = next(case for case in cases() if case[:2] == ("ps1", "clear") and not case.lost)
    assert "clear-none" in lost(request.getfixturevalue("ps1"), case, LIARS["untouched"])
