"""Answers that lie about themselves earn what their values deserve: nothing."""

import re

import pytest
from lies import COURSE, LIES, SOME_LIES, WRONG, liar
from small_course import PS, filled_in, grades, hand_in, make, nbgrader


def chosen(config):
    wanted = config.getoption("attacks")
    return [
        name
        for name in LIES
        if wanted == "all" or name in (SOME_LIES if wanted == "some" else wanted.split(","))
    ]


def pytest_generate_tests(metafunc):
    if "lie" in metafunc.fixturenames:
        metafunc.parametrize("lie", chosen(metafunc.config))


@pytest.fixture(scope="module")
def scores(tmp_path_factory, request):
    """Points of everybody's checks, graded in one batch between two honest notebooks."""
    course = tmp_path_factory.mktemp("lies") / "course"
    settings = "c.IsolatedExecute.preload = ['torch']\nc.IsolatedExecute.memory_mb = 2000\n"
    release = make(course, settings, COURSE)
    right = {one.id: re.sub(" *### .*\n?", "", one.source) for one in COURSE if one.id in WRONG}
    for student in ("0-honest", "zz-honest"):
        hand_in(course, student, filled_in(release, right))
    for name in chosen(request.config):
        hand_in(course, name, liar(release, name))
    done = nbgrader(course, "autograde", PS)
    assert done.returncode == 0, done.stderr[-3000:]
    return grades(course)


def test_a_lie_earns_nothing(scores, lie):
    assert {check: score for check, score in scores[lie].items() if score} == {}


def test_honest_notebooks_beside_liars_score_what_they_deserve(scores):
    assert scores["0-honest"] == scores["zz-honest"] == {f"{name}-check": 1 for name in WRONG}
