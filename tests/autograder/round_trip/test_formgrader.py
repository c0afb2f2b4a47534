"""nbgrader's formgrader on the course as it is: who waits for a person, the mark scheme, points entered."""

import json
import re

import pytest
from round_trip.serving import serving

PS = "ps0_theory"


@pytest.fixture(scope="module")
def server(course):
    course.graded(PS)
    with serving(course.folder) as server:
        yield server


@pytest.fixture(scope="module")
def ask(server):
    """Function from the address of a page of formgrader, and what to put there if anything, to its text."""
    return lambda page, data=None: server.ask(f"formgrader/{page}", data)


@pytest.fixture(scope="module")
def submissions(ask):
    return {row["student"]: row for row in json.loads(ask(f"api/submitted_notebooks/{PS}/{PS}"))}


def test_the_list_says_who_waits_for_a_person(submissions):
    waiting = {student: row["needs_manual_grade"] for student, row in submissions.items()}
    assert waiting == {"ada": True, "bela": False, "carl": True, "dora": False, "emil": False, "hugo": True}
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


def test_its_links_lead_to_the_files_of_the_course(server, ask):
    (prefix,) = re.findall(r'var url_prefix = "(.*)"', ask("manage_assignments"))
    (row,) = [one for one in json.loads(ask("api/assignments")) if one["name"] == PS]
    for step in ("source_path", "release_path"):
        there = json.loads(server.ask(f"api/contents/{prefix}/{row[step]}"))["content"]
        assert f"{PS}.ipynb" in {one["name"] for one in there}
