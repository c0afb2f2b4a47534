"""The heart: a notebook in, the graded one out, with nothing of a course around it."""

import subprocess
import sys

import pytest
from engine import conftest
from engine.conftest import cell
from nbformat.v4 import new_code_cell, new_notebook

from autograder.engine.failures import EngineFailure
from autograder.engine.grade import check, grade
from autograder.engine.settings import Settings

SETTINGS = Settings(**conftest.SETTINGS)
CELLS = [
    cell("double", "def double(x):\n    raise NotImplementedError", locked=False),
    cell("double-check", "assert double(2) == 4", points=1.0),
    cell("double-share", "double(2) / 8", points=1.0),
]


def handed_in(answer, *, named=True):
    texts = answer, "pass", CELLS[2].source  # the first cell of checks was changed
    made = [new_code_cell(text, id=one.name) for one, text in zip(CELLS, texts, strict=True)]
    for one in made if named else ():
        one.metadata.nbgrader = {"grade_id": one.id}
    return new_notebook(cells=made)


def outputs(notebook):
    """What each cell of checks came out with: its value, the name of its error, or nothing."""
    found = {}
    for one in notebook.cells:
        if (name := one.metadata.get("nbgrader", {}).get("grade_id")) and name != "double":
            said = [output.get("ename") or output.data["text/plain"] for output in one.outputs]
            found[name] = said[0] if said else None
    return found


def test_a_notebook_is_graded():
    given = handed_in("def double(x):\n    return 2 * x\ndouble(3)")
    graded = grade(given, CELLS, settings=SETTINGS)
    assert outputs(graded) == {"double-check": None, "double-share": "0.5"}
    assert graded.cells[0].outputs[0].data["text/plain"] == "6"
    assert [one.source for one in graded.cells[-2:]] == [one.source for one in CELLS[1:]]
    assert not graded.metadata.autograder.waits
    assert given == handed_in("def double(x):\n    return 2 * x\ndouble(3)")  # as it came


def test_a_wrong_answer_fails():
    graded = grade(handed_in("def double(x):\n    return x"), CELLS, settings=SETTINGS)
    assert outputs(graded) == {"double-check": "AssertionError", "double-share": "0.25"}


def test_what_came_damaged_is_mended_and_what_is_lost_waits():
    graded = grade(handed_in("double = lambda x: 2 * x", named=False), CELLS, settings=SETTINGS)
    assert outputs(graded) == {"double-check": None, "double-share": "0.5"}
    assert graded.metadata.autograder.mended
    lost = handed_in("")
    del lost.cells[0]
    assert grade(lost, CELLS, settings=SETTINGS).metadata.autograder.waits[0]["cells"]


@pytest.mark.parametrize(("kept", "value"), [((), "0.5"), (["own/rule.py"], "0.25")])
def test_files_of_the_instructor_come_before_the_students_but_for_those_that_are_to_change(
    kept, value, tmp_path
):
    for folder, factor in (("handed-in", 1), ("given", 2)):
        file = tmp_path / folder / "own" / "rule.py"
        file.parent.mkdir(parents=True)
        file.write_text(f"factor = {factor}")
    answer = "from own.rule import factor\n\n\ndef double(x):\n    return factor * x"
    files, given = tmp_path / "handed-in", tmp_path / "given"
    graded = grade(handed_in(answer), CELLS, files, SETTINGS, given=given, kept=kept)
    assert outputs(graded)["double-share"] == value


def checked(source, answer="def double(x):\n    return 2 * x", **known):
    """The notebook with these checks of it; there are 2 points for them."""
    cells = [CELLS[0], cell("double-check", source, points=2.0)]
    return grade(handed_in(answer), cells, settings=SETTINGS, student="ada", **known)


def test_checks_that_cannot_judge_have_a_person_look_and_say_why():
    graded = checked("from autograder.notes import Waits\nif double(2) == 4:\n    raise Waits('why not 5?')")
    assert list(graded.metadata.autograder.waits) == [{"reason": "why not 5?", "cells": ["double-check"]}]
    assert outputs(graded) == {"double-check": "Waits"}


def test_a_student_cannot_have_a_person_look_by_an_exception_of_that_name():
    answer = "class Waits(Exception): pass\ndef double(x):\n    raise Waits('please')"
    graded = checked("assert double(2) == 4", answer)
    assert not graded.metadata.autograder.waits
    assert outputs(graded) != {"double-check": "Waits"}


def test_what_checks_note_stands_in_the_record_once():
    note = (
        "from autograder.notes import note\nfor _ in range(2):\n    note('the id is a slip')\ndouble(2) / 4"
    )
    graded = checked(note)
    assert [line for line in graded.metadata.autograder.mended if "slip" in line] == ["the id is a slip"]
    assert outputs(graded) == {"double-check": "1.0"}


def test_checks_know_the_ids_of_the_others_and_students_do_not():
    graded = checked(
        "(STUDENT, sorted(CLASSMATES), double(2)) == ('ada', ['bela'], 4) or 0.5", classmates=["bela"]
    )
    assert outputs(graded) == {"double-check": "True"}
    answer = "def double(x):\n    return len(CLASSMATES)"
    assert outputs(checked("double(2)", answer, classmates=["bela"])) == {"double-check": "NameError"}


@pytest.mark.parametrize(("score", "value"), [("-2.0", "-2.0"), ("-0.5", "-0.5"), ("-2.1", "ValueError")])
def test_a_score_may_take_as_much_as_it_could_give(score, value):
    assert outputs(checked(f"double(2) * 0 + {score}")) == {"double-check": value}


def test_a_package_to_be_shown_that_is_not_there_is_named_before_the_first_submission():
    with pytest.raises(EngineFailure, match=r"c\.IsolatedExecute\.visible: 'potery' must be a package"):
        check(Settings(visible=("potery",)))


def test_it_needs_no_course_no_gradebook_and_no_cluster():
    code = (
        "import sys, autograder.engine.grade\n"
        "print([one for one in sys.modules if one.partition('.')[0] in ('nbgrader', 'sqlalchemy', 'dask')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
