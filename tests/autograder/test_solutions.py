"""Every solution loses the points of what it breaks and no others, in one process and in two.

All right solutions are judged, and so many wrong ones that each cell of checks has two of them; of each task
three right ones and a wrong one in two processes as well. With `--exhaustive` all are, and with
`--solutions=all` all in two processes. In `test_matrix.py` nbgrader and the sandbox judge them.
"""

import collections
import warnings

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from solutions import cases

CASES = cases()
EACH = 2  # wrong solutions that a cell of checks has at least, where there are as many
IN_TWO = {True: 3, False: 1}  # of a task, so many that are right, and that are wrong, in two processes
REST = pytest.mark.exhaustive("tests/autograder/test_solutions.py::test_a_solution_loses_what_it_breaks")


def some(cases):
    """All right solutions, and of the wrong ones those that break what few have broken before."""
    broken, chosen = collections.Counter(), set()
    for case in cases:
        if not case.lost or any(broken[case.assignment, cell] < EACH for cell in case.lost):
            broken.update((case.assignment, cell) for cell in case.lost)
            chosen.add(case)
    return chosen


def first(cases):
    """The first of each task, so many as are judged in two processes."""
    counted, chosen = collections.Counter(), set()
    for case in cases:
        kind = case.assignment, case.task, not case.lost
        counted[kind] += 1
        if counted[kind] <= IN_TWO[not case.lost]:
            chosen.add(case)
    return chosen


SOME = some(CASES)
ACROSS = first(case for case in CASES if case in SOME)


@pytest.fixture(autouse=True)
def grad_mode():
    """Some of the wrong solutions leave it changed."""
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(case), marks=() if case in SOME else REST) for case in CASES]
)
def test_a_solution_loses_what_it_breaks(request, case):
    assignment = request.getfixturevalue(case.assignment)
    across = case in ACROSS or request.config.getoption("solutions") == "all"
    assert assignment.lost(case.task, case.solution, across=across) == case.lost


TRIED = [case for case in CASES if not case.lost]
FIRST = {(case.assignment, case.task): case for case in reversed(TRIED)}  # of each task
LATER = pytest.mark.exhaustive("tests/autograder/test_solutions.py::test_what_students_try_runs")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=str(case), marks=() if case in FIRST.values() else LATER) for case in TRIED],
)
def test_what_students_try_runs(request, case, capsys):
    """The "Try it" cell of a task asks no more of a function than its contract."""
    assignment = request.getfixturevalue(case.assignment)
    names = assignment.namespace(case.task)
    for other in assignment.tasks:  # the cell may use functions of earlier tasks
        if not other.endswith("-answer"):
            exec(assignment.cells[other].source, names)
    names[assignment.function(case.task)] = case.solution
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(assignment.cells[f"{case.task}-try"].source, names)
    plt.close("all")


@pytest.mark.parametrize("number", sorted({case.assignment for case in CASES}))
def test_every_task_has_enough_solutions_and_every_check_a_wrong_one(request, number):
    assignment = request.getfixturevalue(number)
    for task in assignment.tasks:
        if not task.endswith("-answer"):
            lost = [case.lost for case in CASES if (case.assignment, case.task) == (number, task)]
            assert sum(not cells for cells in lost) >= 4 and sum(bool(cells) for cells in lost) >= 8, task
            scored = {cell.id for cell in assignment.checks[task] if cell.metadata.nbgrader.points}
            assert frozenset().union(*lost) == scored


def test_train_is_judged_apart_from_a_step_that_does_not_run(ps5, monkeypatch):
    """A right `train` loses nothing for a `dcgan_step` that raises: the cells on the step have charged it."""
    blank = "def dcgan_step(*_):\n    raise RuntimeError\n"
    cell = nbformat.from_dict(ps5.cells["train"] | {"source": blank + ps5.cells["train"].source})
    monkeypatch.setitem(ps5.cells, "train", cell)
    monkeypatch.setattr(ps5, "function", lambda task: "train")
    assert ps5.lost("train") == set()
