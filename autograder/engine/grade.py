"""The heart: a notebook and the assignment's cells in, the graded notebook out.

No course folder, no gradebook and no converter is needed for it.
"""

import copy
import importlib.util
import logging
import shutil
import tempfile
from pathlib import Path

from jupyter_core.utils import run_sync
from nbformat.v4 import new_code_cell, new_notebook

from autograder import sandbox
from autograder.engine.checker_process import new_checker
from autograder.engine.execute import Run
from autograder.engine.failures import EngineFailure
from autograder.engine.notebooks import SourceCell, restore
from autograder.engine.settings import Settings
from autograder.sandbox.submission import copy_files, make_folder, open_to_all

LOG = logging.getLogger(__name__)
NEEDED = ("cloudpickle", "safetensors", "torch", "ipykernel")
GOOD = {
    "good": "def good(x):\n    return 2 * x",
    "good-check": "assert good(2) == 4",
}  # see `trial`


def grade(
    notebook,
    cells,
    files=None,
    settings=None,
    *,
    ordinary=(),
    given=None,
    kept=(),
    student="",
    classmates=(),
    log=LOG,
):
    """Put a submitted notebook together again, run the student's cells in a sandbox, and judge them.

    Args:
        notebook: as `notebooks.read` returns it.
        cells: list of SourceCell: the cells of the assignment's notebook, in its order.
        files: folder of what was handed in, or None.
        settings: Settings; None for the usual ones.
        ordinary: texts of the assignment's other cells, which students may change and delete.
        given: folder of the instructor's files, or None; the checks find them, and the notebook beside it.
        kept: paths in it of files that the student may change: what was handed in comes before it.
        student: id.
        classmates: ids of the others in the course.
        log: logger.

    Returns: a new notebook with the outputs of all cells; a cell of checks holds an error where it failed,
        and the value of its last expression where it gives a part of the points. What had to be mended and
        why a person must look at it is in `metadata.autograder`, see `notebooks.restore`.
    Raises: EngineFailure where the engine or this machine fails, which is no student's fault. Any other
        exception may be of either, see `trial`.
    """
    settings, notebook = settings or Settings(), copy.deepcopy(notebook)
    restore(notebook, cells, ordinary)
    waits, notes = execute(
        notebook,
        cells,
        files,
        settings,
        given=given,
        kept=kept,
        student=student,
        classmates=classmates,
        log=log,
    )
    notebook.metadata.autograder.waits += waits
    notebook.metadata.autograder.mended += notes
    return notebook


def execute(
    notebook, cells, files=None, settings=None, *, given=None, kept=(), student="", classmates=(), log=LOG
):
    """The second half of `grade`, for a notebook that is whole; it is changed in place.

    Returns: what could not be judged, a list of dicts of "reason" and "cells", names of cells of checks; and
        lines that the checks have noted.
    """
    settings, cells = settings or Settings(), {cell.name: cell for cell in cells}
    with tempfile.TemporaryDirectory(prefix="gan-grade-") as work:
        work = Path(work)
        work.chmod(0o755)  # the kernel's user is another one
        make_folder(work / "calls")
        limits = settings.limits()
        if files is None:
            make_folder(work / "files")
        else:
            copy_files(files, work / "files", size=limits.submission, count=limits.submission_files)
        taught = given is not None and given.is_dir()
        if taught:
            _copy_given(given, work / "files", kept)
            open_to_all(work / "files")
        folder = given if taught else work / "files"
        run = Run(settings, notebook, cells, work, folder, student, classmates, log)
        run_sync(run.all)()
    return run.waits, list(run.notes)


def check(settings, log=LOG):
    """Find out whether submissions can be graded here at all. Raises: EngineFailure."""
    if settings.unsafe:
        log.warning("IsolatedExecute.unsafe is set: students' code runs WITHOUT a sandbox")
    else:
        try:
            sandbox.packages(settings.visible)
        except ValueError as error:
            raise EngineFailure(f"c.IsolatedExecute.visible: {error}") from error
        try:
            sandbox.check_sandbox()
        except sandbox.SandboxUnavailable as error:
            raise EngineFailure(f"{error} (the unsafe switch: c.IsolatedExecute.unsafe = True)") from error
        sandbox.begin_imports(settings.preload, settings.limits())  # beside those of the checks, below
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise EngineFailure(f"the package {name} is missing: pip install -r requirements.txt")
    new_checker(settings.preload).close()


def trial(settings, log=LOG):
    """Grade a notebook that cannot fail. Returns: None where engine and machine work, or why it did."""
    cells = [
        SourceCell(
            name=name,
            kind="code",
            source=source,
            locked=name == "good-check",
            grade=name == "good-check",
            solution=name == "good",
            task=False,
            points=1.0 if name == "good-check" else None,
            checksum="",
        )
        for name, source in GOOD.items()
    ]
    made = [new_code_cell(cell.source, metadata={"nbgrader": {"grade_id": cell.name}}) for cell in cells]
    try:
        execute(new_notebook(cells=made), cells, settings=settings, log=log)
    except Exception as error:  # of any kind: it is what the question is about
        return f"{type(error).__name__}: {error}"
    said = [output for cell in made for output in cell.outputs if output.output_type == "error"]
    return "; ".join(f"{output.ename}: {output.evalue}" for output in said) or None


def _copy_given(given, files, kept):
    """Copy the instructor's files over the student's, but for notebooks and what the student may change."""
    kept = {given / path for path in kept if (files / path).is_file()}

    def left_out(folder, names):
        return [one for one in names if one.endswith(".ipynb") or one[0] == "." or Path(folder, one) in kept]

    shutil.copytree(given, files, ignore=left_out, dirs_exist_ok=True)
