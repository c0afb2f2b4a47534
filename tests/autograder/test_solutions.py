"""Every solution loses the points of what it breaks and no others, in one process and in two.

`test_matrix.py` has nbgrader and the sandbox judge them.
"""

import pytest
import torch
from solutions import cases

CASES = cases()


@pytest.fixture(autouse=True)
def grad_mode():
    """Some of the wrong solutions leave it changed."""
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_solution_loses_what_it_breaks(request, case):
    assignment = request.getfixturevalue(case.assignment)
    assert assignment.lost(case.task, case.solution) == case.lost


@pytest.mark.parametrize("number", sorted({case.assignment for case in CASES}))
def test_every_task_has_enough_solutions_and_every_check_a_wrong_one(request, number):
    assignment = request.getfixturevalue(number)
    for task in assignment.tasks:
        if not task.endswith("-answer"):
            lost = [case.lost for case in CASES if (case.assignment, case.task) == (number, task)]
            assert sum(not cells for cells in lost) >= 4 and sum(bool(cells) for cells in lost) >= 8, task
            scored = {cell.id for cell in assignment.checks[task] if cell.metadata.nbgrader.points}
            assert frozenset().union(*lost) == scored
