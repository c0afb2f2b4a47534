"""``report-ASSIGNMENT.html``: the statistics of an assignment on one page that needs nothing else."""

from html import escape
from pathlib import Path

from nbgrader.api import Gradebook

from autograder.engine.names import listed
from autograder.grade import statistics, waits

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
MESSAGES, STUDENTS, BINS = 3, 12, 10


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
        late = {
            one.student_id: one.late_submission_penalty
            for one in book.assignment_submissions(assignment)
            if one.student_id in graded and one.late_submission_penalty
        }
        found = waits.of_assignment(book, coursedir, assignment, _students(converter, graded))
    scores = {student: own for student, own in scores.items() if not found[student].damage}
    items = statistics.items(tasks, scores)
    owners = {cell: task for task, cells in tasks.items() for _, cell in cells}
    failed, ended = statistics.failures(graded, owners)
    totals = [sum(score or 0.0 for score in own.values()) for own in scores.values()]
    body = [
        _summary(totals, items, late, found),
        _waiting(found),
        _distribution(totals, sum(item.points for item in items)),
        _tasks(items),
        _failed(failed, owners, len(graded)),
        _ended(ended),
        _mended(found),
    ]
    path = Path(coursedir.root, f"report-{assignment}.html")
    title = f"{escape(assignment)}: {len(graded)} submissions"
    path.write_text(_page(title, body), encoding="utf-8")
    return path


def statuses(converter):
    """Where each submission of an assignment stands: dict from student to Status."""
    coursedir, assignment = converter.coursedir, converter.assignment
    with Gradebook(coursedir.db_url, coursedir.course_id) as book:
        return waits.of_assignment(book, coursedir, assignment, _students(converter))


def _students(converter, more=()):
    return sorted({*converter.submissions(), *more})


def _page(title, body):
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>\n{STYLE}</style></head>\n<body><main><h1>{title}</h1>"
        '<p class="note">For instructors: this page holds names, and messages of hidden checks.</p>\n'
        + "\n".join(body)
        + "</main></body></html>\n"
    )


def _summary(totals, items, late, found):
    waiting = sum(one.kind == "waits" for one in found.values())
    if not totals:
        return f"<p>Nothing is graded yet{f', and {waiting} wait for a person' * bool(waiting)}.</p>"
    most, ordered = sum(item.points for item in items), sorted(totals)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    facts = {
        "mean": f"{sum(totals) / len(totals):.1f} of {most:g}",
        "median": f"{middle:.1f}",
        "lowest, highest": f"{ordered[0]:g}, {ordered[-1]:g}",
        "late, with a penalty": str(len(late)),
        "submissions that wait for a person": str(waiting),
        "tasks that wait for a person": str(sum(item.unscored for item in items)),
    }
    pairs = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f"<dl>{pairs}</dl>"


def _distribution(totals, most):
    counts = [0] * BINS
    for total in totals:
        counts[max(0, min(BINS - 1, int(BINS * total / most) if most else 0))] += 1
    edges = [most * place / BINS for place in range(BINS + 1)]
    high, bars = max(*counts, 1), []
    for place, count in enumerate(counts):
        x, height = 4 + 60 * place, 150 * count / high
        bars.append(
            f'<rect x="{x}" y="{175 - height:.1f}" width="52" height="{height:.1f}"/>'
            f'<text x="{x + 26}" y="{168 - height:.1f}">{count or ""}</text>'
            f'<text x="{x + 26}" y="194">{edges[place]:.4g}–{edges[place + 1]:.4g}</text>'
        )
    said = "; ".join(
        f"{edges[i]:.4g} to {edges[i + 1]:.4g} points: {count}" for i, count in enumerate(counts)
    )
    return (
        "<section><h2>Scores</h2><p>Before penalties for being late; essays that nobody has read count 0, "
        "and damaged notebooks that wait for a person are left out.</p>"
        f'<div class="wide" tabindex="0" role="region" aria-label="Distribution of scores">'
        f'<svg viewBox="0 0 604 200" role="img" aria-label="{said}">{"".join(bars)}'
        '<line x1="0" y1="175.5" x2="604" y2="175.5"/></svg></div></section>'
    )


def _table(caption, heads, rows):
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        "<tr>" + f'<th scope="row">{row[0]}</th>' + "".join(f"<td>{one}</td>" for one in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _tasks(items):
    rows = []
    for item in items:
        share = None if item.mean is None else item.mean / item.points
        bar = "–" if share is None else f'<span class="bar" style="--share:{share:.3f}"></span>{share:.0%}'
        tells = "–" if item.discrimination is None else f"{item.discrimination:+.2f}"
        rows.append((escape(item.name), f"{item.points:g}", bar, tells, item.full, item.none, item.unscored))
    heads = "task", "points", "mean share", "discrimination", "all points", "none", "unscored"
    return (
        "<section><h2>Tasks</h2><p>The mean share of the points is the task's ease. Discrimination is the "
        "correlation of its points with all the other points: near 0, or below, the task measures something "
        "else than the rest; – where it is not defined.</p>"
        + _table("Difficulty and discrimination", heads, rows)
        + "</section>"
    )


def _failed(failed, owners, number):
    rows = []
    for name, messages in sorted(failed.items(), key=lambda pair: (-pair[1].total(), pair[0])):
        most = "".join(f"<li>{escape(said)} ({count})</li>" for said, count in messages.most_common(MESSAGES))
        more = len(messages) - MESSAGES
        most += f"<li>and {more} more</li>" if more > 0 else ""
        share = f"{messages.total()} ({messages.total() / number:.0%})"
        rows.append((escape(name), escape(owners[name]), share, f"<ul>{most}</ul>"))
    table = _table("Failed checks", ("check", "task", "failed", "most frequent messages"), rows)
    return f"<section><h2>Failed properties</h2>{table if rows else '<p>None.</p>'}</section>"


def _ended(ended):
    rows = []
    for (name, kind), students in sorted(ended.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        names = listed(list(map(escape, students)), STUDENTS)
        rows.append((escape(name), statistics.ENDS[kind], len(students), names))
    table = _table("Cells that ran too long or ended their kernel", ("cell", "it", "times", "whose"), rows)
    return f"<section><h2>Timeouts and deaths</h2>{table if rows else '<p>None.</p>'}</section>"


def _waiting(found):
    rows = [
        (escape(student), "waits" if one.kind == "waits" else "not graded", _lines(one.reasons))
        for student, one in sorted(found.items())
        if not one.has_total
    ]
    table = _table("Submissions without a total", ("whose", "it", "why"), rows)
    return (
        "<section><h2>Waiting for a person</h2><p>When you have looked, and given points where they are "
        "missing: <code>python -m autograder settle --help</code>.</p>"
        f"{table if rows else '<p>None.</p>'}</section>"
    )


def _mended(found):
    rows = [
        (escape(student), _lines(one.record.mended))
        for student, one in sorted(found.items())
        if one.record.mended
    ]
    table = _table("Notebooks that arrived damaged", ("whose", "what was mended"), rows)
    return f"<section><h2>Mended notebooks</h2>{table if rows else '<p>None.</p>'}</section>"


def _lines(lines):
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
