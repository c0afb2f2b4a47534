"""What waits for a person: one record, shown by export, report and feedback, ended by one command."""

import csv
import html
import json
import os
import re
import shutil
import sys

import commands
import nbformat
import pytest
from batches import book_of, grade
from nbgrader.api import Gradebook
from small_course import HALF, POINTS, PS, RIGHT, filled_in, hand_in, make, nbgrader

from autograder.__main__ import main
from autograder.grade.contents import renamed

# a preprocessor that finds something that it cannot judge
SAYS = """
from nbgrader.preprocessors import NbGraderPreprocessor


class Says(NbGraderPreprocessor):
    def preprocess(self, nb, resources):
        resources["nbgrader"]["waits"] = [{"reason": "the kernel died", "cells": ["double-check"]}]
        return nb, resources


c.Autograde.autograde_preprocessors.insert(1, Says)
"""


def lost(release, *names):
    """A right notebook without the cells of these answers."""
    notebook = filled_in(release, RIGHT)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in names]
    return notebook


def settle(course, *words):
    command = [sys.executable, "-m", "autograder", "settle", *words, "--course", str(course.parent)]
    return commands.run(command, os.getcwd(), os.environ)


def exported(course):
    done = nbgrader(course, "export", "--to", "scores.csv")
    assert done.returncode == 0, done.stderr
    with open(course.parent / "scores.csv", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def page(course, student):
    done = nbgrader(course, "generate_feedback", PS, "--student", student, "--force")
    assert done.returncode == 0, done.stderr
    return html.unescape((course / "feedback" / student / PS / f"{PS}.html").read_text())


def read_essays(course, *students):
    """Points by hand for the essays: nothing else waits for a person any more."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        for student in students:
            essay = book.find_grade("essay", PS, PS, student)
            essay.manual_score, essay.needs_manual_grade = 2, False
        book.db.commit()


def records(course):
    """The records that say something."""
    folder = course / "autograded" / ".grading" / "waits" / PS
    found = {path.stem: json.loads(path.read_text()) for path in folder.glob("*")}
    says = {name: any(map(any, map(dict.values, one["notebooks"].values()))) for name, one in found.items()}
    return {name: one for name, one in found.items() if says[name] or one["settled"]}


@pytest.fixture
def graded(empty):
    """Ada's notebook is right; bob's and eve's lack an answer; kim's is no notebook; tim hands in nothing."""
    course, release = empty
    hand_in(course, "ada", filled_in(release, RIGHT))
    hand_in(course, "bob", lost(release, "double"))
    hand_in(course, "eve", lost(release, "double"))
    hand_in(course, "kim", b"[")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.add_student("tim", last_name='Lovelace, "Countess"')
    done = nbgrader(course, "autograde", PS)
    read_essays(course, "ada", "bob", "eve")
    return course, release, done


def test_a_lost_answer_waits_until_a_person_settles_it(graded):
    course, release, done = graded
    assert "bob" in done.stderr and "cell double was missing" in done.stderr
    assert set(records(course)) == {"bob", "eve"}
    rows = exported(course)
    assert {name: row["status"] for name, row in rows.items()} == {
        "ada": "graded", "bob": "waits", "eve": "waits", "kim": "not graded", "tim": "missing",
    }  # fmt: skip
    assert {name: row["score"] for name, row in rows.items()} == {
        "ada": "10.0", "bob": "", "eve": "", "kim": "", "tim": "0.0",
    }  # fmt: skip
    assert "cell double was missing" in rows["bob"]["reasons"]
    assert rows["tim"]["last_name"] == 'Lovelace, "Countess"'
    assert book_of(course)["bob", "double-check"][4] and not book_of(course)["bob", "ranks-check"][4]
    shown = page(course, "bob")
    assert re.search(r"Score: waits for a person\s*/ 10\.0", shown) and "cell double was missing" in shown
    assert "waits for a person" not in page(course, "ada")

    tried = settle(course, "bob", PS, "--as", "graded", "--dry-run")
    assert tried.returncode == 0 and "would be graded, 8 of 10 points" in tried.stdout
    assert exported(course)["bob"]["status"] == "waits"
    assert settle(course, "bob", PS, "--as", "graded", "--because", "Seen <b>.").returncode == 0
    assert settle(course, "eve", PS, "--as", "zero", "--because", "Not hers.").returncode == 0
    rows = exported(course)
    assert [(rows[name]["status"], rows[name]["score"]) for name in ("bob", "eve")] == [
        ("graded", "8.0"), ("graded", "0.0"),
    ]  # fmt: skip
    shown = page(course, "bob")
    assert "Score: 8.0 / 10.0" in shown and "Seen <b>." in shown

    nbgrader(course, "autograde", PS, "--force")  # nothing has changed: what is settled stays settled
    rows = exported(course)
    assert [(rows[name]["status"], rows[name]["score"]) for name in ("bob", "eve")] == [
        ("graded", "8.0"), ("graded", "0.0"),
    ]  # fmt: skip

    hand_in(course, "bob", lost(release, "double", "area"))  # another loss, and nobody has seen it
    hand_in(course, "eve", filled_in(release, RIGHT))  # the zero was for the other one
    grade(course, "--workers", "1")  # the other command keeps the same record
    rows = exported(course)
    assert [(rows[name]["status"], rows[name]["score"]) for name in ("bob", "eve")] == [
        ("waits", ""), ("graded", "10.0"),
    ]  # fmt: skip
    assert set(records(course)) == {"bob"}


@pytest.mark.parametrize(
    "again",
    [
        lambda course: nbgrader(course, "autograde", PS, "--force"),
        lambda course: grade(course, "--force"),
    ],
    ids=["plain", "many"],
)
def test_a_settlement_of_what_came_without_damage_is_kept(small, again):
    """Nobody has read the essay, and it is settled as 0: for as long as it is this submission."""
    course, release = small
    again(course)
    assert settle(course, "ada", PS, "--as", "zero", "--because", "Not hers.").returncode == 0
    zero = exported(course)["ada"]
    assert (zero["status"], zero["score"]) == ("graded", "0.0")
    again(course)
    assert exported(course)["ada"] == zero
    hand_in(course, "ada", lost(release, "ranks"))
    again(course)
    assert exported(course)["ada"]["status"] == "waits"


def test_an_essay_that_nobody_has_read_is_not_0_points(small):
    course, _ = small
    nbgrader(course, "autograde", PS)
    row = exported(course)["ada"]
    assert (row["status"], row["score"], row["raw_score"]) == ("waits", "", "") and "essay" in row["reasons"]
    shown = page(course, "ada")
    assert len(re.findall(r"Score: waits for a person\s*/ 2\.0", shown)) >= 1
    assert re.search(r"Score: waits for a person\s*/ 10\.0", shown)
    refused = settle(course, "ada", PS, "--as", "graded")
    assert refused.returncode == 1 and "essay have no points yet" in refused.stderr
    assert settle(course, "ada", PS, "--as", "zero").returncode == 0
    assert exported(course)["ada"]["score"] == "0.0"
    assert settle(course, "ada", PS, "--as", "waits").returncode == 0
    assert exported(course)["ada"]["status"] == "waits"
    assert book_of(course)["ada", "essay"][4] and book_of(course)["ada", "double-check"][1] is None
    read_essays(course, "ada")
    row = exported(course)["ada"]
    assert (row["status"], float(row["score"])) == ("graded", sum(POINTS.values()) + 2)


@pytest.mark.parametrize(
    "by", [lambda course: nbgrader(course, "autograde", PS), grade], ids=["plain", "many"]
)
def test_one_of_several_notebooks_under_another_name_is_not_0_points(empty, by):
    course, release = empty
    source = course / "source" / PS
    shutil.copy(source / f"{PS}.ipynb", source / "second.ipynb")
    assert nbgrader(course, "generate_assignment", PS, "--force").returncode == 0
    right = filled_in(release, RIGHT)
    for student, name in (("ada", "second.ipynb"), ("bob", "second (1).ipynb"), ("eve", None)):
        hand_in(course, student, right)
        if name:
            hand_in(course, student, right, name)
    done = by(course)
    said = "second.ipynb is missing; there is second (1).ipynb, which no notebook of the assignment is called"
    assert done.returncode == 0 and said in done.stderr
    read_essays(course, "bob", "eve")
    rows = exported(course)
    assert (rows["bob"]["status"], rows["bob"]["score"], rows["bob"]["reasons"]) == ("waits", "", said)
    assert (rows["eve"]["status"], rows["eve"]["score"]) == ("graded", "10.0")
    assert "no points yet" in rows["ada"]["reasons"] and "missing" not in rows["ada"]["reasons"]
    assert settle(course, "bob", PS, "--as", "graded").returncode == 0
    assert exported(course)["bob"]["score"] == "10.0"


def test_what_an_archive_adds_to_a_notebook_is_none(tmp_path):
    for name in ("one.ipynb", "__MACOSX/._one.ipynb", ".~two.ipynb", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert renamed(tmp_path, ["one", "two"]) == {}
    (tmp_path / "__MACOSX" / "Two.IPYNB.txt").touch()
    assert "there is __MACOSX/Two.IPYNB.txt, which" in renamed(tmp_path, ["one", "two"])["two"]


def test_the_report_and_the_last_lines_name_who_waits_and_what_was_mended(small):
    course, release = small
    damaged = filled_in(release, HALF)
    for cell in damaged.cells:
        cell.metadata = {}
    hand_in(course, "O'Neil, Bob", damaged)
    hand_in(course, "<b>bob", damaged)
    hand_in(course, "eve", lost(release, *[cell.id for cell in filled_in(release, RIGHT).cells][1:]))
    hand_in(course, "kim", b"[")
    done = grade(course, "--workers", "1")
    assert "<b>bob: the folder's name is no student's id" in done.stderr
    assert "eve waits for a person" in done.stderr and "had lost their metadata" in done.stderr
    (path,) = course.glob("report*.html")
    text = path.read_text()
    assert "<b>" not in text and "O'Neil, Bob" in html.unescape(text) and "had lost their metadata" in text
    for student, why in (("eve", "cells were missing"), ("kim", "not graded")):
        row = re.search(rf'<th scope="row">{student}</th>(.*?)</tr>', text, re.DOTALL)
        assert why in row[1], student
    rows = exported(course)
    assert rows["eve"]["score"] == "" and "missing" in rows["eve"]["reasons"]


def test_a_notebook_cannot_say_itself_that_it_waits_or_does_not(small):
    course, release = small
    forged = filled_in(release, RIGHT)
    forged.metadata.autograder = {"mended": ["all is well"], "waits": [{"reason": "mine", "cells": []}]}
    hand_in(course, "ada", forged)
    quiet = lost(release, "double")
    quiet.metadata.autograder = {"mended": [], "waits": [], "missing": [], "texts": []}
    hand_in(course, "bob", quiet)
    assert nbgrader(course, "autograde", PS).returncode == 0
    assert set(records(course)) == {"bob"} and records(course)["bob"]["notebooks"][PS]["waits"]
    made = nbformat.read(course / "autograded" / "ada" / PS / f"{PS}.ipynb", as_version=4)
    assert "mine" not in str(made.metadata) and "all is well" not in str(made.metadata)


def test_what_execution_cannot_judge_waits_as_well(tmp_path):
    course = tmp_path / "course"
    release = make(course, SAYS)
    hand_in(course, "ada", filled_in(release, RIGHT))
    assert nbgrader(course, "autograde", PS).returncode == 0
    assert records(course)["ada"]["notebooks"][PS]["waits"] == [
        {"reason": "the kernel died", "cells": ["double-check"]}
    ]
    assert book_of(course)["ada", "double-check"][4] and not book_of(course)["ada", "area-check"][4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("adda", PS, "--as", "zero"), "'adda' has nothing in ps, but ada"),
        (("ada", "p", "--as", "zero"), "no assignment 'p', but ps"),
        (("ada", PS, "--as", "zero"), "waits for nobody: 10 of 10 points"),
        (("ada", PS, "--as", "waits"), "nobody has settled the submission of ada"),
    ],
)
def test_what_makes_no_sense_is_explained_and_changes_nothing(finished, words, said):
    course = finished
    before = book_of(course)
    done = settle(course, *words)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert book_of(course) == before


@pytest.fixture(scope="module")
def finished(released, tmp_path_factory):
    """A course whose one submission is graded, and read."""
    course = tmp_path_factory.mktemp("settled") / "course"
    shutil.copytree(released.parent, course.parent, dirs_exist_ok=True)
    hand_in(course, "ada", filled_in(course / "release" / PS / f"{PS}.ipynb", RIGHT))
    assert nbgrader(course, "autograde", PS).returncode == 0
    read_essays(course, "ada")
    return course


def test_the_help_teaches(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["settle", "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for words in ("--as graded", "--as zero", "--as waits", "--dry-run", "formgrader", "Exit status"):
        assert words in shown
    with pytest.raises(SystemExit):
        main(["settle", "ada", PS, "--as", "good", "--course", os.getcwd()])
    assert "good" in capsys.readouterr().err
