"""Submissions of any form: read or refused, never a surprise; and given the assignment's cells back."""

import copy
import json
import string

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.engine.failures import Unreadable
from autograder.engine.notebooks import SourceCell, read, released, restore
from autograder.grade.gradebook_cells import other_language

HIDDEN = "assert f(1)\n### BEGIN HIDDEN TESTS\nassert f(2)\n### END HIDDEN TESTS\nassert f(3)"


def source_cell(name, source, *, kind="code", points=None, solution=False):
    grade = points is not None
    return SourceCell(name, kind, source, not solution, grade, solution, False, points, "0" * 32)


CELLS = [
    source_cell("setup", "SEED = 1"),
    source_cell("f", "def f(x): ...", solution=True),
    source_cell("f-check", HIDDEN, points=2.0),
    source_cell("why", "Why?", kind="markdown", points=1.0, solution=True),
]


def submitted(*extra):
    """A submission as JSON: the assignment's cells, with a student's between them."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "Opening", "id": "opening"},
        *(
            {
                "cell_type": cell.kind,
                "id": cell.name,
                "metadata": {"nbgrader": {"grade_id": cell.name, "grade": cell.grade, "points": cell.points}},
                "source": ["def f(x):\n", "    return x"] if cell.name == "f" else released(cell.source),
                **({"outputs": [], "execution_count": None} if cell.kind == "code" else {}),
            }
            for cell in CELLS
        ),
        *extra,
    ]
    cells.insert(
        3, {"cell_type": "code", "metadata": {}, "source": "print(f(1))", "outputs": [], "id": "try"}
    )
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def graded(data):
    notebook = read(json.dumps(data))
    return notebook, restore(notebook, CELLS)


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_a_submission_that_only_fills_in_needs_no_mending():
    notebook, mended = graded(submitted())
    assert mended == []
    assert sources(notebook) == [
        "Opening",
        "SEED = 1",
        "def f(x):\n    return x",
        "print(f(1))",
        HIDDEN,
        "Why?",
    ]
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: cells.pop(4), "cell f-check was missing"),
        (lambda cells: cells.append(cells.pop(1)), "another order"),
        (lambda cells: cells[4].update(source="f = 1"), "cell f-check had been changed"),
        (lambda cells: cells.insert(2, copy.deepcopy(cells[4])), "cell f-check was there more than once"),
        (lambda cells: cells[4].update(cell_type="markdown"), "cell f-check was a markdown cell"),
        (lambda cells: cells[3]["metadata"].update(nbgrader={"grade_id": "g"}), "cell g is not part"),
    ],
)
def test_what_was_changed_is_put_back_and_said(change, said):
    data = submitted()
    change(data["cells"])
    notebook, mended = graded(data)
    assert any(said in line for line in mended)
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert [cell.metadata.nbgrader.grade_id for cell in marked] == [cell.name for cell in CELLS]
    assert marked[2].source == HIDDEN and marked[2].metadata.nbgrader.points == 2
    assert "print(f(1))" in sources(notebook)


def test_of_copies_of_a_solution_the_last_one_counts():
    data = submitted()
    data["cells"].insert(2, data["cells"][2] | {"source": "def f(x): return 'first'", "id": "copy"})
    notebook, _ = graded(data)
    (solution,) = [
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "f"
    ]
    assert solution.source == "def f(x):\n    return x"


def test_tags_outputs_and_other_metadata_are_gone():
    data = submitted()
    for cell in data["cells"]:
        cell["metadata"] |= {"tags": ["skip-execution"], "jupyter": {"source_hidden": True}}
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}}]
    notebook, _ = graded(data)
    assert all(
        set(cell.metadata) <= {"nbgrader"} and cell.get("outputs", []) == [] for cell in notebook.cells
    )


def test_old_notebooks_are_read():
    old = {
        "metadata": {"name": "x"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": "a = 1", "language": "python", "outputs": []}]}
        ],
    }
    assert sources(read(json.dumps(old))) == ["a = 1"]


@pytest.mark.parametrize(
    "text",
    [
        "", "not JSON", "[]", "{}", "null", '{"nbformat": "4"}', '{"nbformat": 9, "cells": []}',
        '{"nbformat": 2, "cells": []}', '{"nbformat": 4}', '{"nbformat": 4, "cells": {}}', '{"nbformat": 3}',
        '{"nbformat": 4, "cells": ' + "[" * 50_000,
        '{"nbformat": 4, "cells": ' + json.dumps([{}] * 2001) + "}",
        '{"nbformat": 1' + "0" * 5000 + "}",
    ],
    ids=range(14),
)  # fmt: skip
def test_what_is_no_notebook_is_refused_with_a_reason(text):
    with pytest.raises(Unreadable) as raised:
        read(text)
    assert len(str(raised.value)) < 400


# any change of a valid notebook

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_lowercase, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["f", "f-check", "setup", "why", "opening", "code", "markdown", "raw", 4, 3, True, 1.0]
)


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in items:
        yield from places(value, (*path, name))


@st.composite
def mutated(draw):
    """A valid submission with a few parts replaced, removed, copied or moved."""
    data = submitted({"cell_type": "raw", "metadata": {}, "source": "raw"})
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from([path for path in places(data) if path]))
        *way, last = path
        parent = data
        for name in way:
            parent = parent[name]
        act = draw(st.sampled_from(["replace", "name", "remove", "copy", "move"]))
        if act == "replace":
            parent[last] = draw(ANYTHING)
        elif act == "name":
            parent[last] = draw(NAMES)
        elif act == "remove":
            del parent[last]
        elif isinstance(parent, list):
            part = copy.deepcopy(parent[last]) if act == "copy" else parent.pop(last)
            parent.insert(draw(st.integers(0, len(parent))), part)
    return data


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(mutated())
def test_a_changed_notebook_is_refused_or_has_the_assignments_cells(data):
    try:
        notebook = read(json.dumps(data))
    except Unreadable:
        return
    restore(notebook, CELLS)
    nbformat.validate(notebook)
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert [cell.metadata.nbgrader.grade_id for cell in marked] == [cell.name for cell in CELLS]
    for cell, its in zip(marked, CELLS, strict=True):
        assert cell.metadata.nbgrader.get("points") == its.points and cell.cell_type == its.kind
        assert cell.source == its.source or not its.locked
    text = nbformat.writes(notebook)
    text.encode()
    again = read(text)
    assert restore(again, CELLS) == [] and sources(again) == sources(notebook)


def without_ids():
    data = submitted() | {"nbformat_minor": 4}
    for cell in data["cells"]:
        del cell["id"]
    return data


def of_format_3():
    cells = [{"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}] * 2
    return {"worksheets": [{"cells": cells}], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}


@pytest.mark.parametrize("data", [without_ids(), of_format_3(), submitted() | {"cells": []}])
def test_cells_without_an_id_get_the_same_one_at_every_run(data):
    first, second = ([cell.id for cell in graded(data)[0].cells] for _ in range(2))
    assert first == second and len(set(first)) == len(first)


def test_where_an_assignment_asks_for_nothing_nobody_waits():
    notebook = read(json.dumps({**submitted(), "cells": submitted()["cells"][:1]}))
    assert restore(notebook, []) == [] and not notebook.metadata.autograder.waits
    notebook = read(json.dumps(submitted()))
    restore(notebook, [])
    assert "no cell of the assignment" in notebook.metadata.autograder.waits[0]["reason"]


@pytest.mark.parametrize(
    "kernelspec", [{}, {"name": "python3"}, {"display_name": "P"}, {"language": "python"}, [], None, "x", 3]
)
def test_half_a_kernelspec_makes_no_notebook_invalid(kernelspec):
    notebook = read(json.dumps({**submitted(), "metadata": {"kernelspec": kernelspec}}))
    assert restore(notebook, CELLS) == []
    nbformat.validate(notebook)


@pytest.mark.parametrize("language", ["python", "Python", "Python 3", "python3", " ", ""])
def test_python_is_known_however_it_is_spelt(language):
    assert other_language({"language": language}) is None
    assert other_language({"language": f"R, no {language}"}) == f"R, no {language}"
