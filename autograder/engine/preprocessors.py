"""The engine's places in nbgrader: reading a submission, and giving it the assignment's cells back."""

import contextlib
import errno
import os
import shutil
import stat

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SQLAlchemyError

from autograder.engine import notebooks
from autograder.engine.execute import IsolatedExecute
from autograder.engine.mother import EngineFailure
from autograder.engine.source import assignment_cells, ordinary_texts

# Errors of this machine, not of a submission.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
FOLDER, FILES = 512 << 20, 2000  # bytes and files of a submission's folder


class SubmissionExporter(NotebookExporter):
    """Reads submissions, whatever they are, and stops the command when the engine itself fails.

    A submission that cannot be read fails alone, with a message that names it. A failure of the engine is not
    a student's: then nothing of the submission is kept, and the command ends with a message and status 1.
    """

    def __init__(self, **options):
        super().__init__(**options)
        try:
            IsolatedExecute(parent=self).check()
        except EngineFailure as error:
            self.log.error("Nothing was graded: %s", error)
            raise NbGraderException(str(error)) from error
        converter = self.parent
        take, write = converter.init_assignment, converter.write_single_notebook

        def init_assignment(assignment, student):
            folder = converter._format_source(assignment, student)
            refuse_links(folder)
            with self._or_nothing(assignment, student, folder):
                take(assignment, student)

        def write_single_notebook(output, resources):
            info = resources["nbgrader"]
            with self._or_nothing(info["assignment"], info["student"], info["notebook"]):
                write(output, resources)

        # nbgrader copies a submission's files before it reads it, and takes any error for the submission's
        converter.init_assignment, converter.write_single_notebook = init_assignment, write_single_notebook

    @contextlib.contextmanager
    def _or_nothing(self, assignment, student, what):
        """End the command, and leave no trace of the submission, where this machine or the engine fails."""
        try:
            yield
        except (EngineFailure, OSError) as error:
            if isinstance(error, OSError) and error.errno not in FULL:
                raise
            self._take_back(assignment, student)
            self.log.critical("%s was not graded, and no submission after it: %s", what, error)
            raise SystemExit(1) from error

    def from_filename(self, filename, resources=None, **options):
        found = os.lstat(filename)
        if not stat.S_ISREG(found.st_mode):
            raise notebooks.Unreadable(f"{filename}: it is a link or no file")
        if found.st_size > notebooks.SIZE:
            raise notebooks.Unreadable(
                f"{filename}: {found.st_size} bytes, above the limit of {notebooks.SIZE}"
            )
        info = resources["nbgrader"]
        with self._or_nothing(info["assignment"], info["student"], filename):
            return super().from_filename(filename, resources=resources, **options)

    def from_file(self, file_stream, resources=None, **options):
        try:
            text = notebooks.decoded(file_stream.buffer.read())
            # the second time it is what RestoreCells has written that is read
            notebook = notebooks.read(text, own=not self.parent._sanitizing)
        except notebooks.Unreadable as error:
            raise notebooks.Unreadable(f"{file_stream.name} cannot be graded: {error}") from error
        return self.from_notebook_node(notebook, resources=resources, **options)

    def _preprocess(self, nb, resources):
        nb, resources = super()._preprocess(nb, resources)
        # what is kept with the notebook reaches whoever enters its points, in this process or in another
        if found := resources["nbgrader"].pop("waits", None):
            nb.metadata.setdefault("autograder", nbformat.from_dict({})).setdefault("waits", []).extend(found)
        return nb, resources

    def _take_back(self, assignment, student):
        """Leave no trace of a submission that was not graded: else it would look graded, with 0 points."""
        converter = self.parent
        shutil.rmtree(converter._format_dest(assignment, student), ignore_errors=True)
        try:
            with Gradebook(converter.coursedir.db_url, converter.coursedir.course_id) as book:
                submission = book.find_submission(assignment, student)
                grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
                if all(grade.auto_score is None and grade.manual_score is None for grade in grades):
                    book.remove_submission(assignment, student)
        except MissingEntry:
            pass
        except SQLAlchemyError as error:
            self.log.critical("the gradebook may have an empty entry for %s: %s", student, error)


def refuse_links(folder):
    """Look for what nbgrader would follow out of a submission's folder when it copies the files.

    Raises: Unreadable naming the first link, device, pipe or socket, or the file at which it is too much.
    """
    left, count = FOLDER, FILES
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            found = os.lstat(path)
            mode, count = found.st_mode, count - 1
            left -= found.st_size if stat.S_ISREG(mode) else 0
            if left < 0 or count < 0:
                raise notebooks.Unreadable(
                    f"{path}: with it the submission has more than {FILES} files, or more than {FOLDER} bytes"
                )
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise notebooks.Unreadable(f"{path} is a link, or no file: such a submission is not graded")


class RestoreCells(NbGraderPreprocessor):
    """Gives a submission the assignment's own cells back (see `notebooks.restore`)."""

    def preprocess(self, nb, resources):
        info, coursedir = resources["nbgrader"], self.parent.parent.coursedir
        with Gradebook(info["db_url"]) as book:
            cells = assignment_cells(book, coursedir, info)
        for line in notebooks.restore(nb, cells, ordinary_texts(coursedir, info)):
            self.log.warning("%s, %s: %s", info["student"], info["notebook"], line)
        return nb, resources
