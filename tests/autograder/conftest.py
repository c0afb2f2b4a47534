"""Runs the cells of checks of a source notebook, scored as nbgrader scores them: in this process, and with
the student's functions in another one, as when submissions are graded. The verdicts must be the same."""

import contextlib
import io
import os
import signal
import socket
import warnings
from pathlib import Path

import nbformat
import pytest
import torch
from nbgrader import utils

from autograder import probe
from autograder.bank import contracts
from autograder.engine.proxies import Link
from autograder.engine.snapshot import Worker

os.environ.setdefault("MPLBACKEND", "Agg")
SOURCE = Path(__file__).parents[2] / "autograder" / "course" / "source"


class Assignment:
    """A source notebook with standard contracts, or with this variant; its cells by id."""

    def __init__(self, path, contract=None):
        self.path = path
        self.notebook = contracts.standard(nbformat.read(path, as_version=4))
        if contract is not None:
            self.notebook = contracts.exchange(self.notebook, contract)
        self.cells = {cell.id: cell for cell in self.notebook.cells}
        self.tasks, self.checks = [], {}
        for cell in self.notebook.cells:
            if utils.is_solution(cell):
                self.tasks.append(cell.id)
                self.checks[cell.id] = []
            elif utils.is_grade(cell):
                self.checks[self.tasks[-1]].append(cell)

    def namespace(self, task):
        """What the names are after the setup cell and the solution of a task."""
        names = {"__name__": "__main__"}
        exec(self.cells["setup"].source, names)
        exec(self.cells[task].source, names)
        return names

    def function(self, task):
        """The name of the function that a task asks for."""
        (name,) = set(self.namespace(task)) - set(self.namespace("setup"))
        return name

    def lost(self, task, solution=None, seed=None, across=True):
        """Ids of the checks that a solution (the notebook's own if None) fails, or writes to stderr in.

        Args:
            across: whether it is judged from another process as well, which must come to the same.
        """
        names, setup = self.namespace(task), self.namespace("setup")
        own = [name for name in names if name not in setup]
        if solution is not None:
            names[self.function(task)] = solution
        if seed is not None:
            names["SEED"] = setup["SEED"] = seed
        elsewhere = self._lost_across(task, names, own, setup) if across else None
        lost = {cell.id for cell in self.checks[task] if not _passes(cell, names)}
        assert elsewhere in (None, lost), f"in two processes the solution loses {elsewhere}, in one {lost}"
        return lost

    def _lost_across(self, task, names, own, setup):
        """The same with the names of the solution in another process."""
        with submission(names) as link:
            setup |= link.lookup(own)
            before, probe.run = probe.run, link.call
            try:
                return {cell.id for cell in self.checks[task] if not _passes(cell, setup)}
            finally:
                probe.run = before


@contextlib.contextmanager
def submission(names, seconds=20.0, waiting=300.0):
    """A link to a forked process with these names; without a kernel, a snapshot of which it would be.

    Args:
        seconds: that a call may compute.
        waiting: seconds that it may take on a busy machine.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        try:
            ours.close()
            Worker(theirs, names).work()
        finally:
            os._exit(1)
    theirs.close()
    try:
        yield Link(ours, lambda: (seconds, waiting))
    finally:
        ours.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _passes(cell, names):
    stderr = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(stderr):
        warnings.simplefilter("always")
        try:
            exec(compile(cell.source, cell.id, "exec"), names)
        except Exception:
            return False
    return not caught and not stderr.getvalue()


@pytest.fixture(autouse=True)
def one_thread():
    """The tensors here are tiny: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def student():
    """Function from code and names to the proxies or values of the names, in a process of its own."""
    with contextlib.ExitStack() as stack:

        def defined(code, *names, **options):
            own = {"__name__": "__main__"}
            exec(code, own)
            found = stack.enter_context(submission(own, **options)).lookup(list(names))
            return found[names[0]] if len(names) == 1 else [found[name] for name in names]

        yield defined


def _fixture(name, *arguments):
    """An assignment as a fixture."""
    return pytest.fixture(scope="session", name=name)(lambda: Assignment(*arguments))


# Named by the assignment's number; with a variant of a contract by the variant's name.
PATHS = {path.stem.partition("_")[0]: path for path in sorted(SOURCE.glob("ps*/ps*.ipynb"))}
globals().update({f"_{number}": _fixture(number, path) for number, path in PATHS.items()})
globals().update(
    {f"_{name}": _fixture(name, PATHS[one.assignment], name) for name, one in contracts.load().items()}
)
