"""Assignments released, handed in by some students and graded, by nbgrader's own commands."""

import contextlib
import shutil
from pathlib import Path

import nbformat
import pytest
import small_course
from nbgrader import utils
from nbgrader.api import Gradebook
from right_answers import in_term, right_answers
from round_trip.submissions import OTHERS, TERM

from questions import pools

COURSE = Path(__file__).parents[3] / "autograder" / "course"


class Course:
    """A copy of the course folder, and of the settings beside it; what is asked of it is done once."""

    def __init__(self, folder):
        self.folder, self.done = folder, set()
        shutil.copy(small_course.CONFIG, folder.parent)
        shutil.copytree(COURSE / "source", folder / "source")
        (folder / "term.txt").write_text(f"{TERM}\n")

    def nbgrader(self, *arguments):
        """Runs a command of the course; returns what it printed."""
        done = small_course.nbgrader(self.folder, *arguments)
        assert done.returncode == 0, f"{' '.join(done.args)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def source(self, name):
        return nbformat.read(self.folder / "source" / name / f"{name}.ipynb", as_version=4)

    def release(self, name):
        """The path of the released notebook."""
        if ("release", name) not in self.done:
            self.nbgrader("generate_assignment", name)
            self.done.add(("release", name))
        return self.folder / "release" / name / f"{name}.ipynb"

    def filled_in(self, name, answers):
        """The released notebook with some cells changed."""
        return small_course.filled_in(self.release(name), answers)

    def solved(self, name, student):
        """What a student writes who answers everything right, by the ids of the cells."""
        notebook = self.source(name)
        answers = {cell.id: cell.source for cell in notebook.cells if utils.is_solution(cell)}
        essays = [cell.metadata["essay"] for cell in notebook.cells if "essay" in cell.metadata]
        answers |= {f"{one[:2].lower()}-essay": pools.essays()[one].explanation for one in essays}
        return answers | right_answers(in_term(notebook, TERM), student)

    def hand_in(self, name, student, answers):
        folder = self.folder / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(self.filled_in(name, answers), folder / f"{name}.ipynb")

    def graded(self, name):
        """Names of the students whose submissions are graded: ada has solved all, bela nothing."""
        students = {"ada": self.solved(name, "ada"), "bela": {}} | OTHERS.get(name, {})
        if ("graded", name) not in self.done:
            for student, answers in students.items():
                self.hand_in(name, student, answers)
            self.nbgrader("autograde", name)
            self.nbgrader("generate_feedback", name)
            self.done.add(("graded", name))
        return list(students)

    def page(self, name, student):
        """The feedback page."""
        self.graded(name)
        return (self.folder / "feedback" / student / name / f"{name}.html").read_text()

    @contextlib.contextmanager
    def gradebook(self):
        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}", "gan") as book:
            yield book

    def grades(self, name, student):
        """The grades of a submission by the names of their cells, as dicts."""
        self.graded(name)
        with self.gradebook() as book:
            grades = book.find_submission_notebook(name, name, student).grades
            return {grade.name: grade.to_dict() | {"score": grade.score} for grade in grades}


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    return Course(tmp_path_factory.mktemp("autograder") / "course")
