"""The engine's places in nbgrader: reading a submission, and giving it the assignment's cells back."""

import contextlib
import os
import shutil
import stat

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SQLAlchemyError

from autograder.engine import notebooks
from autograder.engine.execute import IsolatedExecute, is_engines
from autograder.engine.mother import EngineFailure
from autograder.engine.source import assignment_cells

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
        except notebooks.Unreadable:
            raise
        except Exception as error:
            self._take_back(assignment, student)
            if not is_engines(error, IsolatedExecute(parent=self)):
                raise
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
            notebook = notebooks.read(file_stream.read())
        except (notebooks.Unreadable, UnicodeDecodeError) as error:
            raise notebooks.Unreadable(f"{file_stream.name} cannot be graded: {error}") from error
        return self.from_notebook_node(notebook, resources=resources, **options)

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
        info = resources["nbgrader"]
        with Gradebook(info["db_url"]) as book:
            cells = assignment_cells(book, self.parent.parent.coursedir, info)
        for line in notebooks.restore(nb, cells):
            self.log.warning("%s, %s: %s", info["student"], info["notebook"], line)
        return nb, resources
