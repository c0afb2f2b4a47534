"""What a worker does: one submission, from its files to its executed notebooks."""

import logging
import os
import socket
import tempfile
import threading
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from distributed import WorkerPlugin, get_worker
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning

from autograder.engine.checker_process import EngineFailure, causes
from autograder.engine.execute import IsolatedExecute, is_engines
from autograder.grade.course import halves, unpack

warnings.simplefilter("ignore", SAWarning)  # nbgrader's way with its sessions

_one_at_a_time = threading.Lock()  # nbgrader changes the process's working folder


@dataclass(frozen=True)
class Graded:
    """What became of a submission.

    Attributes:
        notebooks: from file name to the executed notebook, as bytes; empty if there was an error.
        error: why it could not be graded, or None.
        engine: whether that is the engine's fault, not the submission's.
    """

    notebooks: dict = field(default_factory=dict)
    error: str | None = None
    engine: bool = False


class Carries(WorkerPlugin):
    """Gives every worker, also one that comes later, the course.

    Args:
        course: Course.
        name: by which `grade` finds it.
        folder: for temporary files of workers that the command itself has started, or None. These leave the
            terminal's session, too: a Ctrl-C there is for the command, which ends them.
    """

    def __init__(self, course, name, folder=None):
        self.course, self.name, self.folder = course, name, folder

    def setup(self, worker):
        if self.folder is not None:
            os.setsid()
            tempfile.tempdir = self.folder


class FirstHalf(Autograde):
    """nbgrader's autograde for the one submission of a course, without entering points; errors are raised."""

    keeps_helpers = True  # for the next submission; they end with the worker

    def __init__(self, **options):
        super().__init__(**options)
        self.autograde_preprocessors, _ = halves(self.autograde_preprocessors)

    def convert_notebooks(self):
        (folder,) = self.assignments
        assignment, student = self.coursedir.assignment_id, Path(folder).parent.name
        self.init_destination(assignment, student)  # which finds the notebooks
        self.init_assignment(assignment, student)
        for path in self.notebooks:
            self.convert_single_notebook(path)

    def executed(self):
        """The notebooks: dict from file name to bytes."""
        names = [Path(path).name for path in self.notebooks]
        folder = Path(self.writer.build_directory)
        return {name: (folder / name).read_bytes() for name in names}


def grade(name, student, files):
    """Grade a submission in a course folder of its own.

    Args:
        name: of the plugin with the course.
        student: id.
        files: of the submission, an archive.

    Returns: Graded.
    """
    worker = get_worker()
    course = worker.plugins[name].course
    with _one_at_a_time, tempfile.TemporaryDirectory(dir=worker.local_directory) as root:
        config = converter = None
        try:
            config = course.make(root)
            submitted = Path(root, "submitted", student, course.assignment)
            submitted.mkdir(parents=True)
            unpack(files, submitted)
            converter = FirstHalf(coursedir=CourseDirectory(config=config), config=config)
            converter.log = _silent()
            converter.start()
            return Graded(converter.executed())
        except (Exception, SystemExit) as error:  # the engine ends nbgrader by SystemExit
            said = _said(error).replace(f"{root}{os.sep}", "")
            engine = isinstance(error, SystemExit) or is_engines(error, IsolatedExecute(config=config))
            if converter is None and not isinstance(error, OSError):  # nothing of the student's was read yet
                engine = True
            if engine:
                said = f"{said} (on {socket.gethostname()})"
            return Graded(error=said, engine=engine)


def _silent():
    log = logging.getLogger("autograder.grade.worker")
    log.propagate = False
    log.setLevel(logging.CRITICAL + 1)
    return log


def _said(error):
    """The message that says most of an error, with its place if it is nothing that was foreseen."""
    for one in causes(error):
        if isinstance(one, EngineFailure):
            return str(one)
    if isinstance(error, ValueError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)[-4:]).strip()
