"""A batch of the small course, and the gradebook as plain data."""

import datetime
import os
import sys
import warnings
from pathlib import Path

import commands
from nbgrader.api import Gradebook
from small_course import HALF, PS, RIGHT, filled_in, hand_in, make
from sqlalchemy.exc import SAWarning

LATE = 'c.LateSubmissionPlugin.penalty_method = "zero"\n'
BLANK = {name: text for name, text in RIGHT.items() if name != "essay"}
DIES = RIGHT | {"ranks": "import os\nos._exit(1)"}


def hand_in_at(course, student, notebook, timestamp=None):
    folder = hand_in(course, student, notebook)
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp)
    return folder


def mixed(course, settings="", db_url=None):
    """A course in which everything is handed in that nbgrader treats in a way of its own."""
    release = make(course, LATE + settings)
    hand_in_at(course, "ada", filled_in(release, RIGHT), "2026-01-03 10:00:00 UTC")
    hand_in_at(course, "bob", filled_in(release, HALF), "2026-02-03 10:00:00 UTC")
    hand_in_at(course, "eve", filled_in(release, DIES))
    hand_in_at(course, "kim", filled_in(release, BLANK), "2026-01-02 10:00:00 UTC")
    hand_in_at(course, "bad", b'{"cells": [', "2026-02-02 10:00:00 UTC")
    (hand_in(course, "link", filled_in(release, HALF)) / "data").symlink_to("/etc")
    (hand_in(course, "tim", filled_in(release, HALF)) / "more.txt").write_text("mine")
    with Gradebook(db_url or f"sqlite:///{course / 'gradebook.db'}", "gan") as book:
        book.update_or_create_assignment(PS, duedate=datetime.datetime(2026, 1, 20))
        book.add_student("bob", first_name="Bob")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's way with its sessions
            book.add_submission(PS, "bob")
        book.find_grade("essay", PS, PS, "bob").manual_score = 1.5
        book.find_grade("ranks-check", PS, PS, "bob").extra_credit = 0.5
        book.db.commit()
    return release


def contents(db_url):
    """All that a gradebook says of students and what they handed in, without its inner ids."""
    found = {}
    with Gradebook(db_url, "gan") as book:
        for student in book.students:
            found[student.id] = student.first_name, student.last_name, student.email
        for one in book.assignment_submissions(PS):
            found[one.student.id, "submission"] = (
                one.timestamp,
                one.extension,
                one.score,
                one.max_score,
                one.needs_manual_grade,
                one.late_submission_penalty,
            )
            for notebook in one.notebooks:
                found[one.student.id, notebook.name] = notebook.flagged, notebook.late_submission_penalty
                for grade in notebook.grades:
                    found[one.student.id, grade.name] = (
                        grade.auto_score,
                        grade.manual_score,
                        grade.extra_credit,
                        grade.max_score,
                        grade.needs_manual_grade,
                    )
                for comment in notebook.comments:
                    key = one.student.id, comment.name, "comment"
                    found[key] = comment.auto_comment, comment.manual_comment
    return found


def book_of(course):
    return contents(f"sqlite:///{course / 'gradebook.db'}")


def command(course, *arguments):
    return [sys.executable, "-m", "autograder", "grade", PS, "--course", str(course.parent), *arguments]


def grade(course, *arguments, **variables):
    """Runs the command; returns the finished process."""
    environment = os.environ | variables
    return commands.run(command(course, *arguments), os.getcwd(), environment)


def table(done):
    """What the table at the end says: dict from column to number."""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("┃", "│"))]
    head, row = ([part.strip() for part in line[1:-1].replace("┃", "│").split("│")] for line in lines)
    return {name: int(number) for name, number in zip(head, row, strict=True)}


def files(folder):
    """The texts of the files in a folder, by their paths in it; not those that are the command's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and ".grading" not in path.parts
    }
