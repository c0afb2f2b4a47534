"""The one place from which grades go into the gradebook."""

import contextlib
import os
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
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy.exc import SAWarning
from traitlets.utils.importstring import import_item

from autograder.engine.failures import Unreadable
from autograder.engine.notebooks import SIZE, read_file
from autograder.grade.assignment import pack
from autograder.grade.assignment_state import changes, entered, state
from autograder.grade.copies import Copies, leave_out
from autograder.grade.course import OWN, own_folder
from autograder.grade.preprocessor import IsolatedExecute
from autograder.grade.record import Record
from autograder.grade.submitted import Submitted


class _FilesAtOnce(BaseConverter):
    """How files come into `autograded/`; nbgrader itself would list a folder anew for each of them."""

    def init_assignment(self, assignment_id, student_id):
        ends = self._format_source(assignment_id, student_id), self._format_dest(assignment_id, student_id)
        ignore = shutil.ignore_patterns("*.ipynb")
        shutil.copytree(*ends, ignore=ignore, copy_function=shutil.copy, dirs_exist_ok=True)


class Enter(Autograde, _FilesAtOnce):
    """nbgrader's autograde for notebooks that are graded elsewhere: what comes before that, and after it.

    A submission's folder is made elsewhere and moved to its place in autograded/ when its grades are in the
    gradebook and the record has it: what an interruption leaves never looks graded, to nbgrader neither.
    """

    def __init__(self, **options):
        super().__init__(**options)
        kinds = *self.sanitize_preprocessors, *self.autograde_preprocessors
        self.before, self.settings, self.after = _around(kinds, self)
        self.exporter = NotebookExporter(parent=self, config=self.config)
        self.writer = FilesWriter(parent=self, config=self.config)
        self.assignment, self.making = self.coursedir.assignment_id, False
        self.copies, self.submitted, self.there, self.taken, self.untimed = None, None, {}, {}, []
        self.own = own_folder(self.coursedir)
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
        """The students whose submissions can be looked at; of the others, `submitted` knows the reason."""
        self.submitted = Submitted(self.coursedir, self.assignment)
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            self.there = entered(book, self.assignment)
            self.state = state(book, self.coursedir, self.config)
        return sorted(self.submitted.folders)

    def close(self):
        """Remove the copies of submissions that are on their way."""
        if self.copies is not None:
            self.copies.close()
            self.copies = None

    def is_graded(self, student):
        """Whether a submission is graded as it is now, and the gradebook has its grades.

        One that nbgrader's own command has graded is: the permissions are its last touch, and nothing of the
        submission may be newer than what was made of it.
        """
        done, scores = self.folder(student), self.there.get(student, {}).get("scores")
        if scores is None or not done.is_dir():
            return False
        try:
            taken = self.submitted.take(student)
        except (Unreadable, OSError):
            return False
        if student in self.record.graded:
            same = self.record.about[student].get("scores", scores) == scores
            return same and self.record.graded[student] == taken.fingerprint
        made = [done / name for name, _, _ in taken.files if "/" not in name and name.endswith(".ipynb")]
        permissions = int(str(self.permissions), 8)
        return all(
            path.is_file()
            and path.stat().st_mode & 0o777 == permissions
            and path.stat().st_mtime >= taken.newest
            for path in made
        )

    def outdated(self, students):
        """Which of these submissions were graded when the assignment was another one. See `state.changes`."""
        return changes(self.record, self.state, self.there, students)

    def take(self, student):
        """Copy a submission; from now on only the copy is used.

        Returns: its fingerprint, its notebooks (dict from name to text), and its files as an archive.
        Raises: Unreadable for one that cannot be graded; OSError where this machine fails.
        """
        if self.copies is None:
            self.copies = Copies(self.coursedir, self.assignment, self.submitted)
        self.copies.submitted = self.submitted
        taken, notebooks = self.copies.take(student)
        most = SIZE + self.settings.limits().submission
        if taken.size > most:
            raise Unreadable(f"the submission holds {taken.size} bytes, above the limit of {most}")
        folder, self.taken[student] = Path(self.copies.folder(student)), notebooks
        if (time := folder / "timestamp.txt").exists() and not time.stat().st_size:
            self.untimed.append(student)
        self.notebooks = notebooks
        self.run_pre_convert_hook()
        with self.copies.as_submitted():
            read = {_name(path): self._first_half(path) for path in notebooks}
        return taken.fingerprint, read, pack(folder)

    def enter(self, student, graded, fingerprint):
        """Enter a submission's grades.

        Args:
            student: id.
            graded: dict from the name of a notebook to the graded one, as text.
            fingerprint: of what was graded.

        Returns: whether they were entered; not where the submission is another one by now.
        """
        try:
            if self.submitted.take(student).fingerprint != fingerprint:
                return False
        except Unreadable:
            return False
        notebooks = self.taken.pop(student)
        self._begin(student)
        try:
            with self.copies.as_submitted():
                self.notebooks = notebooks
                self.init_assignment(self.assignment, student)
                leave_out(self.folder(student), notebooks)
                for path in self.notebooks:
                    self._second_half(path, graded[_name(path)])
            self.set_permissions(self.assignment, student)
            new = self.folder(student)
        finally:
            self.making = False
            self.copies.drop(student)
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            about = entered(book, self.assignment, student)[student]
        self.record.add(student, fingerprint, self.state, **about)
        self.folder(student).parent.mkdir(parents=True, exist_ok=True)
        os.rename(new, self.folder(student))
        _remove_empty(new.parent)
        return True

    def fail(self, student):
        """Leave a submission that cannot be graded as nbgrader's command does: known, without new points."""
        self._begin(student)
        self.notebooks = self.taken.pop(student, [])
        try:
            if self.notebooks:
                with self.copies.as_submitted():
                    self.init_assignment(self.assignment, student)
        except Exception as error:  # it is this that is wrong with it
            self.log.debug("%s: %r", student, error)
        finally:
            shutil.rmtree(new := self.folder(student), ignore_errors=True)
            self.making = False
            if self.copies is not None:
                self.copies.drop(student)
        _remove_empty(new.parent)

    def folder(self, student):
        """Where a graded submission's notebooks are; while it is being made, another place."""
        return Path(os.path.normpath(self._format_dest(self.assignment, student)))

    def waiting_for_hand(self):
        """How many graded submissions need to be looked at by a person."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            found = book.assignment_submissions(self.assignment)
            return sum(one.needs_manual_grade for one in found if self.folder(one.student_id).is_dir())

    def _begin(self, student):
        """Remove what there is of a graded submission; from now on it does not look graded."""
        shutil.rmtree(self.folder(student), ignore_errors=True)
        self.making = True
        shutil.rmtree(self.folder(student), ignore_errors=True)

    def _first_half(self, path):
        return self._through(self.before, read_file(path), path)[0]

    def _second_half(self, path, graded):
        self.write_single_notebook(*self._through(self.after, nbformat.reads(graded, as_version=4), path))

    def _through(self, preprocessors, notebook, path):
        """A notebook as a text, and nbgrader's resources, after some of nbgrader's preprocessors."""
        self.exporter._preprocessors = []
        for one in preprocessors:
            self.exporter.register_preprocessor(one)
        resources = self.init_single_notebook_resources(path)
        with utils.setenv(NBGRADER_EXECUTION="autograde"):
            return self.exporter.from_notebook_node(notebook, resources=resources)


def _around(kinds, converter):
    """nbgrader's preprocessors before the engine, the engine's settings, and the preprocessors after it.

    Raises: NbGraderException where the engine is not among them, or none enters points.
    """
    kinds = [import_item(one) if isinstance(one, str) else one for one in kinds]
    places = [place for place, kind in enumerate(kinds) if issubclass(kind, IsolatedExecute)]
    if not places or not any(issubclass(kind, SaveAutoGrades) for kind in kinds[places[0] :]):
        raise NbGraderException(
            "c.Autograde.autograde_preprocessors must have autograder.grade.preprocessor.IsolatedExecute and "
            "after it nbgrader.preprocessors.SaveAutoGrades: no points would be entered"
        )
    (place,) = places
    return kinds[:place], kinds[place](parent=converter).settings, kinds[place + 1 :]


def _name(path):
    return os.path.basename(path).removesuffix(".ipynb")


def _remove_empty(folder):
    with contextlib.suppress(OSError):  # one of them holds something
        os.removedirs(folder)
