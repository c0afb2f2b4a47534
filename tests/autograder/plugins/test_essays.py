"""Which essays a person must read."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.plugins.essays import BLANK, answered


def own(name, *, task=False):
    """A cell of the assignment."""
    marks = {"grade_id": name, "grade": False, "solution": False, "locked": True, "task": task}
    return new_markdown_cell(name, metadata={"nbgrader": marks})


def notebook(*texts):
    """Two essays; the texts stand in cells between the first question and its criteria, and behind these."""
    before, behind = ([new_markdown_cell(text) for text in part] for part in texts)
    first = [own("q1"), *before, own("q1-1", task=True), own("q1-2", task=True), *behind]
    return new_notebook(cells=[new_code_cell("1"), *first, own("q2"), own("q2-1", task=True), own("closing")])


@pytest.mark.parametrize("texts", [([BLANK], []), ([], []), ([f"\n{BLANK} "], ["  "])])
def test_a_blank_line_is_no_essay(texts):
    assert answered(notebook(*texts)) == {"q1-1": False, "q1-2": False, "q2-1": False}


@pytest.mark.parametrize(
    "texts", [(["Mine."], []), ([BLANK, "Mine."], []), ([BLANK], ["Mine."]), ([f"{BLANK} Mine."], [])]
)
def test_whatever_else_is_written_between_question_and_next_question_is_one(texts):
    assert answered(notebook(*texts)) == {"q1-1": True, "q1-2": True, "q2-1": False}


def test_the_source_notebook_is_blank_in_every_essay(ps0):
    found = answered(nbformat.from_dict(ps0.notebook))
    assert len(found) == 23 and not any(found.values())


@pytest.mark.parametrize("at", [0, 1, 7, 9])
def test_words_at_a_place_that_is_no_essays_may_be_the_essay(at):
    found = notebook([BLANK], [])
    found.cells.insert(at, new_markdown_cell("Mine.", id="mine"))
    found.metadata.autograder = {"texts": ["mine"], "missing": []}
    astray = at in (0, 1, 9)
    assert answered(found)["q1-1"] == astray and answered(found)["q2-1"] == (astray or at == 7)


@pytest.mark.parametrize("name", ["q1", "q1-2"])
def test_an_essay_whose_place_was_lost_is_not_called_blank(name):
    found = notebook([BLANK], [])
    found.metadata.autograder = {"texts": [], "missing": [name]}
    assert answered(found) == {"q1-1": True, "q1-2": True, "q2-1": False}
