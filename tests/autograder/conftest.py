"""Runs the cells of checks of a source notebook in this process, scored as nbgrader scores them."""

import contextlib
import io
import os
import warnings
from pathlib import Path

import nbformat
import pytest
import torch
from nbgrader import utils

os.environ.setdefault("MPLBACKEND", "Agg")
SOURCE = Path(__file__).parents[2] / "autograder" / "source"


class Assignment:
    """A source notebook, its cells by id."""

    def __init__(self, path):
        self.notebook = nbformat.read(path, as_version=4)
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

    def lost(self, task, solution=None, seed=None):
        """Ids of the checks that a solution (the notebook's own if None) fails, or writes to stderr in."""
        names = self.namespace(task)
        if solution is not None:
            (function,) = [name for name in names if name not in self.namespace("setup")]
            names[function] = solution
        if seed is not None:
            names["SEED"] = seed
        return {cell.id for cell in self.checks[task] if not _passes(cell, names)}


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


@pytest.fixture(scope="session")
def ps1():
    return Assignment(SOURCE / "ps1_minimax" / "ps1_minimax.ipynb")
