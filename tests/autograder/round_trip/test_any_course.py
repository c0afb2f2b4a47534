"""One line switches the engine on in any nbgrader course: nbgrader's own quickstart, graded by both."""

import os
import shutil
import sys
from pathlib import Path

import commands
import nbformat
import pytest
from nbgrader.api import Gradebook

LINE = "\nfrom autograder import isolate\n\nisolate(c)\n"
SMALL = "c.IsolatedExecute.preload = []\n"  # the course needs no torch
PS = "ps1"


def nbgrader(folder, *words):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for alembic
    done = commands.run([commands.NBGRADER, *words], folder, os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stderr


def answered(folder):
    """The instructor's own notebooks, handed in: all that can be right is."""
    submission = folder / "submitted" / "ada" / PS
    shutil.copytree(folder / "source" / PS, submission)
    for path in submission.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            lines = [line for line in cell.source.splitlines() if "### " not in line]
            cell.source = "\n".join(lines)
        nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Dict from the way of grading to what each cell of each submission got."""
    found = {}
    for kind in ("plain", "isolated"):
        folder = tmp_path_factory.mktemp(kind)
        nbgrader(folder, "quickstart", "course")
        course = folder / "course"
        if kind == "isolated":
            with open(course / "nbgrader_config.py", "a") as file:
                file.write(LINE + SMALL)
        nbgrader(course, "generate_assignment", PS)
        answered(course)
        shutil.copytree(course / "release" / PS, course / "submitted" / "bela" / PS)  # as it was given out
        nbgrader(course, "autograde", PS)
        nbgrader(course, "generate_feedback", PS)
        assert (course / "feedback" / "ada" / PS / "problem1.html").is_file()
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            found[kind] = {
                (student, notebook.name, grade.name): (grade.auto_score, grade.needs_manual_grade)
                for student in ("ada", "bela")
                for notebook in book.find_submission(PS, student).notebooks
                for grade in notebook.grades
            }
    return found


def test_both_ways_give_the_same_scores(scores):
    assert scores["isolated"] == scores["plain"]


def test_there_was_something_to_score(scores):
    for student, above in (("ada", True), ("bela", False)):
        points = [score for (who, *_), (score, _) in scores["plain"].items() if who == student and score]
        assert (sum(points) > 2) == above
