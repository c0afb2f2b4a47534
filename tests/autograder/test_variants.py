"""The variants of contracts: each is a task whose checks tell right from wrong, also of the standard's."""

import warnings

import matplotlib.pyplot as plt
import pytest
import test_form
import torch
from solutions import of_variant

from autograder.bank import contracts

NAMES = list(contracts.load())
CASES = [case for name in NAMES for case in of_variant(name)]
BY_CELLS = {(case.assignment, case.lost): case for case in reversed(CASES)}  # the first that lose these
MORE = pytest.mark.exhaustive(
    "tests/autograder/test_variants.py::test_the_variant_refuses_the_standard_and_the_other_way_round"
)
REST = pytest.mark.exhaustive("tests/autograder/test_variants.py::test_a_solution_loses_what_it_breaks")


@pytest.fixture(params=NAMES)
def assignment(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=NAMES)
def task(request):
    """As in `test_form`: the number of an assignment, the assignment with a variant, and its task."""
    number, task, *_ = request.param.split("-")
    return number, request.getfixturevalue(request.param), task


@pytest.fixture(autouse=True)
def grad_mode():
    """Some of the wrong solutions leave it changed."""
    yield
    torch.set_grad_enabled(True)


def own_solution(assignment, task):
    return assignment.namespace(task)[assignment.function(task)]


def broken(assignment, task, solution):
    """The properties, in words, of the checks whose visible part refuses a solution with a message."""
    names, properties = assignment.namespace(task), set()
    names[assignment.function(task)] = solution
    for cell in assignment.checks[task]:
        try:
            exec(test_form.visible(cell), names)
        except AssertionError:
            properties.add(cell.source.splitlines()[0])
    return properties


@pytest.mark.parametrize("name", NAMES)
def test_the_variant_refuses_the_standard_and_the_other_way_round(request, name):
    number, task, *_ = name.split("-")
    standard, variant = (request.getfixturevalue(one) for one in (number, name))
    told_here = broken(variant, task, own_solution(standard, task))
    told_there = broken(standard, task, own_solution(variant, task))
    assert told_here - told_there and told_there - told_here  # a sentence that the other does not have
    assert variant.lost(task, across=False) == set()


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=str(case), marks=() if case in BY_CELLS.values() else REST) for case in CASES],
)
def test_a_solution_loses_what_it_breaks(request, case):
    across = request.config.getoption("exhaustive")
    lost = request.getfixturevalue(case.assignment).lost(case.task, case.solution, across=across)
    assert lost == case.lost


@pytest.mark.parametrize("name", NAMES)
def test_there_are_enough_solutions(name):
    cases = of_variant(name)
    exec(cases[0].cell("solution"), {})  # as a cell of a notebook, for `--matrix`
    lost = [case.lost for case in cases]
    assert sum(not cells for cells in lost) >= 4 and sum(bool(cells) for cells in lost) >= 8


@pytest.mark.parametrize("name", NAMES)
def test_what_students_try_runs(request, name, capsys):
    assignment, task = request.getfixturevalue(name), name.split("-")[1]
    names = assignment.namespace(task)
    for other in assignment.tasks:  # the cell may use functions of earlier tasks
        if not other.endswith("-answer"):
            exec(assignment.cells[other].source, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in assignment.notebook.cells:  # a later task may use the function, too
            if cell.id.endswith("-try") and assignment.function(task) in cell.source:
                exec(cell.source, names)
    plt.close("all")


test_every_property_shows_students_a_check_that_can_fail = (
    test_form.test_every_property_shows_students_a_check_that_can_fail
)
test_who_knows_nothing_of_a_task_earns_nothing_but_what_stays = (
    test_form.test_who_knows_nothing_of_a_task_earns_nothing_but_what_stays
)
test_only_hidden_code_needs_this_package = test_form.test_only_hidden_code_needs_this_package


@MORE
def test_checks_leave_the_names_of_students_alone(task):
    test_form.test_checks_leave_the_names_of_students_alone(task)


@MORE
def test_the_solution_passes_for_many_seeds(request, task):
    test_form.test_the_solution_passes_for_many_seeds(request, task)
