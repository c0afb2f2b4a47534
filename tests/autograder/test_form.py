"""The source notebooks: their form, and the fairness of their checks over many seeds."""

import contextlib
import copy
import importlib.machinery
import io
import json
import re
import sys
import sysconfig
import warnings
from pathlib import Path

import nbformat
import pytest
import torch
from nbgrader import utils

COURSE = Path(__file__).parents[2] / "autograder"
PATHS = {path.stem.partition("_")[0]: path for path in sorted(COURSE.glob("course/source/*/*.ipynb"))}
TASKS = [  # functions to be written
    (number, cell.id)
    for number, path in PATHS.items()
    for cell in nbformat.read(path, as_version=4).cells
    if utils.is_solution(cell) and "answer" not in cell.metadata
]
SEEDS = 20  # with `--solutions=all`; else FEW
FEW = 2
SLOW = {("ps5", "loader"): 6}  # its workers are processes, which take their time
# Cells whose visible part a function that does nothing passes: nothing changes there, which is the property.
HARMLESS = {
    "ps1": {"clear-rest"},
    "ps2": {
        "penalty-critic", "generator-grads", "generator-flags", "spectral-weight", "clip-rest", "clip-same",
    },
    "ps3": {"matching-rest"},
    "ps4": {"ema-rest", "ema-same", "sample-restored"},
    "ps5": {"train-seed"},
}  # fmt: skip
# What has the type that is asked for, whatever it is.
OF_ITS_TYPE = {("ps1", "0.0"): {"mean-type"}}


def without_a_slope(*args, **kwargs):
    """0, with a graph that leads to every argument that has one."""
    floats = [one for one in (*args, *kwargs.values()) if torch.is_tensor(one) and one.is_floating_point()]
    return sum(((one * 0).sum() for one in floats), torch.zeros(()))


DULL = {
    "0.0": lambda *args, **kwargs: 0.0,
    "nan": lambda *args, **kwargs: torch.tensor(torch.nan),
    "a pair of zeros": lambda *args, **kwargs: (torch.zeros(()), torch.zeros(())),
    "0 with a graph": without_a_slope,
}
# The sample of the last task has a stand-in where gan_lib is missing.
WITH_THE_LIBRARY = {"train-try"}


@pytest.fixture(params=PATHS)
def assignment(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=TASKS, ids="-".join)
def task(request):
    """The number of an assignment, the assignment, and the id of one of its tasks."""
    number, task = request.param
    assignment = request.getfixturevalue(number)
    return number, with_step(assignment) if request.param == ("ps5", "train") else assignment, task


def with_step(assignment):
    """The assignment, with the step in the cell of the loop that uses it."""
    assignment = copy.copy(assignment)
    assignment.cells = dict(assignment.cells)
    cell = assignment.cells["train"] = copy.deepcopy(assignment.cells["train"])
    cell.source = f"{assignment.cells['update'].source}\n\n\n{cell.source}"
    return assignment


def visible(cell):
    return re.sub(r"### BEGIN (HIDDEN TESTS|MARK SCHEME).*?### END \1", "", cell.source, flags=re.DOTALL)


def points(cell):
    return cell.metadata.get("nbgrader", {}).get("points", 0)


def test_the_solution_passes_for_many_seeds(request, task):
    """From another process for the first of them, where `--solutions=all` does not ask for each."""
    number, assignment, task = task
    every = request.config.getoption("solutions") == "all"
    lost = {
        seed: assignment.lost(task, seed=seed, across=every or not seed)
        for seed in range(SLOW.get((number, task), SEEDS) if every else FEW)
    }
    assert not any(lost.values()), lost


def test_checks_leave_the_names_of_students_alone(task):
    """A student's helper may be called loss, close or targets."""
    _, assignment, task = task
    names = assignment.namespace(task)
    before = dict(names)
    for cell in assignment.checks[task]:
        exec(cell.source, names)
    changed = {name for name in names if name not in before or names[name] is not before[name]} - {"probe"}
    assert {name for name in changed if not name.lower().startswith(f"{task}_")} == set()


def test_every_property_shows_students_a_check_that_can_fail(task):
    """The visible part alone refuses a function that returns nothing and does nothing."""
    number, assignment, task = task
    names = assignment.namespace(task)
    for cell in assignment.checks[task]:
        exec(visible(cell), names)  # the solution passes
    names[task_function(assignment, task)] = lambda *args, **kwargs: None
    refused = set()
    for cell in assignment.checks[task]:
        try:
            exec(visible(cell), names)
        except (AssertionError, AttributeError, TypeError):
            refused.add(cell.id)
    scored = {cell.id for cell in assignment.checks[task] if points(cell)}
    assert refused == scored - HARMLESS[number]


@pytest.mark.parametrize("dull", DULL)
def test_who_knows_nothing_of_a_task_earns_nothing_but_what_stays(task, dull):
    """A mistake is charged once, where it is made; that must not pay for what was never there."""
    number, assignment, task = task
    names = assignment.namespace(task)
    names[task_function(assignment, task)] = DULL[dull]
    earned = {cell.id for cell in assignment.checks[task] if points(cell) and passes(cell, names)}
    assert earned <= HARMLESS[number] | OF_ITS_TYPE.get((number, dull), set())


def passes(cell, names):
    """Whether a cell of checks raises nothing; what it says is not looked at."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            exec(compile(cell.source, cell.id, "exec"), names)
        except Exception:
            return False
    return True


def task_function(assignment, task):
    """The name that the cell of a task defines; the loop's cell has the step's before it."""
    return [name for name in assignment.namespace(task) if name not in assignment.namespace("setup")][-1]


def test_every_solution_is_followed_by_its_checks(assignment):
    assert all(sum(map(points, checks)) > 0 for checks in assignment.checks.values())


def test_points_of_the_table_are_points_of_the_cells(assignment):
    """A part is what stands behind a heading such as "## 1 · One training step"."""
    rows = re.findall(r"^\| (.+?) \|(.*)\|$", assignment.cells["opening"].source, re.MULTILINE)
    _, *table = [(name, *(int(number) for number in re.findall(r"\d+", cells))) for name, cells in rows]
    parts = []
    for cell in assignment.notebook.cells:
        if heading := re.match(r"## (\d · .*)", cell.source):
            parts.append([heading[1], 0, 0])
        elif points(cell):
            parts[-1][1 if "key" in cell.metadata else 2] += points(cell)
    parts.append(["**all**", *(sum(part[place] for part in parts) for place in (1, 2))])
    assert table == [(name, first, second, first + second) for name, first, second in parts]


def test_the_readme_has_the_points_of_all_sets():
    rows = re.findall(r"^\| `(ps\d\w+)` \|.*\| (\d+) \| (\d+) \|$", (COURSE / "README.md").read_text(), re.M)
    totals = []
    for path in PATHS.values():
        cells = nbformat.read(path, as_version=4).cells
        by_hand = sum(points(cell) for cell in cells if utils.is_task(cell))
        totals.append((path.stem, str(sum(map(points, cells)) - by_hand), str(by_hand)))
    assert rows == totals


def test_the_notebook_is_clean(assignment):
    text = assignment.path.read_text()
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    for cell in assignment.notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id
            assert cell.metadata.nbgrader.schema_version == 3
            assert utils.is_locked(cell) or utils.is_solution(cell)


def test_checks_show_students_something(assignment):
    for cell in assignment.notebook.cells:
        if utils.is_grade(cell):
            lines = [line.strip() for line in visible(cell).splitlines()]
            assert any(line and not line.startswith("#") for line in lines), cell.id


def test_only_hidden_code_needs_this_package(assignment):
    """What students get runs with PyTorch, NumPy and Matplotlib alone."""
    for cell in assignment.notebook.cells:
        if cell.cell_type == "code":
            assert "autograder" not in visible(cell), cell.id
            assert "gan_lib" not in visible(cell) or cell.id in WITH_THE_LIBRARY, cell.id


def test_no_module_of_the_course_folder_hides_a_library():
    """nbgrader's commands run in this folder, so its modules can come first on Python's path."""
    elsewhere = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    for module in COURSE.glob("*.py"):
        if module.stem != "__init__":
            assert module.stem not in sys.stdlib_module_names
            assert importlib.machinery.PathFinder.find_spec(module.stem, elsewhere) is None, module.stem
