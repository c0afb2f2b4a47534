"""Every solution loses the points of what it breaks and no others, in one process and in two.

By default the second process judges all right solutions, and so many wrong ones that each cell of checks
has two of them; `--solutions=all` has it judge every one. `test_matrix.py` has nbgrader and the sandbox
judge them.
"""

import collections

import pytest
import torch
from solutions import cases

CASES = cases()
EACH = 2  # wrong solutions that a cell of checks has at least in the second process, where there are as many


def some(cases):
    """All right solutions, and of the wrong ones those that break what few have broken before."""
    broken, chosen = collections.Counter(), set()
    for case in cases:
        if not case.lost or any(broken[case.assignment, cell] < EACH for cell in case.lost):
            broken.update((case.assignment, cell) for cell in case.lost)
            chosen.add(case)
    return chosen


ACROSS = some(CASES)


@pytest.fixture(autouse=True)
def grad_mode():
    """Some of the wrong solutions leave it changed."""
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_solution_loses_what_it_breaks(request, case):
    assignment = request.getfixturevalue(case.assignment)
    across = case in ACROSS or request.config.getoption("solutions") == "all"
    assert assignment.lost(case.task, case.solution, across=across) == case.lost


@pytest.mark.parametrize("number", sorted({case.assignment for case in CASES}))
def test_every_task_has_enough_solutions_and_every_check_a_wrong_one(request, number):
    assignment = request.getfixturevalue(number)
    for task in assignment.tasks:
        if not task.endswith("-answer"):
            lost = [case.lost for case in CASES if (case.assignment, case.task) == (number, task)]
            assert sum(not cells for cells in lost) >= 4 and sum(bool(cells) for cells in lost) >= 8, task
            scored = {cell.id for cell in assignment.checks[task] if cell.metadata.nbgrader.points}
            assert frozenset().union(*lost) == scored
