"""Points that rest on probes alone: found in a notebook, and few in every assignment."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader import utils

from autograder.engine.resting import main, resting_on_probes

SOURCES = sorted((Path(__file__).parents[3] / "autograder" / "source").glob("*/*.ipynb"))


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
    ]
)


def test_only_cells_that_meet_the_student_through_probes_alone_are_found():
    assert resting_on_probes(NOTEBOOK) == {"alone": 4}


def test_the_command_lists_them(tmp_path, capsys):
    path = tmp_path / "n.ipynb"
    nbformat.write(NOTEBOOK, path)
    main([path])
    assert capsys.readouterr().out == f"{path}: 4 of 9 points rest on probes alone\n  alone: 4\n"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_at_most_a_tenth_of_an_assignment_rests_on_probes(path):
    notebook = nbformat.read(path, as_version=4)
    total = sum(one.metadata.nbgrader.points for one in notebook.cells if utils.is_grade(one))
    resting = resting_on_probes(notebook)
    assert sum(resting.values()) <= total / 10, resting
