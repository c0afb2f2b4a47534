"""The engine's places in nbgrader: reading a submission, and giving it the assignment's cells back."""

import os
import shutil
import stat

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.engine import notebooks
from autograder.engine.execute import IsolatedExecute
from autograder.engine.mother import EngineFailure
from autograder.engine.source import assignment_cells


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
        converter, take = self.parent, self.parent.init_assignment

        def init_assignment(assignment, student):
            refuse_links(converter._format_source(assignment, student))
            take(assignment, student)

        converter.init_assignment = init_assignment  # nbgrader copies a submission's files before it reads it

    def from_filename(self, filename, resources=None, **options):
        found = os.lstat(filename)
        if not stat.S_ISREG(found.st_mode):
            raise notebooks.Unreadable(f"{filename}: it is a link or no file")
        if found.st_size > notebooks.SIZE:
            raise notebooks.Unreadable(
                f"{filename}: {found.st_size} bytes, above the limit of {notebooks.SIZE}"
            )
        try:
            return super().from_filename(filename, resources=resources, **options)
        except EngineFailure as error:
            self._take_back(resources["nbgrader"])
            self.log.critical("%s was not graded, and no submission after it: %s", filename, error)
            raise SystemExit(1) from error

    def from_file(self, file_stream, resources=None, **options):
        try:
            notebook = notebooks.read(file_stream.read())
        except (notebooks.Unreadable, UnicodeDecodeError) as error:
            raise notebooks.Unreadable(f"{file_stream.name} cannot be graded: {error}") from error
        return self.from_notebook_node(notebook, resources=resources, **options)

    def _take_back(self, info):
        """Leave no trace of a submission that was not graded: else it would look graded, with 0 points."""
        converter = self.parent
        shutil.rmtree(converter._format_dest(info["assignment"], info["student"]), ignore_errors=True)
        with Gradebook(info["db_url"]) as book:
            submission = book.find_submission(info["assignment"], info["student"])
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            if all(grade.auto_score is None and grade.manual_score is None for grade in grades):
                book.remove_submission(info["assignment"], info["student"])


def refuse_links(folder):
    """Look for what nbgrader would follow out of a submission's folder when it copies the files.

    Raises: Unreadable naming the first link, device, pipe or socket.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            mode = os.lstat(path).st_mode
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
