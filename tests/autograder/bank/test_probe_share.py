"""Points that rest on probes alone: found in a notebook, and few in every assignment."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader import utils

from autograder.bank.probe_share import contacts, main, resting_on_probes

SOURCES = sorted((Path(__file__).parents[3] / "autograder" / "course" / "source").glob("*/*.ipynb"))


def cell(name, source, points=None):
    marks = {"grade": points is not None, "solution": points is None, "grade_id": name, "points": points}
    return new_code_cell(source, metadata={"nbgrader": marks})


NOTEBOOK = new_notebook(
    cells=[
        cell("f", "def f(x): return x"),
        cell(
            "prepare",
            "@probe\ndef seen(f): return f(1)\ndef helper(): return f(2)\ndef other(g): return g(3)",
            0,
        ),
        cell("alone", "@run_checks\ndef check():\n    assert seen(f) == 1", 4),
        cell("both", "assert seen(f) == 1 and f(1) == 1", 2),
        cell("by-helper", "assert seen(f) == 1\nassert helper() == 2", 1),
        cell("as-argument", "assert seen(f) == 1\nassert other(f) == 3", 1),
        cell("none", "assert f(1) == 1", 1),
        cell("unchanged", "x = [1]\nf(x)\nassert x == [1] and same('x', x, [1])", 3),
        cell("unchanged-or-seen", "x = [1]\nf(x)\nassert seen(f) == x", 2),
        cell("unchanged-and-given", "x = [1]\ny = f(x)\nf(x)\nassert x == [1] and y == 2", 2),
    ]
)
WAYS = {
    "alone": {"probe"},
    "both": {"probe", "value"},
    "by-helper": {"probe", "value"},
    "as-argument": {"probe", "value"},
    "none": {"value"},
    "unchanged": {"state"},
    "unchanged-or-seen": {"state", "probe"},
    "unchanged-and-given": {"state", "value"},
}


def test_each_cell_has_its_ways_to_meet_the_student():
    assert {name: ways for name, (_, ways) in contacts(NOTEBOOK).items()} == WAYS


def test_only_cells_that_meet_the_student_through_probes_alone_are_found():
    assert resting_on_probes(NOTEBOOK) == {"alone": 4}


def test_the_command_lists_them(tmp_path, capsys):
    path = tmp_path / "n.ipynb"
    nbformat.write(NOTEBOOK, path)
    main([path])
    assert capsys.readouterr().out == (
        f"{path}: 16 points\n"
        "  probe: 4  (alone)\n"
        "  probe and state: 2  (unchanged-or-seen)\n"
        "  probe and value: 4\n"
        "  state: 3  (unchanged)\n"
        "  state and value: 2\n"
        "  value: 1\n"
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_at_most_a_tenth_of_an_assignment_rests_on_probes(path):
    notebook = nbformat.read(path, as_version=4)
    total = sum(one.metadata.nbgrader.points for one in notebook.cells if utils.is_grade(one))
    resting = resting_on_probes(notebook)
    assert sum(resting.values()) <= total / 10, resting
