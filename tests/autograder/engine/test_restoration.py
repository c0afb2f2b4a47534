"""Notebooks put together again: what the student wrote stays and counts, the blank never undoes it."""

import copy
import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.engine.failures import Unreadable
from autograder.engine.notebooks import SourceCell, decoded, read, restore

STUB = "def {}(x):\n    raise NotImplementedError"
SHOWN = "@run\ndef check_{0}():\n    assert {0}(1) == 1"
CHECK = f"{SHOWN}\n    ### BEGIN HIDDEN TESTS\n    assert {{0}}(2)\n    ### END HIDDEN TESTS"
QUESTION = "### Q\n\nWhy does it work?\n\nGive two reasons."


def own(name, source, *, kind="code", points=None, solution=False, task=False):
    grade = points is not None and not task
    return SourceCell(name, kind, source, not solution, grade, solution, task, points, "0" * 32)


CELLS = [
    own("setup", "import math\n\n\ndef run(body):\n    body()"),
    own("f", STUB.format("f"), solution=True),
    own("f-check", CHECK.format("f"), points=2.0),
    own("g", STUB.format("g"), solution=True),
    own("g-check", CHECK.format("g"), points=2.0),
    own("q", QUESTION, kind="markdown"),
    own("q-1", "One reason.", kind="markdown", points=1.0, task=True),
    own("why", "Why?", kind="markdown", points=1.0, solution=True),
]
OPENING = "Opening"
F, G = "def f(x):\n    return x", "def g(x):\n    return x"


def handed_in():
    """A right notebook: cells by name."""
    texts = {cell.name: cell.source for cell in CELLS} | {"f": F, "g": G, "why": "Because."}
    texts |= {f"{name}-check": SHOWN.format(name) for name in "fg"}
    cells = [new_markdown_cell(OPENING, id="opening")]
    for cell in CELLS:
        make = new_code_cell if cell.kind == "code" else new_markdown_cell
        cells.append(make(texts[cell.name], id=cell.name, metadata={"nbgrader": {"grade_id": cell.name}}))
    return new_notebook(cells=cells)


def named(notebook):
    return {cell.id: cell for cell in notebook.cells}


def put_together(notebook):
    """As it is read and restored; also the list of all texts of code, in order, and the reasons to wait."""
    found = read(json.dumps(notebook))
    restore(found, CELLS, [OPENING])
    marks = [cell.metadata.nbgrader.grade_id for cell in found.cells if "nbgrader" in cell.metadata]
    assert marks == [cell.name for cell in CELLS]
    return found


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def at(notebook, name):
    return next(
        index
        for index, cell in enumerate(notebook.cells)
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def last_definition(notebook, name):
    """What a name is when its checks run."""
    texts = code(new_notebook(cells=notebook.cells[: at(notebook, f"{name}-check")]))
    return [text for text in texts if f"def {name}(" in text][-1]


def reasons(notebook):
    return [reason["reason"] for reason in notebook.metadata.autograder.waits]


def lose(notebook, *names):
    notebook.cells = [cell for cell in notebook.cells if cell.id not in names]


def strip(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.metadata, cell.id = {}, f"new-{number}"


def test_nothing_is_said_of_a_notebook_that_is_whole():
    found = put_together(handed_in())
    assert found.metadata.autograder == {"mended": [], "waits": [], "missing": [], "texts": []}


@pytest.mark.parametrize("blank", [None, STUB.format("f"), STUB.format("f") + "  # TODO"])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 6, 9])
def test_a_definition_elsewhere_is_never_undone_by_the_blank(blank, place):
    notebook = handed_in()
    cell = named(notebook)["f"]
    if blank is None:
        lose(notebook, "f")
    else:
        cell.source = blank
    notebook.cells.insert(place, new_code_cell(F, id="mine"))
    found = put_together(notebook)
    assert last_definition(found, "f") == F and last_definition(found, "g") == G
    assert not any("NotImplementedError" in text for text in code(found)) and not reasons(found)


@pytest.mark.parametrize("holder", ["setup", "f-check", "g-check", "g", "q"])
@pytest.mark.parametrize("form", ["{0}\n\n{1}", "{1}\n\n{0}"])
@pytest.mark.parametrize("is_blank", [True, False])
def test_an_answer_in_another_cell_counts(holder, form, is_blank):
    notebook = handed_in()
    cells = named(notebook)
    cells[holder].source = form.format(F, cells[holder].source)
    cells["f"].source = STUB.format("f")
    if not is_blank:
        lose(notebook, "f")
    found = put_together(notebook)
    assert F in last_definition(found, "f") and G in last_definition(found, "g") and not reasons(found)
    for cell in CELLS:
        if cell.locked:
            assert found.cells[at(found, cell.name)].source == cell.source


def test_swapped_answers_are_found():
    notebook = handed_in()
    cells = named(notebook)
    cells["f"].source, cells["g"].source = G, F
    found = put_together(notebook)
    assert last_definition(found, "f") == F and last_definition(found, "g") == G


def test_all_metadata_and_ids_gone():
    notebook = handed_in()
    notebook.cells.insert(3, new_code_cell("print(f(2))"))
    strip(notebook)
    found = put_together(notebook)
    assert last_definition(found, "f") == F and last_definition(found, "g") == G
    assert found.cells[at(found, "why")].source == "Because." and not reasons(found)
    assert "print(f(2))" in code(found)


def test_a_first_attempt_ahead_of_the_one_that_counts_stays_ahead():
    notebook = handed_in()
    notebook.cells.insert(2, new_code_cell("def f(x):\n    return 0", id="attempt"))
    strip(notebook)
    assert last_definition(put_together(notebook), "f") == F


def test_what_is_asked_for_twice_counts_in_its_own_place_only():
    cells = [own("a", "x = None", solution=True), own("a-check", "assert x == 1", points=1.0)]
    cells += [own("b", "x = None", solution=True), own("b-check", "assert x == 2", points=1.0)]
    texts = "x = 1", "assert x == 1", "x = None", "assert x == 2"
    for keep in (True, False):
        notebook = new_notebook(cells=[new_code_cell(text) for text in texts])
        for cell, source in zip(notebook.cells, cells, strict=True):
            cell.metadata = {"nbgrader": {"grade_id": source.name}} if keep else {}
        found = read(json.dumps(notebook))
        restore(found, cells)
        assert code(found) == list(texts)


def test_a_changed_check_is_kept_and_not_run():
    notebook = handed_in()
    named(notebook)["f-check"].source = SHOWN.format("f").replace("== 1", "== 7") + "\nprint('seen')"
    found = put_together(notebook)
    kept = [cell for cell in found.cells if "== 7" in cell.source]
    assert [cell.cell_type for cell in kept] == ["markdown"] and "print('seen')" in code(found)
    assert found.cells[at(found, "f-check")].source == CELLS[2].source


@pytest.mark.parametrize("essay", ["Because it is so.", "![mine](attachment:a.png)"])
def test_an_essay_in_a_locked_cell_stands_behind_it(essay):
    notebook = handed_in()
    question = named(notebook)["q"]
    question.source += f"\n\n{essay}"
    question.attachments = {"a.png": {"image/png": "AAAA"}}
    found = put_together(notebook)
    place = at(found, "q")
    assert found.cells[place].source == QUESTION and found.cells[place + 1].source == essay
    assert found.cells[place + 1].attachments == {"a.png": {"image/png": "AAAA"}}
    assert found.cells[place + 1].id in found.metadata.autograder.texts


def test_other_line_breaks_are_no_change():
    notebook = handed_in()
    named(notebook)["q"].source = QUESTION.replace("\n", "  \r\n") + "\r\n"
    assert put_together(notebook).metadata.autograder.mended == []


@pytest.mark.parametrize(
    ("gone", "why", "cells"),
    [
        (["f"], "cell f was missing, and nothing was found", ["f", "f-check"]),
        (["why"], "cell why was missing", ["why"]),
        (["setup", "f-check", "g-check", "q", "q-1"], "5 of the assignment's 8 cells were missing", []),
        ([cell.name for cell in CELLS], "no cell of the assignment was found", []),
    ],
)
def test_what_cannot_be_found_waits_for_a_person(gone, why, cells):
    notebook = handed_in()
    lose(notebook, *gone)
    found = put_together(notebook)
    assert [why in reason for reason in reasons(found)] == [True]
    assert found.metadata.autograder.waits[0]["cells"] == cells
    assert not any("NotImplementedError" in text for text in code(found))


def test_another_assignments_notebook_waits():
    notebook = new_notebook(cells=[new_code_cell("import math"), new_code_cell("def h(y): ...")])
    assert reasons(put_together(notebook))


def test_of_copies_the_one_with_an_answer_counts():
    for first, second in ((F, STUB.format("f")), (STUB.format("f"), F)):
        notebook = handed_in()
        cell = named(notebook)["f"]
        twin = copy.deepcopy(cell)
        cell.source, twin.source, twin.id = first, second, "twin"
        notebook.cells.insert(3, twin)
        found = put_together(notebook)
        assert last_definition(found, "f") == F and "NotImplementedError" not in str(code(found))


@pytest.mark.parametrize("kind", ["markdown", "raw", "sql"])
def test_an_answer_of_another_kind_of_cell_is_code_again(kind):
    notebook = json.loads(nbformat.writes(handed_in()))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == "f"]
    cell["cell_type"] = kind
    assert last_definition(put_together(notebook), "f") == F


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_a_notebook(encoding):
    assert read(decoded(nbformat.writes(handed_in()).encode(encoding))).cells[2].source == F


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(Unreadable, match="it is no text"):
        decoded(b"\xff\xfa{}")


def test_colabs_place_of_the_ids():
    notebook = json.loads(nbformat.writes(handed_in()))
    for cell in notebook["cells"]:
        cell["metadata"] = {"id": cell.pop("id")}
    assert "lost" in put_together(notebook).metadata.autograder.mended[0]


def test_metadata_of_a_notebook_cannot_say_what_only_restore_says():
    notebook = handed_in()
    notebook.metadata.autograder = {"mended": ["mine"], "waits": [], "missing": [], "texts": []}
    assert "autograder" not in read(json.dumps(notebook)).metadata


@pytest.mark.parametrize(
    "text", ["(" * 90_000, "a" + ".b" * 49_000, "f" + "()" * 45_000, "-" * 90_000, "a\0b"]
)
def test_code_that_a_parser_does_not_survive_is_text(text):
    notebook = handed_in()
    notebook.cells.append(new_code_cell(text))
    named(notebook)["f-check"].source += f"\n{text}"
    lose(notebook, "f")
    assert reasons(put_together(notebook))
