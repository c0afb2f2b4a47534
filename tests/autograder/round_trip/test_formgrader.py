"""nbgrader's formgrader on the course as it is: who waits for a person, the mark scheme, points entered."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

PS = "ps0_theory"
TOKEN = "of-the-test"


@pytest.fixture(scope="module")
def ask(course):
    """Function from the address of a page of formgrader, and what to put there if anything, to its text."""
    course.graded(PS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--ServerApp.token={TOKEN}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = (course.folder.parent / "server.log").open("w")
    server = subprocess.Popen(
        command, cwd=course.folder, env=os.environ | {"PATH": path}, stdout=log, stderr=subprocess.STDOUT
    )

    def asked(page, data=None):
        body = None if data is None else json.dumps(data).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = Request(f"http://127.0.0.1:{port}/{page}", body, headers, method="PUT" if body else "GET")
        return urlopen(request, timeout=60).read().decode()

    try:
        wait_for(lambda: asked("api"), server)
        yield lambda page, data=None: asked(f"formgrader/{page}", data)
    finally:
        server.terminate()
        server.wait()
        log.close()


def wait_for(answer, server, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            return answer()
        except URLError:
            time.sleep(0.3)
    raise AssertionError("no answer from jupyter server")


@pytest.fixture(scope="module")
def submissions(ask):
    return {row["student"]: row for row in json.loads(ask(f"api/submitted_notebooks/{PS}/{PS}"))}


def test_the_list_says_who_waits_for_a_person(submissions):
    waiting = {student: row["needs_manual_grade"] for student, row in submissions.items()}
    assert waiting == {"ada": True, "bela": False, "carl": False, "hugo": True}
    assert {row["max_task_score"] for row in submissions.values()} == {40}


def test_a_grader_sees_essay_and_mark_scheme_and_no_script_of_the_student(ask, submissions):
    page = ask(f"submissions/{submissions['hugo']['id']}/")
    for text in (
        "BEGIN MARK SCHEME",
        "A model answer",
        "The <strong>game</strong> is",
        'id="q1-criterion-1"',
    ):
        assert text in page, text
    assert "<script>alert" not in page


def test_points_of_a_criterion_can_be_entered(course, ask, submissions):
    grades = json.loads(ask(f"api/grades?submission_id={submissions['ada']['id']}"))
    (grade,) = [grade for grade in grades if grade["name"] == "q4-criterion-2"]
    assert grade["needs_manual_grade"]
    entered = json.loads(ask(f"api/grade/{grade['id']}", {"manual_score": 1.5}))
    assert (entered["manual_score"], entered["needs_manual_grade"]) == (1.5, False)
    assert course.grades(PS, "ada")["q4-criterion-2"]["score"] == 1.5
    ask(f"api/grade/{grade['id']}", {"manual_score": None})  # other tests count what is without points
    assert course.grades(PS, "ada")["q4-criterion-2"]["needs_manual_grade"]
