"""The source notebook of problem set 4: its form, and the fairness of its checks over many seeds."""

import json
import re
from pathlib import Path

import pytest
from nbgrader import utils

FILE = Path(__file__).parents[2] / "autograder" / "source" / "ps4_metrics" / "ps4_metrics.ipynb"
TASKS = ["ema", "sample", "score", "frechet"]
PARTS = [["c5-answer", "ema"], ["c6-answer", "sample"], ["score"], ["frechet"]]


def visible(cell):
    return re.sub(r"### BEGIN HIDDEN.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_passes_for_twenty_seeds(ps4, task):
    assert {seed: lost for seed in range(20) if (lost := ps4.lost(task, seed=seed))} == {}


@pytest.mark.parametrize("task", TASKS)
def test_checks_leave_the_names_of_students_alone(ps4, task):
    names = ps4.namespace(task)
    before = dict(names)
    for cell in ps4.checks[task]:
        exec(cell.source, names)
    changed = {name for name in names if name not in before or names[name] is not before[name]}
    assert {name for name in changed if not name.lower().startswith(f"{task}_") and name != "probe"} == set()


@pytest.mark.parametrize("task", TASKS)
def test_every_property_shows_students_a_check_that_can_fail(ps4, task):
    """The visible part alone refuses a function that returns nothing and does nothing."""
    names = ps4.namespace(task)
    (function,) = [name for name in names if name not in ps4.namespace("setup")]
    for cell in ps4.checks[task]:
        exec(visible(cell), names)  # the solution passes
    names[function] = lambda *args, **kwargs: None
    refused = set()
    for cell in ps4.checks[task]:
        try:
            exec(visible(cell), names)
        except (AssertionError, AttributeError, TypeError):
            refused.add(cell.id)
    # to do nothing is right where the property is that nothing changes
    harmless = {"ema-rest", "ema-same", "sample-restored"}
    scored = {cell.id for cell in ps4.checks[task] if cell.metadata.nbgrader.points}
    assert refused == scored - harmless


def test_points_of_the_table_are_points_of_the_cells(ps4):
    rows = re.findall(r"^\| (\d|\*\*all\*\*).*?\|(.*)\|$", ps4.cells["opening"].source, re.MULTILINE)
    table = [[int(number) for number in re.findall(r"\d+", cells)] for _, cells in rows]
    earned = {
        task: sum(cell.metadata.nbgrader.points for cell in checks) for task, checks in ps4.checks.items()
    }
    assert sorted(earned) == sorted(task for part in PARTS for task in part)
    parts = []
    for part in PARTS:
        questions = sum(earned[task] for task in part if task.endswith("-answer"))
        functions = sum(earned[task] for task in part if not task.endswith("-answer"))
        parts.append([questions, functions, questions + functions])
    assert table == [*parts, [sum(column) for column in zip(*parts, strict=True)]]


def test_the_notebook_is_clean(ps4):
    text = FILE.read_text()
    raw = json.loads(text)
    assert text == json.dumps(raw, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    for cell in ps4.notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert "autograder" not in visible(cell) and "gan_lib" not in visible(cell)
        if "nbgrader" in cell.metadata:
            assert cell.metadata.nbgrader.grade_id == cell.id
            assert cell.metadata.nbgrader.schema_version == 3
            assert utils.is_locked(cell) or utils.is_solution(cell)
