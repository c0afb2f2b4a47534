"""Scores as a table: ``nbgrader export``, which says who waits for a person and never calls that 0."""

import csv
import os

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin

from autograder.grade import waits

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "status", "reasons",
)  # fmt: skip


class Scores(ExportPlugin):
    """nbgrader's own columns, and a status: graded, waits, not graded or missing.

    A submission that waits for a person, or was not graded, has no score; who has handed in nothing has 0.
    """

    def export(self, gradebook):
        coursedir = self.parent.coursedir
        path = self.to or os.path.join(coursedir.root, "grades.csv")
        names, ids = [str(name) for name in self.assignment], [str(name) for name in self.student]
        self.log.info("Exporting grades to %s", path)
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if (not names or assignment.name in names) and (not ids or student.id in ids):
                        table.writerow(_row(gradebook, coursedir, assignment, student))


def _row(gradebook, coursedir, assignment, student):
    try:
        found = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        found = None
    status = waits.status(coursedir, student.id, assignment.name, found)
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "timestamp": found and found.timestamp,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": assignment.max_score,
        "status": status.kind,
        "reasons": "; ".join(status.reasons),
    }
    if status.has_total:
        raw, penalty = (found.score, found.late_submission_penalty) if found else (0.0, 0.0)
        row |= {"raw_score": raw, "late_submission_penalty": penalty, "score": max(0.0, raw - penalty)}
    return row
