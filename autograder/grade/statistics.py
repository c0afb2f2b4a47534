"""What a batch of graded submissions says of the assignment."""

import collections
import json
from dataclasses import dataclass

import numpy as np
from nbgrader import api
from sqlalchemy import select

from autograder.grade.gradebook_cells import assignment_cells

ENDS = {"Timeout": "took too long", "Died": "ended the kernel", "NotRun": "was not run any more"}


@dataclass(frozen=True)
class Item:
    """A task: a solution and its cells of checks.

    Attributes:
        name: of the solution's cell.
        points: that can be had.
        mean: of the points, over the submissions in which it is scored; None where it is in none.
        discrimination: correlation of its points with the rest of the points; None where one of the two is
            the same in all submissions, or there are fewer than three.
        full, none: how many submissions have all of its points, and none of them or less.
        unscored: how many wait for a person.
    """

    name: str
    points: float
    mean: float | None
    discrimination: float | None
    full: int
    none: int
    unscored: int


def tasks(book, coursedir, assignment):
    """The cells of an assignment with points: dict from task to dict from (notebook, cell) to points."""
    found = {}
    for notebook in book.find_assignment(assignment).notebooks:
        current = None
        for cell in assignment_cells(book, coursedir, {"notebook": notebook.name, "assignment": assignment}):
            if cell.solution and not cell.grade:
                current = cell.name
            elif cell.grade or cell.task:
                task = cell.name if cell.solution or cell.task or current is None else current
                found.setdefault(task, {})[notebook.name, cell.name] = cell.points
    return {task: cells for task, cells in found.items() if sum(cells.values())}


def scores(book, assignment, students):
    """Points given: dict from student to dict from (notebook, cell) to points, None if unscored."""
    rows = select(
        api.SubmittedAssignment.student_id,
        api.Notebook.name,
        api.BaseCell.name,
        api.Grade.auto_score,
        api.Grade.manual_score,
        api.Grade.extra_credit,
    )
    joined = (
        rows.select_from(api.Grade)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
        .where(api.SubmittedAssignment.assignment_id == book.find_assignment(assignment).id)
    )
    found = {student: {} for student in students}
    for student, notebook, cell, auto, manual, extra in book.db.execute(joined):
        if student in found:
            score = auto if manual is None else manual
            found[student][notebook, cell] = None if score is None else score + (extra or 0.0)
    return found


def items(tasks, scores):
    """A list of Item, from what the functions of these names return."""
    table = np.array(
        [[_sum([own.get(cell) for cell in cells]) for cells in tasks.values()] for own in scores.values()],
        dtype=float,
    ).reshape(len(scores), len(tasks))
    found = []
    for column, (name, cells) in enumerate(tasks.items()):
        own, points = table[:, column], sum(cells.values())
        scored = ~np.isnan(own)
        rest = np.nansum(np.delete(table, column, axis=1), axis=1)
        found.append(
            Item(
                name,
                points,
                float(own[scored].mean()) if scored.any() else None,
                correlation(own[scored], rest[scored]),
                int((own[scored] >= points).sum()),
                int((own[scored] <= 0).sum()),
                int((~scored).sum()),
            )
        )
    return found


def correlation(x, y):
    """Pearson's correlation of two arrays (n,); None where it is not defined, or n < 3."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def failures(paths, checks):
    """What went wrong in executed notebooks, read one at a time.

    Args:
        paths: dict from student to the notebooks' paths.
        checks: names of the cells of checks.

    Returns: (failed, ended): for each check that failed a Counter of its messages, and for each
        (cell, kind of end in `ENDS`) the students.
    """
    failed, ended = {}, {}
    for student, notebooks in paths.items():
        for path in notebooks:
            for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], 1):
                name = cell["metadata"].get("nbgrader", {}).get("grade_id", f"cell {place}")
                for output in cell.get("outputs", ()):
                    if output["output_type"] != "error":
                        continue
                    if (kind := output["ename"]) in ENDS:
                        ended.setdefault((name, kind), {})[student] = None
                    if name in checks:
                        counter = failed.setdefault(name, collections.Counter())
                        counter[f"{kind}: {output['evalue']}"[:300]] += 1
    return failed, ended


def _sum(scores):
    """Their sum; nan where one is missing."""
    return sum(np.nan if score is None else score for score in scores)
