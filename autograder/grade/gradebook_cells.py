"""What the gradebook and the course folder say of an assignment."""

import json
from pathlib import Path

import nbformat
from nbgrader.converters import NbGraderException

from autograder.engine.failures import Unreadable
from autograder.engine.names import shown
from autograder.engine.notebooks import SourceCell


def assignment_cells(book, coursedir, info):
    """The cells of a notebook of an assignment, in its order.

    The gradebook does not keep the order: it is that of the instructor's notebook, or of the released one,
    and only where there is neither that in which the gradebook gives the cells.

    Args:
        book: nbgrader.api.Gradebook.
        coursedir: nbgrader's CourseDirectory.
        info: the names of the assignment and the notebook.

    Returns: list of SourceCell.
    """
    found = book.find_notebook(info["notebook"], info["assignment"])
    graded = {cell.name: cell for cell in found.grade_cells}
    tasks = {cell.name: cell for cell in found.task_cells}
    solutions = {cell.name for cell in found.solution_cells}
    points = {name: cell.max_score for name, cell in (graded | tasks).items()}
    cells = [
        SourceCell(
            name=cell.name,
            kind=cell.cell_type,
            source=cell.source,
            locked=bool(cell.locked),
            grade=cell.name in graded,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            points=points.get(cell.name),
            checksum=cell.checksum,
        )
        for cell in found.source_cells
    ]
    order = {name: place for place, name in enumerate(_names_in_order(coursedir, info))}
    return sorted(cells, key=lambda cell: order.get(cell.name, len(order)))


def _names_in_order(coursedir, info):
    """Names of the cells of the first of the course's own notebooks that is there."""
    return [cell.metadata.nbgrader.grade_id for cell in _own_cells(coursedir, info) if _is_named(cell)]


def check_languages(book, assignment):
    """See that an assignment's notebooks are written in Python: nothing else is run here.

    Raises: NbGraderException naming the first that is not.
    """
    for notebook in book.find_assignment(assignment).notebooks:
        if other := other_language(json.loads(notebook.kernelspec or "null")):
            raise NbGraderException(
                f"{notebook.name}.ipynb of {assignment} is written in {other}, and only Python can be graded"
            )


def check_language(notebook, name):
    """See that a submitted notebook is written in Python, where the assignment's own says nothing.

    Raises: Unreadable.
    """
    if other := other_language(notebook.metadata.get("kernelspec")):
        raise Unreadable(f"{name}.ipynb is written in {other}, and is run by Python")


def other_language(kernelspec):
    """The language that a notebook's kernelspec names, as it can be shown, where that is not Python."""
    language = (kernelspec or {}).get("language", "python")
    is_python = not language.strip() or language.strip().lower().startswith("python")
    return None if is_python else shown(language)[:60]


def ordinary_texts(coursedir, info):
    """The texts of the cells of the course's own notebook that students may change and delete."""
    return [cell.source for cell in _own_cells(coursedir, info) if not _is_named(cell)]


def _own_cells(coursedir, info):
    for folder in (coursedir.source_directory, coursedir.release_directory):
        path = Path(coursedir.format_path(folder, ".", info["assignment"]), f"{info['notebook']}.ipynb")
        if path.is_file():
            return nbformat.read(path, as_version=4).cells
    return []


def _is_named(cell):
    return "nbgrader" in cell.metadata


def source_folder(coursedir, info):
    """The instructor's folder of an assignment: what it holds beside notebooks, students get."""
    return Path(coursedir.format_path(coursedir.source_directory, ".", info["assignment"]))


def submission_folder(coursedir, info):
    """The folder that a student handed in."""
    return Path(coursedir.format_path(coursedir.submitted_directory, info["student"], info["assignment"]))
