"""The source notebook of problem set 5: its form, and the fairness of its checks over many seeds."""

import copy
import json
import re
from pathlib import Path

import pytest
from nbgrader import utils

PATH = Path(__file__).parents[2] / "autograder" / "source" / "ps5_dcgan" / "ps5_dcgan.ipynb"
TASKS = ["amp", "loader", "generator", "discriminator", "update", "train"]
SEEDS = {"loader": 6}  # its workers are processes, which take their time


def with_step(assignment):
    """The assignment, with the step in the cell of the loop that uses it."""
    assignment = copy.copy(assignment)
    assignment.cells = dict(assignment.cells)
    cell = assignment.cells["train"] = copy.deepcopy(assignment.cells["train"])
    cell.source = f"{assignment.cells['update'].source}\n\n\n{cell.source}"
    return assignment


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_passes_for_many_seeds(ps5, task):
    assignment = with_step(ps5) if task == "train" else ps5
    seeds = range(SEEDS.get(task, 20))
    assert {seed: lost for seed in seeds if (lost := assignment.lost(task, seed=seed))} == {}


def test_every_solution_is_followed_by_its_checks(ps5):
    assert all(sum(cell.metadata.nbgrader.points for cell in checks) > 0 for checks in ps5.checks.values())


@pytest.mark.parametrize("task", TASKS)
def test_checks_define_only_names_of_their_task(ps5, task):
    """A student's helper may be called loss, close or step."""
    names = (with_step(ps5) if task == "train" else ps5).namespace(task)
    before = dict(names)
    for cell in ps5.checks[task]:
        exec(cell.source, names)
    changed = {name for name in names if name not in before or names[name] is not before[name]} - {"probe"}
    assert {name for name in changed if not name.lower().startswith(f"{task}_")} == set()


def test_points_of_the_table_are_points_of_the_cells(ps5):
    rows = re.findall(r"^\| (\d|\*\*all\*\*).*?\|(.*)\|$", ps5.cells["opening"].source, re.MULTILINE)
    table = [[int(number) for number in re.findall(r"\d+", cells)] for _, cells in rows]
    earned = {
        task: sum(cell.metadata.nbgrader.points for cell in checks) for task, checks in ps5.checks.items()
    }
    parts = [
        ("c4-answer", ["amp"]),
        ("c8-answer", ["loader"]),
        (None, ["generator", "discriminator"]),
        (None, ["update"]),
        (None, ["train"]),
    ]
    columns = [(earned.get(question, 0), sum(earned[task] for task in tasks)) for question, tasks in parts]
    sums = [[question, code, question + code] for question, code in columns]
    assert table == [*sums, [sum(column) for column in zip(*sums, strict=True)]]


def test_the_notebook_is_clean(ps5):
    text = PATH.read_text()
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    for cell in ps5.notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id
            assert cell.metadata.nbgrader.schema_version == 3


def test_checks_are_locked_and_each_shows_students_something(ps5):
    for cell in ps5.notebook.cells:
        if utils.is_grade(cell):
            assert utils.is_locked(cell)
            visible = re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
            assert any(line.strip() and not line.strip().startswith("#") for line in visible.splitlines())


def test_what_students_see_needs_no_package_of_the_course(ps5):
    """It runs with PyTorch, NumPy and Matplotlib; the sample of the loop has a stand-in without gan_lib."""
    for cell in ps5.notebook.cells:
        if cell.cell_type == "code":
            visible = re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
            assert "autograder" not in visible
            assert "gan_lib" not in visible or cell.id == "train-try"
