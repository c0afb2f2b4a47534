"""What waits for a person: one record of a submission, beside the record of what was graded.

A submission waits where what arrived cannot be judged by machines alone: it came damaged, or a cell's points
are a person's to give. Whoever enters points writes the record (`enter`), a person ends it (`settle`), and
export, report and feedback show the `status`: no total while something waits.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field

from autograder.engine.names import listed
from autograder.grade.course import own_folder

ENDS = "graded", "zero"
NAMES = 4  # of cells, in a line


@dataclass
class Record:
    """What is known of a submission beside its points.

    Attributes:
        of: digest of the submitted files that were graded.
        notebooks: dict from a notebook's name to {"mended": lines, "waits": [{"reason": text, "cells":
            names}]}.
        settled: how a person has ended it: {"as": one of `ENDS`, "because": text, "before": points that a
            zero took the place of, as [notebook, cell, manual score, extra credit]}, or None.
    """

    of: str = ""
    notebooks: dict = field(default_factory=dict)
    settled: dict | None = None

    @property
    def mended(self):
        return [line for one in self.notebooks.values() for line in one["mended"]]

    @property
    def waits(self):
        return [reason for one in self.notebooks.values() for reason in one["waits"]]


@dataclass(frozen=True)
class Status:
    """Where a submission stands.

    Attributes:
        kind: "graded", "waits", "not graded" (handed in, and that is all) or "missing".
        reasons: why it waits, or what else a person should know, one line each.
        damage: those of the reasons that are no missing points.
        unread: (notebook, cell) of the grades that have no points yet.
        record: Record.
    """

    kind: str
    reasons: tuple = ()
    damage: tuple = ()
    unread: tuple = ()
    record: Record = field(default_factory=Record)

    @property
    def has_total(self):
        return self.kind in ("graded", "missing")


def path_of(coursedir, student, assignment):
    """Where the record of a submission is."""
    return own_folder(coursedir) / "waits" / assignment / f"{student}.json"


def read(coursedir, student, assignment):
    """Returns: Record, an empty one where there is nothing to say."""
    try:
        return Record(**json.loads(path_of(coursedir, student, assignment).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Record()


def write(coursedir, student, assignment, record):
    """Keep a record, also one that says nothing yet: what a person settles later is about these files."""
    path = path_of(coursedir, student, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with open(new, "w", encoding="utf-8") as file:
        json.dump(asdict(record), file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def digest(folder):
    """A text that changes with the files in a folder; links are not followed."""
    found = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                found.update(f"{os.fsencode(os.path.relpath(path, folder))} {content}\n".encode())
    return found.hexdigest()


def enter(book, coursedir, info, folder, said):
    """Note what grading a notebook has found; its grades wait for a person where the notebook does.

    What a person has settled stays settled for as long as the submission, and why it waits, are the same.

    Args:
        book: nbgrader.api.Gradebook, with the notebook's new points.
        coursedir: nbgrader's CourseDirectory.
        info: the names of student, assignment and notebook.
        folder: of the submission.
        said: {"mended": lines, "waits": [{"reason": text, "cells": names}]}.

    Returns: list of why it waits; empty where it does not.
    """
    student, assignment, notebook = info["student"], info["assignment"], info["notebook"]
    record, now = read(coursedir, student, assignment), digest(folder)
    if record.of != now:
        _take_back(book, student, assignment, record)
        record = Record(now)
    if record.notebooks.get(notebook, {}).get("waits", []) != said["waits"]:
        _take_back(book, student, assignment, record)
    record.notebooks[notebook] = said
    write(coursedir, student, assignment, record)
    concerned = {cell for reason in said["waits"] for cell in reason["cells"]}
    whole = any(not reason["cells"] for reason in said["waits"])
    for grade in book.find_submission_notebook(notebook, assignment, student).grades:
        if record.settled is not None:
            grade.needs_manual_grade = False
        elif said["waits"] and (whole or grade.name in concerned or not concerned):
            grade.needs_manual_grade = True
    book.db.commit()
    return [] if record.settled else said["waits"]


def settle(book, coursedir, student, assignment, end, because):
    """End a wait: the points stand as they are ("graded"), or are all 0 ("zero").

    Args:
        because: text, or "".
    """
    record = read(coursedir, student, assignment)
    _take_back(book, student, assignment, record)
    before = []
    for notebook in book.find_submission(assignment, student).notebooks:
        for grade in notebook.grades:
            if end == "zero":
                before.append([notebook.name, grade.name, grade.manual_score, grade.extra_credit])
                grade.manual_score, grade.extra_credit = 0, 0
            grade.needs_manual_grade = False
    record.settled = {"as": end, "because": because, "before": before}
    write(coursedir, student, assignment, record)
    book.db.commit()


def reopen(book, coursedir, student, assignment):
    """Take back what a person has settled: the points are as before, and the submission waits again."""
    record = read(coursedir, student, assignment)
    _take_back(book, student, assignment, record)
    for name, said in record.notebooks.items():
        for grade in book.find_submission_notebook(name, assignment, student).grades:
            grade.needs_manual_grade = bool(said["waits"]) or grade.needs_manual_grade
    write(coursedir, student, assignment, record)
    book.db.commit()


def _take_back(book, student, assignment, record):
    """Undo a settlement: a zero that was given for it goes, and points given before come back."""
    for notebook, cell, manual, extra in (record.settled or {}).get("before", []):
        grade = book.find_grade(cell, notebook, assignment, student)
        grade.manual_score, grade.extra_credit = manual, extra
        grade.needs_manual_grade = manual is not None or grade.auto_score is None
    record.settled = None


def status(coursedir, student, assignment, submission):
    """Where a submission stands.

    Args:
        coursedir: nbgrader's CourseDirectory.
        student, assignment: names.
        submission: nbgrader.api.SubmittedAssignment, or None where the gradebook has none.

    Returns: Status.
    """

    def is_there(step):
        return os.path.isdir(coursedir.format_path(step, student, assignment))

    if is_there(coursedir.submitted_directory) and not is_there(coursedir.autograded_directory):
        return Status("not graded", ("what was handed in has not been graded, or could not be",))
    if submission is None:
        return Status("missing")
    record = read(coursedir, student, assignment)
    grades = [(notebook.name, grade) for notebook in submission.notebooks for grade in notebook.grades]
    unread = [
        (notebook, grade.name)
        for notebook, grade in grades
        if grade.auto_score is None and grade.manual_score is None
    ]
    old = [grade.name for _, grade in grades if grade.needs_manual_grade and grade.manual_score is not None]
    damage = () if record.settled else tuple(reason["reason"] for reason in record.waits)
    reasons = damage
    if unread:
        reasons += (f"no points yet: {listed([name for _, name in unread], NAMES)}",)
    kind = "waits" if reasons else "graded"
    if old:
        reasons += (f"points by hand from before it was graded again: {listed(old, NAMES)}",)
    return Status(kind, reasons, damage, tuple(unread), record)


def of_assignment(book, coursedir, assignment, students):
    """Dict from each of these students to Status."""
    found = {one.student_id: one for one in book.assignment_submissions(assignment)}
    return {student: status(coursedir, student, assignment, found.get(student)) for student in students}


def lines(found):
    """What a run's last lines say of damage.

    Args:
        found: dict from student to Status.

    Returns: list of lines.
    """
    said = []
    for student, one in sorted(found.items()):
        if one.damage:
            said.append(f"{student} waits for a person: {'; '.join(one.damage)}")
        if one.record.mended:
            more = f"; and {len(one.record.mended) - NAMES} more" * (len(one.record.mended) > NAMES)
            said.append(f"{student}, mended: {'; '.join(one.record.mended[:NAMES])}{more}")
    return said
