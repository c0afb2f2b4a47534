"""What a worker does: one submission, from its notebooks and files to the graded notebooks."""

import functools
import logging
import os
import socket
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from distributed import WorkerPlugin, get_worker

from autograder.engine import grade as engine
from autograder.engine.failures import EngineFailure, causes
from autograder.grade.assignment import unpack
from autograder.grade.gradebook_cells import check_language
from autograder.grade.preprocessor import is_engines


@dataclass(frozen=True)
class Graded:
    """What became of a submission.

    Attributes:
        notebooks: dict from the name of a notebook to the graded one, as text; empty if there was an error.
        error: why it could not be graded, or None.
        engine: whether that is the engine's fault, not the submission's.
    """

    notebooks: dict = field(default_factory=dict)
    error: str | None = None
    engine: bool = False


class Carries(WorkerPlugin):
    """Gives every worker, also one that comes later, the assignment.

    Args:
        assignment: Assignment.
        name: by which `grade` finds it.
        folder: for temporary files of workers that the command itself has started, or None. These leave the
            terminal's session, too: a Ctrl-C there is for the command, which ends them.
    """

    def __init__(self, assignment, name, folder=None):
        self.assignment, self.name, self.folder = assignment, name, folder

    def setup(self, worker):
        if self.folder is not None:
            os.setsid()
            tempfile.tempdir = self.folder


def grade(name, student, notebooks, files):
    """Grade a submission.

    Args:
        name: of the plugin with the assignment.
        student: id.
        notebooks: dict from the name of a notebook to its text.
        files: of the submission, an archive.

    Returns: Graded.
    """
    worker = get_worker()
    its = worker.plugins[name].assignment
    with tempfile.TemporaryDirectory(dir=worker.local_directory) as root:
        begun = False
        try:
            _check(its.settings)
            submitted = _unpacked(files, Path(root, "submitted"))
            given = None if its.given is None else _unpacked(its.given, Path(root, "given"))
            begun, graded = True, {}
            for called, text in notebooks.items():
                notebook = nbformat.reads(text, as_version=4)
                check_language(notebook, called)
                done = engine.grade(
                    notebook,
                    its.cells[called],
                    submitted,
                    its.settings,
                    ordinary=its.ordinary[called],
                    given=given,
                    kept=its.kept,
                    student=student,
                    classmates=its.students - {student},
                    log=_silent(),
                )
                graded[called] = nbformat.writes(done)
            return Graded(graded)
        except Exception as error:
            said = _said(error).replace(f"{root}{os.sep}", "")
            its_fault = begun or isinstance(error, OSError)  # else nothing of the student's was looked at yet
            engines = not its_fault or is_engines(error, its.settings, _silent())
            return Graded(error=f"{said} (on {socket.gethostname()})" if engines else said, engine=engines)


def _unpacked(archive, folder):
    folder.mkdir()
    unpack(archive, folder)
    return folder


@functools.cache
def _check(settings):
    """See once whether this worker can grade at all. Raises: EngineFailure."""
    engine.check(settings, _silent())


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
