"""The one place from which grades go into the gradebook."""

import contextlib
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.writers import FilesWriter
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from sqlalchemy.exc import SAWarning

from autograder.engine.execute import IsolatedExecute
from autograder.engine.notebooks import SIZE, Unreadable
from autograder.engine.preprocessors import refuse_links
from autograder.grade.course import halves, pack
from autograder.grade.record import Record, fingerprint

OWN = ".grading"  # in autograded/: nbgrader's globs pass over it


class Enter(Autograde):
    """The half of nbgrader's autograde that enters points, for notebooks that were executed elsewhere.

    A submission's folder is made elsewhere and moved to its place in autograded/ when its grades are in the
    gradebook and the record has it: what an interruption leaves never looks graded, to nbgrader neither.
    """

    def __init__(self, **options):
        super().__init__(**options)
        _, self.autograde_preprocessors = halves(self.autograde_preprocessors)
        self.exporter = NotebookExporter(parent=self, config=self.config)
        self.writer = FilesWriter(parent=self, config=self.config)
        self.assignment, self.making = self.coursedir.assignment_id, False
        own = os.path.join(self._output_directory, OWN)
        self.own = Path(os.path.normpath(self.coursedir.format_path(own, ".", ".")))
        self.own.mkdir(parents=True, exist_ok=True)
        self.record = Record(self.own / f"{self.assignment}.jsonl")

    @property
    def _output_directory(self):
        autograded = self.coursedir.autograded_directory
        return os.path.join(autograded, OWN, "new") if self.making else autograded

    def init_assignment(self, assignment_id, student_id):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's way with its sessions
            super().init_assignment(assignment_id, student_id)

    @contextlib.contextmanager
    def scratch(self):
        """A folder for workers on this machine; what a run that was killed left is removed first."""
        link = self.own / "workers"
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
            link.unlink()
        folder = tempfile.mkdtemp(prefix="gan-run-")  # a short path: sockets stand below it
        try:
            os.chmod(folder, 0o711)  # the sandbox's user is another one
            link.symlink_to(folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            link.unlink(missing_ok=True)

    def submissions(self):
        """The students who have handed something in: dict to the notebooks of each."""
        self.init_notebooks()
        excluded = self.coursedir.student_id_exclude.split(",")
        pattern = self._format_source("(?P<assignment_id>.*)", "(?P<student_id>.*)", escape=True)
        found = {}
        for folder in sorted(self.assignments):
            student = re.match(pattern, folder)["student_id"]
            if student not in excluded:
                found[student] = sorted(self.assignments[folder])
        return found

    def is_graded(self, student, notebooks):
        """Whether a submission is graded as it is now.

        One that nbgrader's own command has graded is: the permissions are its last touch, and nothing of the
        submission may be newer than what was made of it.
        """
        source, done = self._format_source(self.assignment, student), self.folder(student)
        if not done.is_dir():
            return False
        if student in self.record.graded:
            try:
                return self.record.graded[student] == self.take(student, packed=False)[0]
            except Unreadable:
                return False
        made = [done / os.path.basename(path) for path in notebooks]
        files = utils.find_all_files(source, self.coursedir.ignore)
        permissions = int(str(self.permissions), 8)
        return all(
            path.is_file()
            and path.stat().st_mode & 0o777 == permissions
            and path.stat().st_mtime >= max(map(os.path.getmtime, files))
            for path in made
        )

    def take(self, student, *, packed=True):
        """A submission's fingerprint, and its files as an archive (None if not `packed`).

        Raises: Unreadable for one with links, or with more bytes than a submission may have.
        """
        folder, ignore = self._format_source(self.assignment, student), self.coursedir.ignore
        try:
            refuse_links(folder)
            most = SIZE + IsolatedExecute(parent=self).limits().submission
            if (size := sum(map(os.path.getsize, utils.find_all_files(folder, ignore)))) > most:
                raise Unreadable(f"{folder} holds {size} bytes, above the limit of {most}")
            return fingerprint(folder, ignore), pack(folder, ignore) if packed else None
        except OSError as error:
            raise Unreadable(f"{folder} cannot be read: {error}") from error

    def enter(self, student, notebooks, executed, taken):
        """Enter a submission's grades.

        Args:
            student: id.
            notebooks: paths of the submitted notebooks.
            executed: dict from the name of a notebook's file to the executed notebook, as bytes.
            taken: fingerprint of what was executed.

        Returns: whether they were entered; not where the submission is another one by now.
        """
        if fingerprint(self._format_source(self.assignment, student), self.coursedir.ignore) != taken:
            return False
        self._begin(student, notebooks)
        try:
            self.init_assignment(self.assignment, student)
            for path in self.notebooks:
                self._second_half(path, executed[os.path.basename(path)])
            self.set_permissions(self.assignment, student)
            new = self.folder(student)
        finally:
            self.making = False
        self.record.add(student, taken)
        self.folder(student).parent.mkdir(parents=True, exist_ok=True)
        os.rename(new, self.folder(student))
        _remove_empty(new.parent)
        return True

    def fail(self, student, notebooks):
        """Leave a submission that cannot be graded as nbgrader's command does: known, without new points."""
        self._begin(student, notebooks)
        try:
            refuse_links(self._format_source(self.assignment, student))
            self.init_assignment(self.assignment, student)
        except Exception as error:  # it is this that is wrong with it
            self.log.debug("%s: %r", student, error)
        finally:
            shutil.rmtree(new := self.folder(student), ignore_errors=True)
            self.making = False
        _remove_empty(new.parent)

    def folder(self, student):
        """Where a graded submission's notebooks are; while it is being made, another place."""
        return Path(os.path.normpath(self._format_dest(self.assignment, student)))

    def waiting_for_hand(self):
        """How many graded submissions need to be looked at by a person."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            found = book.assignment_submissions(self.assignment)
            return sum(one.needs_manual_grade for one in found if self.folder(one.student_id).is_dir())

    def _begin(self, student, notebooks):
        """Remove what there is of a submission; from now on it does not look graded."""
        shutil.rmtree(self.folder(student), ignore_errors=True)
        self.notebooks, self.making = notebooks, True
        shutil.rmtree(self.folder(student), ignore_errors=True)

    def _second_half(self, path, executed):
        self._sanitizing = True
        resources = self.init_single_notebook_resources(path)
        self._sanitizing = False
        try:
            self._init_preprocessors()
            notebook = nbformat.reads(executed.decode(), as_version=4)
            with utils.setenv(NBGRADER_EXECUTION="autograde"):
                output, resources = self.exporter.from_notebook_node(notebook, resources=resources)
            self.write_single_notebook(output, resources)
        finally:
            self._sanitizing = True


def _remove_empty(folder):
    with contextlib.suppress(OSError):  # one of them holds something
        os.removedirs(folder)
