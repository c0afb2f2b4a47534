"""``report-ASSIGNMENT.html``: the statistics of an assignment on one page that needs nothing else."""

from pathlib import Path
from statistics import median

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbgrader.api import Gradebook

from autograder.engine.names import listed, shown
from autograder.grade import statistics, waits

MESSAGES, STUDENTS, BINS = 3, 12, 10


def _shown(value):
    """Texts as a page may have them: nothing turns the direction of writing."""
    return shown(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_shown,
)


def write(converter):
    """Write the report of all submissions that are graded by now.

    Args:
        converter: Enter.

    Returns: its path, in the course folder.
    """
    coursedir, assignment = converter.coursedir, converter.assignment
    graded = {}
    for student in converter.submissions():
        if found := sorted(converter.folder(student).glob("*.ipynb")):
            graded[student] = found
    with Gradebook(coursedir.db_url, coursedir.course_id) as book:
        tasks = statistics.tasks(book, coursedir, assignment)
        scores = statistics.scores(book, assignment, graded)
        late = sum(
            bool(one.student_id in graded and one.late_submission_penalty)
            for one in book.assignment_submissions(assignment)
        )
        found = waits.of_assignment(book, coursedir, assignment, _students(converter, graded))
    scores = {student: own for student, own in scores.items() if not found[student].damage}
    items = statistics.items(tasks, scores)
    owners = {cell: task for task, cells in tasks.items() for _, cell in cells}
    failed, ended = statistics.failures(graded, owners)
    totals = [sum(score or 0.0 for score in own.values()) for own in scores.values()]
    most = sum(item.points for item in items)
    page = TEMPLATES.get_template("report.html.jinja").render(
        assignment=assignment,
        submissions=len(graded),
        items=items,
        most=most,
        totals=totals,
        median=median(totals or [0.0]),
        late=late,
        waiting=sum(one.kind == "waits" for one in found.values()),
        bars=_bars(totals, most),
        unsettled=[(student, one) for student, one in sorted(found.items()) if not one.has_total],
        mended=[(student, one.record.mended) for student, one in sorted(found.items()) if one.record.mended],
        failed=sorted(failed.items(), key=lambda pair: (-pair[1].total(), pair[0])),
        owners=owners,
        ended=[
            (name, statistics.ENDS[kind], len(students), listed(list(students), STUDENTS))
            for (name, kind), students in sorted(ended.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        ],
        most_messages=MESSAGES,
    )
    path = Path(coursedir.root, f"report-{assignment}.html")
    path.write_text(page, encoding="utf-8")
    return path


def statuses(converter):
    """Where each submission of an assignment stands: dict from student to Status."""
    coursedir, assignment = converter.coursedir, converter.assignment
    with Gradebook(coursedir.db_url, coursedir.course_id) as book:
        return waits.of_assignment(book, coursedir, assignment, _students(converter))


def _students(converter, more=()):
    return sorted({*converter.submissions(), *more})


def _bars(totals, most):
    """How many totals lie in each part of the range of points, as bars of a drawing.

    Args:
        totals: list of points.
        most: points that can be had.

    Returns: list of dicts: "low" and "high" are points, "count" is of the totals, "x" and "height" are the
        bar's in the drawing.
    """
    counts = [0] * BINS
    for total in totals:
        counts[max(0, min(BINS - 1, int(BINS * total / most) if most else 0))] += 1
    high = max(*counts, 1)
    return [
        {
            "low": most * place / BINS,
            "high": most * (place + 1) / BINS,
            "count": count,
            "x": 4 + 60 * place,
            "height": 150 * count / high,
        }
        for place, count in enumerate(counts)
    ]
