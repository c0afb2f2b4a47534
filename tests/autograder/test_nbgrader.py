"""Around the engine all is plain nbgrader.

The same submissions, graded by nbgrader's own preprocessors, give the same gradebook; grading again, grades
by hand, late penalties, export, feedback and formgrader are nbgrader's.
"""

import csv
import html
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from nbformat.v4 import new_markdown_cell, new_raw_cell
from nbgrader.api import Gradebook
from small_course import HALF, HALF_POINTS, PLAIN, POINTS, PS, RIGHT, filled_in, hand_in, make, nbgrader

LATE = """
from nbgrader.plugins import BasePlugin


class TwoPointsADay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 2 * total_seconds_late / 86400


c.AssignLatePenalties.plugin_class = TwoPointsADay
"""
WARNS = RIGHT | {
    "double": """
import sys, warnings
def double(x):
    warnings.warn("old")
    print("!", file=sys.stderr)
    return 2 * x
"""
}
SUBMISSIONS = {"ada": RIGHT, "bela": RIGHT, "blank": {}, "hugo": HALF}
COMMENT = "Well said, and the unit is missing."


@pytest.fixture(scope="module", params=["engine", "plain"])
def course(request, tmp_path_factory):
    """A course after all that happens to grades: graded, graded by hand, handed in again, graded again."""
    folder = tmp_path_factory.mktemp(request.param) / "course"
    release = make(folder, LATE + (PLAIN if request.param == "plain" else ""))
    run(folder, "db", "assignment", "add", PS, "--duedate", "2031-05-01 12:00:00 UTC")
    for student, answers in SUBMISSIONS.items():
        hand_in(folder, student, filled_in(release, answers))
    (folder / "submitted" / "bela" / PS / "timestamp.txt").write_text("2031-05-02 00:00:00 UTC")
    run(folder, "autograde", PS)
    first = grades(folder)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gan") as book:
        for student, points in (("ada", 1.5), ("hugo", 0.5)):
            essay = book.find_grade("essay", PS, PS, student)
            essay.manual_score, essay.needs_manual_grade = points, False
            book.find_comment("essay", PS, PS, student).manual_comment = COMMENT
        book.find_grade("ranks-check", PS, PS, "hugo").manual_score = 1
        book.find_grade("ranks-check", PS, PS, "ada").extra_credit = 0.25
        book.db.commit()
    again = filled_in(release, HALF | {"letters": RIGHT["letters"]})
    again.cells += [new_raw_cell("<script>attack()</script>"), new_markdown_cell("<script>attack()</script>")]
    hand_in(folder, "hugo", again)
    run(folder, "autograde", PS)  # without --force nothing is graded again
    assert grades(folder)["hugo"]["letters-key"][0] == 1
    run(folder, "autograde", PS, "--force")
    run(folder, "generate_feedback", PS)
    run(folder, "export")
    return request.param, folder, first


def run(folder, *arguments):
    done = nbgrader(folder, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def grades(folder):
    """All that the gradebook says of every submission."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gan") as book:
        return {
            submission.student.id: {
                "penalty": submission.late_submission_penalty,
                "late": submission.total_seconds_late,
                "total": (submission.score, submission.max_score, submission.needs_manual_grade),
            }
            | {
                grade.name: (
                    grade.auto_score, grade.manual_score, grade.extra_credit, grade.max_score,
                    grade.needs_manual_grade, grade.failed_tests,
                )
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            | {
                f"{comment.name}: comment": (comment.auto_comment, comment.manual_comment)
                for notebook in submission.notebooks
                for comment in notebook.comments
            }
            for submission in book.assignment_submissions(PS)
        }  # fmt: skip


def exported(folder):
    with (folder / "grades.csv").open() as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


seen = {}


def test_the_gradebook_is_that_of_plain_nbgrader(course):
    kind, folder, first = course
    last = exported(folder)
    for row in last.values():
        del row["last_name"], row["first_name"], row["email"]
    seen[kind] = first, grades(folder), last
    if kind == "plain":
        assert seen["plain"] == seen["engine"]


def test_checks_that_passed_in_part_and_late_work_score_what_they_deserve(course):
    _, _, first = course
    automatic = {
        student: {name: marks[0] for name, marks in of.items() if name in POINTS}
        for student, of in first.items()
    }
    assert automatic == {
        "ada": POINTS, "bela": POINTS, "hugo": HALF_POINTS, "blank": dict.fromkeys(POINTS, 0)
    }  # fmt: skip
    penalties = {student: of["penalty"] for student, of in first.items() if of["penalty"]}
    assert penalties == {"bela": 1.0}


def test_grading_again_keeps_what_was_graded_by_hand(course):
    _, folder, _ = course
    hugo, ada = grades(folder)["hugo"], grades(folder)["ada"]
    assert hugo["letters-key"][0] == 2 and hugo["ranks-check"][:2] == (0, 1)
    assert (ada["essay"][1], hugo["essay"][1]) == (1.5, 0.5) and ada["ranks-check"][2] == 0.25
    assert ada["essay: comment"][1] == hugo["essay: comment"][1] == COMMENT


def test_the_export_and_the_feedback_show_it(course):
    _, folder, _ = course
    rows = exported(folder)
    assert {name: row["score"] for name, row in rows.items()} == {
        "ada": "9.75", "bela": "", "hugo": "6.5", "blank": "0.0"
    }  # fmt: skip
    assert {name: row["status"] for name, row in rows.items() if row["status"] != "graded"} == {
        "bela": "waits"  # nobody has read the essay
    }
    page = html.unescape((folder / "feedback" / "hugo" / PS / f"{PS}.html").read_text())
    assert COMMENT in page and re.search(r"Score: 6\.5\s*/\s*10\.0", page)


def test_warnings_cost_nothing(tmp_path):
    release = make(tmp_path / "course")
    hand_in(tmp_path / "course", "ada", filled_in(release, WARNS))
    run(tmp_path / "course", "autograde", PS)
    scores = grades(tmp_path / "course")["ada"]
    assert {name: scores[name][0] for name in POINTS} == POINTS


@pytest.fixture
def server(course, tmp_path):
    """A Jupyter server in the course folder, with nbgrader's formgrader; a function that fetches a page."""
    _, folder, _ = course
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=guess",
        f"--ServerApp.root_dir={folder.parent}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]  # fmt: skip
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        command, cwd=folder.parent, env=os.environ | own | {"HOME": str(tmp_path)}, stdout=log, stderr=log
    )

    def fetch(path, token="guess"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}")
        request.add_header("Authorization", f"token {token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                fetch("api/status")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield fetch
    finally:
        process.terminate()
        process.wait()


def test_formgrader_opens_on_the_course(course, server):
    kind, folder, _ = course
    assert kind == "plain" or "IsolatedExecute" in (folder.parent / "nbgrader_config.py").read_text()
    notebook = json.loads(server(f"formgrader/api/submissions/{PS}"))
    assert {one["student"]: one["score"] for one in notebook}["hugo"] == 6.5
    assert "formgrade" in server(f"formgrader/gradebook/{PS}/{PS}").lower()
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "gan") as book:
        number = book.find_submission_notebook(PS, PS, "hugo").id
    page = server(f"formgrader/submissions/{number}/?index=0")
    shown = html.unescape(re.sub("<[^>]*>", "", page))
    assert "s3cret_lists" in shown and "return list(range(len(xs)))" in shown
    assert kind == "plain" or "<script>attack" not in page
    assert "s3cret" not in server(f"formgrader/submissions/{number}/", token="wrong")
