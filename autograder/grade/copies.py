"""Copies of submissions: what nbgrader is shown in the place of what students handed in."""

import contextlib
import fnmatch
import os
import shutil
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters import NbGraderException

from autograder.engine.names import shown
from autograder.grade.contents import check_beside, check_time, notebooks_of
from autograder.grade.course import OWN, own_folder
from autograder.grade.walk import FOLDER
from autograder.sandbox.leases import lock

COPIES = "taken-"  # how the names of folders with copies begin


class Copies:
    """Copies of submissions, in a folder that nbgrader takes for `submitted/` where it is told to.

    The copies are gone when this is closed; what was killed before has left is removed by the next one.

    Args:
        coursedir: nbgrader's CourseDirectory.
        assignment: name.
        submitted: Submitted.

    Attributes:
        own: the folder that they are in, with the records of what was graded.

    Raises: nbgrader.api.MissingEntry for an assignment that the gradebook does not have.
    """

    def __init__(self, coursedir, assignment, submitted):
        self.coursedir, self.assignment, self.submitted = coursedir, assignment, submitted
        with Gradebook(coursedir.db_url, coursedir.course_id) as book:
            names = [one.name for one in book.find_assignment(assignment).notebooks]
        self.names = [f"{name}.ipynb" for name in names if fnmatch.fnmatchcase(name, coursedir.notebook_id)]
        if not self.names:
            raise NbGraderException(f"{assignment} has no notebook {coursedir.notebook_id}, but {names}")
        self.own = own_folder(coursedir)
        self.own.mkdir(parents=True, exist_ok=True)
        _sweep(self.own)
        self.root = Path(tempfile.mkdtemp(prefix=COPIES, dir=self.own))
        self._lock = os.open(self.root, FOLDER)
        lock(self._lock)

    def _step(self, *more):
        return os.path.join(self.coursedir.autograded_directory, OWN, *more)

    def close(self):
        os.close(self._lock)
        shutil.rmtree(self.root, ignore_errors=True)
        with contextlib.suppress(OSError):  # it holds something
            self.root.parent.rmdir()

    def folder(self, student):
        """Where the copy of a student's submission is."""
        return self.coursedir.format_path(self._step(self.root.name), student, self.assignment)

    def take(self, student):
        """Copy a submission.

        Returns: Taken, and the paths of the notebooks in the copy.
        Raises: Unreadable; OSError where this machine fails.
        """
        self.drop(student)
        folder, called = self.folder(student), self.submitted.path(student)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        try:
            taken = self.submitted.take(student, folder)
            notebooks = notebooks_of(folder, called, self.names)
            source = self.coursedir.format_path(self.coursedir.source_directory, ".", self.assignment)
            check_beside(folder, called, source)
            check_time(folder, called)
        except BaseException:
            self.drop(student)
            raise
        return taken, notebooks

    def drop(self, student=None):
        """Remove the copy of a submission, if there is one; of all without `student`."""
        for path in self.root.iterdir() if student is None else [self.folder(student)]:
            shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def as_submitted(self):
        """While the block runs, nbgrader finds the copies where it looks for submissions."""
        before = self.coursedir.submitted_directory
        self.coursedir.submitted_directory = self._step(self.root.name)
        try:
            yield
        finally:
            self.coursedir.submitted_directory = before


def leave_out(folder, notebooks):
    """Remove of a graded submission what is in the way of its pages, and names that cannot be shown.

    Args:
        folder: in `autograded/`.
        notebooks: paths of its notebooks.
    """
    taken = {os.path.splitext(os.path.basename(one))[0] + ".html" for one in notebooks}
    top = os.fspath(folder)
    for place, folders, files in os.walk(top):
        for name in list(folders):
            if (place == top and name in taken) or shown(name) != name:
                shutil.rmtree(os.path.join(place, name))
                folders.remove(name)
        for name in files:
            if shown(name) != name:
                os.remove(os.path.join(place, name))


def _sweep(folder):
    """Remove copies whose process is gone: its lock went with it."""
    for path in folder.glob(f"{COPIES}*"):
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, FOLDER)
            try:
                if lock(descriptor):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
