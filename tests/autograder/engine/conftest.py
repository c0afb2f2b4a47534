"""Notebooks of a few lines, executed as submissions are: kernel, sandbox, snapshots, checks."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.engine.grade import execute as run
from autograder.engine.notebooks import SourceCell
from autograder.engine.settings import Settings

SETTINGS = {"preload": (), "cell_seconds": 20, "call_seconds": 3.0, "memory_mb": 600, "processes": 64}


class Executed:
    """A notebook after its execution.

    Attributes:
        cells: all of them. waits: what could not be judged, see `grade.execute`.
        passed: names of the cells of checks without an error, lost: of the others.
    """

    def __init__(self, notebook, tests, waits):
        self.cells, self.tests, self.waits = notebook.cells, tests, waits
        named = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in self.cells}
        self.passed = {name for name in tests if not errors(named[name])}
        self.lost = {name: errors(named[name]) for name in tests if errors(named[name])}

    def accused(self):
        """Numbers of the student's cells that are said to have ended the kernel."""
        return [
            at
            for at, cell in enumerate(self.cells)
            if cell.metadata.get("nbgrader", {}).get("grade_id") not in self.tests
            and any("Died" in error for error in errors(cell))
        ]


def errors(cell):
    """What the errors among a cell's outputs say."""
    return [f"{output.ename}: {output.evalue}" for output in cell.outputs if output.output_type == "error"]


def cell(name, source, *, locked=True, points=None):
    """A code cell of an assignment: of checks where it has points, else a part or an answer of it."""
    return SourceCell(
        name=name,
        kind="code",
        source=source,
        locked=locked,
        grade=points is not None,
        solution=not locked,
        task=False,
        points=points,
        checksum="",
    )


@pytest.fixture(scope="session")
def execute():
    """Function from the cells of a notebook to what became of it.

    Each is a SourceCell, of which an answer may come as a pair with the student's text, or the text of a cell
    that the student has added.
    """

    def executed(*cells, **settings):
        known, made = [], []
        for one in cells:
            source = one if isinstance(one, SourceCell) else one[0] if isinstance(one, tuple) else None
            text = source.source if source is one else one[1] if source else one
            made.append(new_code_cell(text))
            if source:
                known.append(source)
                made[-1].metadata.nbgrader = {"grade_id": source.name}
        notebook = new_notebook(cells=made)
        waits, _ = run(notebook, known, settings=Settings(**SETTINGS | settings))
        return Executed(notebook, [source.name for source in known if source.is_test], waits)

    return executed
