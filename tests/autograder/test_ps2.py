"""The source notebook of problem set 2: its form, and the fairness of its checks over many seeds."""

import json
import re
from pathlib import Path

import pytest
from nbgrader import utils

FILE = Path(__file__).parents[2] / "autograder" / "source" / "ps2_wasserstein" / "ps2_wasserstein.ipynb"
TASKS = ["penalty", "generator", "spectral", "clip", "distance"]
PARTS = [["c2-answer", "penalty", "generator"], ["c3-answer", "spectral", "clip"], ["distance"]]


def visible(cell):
    return re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_passes_for_twenty_seeds(ps2, task):
    assert {seed: lost for seed in range(20) if (lost := ps2.lost(task, seed=seed))} == {}


@pytest.mark.parametrize("task", TASKS)
def test_checks_leave_the_names_of_students_alone(ps2, task):
    names = ps2.namespace(task)
    before = dict(names)
    for cell in ps2.checks[task]:
        exec(cell.source, names)
    changed = {name for name in names if name not in before or names[name] is not before[name]}
    assert {name for name in changed if not name.lower().startswith(f"{task}_") and name != "probe"} == set()


@pytest.mark.parametrize("task", TASKS)
def test_every_property_shows_students_a_check_that_can_fail(ps2, task):
    """The visible part alone refuses a function that returns nothing and does nothing."""
    names = ps2.namespace(task)
    (function,) = [name for name in names if name not in ps2.namespace("setup")]
    for cell in ps2.checks[task]:
        exec(visible(cell), names)  # the solution passes
    names[function] = lambda *args, **kwargs: None
    refused = set()
    for cell in ps2.checks[task]:
        try:
            exec(visible(cell), names)
        except (AssertionError, AttributeError, TypeError):
            refused.add(cell.id)
    # to do nothing is right where the property is that nothing changes
    harmless = {"penalty-critic", "generator-grads", "generator-flags", "spectral-weight"}
    harmless |= {"clip-rest", "clip-same"}
    scored = {cell.id for cell in ps2.checks[task] if cell.metadata.nbgrader.points}
    assert refused == scored - harmless


def test_points_of_the_table_are_points_of_the_cells(ps2):
    rows = re.findall(r"^\| (\d|\*\*all\*\*).*?\|(.*)\|$", ps2.cells["opening"].source, re.MULTILINE)
    table = [[int(number) for number in re.findall(r"\d+", cells)] for _, cells in rows]
    earned = {
        task: sum(cell.metadata.nbgrader.points for cell in checks) for task, checks in ps2.checks.items()
    }
    assert sorted(earned) == sorted(task for part in PARTS for task in part)
    parts = []
    for part in PARTS:
        questions = sum(earned[task] for task in part if task.endswith("-answer"))
        functions = sum(earned[task] for task in part if not task.endswith("-answer"))
        parts.append([questions, functions, questions + functions])
    assert table == [*parts, [sum(column) for column in zip(*parts, strict=True)]]


def test_the_notebook_is_clean(ps2):
    text = FILE.read_text()
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    for cell in ps2.notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert "autograder" not in visible(cell) and "gan_lib" not in visible(cell)
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id
            assert cell.metadata.nbgrader.schema_version == 3
            assert utils.is_locked(cell) or utils.is_solution(cell)
