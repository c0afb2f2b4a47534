"""``python -m autograder settle``: a person ends what a submission waits for."""

import difflib
import sys

from nbgrader.api import Gradebook, MissingEntry

from autograder.engine.names import listed
from autograder.grade import waits
from autograder.grade.course import open_course, own_folder
from autograder.grade.record import AnotherOne, only_writer

AGAIN = "waits"  # takes back what was settled


class Refused(ValueError):
    """What was asked for makes no sense; the message says why."""


def settle(course, student, assignment, end, *, because="", dry_run=False):
    """Settle a submission that waits.

    Args:
        course: folder with `nbgrader_config.py`.
        student, assignment: names.
        end: "graded", "zero" or "waits".
        because: text for the record and the feedback page.
        dry_run: only say what would be done.

    Returns: exit status.
    """
    coursedir = open_course(course).coursedir
    try:
        with only_writer(own_folder(coursedir)), Gradebook(coursedir.db_url, coursedir.course_id) as book:
            print(_settled(book, coursedir, student, assignment, end, because, dry_run))
    except (Refused, AnotherOne) as error:
        print(f"Nothing was changed: {error}.", file=sys.stderr)
        return 1
    return 0


def _settled(book, coursedir, student, assignment, end, because, dry_run):
    """Do it, if it makes sense. Returns: what was done. Raises: Refused."""
    found = _submission(book, student, assignment)
    status = waits.status(coursedir, student, assignment, found)
    what, settled = f"the submission of {student} to {assignment}", status.record.settled
    points = f"{found.score:g} of {found.max_score:g} points"
    if status.kind == "not graded":
        raise Refused(f"{what} is not graded: grade it first")
    if end == AGAIN and settled is None:
        where = "it waits" if status.kind == "waits" else f"it has {points}"
        raise Refused(f"nobody has settled {what}; {where}")
    if end != AGAIN and status.kind == "graded":
        how = f", settled as {settled['as']!r}" if settled else ""
        raise Refused(f"{what} waits for nobody: {points}{how}")
    if end == "graded" and status.unread:
        cells = listed([name for _, name in status.unread], waits.NAMES)
        raise Refused(f"{cells} have no points yet: give them in formgrader, or settle as 'zero'")
    would = "would be" if dry_run else "is"
    if not dry_run:
        if end == AGAIN:
            waits.reopen(book, coursedir, student, assignment)
        else:
            waits.settle(book, coursedir, student, assignment, end, because)
    said = [f"{student}, {assignment}: {reason}" for reason in status.reasons]
    now = {"graded": f"graded, {points}", "zero": f"graded, 0 of {found.max_score:g} points"}
    said.append(f"{student}, {assignment} {would} {now.get(end, 'waiting for a person again')}.")
    if not dry_run:
        said.append(f"For the page: nbgrader generate_feedback {assignment} --student {student} --force")
    return "\n".join(said)


def _submission(book, student, assignment):
    """Raises: Refused naming what there is."""
    try:
        book.find_assignment(assignment)
    except MissingEntry as error:
        there = [one.name for one in book.assignments]
        raise Refused(f"there is no assignment {assignment!r}, but {_like(assignment, there)}") from error
    try:
        return book.find_submission(assignment, student)
    except MissingEntry as error:
        there = [one.student_id for one in book.assignment_submissions(assignment)]
        raise Refused(f"{student!r} has nothing in {assignment}, but {_like(student, there)}") from error


def _like(name, there):
    return listed(difflib.get_close_matches(name, there, 3, 0.5) or sorted(there), waits.NAMES) or "nothing"
