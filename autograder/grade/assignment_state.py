"""What an assignment was when a submission was graded, and what of it has changed since."""

import hashlib
import json
from pathlib import Path

from nbgrader import api
from nbgrader.utils import find_all_files
from sqlalchemy import select

from autograder.engine.names import listed, shown
from autograder.grade.gradebook_cells import assignment_cells

NAMES = 12  # of cells, in a message
CALLED = {"checks": "other checks", "points": "other points", "files": "other files of yours"}
CALLED |= {"lateness": "another penalty for being late"}


def state(book, coursedir, config):
    """What grades depend on beside the submission.

    Args:
        book: nbgrader.api.Gradebook.
        coursedir: nbgrader's CourseDirectory, with the assignment's name.
        config: nbgrader's settings.

    Returns: dict of dicts: "checks" (the cells of checks, and locked code that they use), "points", "files"
        (the instructor's), "lateness" (how being late is punished).
    """
    assignment = coursedir.assignment_id
    found = {"checks": {}, "points": {}, "files": {}, "lateness": _lateness(config)}
    notebooks = book.find_assignment(assignment).notebooks
    for notebook in notebooks:
        info = {"notebook": notebook.name, "assignment": assignment}
        for cell in assignment_cells(book, coursedir, info):
            name = cell.name if len(notebooks) == 1 else f"{notebook.name}/{cell.name}"
            if cell.points is not None:
                found["points"][name] = f"{cell.points:g}"
            if cell.is_test or (cell.locked and cell.kind == "code"):
                found["checks"][name] = _digest(cell.source.encode())
            elif cell.grade or cell.task:
                found["checks"][name] = "by a person"
    source = coursedir.format_path(coursedir.source_directory, ".", assignment)
    for path in find_all_files(source, [*coursedir.ignore, "*.ipynb"]):
        found["files"][str(Path(path).relative_to(source))] = _digest(Path(path).read_bytes())
    return found


def _lateness(config):
    plugin = config.get("AssignLatePenalties", {}).get("plugin_class", "nbgrader's")
    method = config.get("LateSubmissionPlugin", {}).get("penalty_method", "none")
    return {"the plugin": str(plugin), "its method": str(method)}


def _digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def entered(book, assignment, student=None):
    """What the gradebook has of each submission, or of that of one student.

    Returns: dict from student to a dict with "scores", a text that changes with the points that checks have
        given and with the time of the submission, or None where checks have given none; and "due", a date.
    """
    found = book.find_assignment(assignment)
    tests = {
        (notebook.name, cell.name)
        for notebook in found.notebooks
        for cell in notebook.grade_cells
        if cell.cell_type == "code" and cell.name not in {other.name for other in notebook.solution_cells}
    }
    one = api.SubmittedAssignment
    submissions = select(one.student_id, one.timestamp, one.extension).where(one.assignment_id == found.id)
    grades = (
        select(one.student_id, api.Notebook.name, api.BaseCell.name, api.Grade.auto_score)
        .select_from(api.Grade)
        .join(api.SubmittedNotebook, api.Grade.notebook_id == api.SubmittedNotebook.id)
        .join(one, api.SubmittedNotebook.assignment_id == one.id)
        .join(api.Notebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
        .join(api.BaseCell, api.Grade.cell_id == api.BaseCell.id)
        .where(one.assignment_id == found.id)
        .where(api.Grade.auto_score.is_not(None))
    )
    if student is not None:
        submissions = submissions.where(one.student_id == student)
        grades = grades.where(one.student_id == student)
    given = {}
    for owner, notebook, cell, score in book.db.execute(grades):
        if (notebook, cell) in tests:
            given.setdefault(owner, []).append([notebook, cell, score])
    return {
        owner: {
            "scores": _digest(json.dumps([str(timestamp), sorted(given.get(owner, []))]).encode())
            if owner in given or not tests
            else None,
            "due": _due(found.duedate, extension),
        }
        for owner, timestamp, extension in book.db.execute(submissions)
    }


def _due(date, extension):
    if date is None:
        return "none"
    return str(date if extension is None else date + extension)


def changes(record, now, there, students):
    """What has changed since submissions were graded.

    Args:
        record: Record.
        now: what `state` returns.
        there: what `entered` returns.
        students: whose submissions have not changed.

    Returns: the students concerned, and list of lines that say what is another one now.
    """
    concerned, found = set(), {}
    for student in students:
        about = record.about.get(student, {})
        then = record.states.get(about.get("state"))
        if then is None:
            continue
        other = {(CALLED[part], one) for part in CALLED for one in _differences(then[part], now[part])}
        if (due := there[student]["due"]) != about["due"]:
            other.add(("another due date", f"{about['due']}, now {due}"))
        for kind, one in other:
            concerned.add(student)
            whose, names = found.setdefault(kind, (set(), set()))
            whose.add(student)
            names.add(one)
    return concerned, [_line(kind, *found[kind]) for kind in sorted(found)]


def _line(kind, students, names):
    were = "1 submission was" if len(students) == 1 else f"{len(students)} submissions were"
    return f"{were} graded with {kind}: {listed(sorted(names), NAMES)}"


def _differences(then, now):
    """Names with what became of them: new, gone, or what they were and are."""
    for name in sorted(then.keys() | now.keys()):
        if name not in then or name not in now:
            yield f"{shown(name)} ({'gone' if name in then else 'new'})"
        elif then[name] != now[name]:
            plain = max(len(then[name]), len(now[name])) < 16  # else it is a digest
            yield f"{shown(name)} ({f'{then[name]}, now {now[name]}' if plain else 'changed'})"
