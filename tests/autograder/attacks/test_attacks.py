"""What hostile notebooks gain: nothing, nothing leaks, and nobody else's grading is harmed.

Each attack is graded by `nbgrader autograde` in one batch with honest notebooks, the first and the last.
`pytest --attacks=all` tries them all.
"""

import html
import re
import socket
import threading
from html.parser import HTMLParser

import nbformat
import pytest
from hostile import ATTACKS, LOSES, SOME, hostile
from lies import LIES
from nbgrader.coursedir import CourseDirectory
from small_course import (
    HALF,
    HALF_POINTS,
    POINTS,
    PS,
    RIGHT,
    SECRET,
    filled_in,
    grades,
    hand_in,
    make,
    nbgrader,
)

from autograder.grade.waits import read


def chosen(config):
    """Names of the attacks that the command line asks for."""
    wanted = config.getoption("attacks")
    names = {"some": SOME, "all": ATTACKS}.get(wanted, wanted.split(","))
    if unknown := set(names) - {*ATTACKS, *LIES}:
        raise pytest.UsageError(f"--attacks: {sorted(unknown)} are none of {[*ATTACKS, *LIES]}")
    return [name for name in names if name in ATTACKS]


def pytest_generate_tests(metafunc):
    if "attack" in metafunc.fixturenames:
        metafunc.parametrize("attack", chosen(metafunc.config))


@pytest.fixture(scope="module")
def graded(tmp_path_factory, request):
    """Course folder, what nbgrader said, and what came in over the network."""
    course = tmp_path_factory.mktemp("attacks") / "course"
    release, stolen = make(course), []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(1)
        threading.Thread(target=_listen, args=(server, stolen), daemon=True).start()
        for student in ("0-honest", "zz-honest"):
            hand_in(course, student, filled_in(release, RIGHT))
        hand_in(course, "1-half", filled_in(release, HALF))
        for name in chosen(request.config):
            hand_in(course, name, hostile(release, name, server.getsockname()[1]))
        done = nbgrader(course, "autograde", PS)
        nbgrader(course, "generate_feedback", PS)
    return course, done, stolen


def _listen(server, stolen):
    while True:
        try:
            connection, _ = server.accept()
            stolen.append(connection.recv(100))
        except TimeoutError:
            continue
        except OSError:
            return


@pytest.fixture(scope="module")
def scores(graded):
    return grades(graded[0])


def test_the_command_ends_well(graded):
    _, done, _ = graded
    assert done.returncode == 0, done.stderr[-3000:]


def test_honest_notebooks_score_what_they_deserve(scores):
    assert scores["0-honest"] == scores["zz-honest"] == POINTS
    assert scores["1-half"] == HALF_POINTS


def test_an_attack_gains_nothing(scores, attack):
    gained = {check: score for check, score in scores[attack].items() if (score or 0) > HALF_POINTS[check]}
    assert gained == {}


def test_an_attack_costs_at_most_its_own_task(graded, scores, attack):
    """Or waits for a person, as where it has left no memory to judge the rest in."""
    lost = {check for check, score in scores[attack].items() if score != HALF_POINTS[check]}
    waits = {
        check
        for wait in read(CourseDirectory(root=str(graded[0])), attack, PS).waits
        for check in wait["cells"]
    }
    assert lost - waits <= LOSES.get(attack, set())


def test_nothing_hidden_reaches_what_students_see(graded, attack):
    _sees_nothing_hidden(graded[0], attack)


def test_nothing_hidden_reaches_an_honest_student(graded):
    _sees_nothing_hidden(graded[0], "1-half")


class Scripts(HTMLParser):
    """Collects what would run in the browser of a page's reader and holds the attack's word."""

    found, inside = (), False

    def handle_starttag(self, tag, attributes):
        self.inside = tag == "script"
        for name, value in attributes:
            link = re.sub(r"\s", "", value or "").lower().startswith(("javascript:", "data:text/html"))
            if (name.startswith("on") or link) and "attack" in (value or ""):
                self.found += (name,)

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside and "attack()" in data:
            self.found += (data,)


def test_nothing_runs_in_the_browser_of_who_reads_the_feedback(graded, attack):
    page = Scripts()
    page.feed((graded[0] / "feedback" / attack / PS / f"{PS}.html").read_text())
    assert page.found == ()


def _sees_nothing_hidden(course, name):
    page = (course / "feedback" / name / PS / f"{PS}.html").read_text()
    shown = html.unescape(re.sub("<[^>]*>", "", page))
    assert SECRET not in page and SECRET not in shown
    for cell in nbformat.read(course / "autograded" / name / PS / f"{PS}.ipynb", as_version=4).cells:
        marks = cell.metadata.get("nbgrader", {})
        if not marks.get("grade") or marks.get("solution"):
            assert SECRET not in str(cell.get("outputs", "")) and "ipynb" not in str(cell.get("outputs", ""))


def test_nothing_was_sent_anywhere(graded):
    assert graded[2] == []
