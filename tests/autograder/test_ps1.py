"""The source notebook of problem set 1: its form, and the fairness of its checks over many seeds."""

import importlib.machinery
import json
import re
import sys
from pathlib import Path

import pytest
from nbgrader import utils

COURSE = Path(__file__).parents[2] / "autograder"


@pytest.mark.parametrize("task", ["step", "smooth", "clear", "noise", "mean"])
def test_the_solution_passes_for_twenty_seeds(ps1, task):
    assert {seed: lost for seed in range(20) if (lost := ps1.lost(task, seed=seed))} == {}


def test_every_solution_is_followed_by_its_checks(ps1):
    assert all(sum(cell.metadata.nbgrader.points for cell in checks) > 0 for checks in ps1.checks.values())


@pytest.mark.parametrize("task", ["step", "smooth", "clear", "noise", "mean"])
def test_checks_leave_the_names_of_students_alone(ps1, task):
    """A student's helper may be called loss, close or targets."""
    names = ps1.namespace(task)
    before = dict(names)
    for cell in ps1.checks[task]:
        exec(cell.source, names)
    changed = {name for name in names if name not in before or names[name] is not before[name]} - {"probe"}
    assert {name for name in changed if not name.lower().startswith(f"{task}_")} == set()


def test_points_of_the_table_are_points_of_the_cells(ps1):
    rows = re.findall(r"^\| (\d|\*\*all\*\*).*?\|(.*)\|$", ps1.cells["opening"].source, re.MULTILINE)
    table = [[int(number) for number in re.findall(r"\d+", cells)] for _, cells in rows]
    earned = {
        task: sum(cell.metadata.nbgrader.points for cell in checks) for task, checks in ps1.checks.items()
    }
    questions = [earned[task] for task in ps1.tasks if task.endswith("-answer")]
    functions = [earned[task] for task in ps1.tasks if not task.endswith("-answer")]
    parts = [[q, f, q + f] for q, f in zip(questions, functions, strict=True)]
    assert table == [*parts, [sum(column) for column in zip(*parts, strict=True)]]


def test_the_notebook_is_clean(ps1):
    text = (COURSE / "source" / "ps1_minimax" / "ps1_minimax.ipynb").read_text()
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    for cell in ps1.notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id
            assert cell.metadata.nbgrader.schema_version == 3


def test_checks_are_locked_and_each_shows_students_something(ps1):
    for cell in ps1.notebook.cells:
        if utils.is_grade(cell):
            assert utils.is_locked(cell)
            visible = re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
            assert any(line.strip() and not line.strip().startswith("#") for line in visible.splitlines())


def test_only_hidden_code_needs_this_package(ps1):
    """What students get runs with PyTorch and Matplotlib alone."""
    for cell in ps1.notebook.cells:
        visible = re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
        assert "autograder" not in visible and "gan_lib" not in visible


def test_no_module_of_the_course_folder_hides_a_library():
    """nbgrader's commands run in this folder, so its modules can come first on Python's path."""
    elsewhere = [
        entry for entry in sys.path if entry and Path(entry).resolve() not in (COURSE, COURSE.parent)
    ]
    for module in COURSE.glob("*.py"):
        if module.stem != "__init__":
            assert module.stem not in sys.stdlib_module_names
            assert importlib.machinery.PathFinder.find_spec(module.stem, elsewhere) is None, module.stem
