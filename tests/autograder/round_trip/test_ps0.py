"""Theory questions with reasons and numbers of one's own, and essays that a person grades."""

import html
import re

import pytest
from nbgrader import utils
from round_trip.submissions import OTHERS, POINTS, TERM, form

from autograder.bank import forms
from questions import pools

PS = "ps0_theory"


def text(page):
    """What a page shows, without its markup."""
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def reasons_of(family, student):
    """The reason of each statement in a student's form, by its letter: its beginning, formulas left out."""
    groups = pools.families()[family].pool()
    flat = [one for group in groups for one in group]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "TERM", TERM)
        return {letter: flat[at] for letter, at in forms.form_of(student, family, groups).items()}


def is_shown(statement, page):
    words = re.findall(r"[A-Za-z]+", re.sub(r"\$.*?\$|`.*?`", "$", statement.reason).partition("$")[0])
    return " ".join(words) in " ".join(re.findall(r"[A-Za-z]+", page)) if len(words) > 3 else None


def test_feedback_gives_reasons_when_the_instructor_shows_them_and_not_before(course):
    before = text(course.page(PS, "hugo"))
    course.nbgrader("generate_feedback", PS, "--student", "hugo", "--force", "--WithReasons.show=True")
    after, compared = text(course.page(PS, "hugo")), 0
    course.nbgrader("generate_feedback", PS, "--student", "hugo", "--force")
    wrong = {"T11": form("T11", "hugo"), "T2": form("T2", "hugo"), "T10": form("T10", "hugo"), "T1": {}}
    for family, is_true in wrong.items():
        source = course.filled_in(PS, OTHERS[PS]["hugo"])
        answers = {cell.id: cell.source for cell in source.cells}
        chosen = set(re.findall(r"'([A-E])'", answers[f"{family.lower()}-answer"]))
        judged = chosen ^ {letter for letter in is_true if is_true[letter]}
        for letter, statement in reasons_of(family, "hugo").items():
            assert not is_shown(statement, before), (family, letter)
            if (found := is_shown(statement, after)) is not None:
                assert found == (letter in judged), (family, letter)
                compared += 1
    assert compared > 10
    explained = "the share of real samples, the best guess"  # of T12v, which was wrong; T4v was right
    assert explained in after and explained not in before
    assert "minus the probability that the discriminator still gives the fake" not in after
    assert "look again" not in before + after


def test_the_list_of_scores_names_checks_and_criteria_and_leads_to_them(course):
    page = course.page(PS, "ada")
    entries = re.findall(r'<li><a href="#([^"]+)"><code>([^<]+)</code></a> .Score', page)
    graded = [cell.metadata.nbgrader for cell in course.source(PS).cells if "nbgrader" in cell.metadata]
    assert [name for _, name in entries] == [cell.grade_id for cell in graded if cell.grade or cell.task]
    for place, _ in entries:
        assert page.count(f'<a name="{place}">') == 1


def test_feedback_of_a_blank_notebook_gives_nothing_away(course):
    shown = text(course.page(PS, "bela"))
    assert not re.search(r"\b[A-E] is (true|false)\.", shown)


def test_a_classmates_questions_wait_for_a_person_and_the_page_says_why(course):
    why = "my_id is the id of another student of the course: whose questions were answered?"
    page = text(course.page(PS, "carl"))
    assert "A person looks at this before there is a total" in page and why in page
    assert "Score: waits for a person / 54.0" in page


def test_a_slip_in_the_id_is_judged_as_it_was_meant_and_said(course):
    page = text(course.page(PS, "emil"))
    assert "my_id is nobody's, not that of who handed this in either" in page and "waits" not in page


def test_what_is_worse_than_nothing_is_nothing(course):
    assert f"{PS} (Score: 0.0 / 54.0)" in course.page(PS, "dora")


def test_written_essays_wait_for_a_person_and_blank_ones_do_not(course):
    waiting = {"ada": {"q1", "q2", "q3", "q4"}, "hugo": {"q1"}}
    waiting |= {student: set() for student in ("bela", "dora", "emil")}
    for student in waiting:
        grades = course.grades(PS, student)
        found = {cell for cell, grade in grades.items() if grade["needs_manual_grade"]}
        essays = {cell for cell in grades if cell.partition("-")[0] in waiting[student]}
        assert found == essays, student
    with course.gradebook() as book:
        (row,) = [row for row in book.notebook_submission_dicts(PS, PS) if row["student"] == "ada"]
        assert row["needs_manual_grade"] and (row["max_task_score"], row["max_code_score"]) == (40, 14)


def test_graders_see_the_mark_scheme_and_the_model_answer(course):
    course.graded(PS)
    graded = (course.folder / "autograded" / "ada" / PS / f"{PS}.ipynb").read_text()
    schemes = [cell for cell in course.source(PS).cells if utils.is_task(cell)]
    assert len(schemes) == 23 == graded.count("### BEGIN MARK SCHEME")


def test_points_that_a_person_gives_reach_the_feedback_page_and_the_grade(course):
    course.graded(PS)
    given = {"q1-criterion-1": 2.0, "q1-criterion-2": 1.5, "q1-criterion-3": 0.0, "q1-criterion-4": 0.0}
    assert "Score: waits for a person / 54.0" in course.page(PS, "hugo")
    with course.gradebook() as book:
        for cell, points in (given | {"q1-criterion-5": 0.0}).items():
            grade = book.find_grade(cell, PS, PS, "hugo")
            grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment("q1-criterion-2", PS, PS, "hugo").manual_comment = "Which term is the generator's?"
        book.db.commit()
    course.nbgrader("generate_feedback", PS, "--student", "hugo", "--force")
    page = course.page(PS, "hugo")
    (total,) = re.findall(rf"{PS} \(Score: ([\d.]+) / 54.0\)", page)
    assert float(total) == pytest.approx(sum(POINTS[PS, "hugo"].values()) + 3.5, abs=0.01)
    assert "Which term is the generator's?" in text(page)
    for cell, score in (("q1-criterion-1", "2.0 / 2.0"), ("q1-criterion-2", "1.5 / 2.0")):
        assert f'<a href="#comment-{cell}"><code>{cell}</code></a> (Score: {score})' in page
    course.hand_in(PS, "hugo", {"q1-essay": "Another one."})
    course.nbgrader("autograde", PS, "--student", "hugo", "--force")
    grades = course.grades(PS, "hugo")
    assert grades["q1-criterion-2"]["needs_manual_grade"] and grades["q1-criterion-2"]["manual_score"] == 1.5


def test_two_students_have_different_numbers(course):
    ada, hugo = (re.findall(r"Your numbers: .*", course.page(PS, student)) for student in ("ada", "hugo"))
    assert len(ada) == len(hugo) == 2 and ada != hugo
