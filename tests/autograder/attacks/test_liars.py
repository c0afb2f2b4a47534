"""How many points wrong solutions win by lies about their arguments that fit every function.

By default some wrong solutions of two tasks lie, of which none wins. `--attacks=all` lets all of every
assignment, `--attacks=ps2` all of that one; what they win is printed.
"""

import sys
from pathlib import Path

import pytest
import torch
from liars import LIARS, liars_worker

sys.path.insert(0, str(Path(__file__).parents[1]))

from solutions import cases

WRONG = [case for case in cases() if case.lost]
TASKS = sorted({case[:2] for case in WRONG})
# Of the points that these solutions are to lose. Half a per cent is the goal. What is won today goes to
# solutions whose only fault is what they leave behind, and which the lie mends as one more line would.
ALLOWED = 0.03


def chosen(config, task):
    wanted, its = config.getoption("attacks"), [case for case in WRONG if case[:2] == task]
    if wanted == "some":
        return its[:: max(1, len(its) // 3)] if task in (("ps1", "clear"), ("ps1", "step")) else []
    return its if wanted == "all" or task[0] in wanted.split(",") else []


@pytest.fixture(scope="module")
def won(request):
    """Points to lose and points won: dict from a task to (float, dict from a case to the cells won)."""
    torch.set_num_threads(1)
    found = {}
    for task in TASKS:
        if not chosen(request.config, task):
            continue
        assignment = request.getfixturevalue(task[0])
        points = {cell.id: cell.metadata.nbgrader.points for cell in assignment.checks[task[1]]}
        at_stake, gains = 0.0, {}
        for case in chosen(request.config, task):
            at_stake += sum(points[cell] for cell in case.lost)
            gained = {cell for liar in LIARS.values() for cell in case.lost - lost(assignment, case, liar)}
            if any(points[cell] for cell in gained):
                gains[case] = {cell: points[cell] for cell in sorted(gained) if points[cell]}
        found[task] = at_stake, gains
    return found


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


def test_lies_that_fit_every_function_win_almost_nothing(won, capsys):
    at_stake = sum(points for points, _ in won.values())
    gained = sum(sum(cells.values()) for _, gains in won.values() for cells in gains.values())
    with capsys.disabled():
        for task, (_, gains) in won.items():
            for case, cells in gains.items():
                print(f"\n{' '.join(task)}: {case.name} wins {cells}", end="")
        print(f"\nliars win {gained:g} of {at_stake:g} points ({gained / at_stake:.2%})")
    assert gained <= ALLOWED * at_stake


def test_a_right_solution_that_lies_is_found_where_it_changes_its_arguments(request):
    """The lies are told: a right `clear_grads` that reports its arguments untouched fails its checks."""
    case = next(case for case in cases() if case[:2] == ("ps1", "clear") and not case.lost)
    assert "clear-none" in lost(request.getfixturevalue("ps1"), case, LIARS["untouched"])
