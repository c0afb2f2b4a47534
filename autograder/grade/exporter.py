"""nbgrader's way to a submission, where what students hand in can be anything."""

import contextlib
import logging
import os
import shutil

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from sqlalchemy.exc import SQLAlchemyError

from autograder.engine.failures import EngineFailure, Unreadable
from autograder.engine.names import shown
from autograder.engine.notebooks import read_file
from autograder.grade.assignment_state import entered, state
from autograder.grade.copies import Copies, leave_out
from autograder.grade.gradebook_cells import check_languages
from autograder.grade.preprocessor import IsolatedExecute, is_engines
from autograder.grade.record import Record
from autograder.grade.submitted import Submitted
from autograder.sandbox.forkserver import close_all


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
            close_all()
            self.log.error("Nothing was graded: %s", error)
            raise NbGraderException(str(error)) from error
        self._isolate(self.parent)

    def _isolate(self, converter):
        """Have nbgrader's converter work on copies, and take errors of this machine for what they are.

        nbgrader copies a submission's files before it reads it, follows every link, and takes any error for
        the submission's; what its globs do not find it does not mention.
        """
        convert, begin = converter.convert_notebooks, converter.init_destination
        take, write = converter.init_assignment, converter.write_single_notebook
        end, coursedir, copies, taken = converter.set_permissions, converter.coursedir, None, None

        def convert_notebooks():
            nonlocal copies
            assignment = coursedir.assignment_id
            try:
                submitted = Submitted(coursedir, assignment)
                with Gradebook(coursedir.db_url, coursedir.course_id) as book:
                    check_languages(book, assignment)
                copies = Copies(coursedir, assignment, submitted)
                converter.handed_in = set(submitted.folders)
            except (NbGraderException, MissingEntry, SQLAlchemyError, OSError) as error:
                close_all()
                missing = isinstance(error, MissingEntry)
                hint = f" Run nbgrader generate_assignment {assignment} first." * missing
                self.log.error("Nothing was graded: %s%s", shown(error, lines=True), hint)
                raise NbGraderException(str(error)) from error
            said = _Said(copies.root, coursedir)
            self.log.addFilter(said)
            try:
                with copies.as_submitted():
                    converter.assignments = {
                        copies.folder(student): [] for student in (*submitted.folders, *submitted.failed)
                    }
                    convert()
            finally:
                self.log.removeFilter(said)
                copies.close()
                close_all()
                for name, why in submitted.refused.items():
                    self.log.error(
                        f"There was an error processing assignment '{assignment}' for student '{name}': {why}"
                    )
            if submitted.refused:
                raise NbGraderException("not every submission could be taken in")

        def init_destination(assignment, student):
            nonlocal taken
            copies.drop()  # that of the one before
            with self._or_nothing(assignment, student, copies.submitted.path(student), begun=False):
                taken, converter.notebooks = copies.take(student)
            return begin(assignment, student)

        def init_assignment(assignment, student):
            notebooks = list(converter.notebooks)
            with self._or_nothing(assignment, student, copies.submitted.path(student)):
                take(assignment, student)
                leave_out(converter._format_dest(assignment, student), notebooks)

        def write_single_notebook(output, resources):
            info = resources["nbgrader"]
            with self._or_nothing(info["assignment"], info["student"], info["notebook"]):
                write(output, resources)

        def set_permissions(assignment, student):
            with self._or_nothing(assignment, student, copies.submitted.path(student)):
                end(assignment, student)
                if coursedir.notebook_id != "*":  # the others are as they were graded at another time
                    return
                with Gradebook(coursedir.db_url, coursedir.course_id) as book:
                    now = state(book, coursedir, converter.config)
                    about = entered(book, assignment, student)[student]
                Record(copies.own / f"{assignment}.jsonl").add(student, taken.fingerprint, now, **about)

        converter.convert_notebooks, converter.init_destination = convert_notebooks, init_destination
        converter.set_permissions = set_permissions
        converter.init_assignment, converter.write_single_notebook = init_assignment, write_single_notebook

    @contextlib.contextmanager
    def _or_nothing(self, assignment, student, what, *, begun=True):
        """End the command where this machine or the engine fails, and leave no trace of what was `begun`."""
        try:
            yield
        except Unreadable:
            raise
        except Exception as error:
            if begun:
                self._take_back(assignment, student)
            if not is_engines(error, IsolatedExecute(parent=self).settings, self.log):
                raise
            self.log.critical("%s was not graded, and no submission after it: %s", what, error)
            raise SystemExit(1) from error

    def from_filename(self, filename, resources=None, **options):
        info = resources["nbgrader"]
        with self._or_nothing(info["assignment"], info["student"], filename):
            return self.from_notebook_node(read_file(filename), resources=resources, **options)

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


def _find_later(converter, find=Autograde.init_notebooks):
    """In the place of nbgrader's own, which ends the command where its globs find nothing, and names nothing:
    with the engine, `Submitted` finds what was handed in."""
    if issubclass(converter.exporter_class, SubmissionExporter):
        converter.assignments, converter.notebooks = {}, []
    else:
        find(converter)


Autograde.init_notebooks = _find_later


class _Said(logging.Filter):
    """What is logged, so that no name steers a terminal, and with submissions called what they are called."""

    def __init__(self, root, coursedir):
        super().__init__()
        self.copies = str(root)
        self.meant = os.path.join(coursedir.root, coursedir.submitted_directory)

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple(self._said(one) if isinstance(one, str) else one for one in record.args)
        record.msg, record.args = self._said(record.getMessage(), lines=True), None
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = self._said(text, lines=True)
        return True

    def _said(self, text, **lines):
        return shown(text.replace(self.copies, self.meant), **lines)
